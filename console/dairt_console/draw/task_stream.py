"""The task stream: a lane for each worker, time from left to right, and what it did for the run, op by op."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from dairt_console.attempts import Attempt, Fate, Work
from dairt_console.draw.ops import took
from dairt_console.draw.spans import Line, Span, Tone, clean, cut, fit, fit_line
from dairt_console.draw.units import clock

LABEL_MAX = 20  # cells for a worker's name
SCROLL = 4  # a step to the side is so much of what is shown
# What fills a bar behind the op's name, by what came of it; the glyph is what is left of one too short for a name.
_FILL: dict[Fate, tuple[str, str, Tone]] = {
    "done": ("█", "▌", "good"),
    "running": ("▒", "▶", "accent"),
    "lost": ("╳", "✕", "bad"),
    "left": ("░", "░", "dim"),
}
LEGEND: Line = tuple((f"{_FILL[fate][0]} {fate}  ", _FILL[fate][2]) for fate in ("done", "running", "lost", "left"))

Lane = tuple[str, str]  # node and worker


class Stretch(NamedTuple):
    """A part of time."""

    from_s: float
    to_s: float


@dataclass(frozen=True)
class View:
    """How the stream is looked at: so many seconds wide (0: all there is), ending at `to_s` (None: at the newest)."""

    wide_s: float = 0.0
    to_s: float | None = None

    def shown(self, work: Work, now_s: float) -> Stretch:
        """The part of time that is shown."""
        first, last = extent(work, now_s)
        if not self.wide_s:
            return Stretch(first, last)
        to_s = last if self.to_s is None else self.to_s
        return Stretch(to_s - self.wide_s, to_s)

    def zoomed(self, work: Work, now_s: float, factor: float, around_s: float | None) -> "View":
        """Shown `factor` times as wide, round a moment where one is given; all there is, once all fits."""
        first, last = extent(work, now_s)
        shown = self.shown(work, now_s)
        wide_s = max((shown.to_s - shown.from_s) * factor, 1e-6)
        if wide_s >= last - first:
            return View()
        middle = around_s if around_s is not None else (shown.from_s + shown.to_s) / 2
        return View(wide_s, min(max(middle + wide_s / 2, first + wide_s), last))

    def moved(self, work: Work, now_s: float, steps: int) -> "View":
        """Shown further to the right by so many steps; at the right end it follows the newest again."""
        first, last = extent(work, now_s)
        if not self.wide_s:
            return self
        to_s = self.shown(work, now_s).to_s + steps * self.wide_s / SCROLL
        return replace(self, to_s=None if to_s >= last else max(to_s, first + self.wide_s))


def view_text(view: View) -> str:
    """How it is looked at, in words."""
    if not view.wide_s:
        return "the whole run"
    return f"{took(view.wide_s)} wide, {'follows the newest' if view.to_s is None else 'stands still'}"


def extent(work: Work, now_s: float) -> Stretch:
    """From the run's beginning to its end, or to now while it goes on."""
    starts = [attempt.started_s for attempt in work.attempts[:1]]
    first = min([*([work.begun_s] if work.begun_s is not None else []), *starts], default=now_s)
    last = work.ended_s if work.ended_s is not None else now_s
    return Stretch(first, max(last, first + 1e-6))


def lanes_of(work: Work) -> list[Lane]:
    """The workers that took an op of this run, in the order of their names."""
    return sorted({(attempt.node, attempt.worker): None for attempt in work.attempts})


def in_lane(work: Work, lane: Lane) -> list[Attempt]:
    """What one worker did for the run, in the order in which it began."""
    return [attempt for attempt in work.attempts if (attempt.node, attempt.worker) == lane]


