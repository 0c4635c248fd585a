"""The timeline of a run as one SVG drawing: a row a fault, then a lane a node, with its work as marks."""

from collections.abc import Iterator, Sequence
from html import escape

from dairt.model.action import named
from dairt.model.events import (
    BroadcastEnded,
    Entry,
    FaultFired,
    FaultHealed,
    NodeBooted,
    NodeDown,
    NodeDrained,
    PromiseBroken,
    RunEnded,
)

LEFT, WIDTH = 150, 1000  # where the time begins, and where the drawing ends
ROW, LANE, AXIS = 16, 34, 22  # heights of a fault's row, a node's lane, the axis
FAULTS_MAX = 40  # strikes drawn: with more, a picture says nothing
MARKS_MAX = 3000
LABEL_MAX = 20  # characters that fit beside the lanes
TICKS = 10
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
LEGEND = (("up", "up"), ("fault", "fault"), ("broadcast", "broadcast"), ("run", "run"), ("promise", "promise broken"))

Strike = tuple[str, str, tuple[str, ...], float, float]  # a fault's id, its text, its target, from, to


def timeline(nodes: Sequence[str], entries: Sequence[Entry], seconds: float) -> str:
    """The drawing of these entries, `seconds` long."""
    return _Drawing(nodes, entries, max(seconds, 1e-3)).text()


class _Drawing:
    def __init__(self, nodes: Sequence[str], entries: Sequence[Entry], seconds: float) -> None:
        self._nodes = nodes
        self._entries = entries
        self._seconds = seconds
        strikes = _strikes(entries)
        self._strikes, self._undrawn = strikes[:FAULTS_MAX], len(strikes[FAULTS_MAX:])
        self._rows = {fault: at for at, fault in enumerate(dict.fromkeys(strike[0] for strike in self._strikes))}
        self._lanes_y = AXIS + ROW * len(self._rows) + 8
        self._height = self._lanes_y + LANE * len(nodes) + AXIS

    def text(self) -> str:
        head = f'<svg viewBox="0 0 {WIDTH} {self._height}" role="img" aria-label="timeline">'
        parts = [*self._lanes(), *self._grid(), *self._ups(), *self._faults(), *self._marks(), *self._legend()]
        undrawn = f'<p class="soft">{self._undrawn} more strikes of faults are not drawn.</p>' if self._undrawn else ""
        return "\n".join([head, *parts, "</svg>"]) + undrawn

    def _x(self, time_s: float) -> float:
        return LEFT + (WIDTH - LEFT) * min(max(time_s / self._seconds, 0.0), 1.0)

    def _y(self, node: str) -> int:
        return self._lanes_y + LANE * self._nodes.index(node)

    def _bar(self, kind: str, start: float, end: float, y: float, height: float, title: str) -> str:
        """A bar between two times; what takes no time is still seen."""
        x = self._x(start)
        width = max(self._x(end) - x, 2.5)
        place = f'x="{min(x, WIDTH - width):.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
        return f'<rect class="{kind}" {place}><title>{escape(title)}</title></rect>'

    def _label(self, text: str, y: float, kind: str = "") -> str:
        short = text if len(text) <= LABEL_MAX else f"{text[: LABEL_MAX - 1]}…"
        return f'<text x="{LEFT - 8}" y="{y:.1f}" text-anchor="end" class="{kind}">{escape(short)}</text>'

    def _lanes(self) -> Iterator[str]:
        for node in self._nodes:
            y = self._y(node)
            yield f'<rect class="lane" x="{LEFT}" y="{y}" width="{WIDTH - LEFT}" height="{LANE - 4}"/>'
            yield self._label(node, y + LANE / 2 + 2)

    def _grid(self) -> Iterator[str]:
        step = next((step for step in STEPS if self._seconds / step <= TICKS), self._seconds / TICKS)
        for at in range(int(self._seconds / step) + 1):
            x = self._x(at * step)
            yield f'<line class="grid" x1="{x:.1f}" y1="{AXIS - 6}" x2="{x:.1f}" y2="{self._height - AXIS}"/>'
            anchor = "end" if x > WIDTH - 20 else "middle"
            yield f'<text class="soft" x="{x:.1f}" y="{AXIS - 10}" text-anchor="{anchor}">{at * step:g} s</text>'

    def _ups(self) -> Iterator[str]:
        since: dict[str, float] = {}
        for entry in self._entries:
            if isinstance(entry.event, NodeBooted):
                since[entry.node] = entry.time_s
            elif isinstance(entry.event, NodeDown | NodeDrained) and entry.node in since:
                yield self._up(entry.node, since.pop(entry.node), entry.time_s)
        for node, start in since.items():
            yield self._up(node, start, self._seconds)

    def _up(self, node: str, start: float, end: float) -> str:
        return self._bar("up", start, end, self._y(node) + LANE - 9, 5, f"{node} up from {start:.3f} to {end:.3f} s")

    def _faults(self) -> Iterator[str]:
        for fault, at in self._rows.items():
            yield self._label(fault, AXIS + ROW * at + 10)
        for fault, text, target, start, end in self._strikes:
            title = f"{fault}: {text}, {start:.3f} to {end:.3f} s"
            yield self._bar("fault", start, end, AXIS + ROW * self._rows[fault] + 2, ROW - 6, title)
            for node in dict.fromkeys(name for side in target for name in named(side)):
                if node in self._nodes:
                    yield self._bar("hit", start, end, self._y(node), LANE - 4, title)

    def _marks(self) -> Iterator[str]:
        marks = [entry for entry in self._entries if isinstance(entry.event, BroadcastEnded | RunEnded | PromiseBroken)]
        for entry in marks[:MARKS_MAX]:
            title = f"{entry.time_s:.3f} s {entry.node} {entry.event.line}"
            match entry.event:
                case BroadcastEnded(seconds=seconds) if entry.node in self._nodes:
                    yield self._bar("broadcast", entry.time_s - seconds, entry.time_s, self._y(entry.node) + 3, 7, title)
                case RunEnded(seconds=seconds) if entry.node in self._nodes:
                    yield self._bar("run", entry.time_s - seconds, entry.time_s, self._y(entry.node) + 12, 7, title)
                case PromiseBroken():
                    yield self._bar("promise", entry.time_s, entry.time_s, AXIS - 6, self._height - 2 * AXIS + 6, title)

    def _legend(self) -> Iterator[str]:
        for at, (kind, label) in enumerate(LEGEND):
            x, y = LEFT + at * 110, self._height - 12
            yield f'<rect class="{kind}" x="{x}" y="{y}" width="12" height="8"/>'
            yield f'<text class="soft" x="{x + 17}" y="{y + 8}">{label}</text>'


def _strikes(entries: Sequence[Entry]) -> list[Strike]:
    """Each time a fault took effect, until it was healed; those that do not last are over at once."""
    strikes: list[Strike] = []
    active: dict[str, int] = {}
    for entry in entries:
        match entry.event:
            case FaultFired(fault=fault, text=text, target=target):
                active[fault] = len(strikes)
                strikes.append((fault, text, target, entry.time_s, entry.time_s))
            case FaultHealed(fault=fault) if fault in active:
                at = active.pop(fault)
                strikes[at] = (*strikes[at][:4], entry.time_s)
    return strikes
