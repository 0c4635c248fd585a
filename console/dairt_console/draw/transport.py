"""The transport bar: what can be done with time, where in the recording this is, and what happened when."""

from dataclasses import dataclass
from typing import Literal

from dairt_console.draw.spans import Line, Span, width_of
from dairt_console.draw.units import clock
from dairt_console.draw.units import speed as speed_text
from dairt_console.transport_tape import Tape

Button = Literal["fault_before", "step_back", "pause", "step", "fault_after", "live"]
LEAST_BAR = 10  # cells; with fewer, a bar says nothing
_GLYPHS: dict[str, Span] = {"fault": ("✕", "bad"), "checkpoint": ("▾", "good"), "here": ("●", "accent"), "": ("─", "dim")}
_RANK = {"": 0, "checkpoint": 1, "fault": 2}


@dataclass(frozen=True)
class TransportBar:
    """The line, and what its cells stand for: buttons from one cell to another, and the bar between its ends."""

    line: Line
    buttons: tuple[tuple[int, int, Button], ...] = ()
    bar: tuple[int, int] = (0, 0)  # the first cell, and how many
    first_s: float = 0.0
    last_s: float = 0.0

    def at(self, x: int) -> Button | float | None:
        """What a click in a cell means: a button, a moment, or nothing."""
        for first, end, button in self.buttons:
            if first <= x < end:
                return button
        first, cells = self.bar
        if first <= x < first + cells:
            return self.first_s + (self.last_s - self.first_s) * (x - first) / max(cells - 1, 1)
        return None


def transport_bar(tape: Tape | None, width: int) -> TransportBar:
    """As much of it as `width` cells hold: first the legend leaves, then the buttons, then the bar itself."""
    if tape is None:
        return TransportBar(((" not recording: start without --no-record to go back in time", "dim"),))
    state = _state(tape)
    for with_buttons, with_legend in ((True, True), (True, False), (False, False)):
        left: list[tuple[Span, Button | None]] = _buttons(tape) if with_buttons else [((" ", "plain"), None)]
        begin: Line = ((f"{clock(tape.first_s, 0)} ├", "dim"),)
        end: Line = ((f"┤ {clock(tape.last_s, 0)} ", "dim"),)
        legend: Line = ((" ▾ckpt", "good"), (" ✕fault", "bad")) if with_legend else ()
        around = sum(width_of((span,)) for span, _ in left) + width_of((*begin, *end, *state, *legend))
        if width - around >= LEAST_BAR * (3 if with_legend else 2 if with_buttons else 1):
            return _assemble(tape, left, begin, (*end, *state, *legend), width - around)
    return TransportBar(((" ", "plain"), *state, (f" of {clock(tape.last_s, 0)}", "dim")))


def _assemble(tape: Tape, left: list[tuple[Span, Button | None]], begin: Line, rest: Line, cells: int) -> TransportBar:
    spans: list[Span] = []
    buttons: list[tuple[int, int, Button]] = []
    x = 0
    for span, button in left:
        spans.append(span)
        if button is not None:
            buttons.append((x, x + width_of((span,)), button))
        x += width_of((span,))
    bar_at = x + width_of(begin)
    spans += [*begin, *_bar(tape, cells), *rest]
    state_at = bar_at + cells + width_of(rest[:1])
    if tape.shown != "live":
        buttons.append((state_at, state_at + width_of(rest[1:2]), "live"))
    return TransportBar(tuple(spans), tuple(buttons), (bar_at, cells), tape.first_s, tape.last_s)


def _buttons(tape: Tape) -> list[tuple[Span, Button | None]]:
    middle = "▮▮" if tape.is_moving else "▶ "
    return [
        ((" ◀◀ ", "accent"), "fault_before"),
        (("◂ ", "accent"), "step_back"),
        ((f"{middle} ", "accent"), "pause"),
        (("▸ ", "accent"), "step"),
        (("▶▶ ", "accent"), "fault_after"),
        ((" ", "plain"), None),
    ]


def _state(tape: Tape) -> Line:
    how = speed_text(tape.speed) if tape.is_moving else "held"
    match tape.shown:
        case "live":
            return (("LIVE", "good"),)
        case "past":
            return ((f"PAST t={clock(tape.at_s)} {how}", "warn"),)
        case _:
            return ((f"REPLAY t={clock(tape.at_s)} {how}", "accent"),)


def _bar(tape: Tape, cells: int) -> Line:
    kinds: list[str] = [""] * cells
    for mark in tape.marks:
        cell = _cell(tape, mark.at_s, cells)
        if _RANK[mark.kind] > _RANK[kinds[cell]]:
            kinds[cell] = mark.kind
    kinds[_cell(tape, tape.at_s, cells)] = "here"
    spans: list[Span] = []
    for kind in kinds:
        glyph, tone = _GLYPHS[kind]
        if spans and spans[-1][1] == tone:
            spans[-1] = (spans[-1][0] + glyph, tone)
        else:
            spans.append((glyph, tone))
    return tuple(spans)


def _cell(tape: Tape, at_s: float, cells: int) -> int:
    span_s = tape.last_s - tape.first_s
    share = (at_s - tape.first_s) / span_s if span_s > 0 else 1.0
    return min(max(round(share * (cells - 1)), 0), cells - 1)