def lanes_shown(work: Work, cursor: Attempt | None, height: int) -> list[Lane]:
    """As many lanes as there is room for above the axis, the cursor's among them."""
    lanes, room = lanes_of(work), max(height - 1, 1)
    here = lanes.index((cursor.node, cursor.worker)) if cursor is not None else 0
    top = max(0, min(here - room // 2, len(lanes) - room))
    return lanes[top : top + room]


def label_cells(work: Work, width: int) -> int:
    """How wide the names of the workers are."""
    return min(max((len(" ".join(lane)) for lane in lanes_of(work)), default=0) + 2, LABEL_MAX, width // 3)


def stream_lines(work: Work, view: View, now_s: float, cursor: Attempt | None, width: int, height: int) -> list[Line]:
    """The lanes and, below, the time; the lane of the cursor is among those shown."""
    if not work.attempts:
        return [((" no op has been started yet", "dim"),)]
    part = view.shown(work, now_s)
    lanes, label = lanes_shown(work, cursor, height), label_cells(work, width)
    bar = max(width - label, 1)
    lines: list[Line] = [
        (
            _mark(cursor is not None and lane == (cursor.node, cursor.worker)),
            (fit(clean(" ".join(lane)), label - 1), "plain"),
            *_bars(in_lane(work, lane), part, now_s, cursor, bar),
        )
        for lane in lanes
    ]
    return [fit_line(line, width) for line in [*lines, _axis(part, label, bar)]][:height]


def _mark(chosen: bool) -> Span:
    return "▸" if chosen else " ", "accent"


def _bars(attempts: Sequence[Attempt], part: Stretch, now_s: float, cursor: Attempt | None, width: int) -> Line:
    """One lane. Of several attempts in one cell the last one is seen, but one at the cursor always is."""
    cells: list[Span] = [("·", "dim")] * width
    scale = width / max(part.to_s - part.from_s, 1e-9)
    ordered = sorted(attempts, key=lambda attempt: attempt == cursor)
    for attempt in ordered:
        ended_s = attempt.ended_s if attempt.ended_s is not None else now_s
        if ended_s < part.from_s or attempt.started_s > part.to_s:
            continue
        first = int((max(attempt.started_s, part.from_s) - part.from_s) * scale)
        last = int((min(ended_s, part.to_s) - part.from_s) * scale)
        first, last = min(first, width - 1), min(max(last, first + 1), width)
        cells[first:last] = _bar(attempt, last - first, attempt == cursor)
    return tuple(cells)


def _bar(attempt: Attempt, length: int, chosen: bool) -> list[Span]:
    fill, short, tone = _FILL[attempt.fate]
    if chosen:
        tone = "strong"
    if length < 4:
        return [(short if not chosen else "◆", tone)] * length
    name = cut(clean(attempt.op), length - 2)
    text = f"{'◆' if chosen else short}{name}"
    return [(cell, tone) for cell in text + fill * (length - len(text))]


def _axis(part: Stretch, label: int, width: int) -> Line:
    """Moments along the bottom, as exact as their distance asks for."""
    step = 16
    wide_s = part.to_s - part.from_s
    digits = 3 if wide_s < 2 else 1
    marks = ["" if at % step else clock(part.from_s + wide_s * at / width, digits) for at in range(width)]
    text = "".join(f"{mark:<{step}}" for mark in marks if mark)[:width]
    return ((fit(f" {took(wide_s)}", label), "dim"), (text, "dim"))


def beside(work: Work, cursor: Attempt | None, steps: int, lanes: int) -> Attempt | None:
    """The attempt so many steps later in the same lane, or so many lanes further down at about the same time."""
    if not work.attempts:
        return None
    if cursor is None:
        return work.attempts[-1]
    all_lanes = lanes_of(work)
    at = all_lanes.index((cursor.node, cursor.worker)) + lanes
    lane = all_lanes[max(0, min(at, len(all_lanes) - 1))]
    there = in_lane(work, lane)
    if lanes:
        return min(there, key=lambda attempt: abs(attempt.started_s - cursor.started_s))
    place = there.index(cursor) + steps if cursor in there else len(there) - 1
    return there[max(0, min(place, len(there) - 1))]


def attempt_at(
    work: Work, view: View, now_s: float, cursor: Attempt | None, place: tuple[int, int], size: tuple[int, int]
) -> Attempt | None:
    """What is drawn at a cell of the stream (x, y), or was begun next to it in that lane: for the mouse."""
    (x, y), (width, height) = place, size
    lanes, label = lanes_shown(work, cursor, height), label_cells(work, width)
    if x < label or y >= len(lanes):
        return None
    part = view.shown(work, now_s)
    at_s = part.from_s + (part.to_s - part.from_s) * (x - label + 0.5) / max(width - label, 1)
    return min(in_lane(work, lanes[y]), key=lambda attempt: _distance(attempt, at_s, now_s))


def _distance(attempt: Attempt, at_s: float, now_s: float) -> float:
    ended_s = now_s if attempt.ended_s is None else attempt.ended_s
    return max(attempt.started_s - at_s, at_s - ended_s, 0.0)
