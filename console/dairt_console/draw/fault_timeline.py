"""The fault timeline: a lane for each fault, time from left to right, when it struck, how long it lasted, what is to come."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dairt.model.views import FaultView
from dairt_console.aftermath import Aftermath
from dairt_console.draw.faults_page import StepRow
from dairt_console.draw.spans import Line, Span, clean, fit, fit_line
from dairt_console.draw.units import clock, duration
from dairt_console.reducer import Seen

LABEL_MAX = 34  # cells for what a fault is
AHEAD = 0.2  # of a part that follows the present, so much lies ahead
SCROLL = 4  # a step to the side is so much of what is shown
TICK = 16  # cells between two moments on the axis
LEGEND: Line = (
    ("✕ strikes ", "bad"), ("━ in effect ", "warn"), ("✓ over ", "good"), ("╌ to go ", "dim"), ("◌ planned ", "accent"),
    ("┊ now", "accent"),
)  # fmt: skip


@dataclass(frozen=True)
class View:
    """How it is looked at: so many seconds wide (0: the whole story), ending at `to_s` (None: following the present)."""

    wide_s: float = 0.0
    to_s: float | None = None

    def shown(self, seen: Seen) -> tuple[float, float]:
        """From when to when."""
        first, last = extent(seen)
        if not self.wide_s:
            return first, last
        to_s = seen.now_s + AHEAD * self.wide_s if self.to_s is None else self.to_s
        return to_s - self.wide_s, to_s

    def zoomed(self, seen: Seen, factor: float, around_s: float | None) -> "View":
        """Shown `factor` times as wide, round a moment where one is given; the whole story, once that fits."""
        first, last = extent(seen)
        from_s, to_s = self.shown(seen)
        wide_s = max((to_s - from_s) * factor, 1e-3)
        if wide_s >= last - first:
            return View()
        if around_s is None:
            return View(wide_s, None if self.to_s is None else min(self.to_s, last))
        return View(wide_s, min(max(around_s + wide_s / 2, first + wide_s), last))

    def moved(self, seen: Seen, steps: int) -> "View":
        """Shown further to the right by so many steps; at the right end it follows the present again."""
        if not self.wide_s:
            return self
        first, last = extent(seen)
        to_s = self.shown(seen)[1] + steps * self.wide_s / SCROLL
        return replace(self, to_s=None if to_s >= last else max(to_s, first + self.wide_s))


def view_text(view: View) -> str:
    """How it is looked at, in words."""
    if not view.wide_s:
        return "the whole story"
    return f"{duration(view.wide_s)} wide, {'follows the present' if view.to_s is None else 'stands still'}"


def extent(seen: Seen) -> tuple[float, float]:
    """From the beginning to now, or to the last thing whose time is known."""
    faults = seen.snapshot.faults if seen.snapshot else ()
    ends = [seen.now_s + max(fault.in_s, fault.left_s, 0.0) for fault in faults]
    return 0.0, max(*ends, seen.now_s, 1e-3) if ends else max(seen.now_s, 1e-3)


def lanes_of(seen: Seen, rows: Sequence[StepRow]) -> list[StepRow]:
    """The rows that have a lane: faults that struck, or whose time is known."""
    known = {fault.id: fault for fault in (seen.snapshot.faults if seen.snapshot else ())}
    return [
        row for row in rows if (fault := known.get(row.chosen.fault)) and (fault.id in seen.aftermaths or fault.in_s >= 0)
    ]  # fmt: skip


def lanes_shown(lanes: Sequence[StepRow], cursor: str, height: int) -> Sequence[StepRow]:
    """As many as there is room for above the axis, the cursor's among them."""
    room = max(height - 1, 1)
    here = next((at for at, row in enumerate(lanes) if row.key == cursor), 0)
    top = max(0, min(here - room // 2, len(lanes) - room))
    return lanes[top : top + room]


def beside(lanes: Sequence[StepRow], cursor: str, steps: int) -> str:
    """The key of the lane so many lanes further down; the cursor's own where there is none."""
    keys = [row.key for row in lanes]
    if not keys:
        return cursor
    return keys[max(0, min(keys.index(cursor) + steps, len(keys) - 1))] if cursor in keys else keys[0]


def timeline_lines(seen: Seen, rows: Sequence[StepRow], cursor: str, view: View, width: int, height: int) -> list[Line]:
    """The lanes and, below, the time; the lane of the cursor is among those shown."""
    lanes = lanes_of(seen, rows)
    if not lanes:
        return [((" no fault has struck, and none has a time yet", "dim"),)]
    label = min(LABEL_MAX, width // 3, max(len(row.text) for row in lanes) + 3)
    wide = max(width - label - 1, 1)
    part = view.shown(seen)
    faults = {fault.id: fault for fault in (seen.snapshot.faults if seen.snapshot else ())}
    lines: list[Line] = [
        (
            ("▸" if row.key == cursor else " ", "accent"),
            (fit(clean(row.text), label - 1), "plain" if row.key == cursor or not row.is_over else "dim"),
            *_lane(seen, faults[row.chosen.fault], part, wide),
        )
        for row in lanes_shown(lanes, cursor, height)
    ]
    return [fit_line(line, width) for line in [*lines, _axis(part, label, wide)]]


def _lane(seen: Seen, fault: FaultView, part: tuple[float, float], wide: int) -> Line:
    cells: list[Span] = [("·", "dim")] * wide
    latest = seen.aftermaths.get(fault.id)
    strikes = [strike for strike in seen.strikes if strike.fault == fault.id]
    for strike in [*strikes, *([latest] if latest is not None else [])]:
        _draw_strike(cells, strike, _goes_on(seen, strike, fault), part)
    if fault.state == "active" and fault.left_s > 0:
        _fill(cells, seen.now_s, seen.now_s + fault.left_s, ("╌", "dim"), part)
    now = _cell(seen.now_s, part, wide)
    if 0 <= now < wide and cells[now][0] in "·╌":
        cells[now] = ("┊", "accent")
    if fault.in_s >= 0 and 0 <= (due := _cell(seen.now_s + fault.in_s, part, wide)) < wide:
        cells[due] = ("◌", "accent")
    return tuple(cells)


def _goes_on(seen: Seen, strike: Aftermath, fault: FaultView) -> float | None:
    """Until when a strike lasted or lasts; None for one that was over at once."""
    if strike.over_s is not None:
        return strike.over_s
    is_latest = seen.aftermaths.get(fault.id) is strike
    return seen.now_s if is_latest and (fault.state == "active" or strike.missing) else None


def _draw_strike(cells: list[Span], strike: Aftermath, until_s: float | None, part: tuple[float, float]) -> None:
    wide = len(cells)
    if until_s is not None:
        _fill(cells, strike.fired_s, until_s, ("━", "dim" if strike.over_s is not None else "warn"), part)
    for at_s, cell in ((strike.over_s, ("✓", "good")), (strike.fired_s, ("✕", "bad"))):
        if at_s is not None and 0 <= (at := _cell(at_s, part, wide)) < wide:
            cells[at] = cell  # type: ignore[assignment]  # tones of a tuple are wider than a Span's


def _fill(cells: list[Span], from_s: float, to_s: float, cell: Span, part: tuple[float, float]) -> None:
    wide = len(cells)
    first, last = max(_cell(from_s, part, wide), 0), min(_cell(to_s, part, wide), wide - 1)
    for at in range(first, last + 1):
        cells[at] = cell


def _cell(at_s: float, part: tuple[float, float], wide: int) -> int:
    """Which cell a moment falls into; the end of the part falls into the last one."""
    from_s, to_s = part
    place = (at_s - from_s) / max(to_s - from_s, 1e-9) * wide
    return wide - 1 if at_s == to_s else int(place // 1)


def _axis(part: tuple[float, float], label: int, wide: int) -> Line:
    from_s, to_s = part
    digits = 3 if to_s - from_s < 2 else 1
    marks = [clock(from_s + (to_s - from_s) * at / wide, digits) if from_s >= 0 or at else "" for at in range(0, wide, TICK)]
    return ((fit(f" {duration(to_s - from_s)}", label), "dim"), ("".join(f"{mark:<{TICK}}" for mark in marks)[:wide], "dim"))
