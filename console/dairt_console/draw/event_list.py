"""The lines of the page Events: one entry each, with what was searched for set off, and the words in the border."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from dairt.model.events import Level
from dairt_console.draw.bars import sparkline
from dairt_console.draw.spans import Line, Span, Tone, cut, fit
from dairt_console.draw.states import level
from dairt_console.draw.units import clock, count
from dairt_console.event_filter import pattern_in
from dairt_console.event_log import EventLog, Told
from dairt_console.sieve import Sieve

OVER = {"lost": "the cluster is lost", "finished": "the story has ended"}  # by the state of the link: no more will come
RATE_BUCKETS, RATE_OVER_S = 20, 60.0
Marks = Callable[[str], Iterator[tuple[int, int]]]  # of where in a text the searched stands


@dataclass(frozen=True)
class Look:
    """How one line stands there: under the cursor, found by the search, or only round a match."""

    chosen: bool = False
    found: bool = False
    context: bool = False


def event_line(told: Told, look: Look, width: int, marks: Marks | None = None) -> Line:
    """Mark, time, level, node, kind and message; in little room without the kind, and then without the level's word."""
    glyph, tone = level(told.level)
    gutter: Span = ("▸", "accent") if look.chosen else ("┆", "dim") if look.context else ("◂" if look.found else " ", "accent")
    quiet = look.context or told.level == "info"
    word = f" {told.level:<4}" if width >= 60 else ""
    kind: Line = ((fit(told.kind, 20) + "  ", "dim" if look.context else "plain"),) if width >= 90 else ()
    head: Line = (
        gutter,
        (f" {clock(told.time_s, 3):>9}  ", "dim"),
        (f"{glyph}{word}  ", "dim" if look.context else tone),
        (fit(told.node, 7) + " ", "dim" if quiet else "strong"),
        *kind,
    )
    room = width - sum(len(text) for text, _ in head)
    text_tone: Tone = "dim" if quiet else "plain" if told.level == "good" else tone
    return (*head, *_set_off(cut(told.text, max(room, 0)), text_tone, marks))


def _set_off(text: str, tone: Tone, marks: Marks | None) -> Iterator[Span]:
    at = 0
    for begin, end in marks(text) if marks is not None else ():
        yield text[at:begin], tone
        yield text[begin:end], "accent"
        at = end
    yield text[at:], tone


def marks_of(pattern: str) -> Marks | None:
    """Where a searched pattern stands in a text; None for none."""
    if not pattern:
        return None
    wanted = re.compile(pattern_in(pattern) or re.escape(pattern), re.IGNORECASE)
    return lambda text: (match.span() for match in wanted.finditer(text) if match.group())


def title(name: str, sieve: Sieve, *, follows: bool, looked: bool, link: str) -> str:
    """How many are shown of how many there were, by what filter, and whether the newest are followed; none come any more
    from a cluster that is lost or finished."""
    log, shown = sieve.log, len(sieve.places)
    kept = f"{count(shown)} of {count(len(log))}" if sieve.filter.source or not looked else count(shown)
    parts = [f"{name} {kept}{'' if looked else ' so far'}"]
    if sieve.filter.source:
        parts.append(f"filter {sieve.filter.source}")
    still = "stands still: end goes to the newest" if link in OVER else "stands still: end follows again"
    parts.append(still if not follows else OVER.get(link, "follows"))
    return " · ".join(parts)


def note(sieve: Sieve, now_s: float) -> str:
    """How many a second came lately, and what is not here any more."""
    rates = sieve.rates(RATE_BUCKETS, RATE_OVER_S, now_s)
    parts = [f"{sparkline(rates, RATE_BUCKETS)} {rates[-1] / (RATE_OVER_S / RATE_BUCKETS):.0f}/s"] if any(rates) else []
    log = sieve.log
    if sieve.context:
        parts.append(f"±{sieve.context} lines round each")
    if log.first:
        parts.append(f"{count(log.first)} older ones forgotten")
    if log.dropped:
        parts.append(f"{count(log.dropped)} never came here")
    return " · ".join(parts)


def empty(log: EventLog, filter: str, link: str) -> Sequence[Line]:
    """What stands there instead of entries."""
    if not len(log) and link == "connecting":
        return ((("  the cluster is starting: its first words come here", "dim"),),)
    if not len(log):
        return ((("  nothing has happened yet", "dim"),),)
    return (((f"  none of {count(len(log))} is let through by {filter}", "dim"),), (("  f then ⏎ shows all", "dim"),))


LEVEL_ORDER: tuple[Level, ...] = ("bad", "warn", "good", "info")
