"""The lines round the panels: the header, the footer, the status line, and what an event reads like."""

from collections.abc import Sequence
from dataclasses import dataclass

from dairt.model.events import Entry
from dairt_console.actions import Command
from dairt_console.draw.checkpoints import checkpoint_rows
from dairt_console.draw.layout import PANELS, SHORT_TITLES, TITLES
from dairt_console.draw.parts import Part, arrange, join
from dairt_console.draw.spans import Line, Span, Tone, clean, fit, fit_line, width_of
from dairt_console.draw.states import level, state
from dairt_console.draw.tail import level_of
from dairt_console.draw.troubles import trouble_rows, wrong_now
from dairt_console.draw.units import clock, count, speed
from dairt_console.reducer import Seen
from dairt_console.transport_tape import Shown


@dataclass(frozen=True)
class Place:
    """Where a person is: the scenario, the page and what is open there; and whether the view is held, or acts no more."""

    scenario: str
    crumbs: tuple[str, ...] = ()
    frozen: bool = False
    read_only: bool = False
    shown: Shown = "live"


def header(seen: Seen, place: Place, width: int) -> Line:
    """Where we are, how the link is, the world and its time, how many nodes are up, and whether something is wrong."""
    up = sum(node.state == "up" for node in seen.nodes)
    wrong = wrong_now(seen)
    parts = [
        Part((*_trail(place, width),), 6),
        Part((state(_link_word(seen, place)),), 10, right=True),
    ]
    if seen.hello is not None:
        parts.append(Part(((f"world {seen.hello.world}", "plain"),), 5, right=True))
        parts.append(Part(((f"seed {seen.hello.seed}", "plain"),), 3, right=True))
        if seen.hello.role == "view" or place.read_only:
            parts.append(Part((("look only", "accent"),), 9, right=True))
    if seen.snapshot is not None:
        pace = seen.snapshot.speed
        was = "" if seen.link.state == "live" else "was "
        parts.append(Part(((f"t={clock(seen.now_s)}", "plain"),), 7, right=True))
        if seen.world == "sim":  # in the others time is real
            parts.append(Part(((speed(pace), "warn" if pace == 0 else "plain"),), 4 if pace else 8, right=True))
        parts += [
            Part(((f"{was}{up}/{len(seen.nodes)} up", "good" if up == len(seen.nodes) else "warn"),), 9, right=True),
        ]
        if seen.link.state == "live":
            parts.append(Part((_verdict(wrong),), 8, right=True))
    return join([*arrange(parts, width - 1)], width - 1)


def _trail(place: Place, width: int) -> Line:
    """The breadcrumb; a narrow terminal has only its end."""
    if width < 60:
        last = place.crumbs[-1] if len(place.crumbs) > 1 else place.scenario
        return ((" dairt", "accent"), (f" ▸ {clean(last)}", "strong"))
    crumbs = place.crumbs if width >= 96 or len(place.crumbs) > 1 else ()
    trail: Line = tuple((f" ▸ {clean(crumb)}", "dim") for crumb in crumbs)
    return ((" dairt", "accent"), (f" ▸ {clean(place.scenario)}", "strong"), *trail)


def _link_word(seen: Seen, place: Place) -> str:
    if place.frozen or place.shown != "live":
        return "frozen" if place.frozen else place.shown
    return "failed" if seen.link.state == "finished" and seen.link.exit else seen.link.state


def _verdict(wrong: int) -> Span:
    return (f"▲ {wrong} alert{'s' * (wrong > 1)}", "warn") if wrong else ("✓ no alerts", "good")


@dataclass(frozen=True)
class Keys:
    """The footer: its line, and from which cell to which each command stands."""

    line: Line = ()
    places: tuple[tuple[int, int, str], ...] = ()

    def at(self, x: int) -> str:
        """The command in a cell, "" for none."""
        return next((command for first, end, command in self.places if first <= x < end), "")


def footer(commands: Sequence[Command], width: int) -> Keys:
    """The keys and what they do; the last to leave is the one that shows all of them."""
    wanted = [command for command in commands if command.keep]
    parts = [Part(((command.key, "accent"), (f" {command.label}", "plain")), command.keep) for command in wanted]
    kept = arrange(parts, width - 2)
    places: list[tuple[int, int, str]] = []
    x = 1
    for command, part in zip(wanted, parts, strict=True):
        if part in kept:
            end = x + width_of(part.line)
            places.append((x, end, command.id))
            x = end + 2
    return Keys(((" ", "plain"), *join(kept, width - 2)), tuple(places))


def entry_line(entry: Entry, hidden: int, width: int) -> Line:
    """When, who, how bad, what; at the right edge how many lines after it are `hidden`. Routine is dim."""
    what = level_of(entry)
    glyph, tone = level(what)
    text_tone: Tone = "dim" if what == "info" else "plain" if what == "good" else tone
    time = f"{clock(entry.time_s, 3):>9}" if width >= 70 else f"{clock(entry.time_s):>7}"
    line: Line = (
        (f"{time}  ", "dim"),
        (fit(clean(entry.node or "world"), 6) + " ", "dim" if what == "info" else "strong"),
        (f"{glyph} ", tone),
        (clean(entry.event.line), text_tone),
    )
    if not hidden:
        return line
    mark = f"  ⋯ {count(hidden)}"
    return (*fit_line(line, max(width - len(mark), 0)), (mark, "dim"))


def waiting(seen: Seen, opening: str, elapsed_s: float) -> tuple[str, ...]:
    """What stands in the Nodes panel while there is nothing to show."""
    what = f"{opening}…" if seen.hello is None else f"{opening}: its process answers, nodes are coming up…"
    return (what, f"{elapsed_s:.0f} s" if elapsed_s >= 3 else "")


def tabs(seen: Seen, front: str, width: int) -> Line:
    """A blank and a name for each panel, with how much is in it where that fits; the one in front in brackets."""
    counts = {
        "nodes": len(seen.nodes),
        "checkpoints": len(checkpoint_rows(seen)),
        "runs": len(seen.runs),
        "trouble": len(trouble_rows(seen)),
        "events": seen.entries_seen,
    }
    full = [f"{TITLES[panel]} {counts[panel]}" for panel in PANELS]
    for names in (full, [TITLES[panel] for panel in PANELS], list(SHORT_TITLES.values())):
        if sum(len(name) + 3 for name in names) <= width:
            break
    spans: list[Span] = []
    for panel, name in zip(PANELS, names, strict=True):
        spans += [(" ", "plain"), (f"[{name}]", "accent") if panel == front else (f" {name} ", "plain")]
    return tuple(spans)
