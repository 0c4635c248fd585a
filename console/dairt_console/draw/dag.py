"""A graph as a picture: a column a layer, a wire for each value that is taken, and how every op stands."""

from collections.abc import Sequence
from dataclasses import dataclass

from dairt.model.views import GraphView
from dairt_console.attempts import Work
from dairt_console.draw.bars import progress
from dairt_console.draw.ops import STATES, OpState, op_state
from dairt_console.draw.spans import Line, Span, clean, cut_middle, fit, fit_line
from dairt_console.draw.units import count

NAME_CELLS = 14  # of an op's column, besides its glyph; longer names are cut in the middle
GUTTER = 3  # cells between two columns, where wires change rows
UP, DOWN, LEFT, RIGHT = 1, 2, 4, 8
_BOX = " ╵╷│╴┘┐┤╶└┌├─┴┬┼"  # by which of the four sides a cell's wire goes to


@dataclass(frozen=True)
class Place:
    """Where an op stands."""

    column: int
    row: int


@dataclass(frozen=True)
class Drawing:
    """A graph laid out: its columns of ops (and of "" where a wire passes through), and the wires between two columns.

    `wires[k]` are (row in column k, row in column k + 1).
    """

    graph: GraphView
    columns: tuple[tuple[str, ...], ...]
    wires: tuple[tuple[tuple[int, int], ...], ...]
    places: dict[str, Place]
    width: int  # of a column

    @property
    def rows(self) -> int:
        return max(map(len, self.columns), default=0)

    def beside(self, op: str, columns: int, rows: int) -> str:
        """The op so many columns and rows away, or the nearest to there; the first op when `op` is none."""
        if op not in self.places:
            return self.graph.ops[0].name if self.graph.ops else ""
        here = self.places[op]
        column = max(0, min(here.column + columns, len(self.columns) - 1))
        ops = [(at, name) for at, name in enumerate(self.columns[column]) if name]
        if columns == 0:
            at = [name for _, name in ops].index(op) + rows
            return ops[max(0, min(at, len(ops) - 1))][1]
        return min(ops, key=lambda found: abs(found[0] - here.row))[1]


def lay_out(graph: GraphView) -> Drawing:
    """Place every op in its layer's column, near those it takes from (one sweep of Sugiyama's barycentres, 1981)."""
    layer = {op.name: op.layer for op in graph.ops}
    maker = {value: op.name for op in graph.ops for value in op.outputs}
    needs = {op.name: list(dict.fromkeys(maker[value] for value in op.inputs if value in maker)) for op in graph.ops}
    last_use = dict(layer)
    for name, needed in needs.items():
        for other in needed:
            last_use[other] = max(last_use[other], layer[name])
    columns: list[list[str]] = []  # in each: ops by name, and the values that pass through, by "~" and their op's name
    for number in range(len(graph.layers)):
        here = [op.name for op in graph.ops if op.layer == number]
        passing = [f"~{name}" for name in layer if layer[name] < number < last_use[name]]
        rows = {name: at for at, name in enumerate(columns[-1])} if columns else {}
        columns.append(sorted([*here, *passing], key=lambda name: _centre(name, needs, rows)))
    wires = []
    for number in range(1, len(columns)):
        left = {name.removeprefix("~"): at for at, name in enumerate(columns[number - 1])}
        wires.append(
            tuple(
                (left[source], at)
                for at, name in enumerate(columns[number])
                for source in ([name[1:]] if name.startswith("~") else needs[name])
            )
        )
    shown = tuple(tuple("" if name.startswith("~") else name for name in column) for column in columns)
    places = {name: Place(at, row) for at, column in enumerate(shown) for row, name in enumerate(column) if name}
    longest = max((len(name) for name in layer), default=0)
    return Drawing(graph, shown, tuple(wires), places, 4 + min(max(longest, 4), NAME_CELLS))


def _centre(name: str, needs: dict[str, list[str]], rows: dict[str, int]) -> float:
    """The mean row of what an op takes, in the column before."""
    if name.startswith("~"):
        return rows.get(name[1:], rows.get(name, 0))
    found = [rows[key] for other in needs[name] for key in (other, f"~{other}") if key in rows]
    return sum(found) / len(found) if found else 0.0


@dataclass(frozen=True)
class Window:
    """Which part of a drawing is shown, in columns and rows from its top left."""

    column: int
    row: int
    columns: int
    rows: int


def window(drawing: Drawing, cursor: str, width: int, height: int) -> Window:
    """As much as fits; the part with the op at the cursor in its middle where not all does."""
    columns = max((width + GUTTER) // (drawing.width + GUTTER), 1)
    place = drawing.places.get(cursor, Place(0, 0))
    return Window(
        _start(place.column, columns, len(drawing.columns)), _start(place.row, height, drawing.rows), columns, height
    )  # fmt: skip


def op_at(drawing: Drawing, part: Window, x: int, y: int) -> str:
    """The op drawn at a cell of that part; "" for none."""
    column, row = part.column + x // (drawing.width + GUTTER), part.row + y
    if column >= len(drawing.columns) or not 0 <= row < len(drawing.columns[column]):
        return ""
    return drawing.columns[column][row]


def _start(at: int, shown: int, total: int) -> int:
    return max(0, min(at - shown // 2, total - shown))


def dag_lines(drawing: Drawing, work: Work | None, critical: Sequence[str], cursor: str, width: int, height: int) -> list[Line]:
    """The part of the drawing round the cursor. A ★ is on the critical path, brackets are round the cursor."""
    if not drawing.graph.ops:
        return layer_lines(drawing.graph, work, width, height)
    part = window(drawing, cursor, width, height)
    ops = work.ops if work is not None else {}
    shown = range(part.column, min(part.column + part.columns, len(drawing.columns)))
    gutters = {at: _gutter(drawing.wires[at], drawing.rows, drawing.columns[at + 1]) for at in shown[:-1]}
    lines: list[Line] = []
    for row in range(part.row, min(part.row + part.rows, drawing.rows)):
        spans: list[Span] = []
        for at in shown:
            name = drawing.columns[at][row] if row < len(drawing.columns[at]) else None
            spans.append(_cell(name, drawing.width, op_state(ops.get(name or "")), name in critical, name == cursor))
            if at in gutters:
                spans.append((gutters[at][row], "dim"))
        lines.append(fit_line(tuple(spans), width))
    return lines


def _cell(name: str | None, width: int, state: OpState, critical: bool, chosen: bool) -> Span:
    """An op; or the wire that passes here, for ""; or nothing, for None."""
    if not name:
        return ("─" if name == "" else " ") * width, "dim"
    glyph, tone = STATES[state]
    text = f"{glyph}{'★' if critical else ' '}{cut_middle(clean(name), width - 4)}"
    return (fit(f"[{text}]", width), "strong") if chosen else (fit(f" {text}", width), tone)


def _gutter(wires: Sequence[tuple[int, int]], rows: int, right: Sequence[str]) -> list[str]:
    """Three cells for each row: out of the left column, along a common vertical, into the right column."""
    sides = [0] * rows
    into = [False] * rows
    for source, target in wires:
        sides[source] |= LEFT
        sides[target] |= RIGHT
        into[target] = True
        top, bottom = sorted((source, target))
        for row in range(top, bottom):
            sides[row] |= DOWN
            sides[row + 1] |= UP
    out = []
    for row in range(rows):
        left = "─" if sides[row] & LEFT else " "
        arrow = ("─" if row < len(right) and not right[row] else "▸") if into[row] else " "
        out.append(left + _BOX[sides[row]] + arrow)
    return out


def layer_lines(graph: GraphView, work: Work | None, width: int, height: int) -> list[Line]:
    """A graph too large for its ops to be told: how many ops its layers have, the first layers that fit."""
    total = sum(graph.layers)
    done = sum(news.state == "done" for news in work.ops.values()) if work is not None else 0
    bar = progress(done / max(total, 1), max(min(width - 30, 60), 1))
    lines: list[Line] = [((f" {count(total)} ops in {count(len(graph.layers))} layers: too many to draw one by one", "plain"),)]
    lines.append(((f" {bar} ", "accent"), (f"{count(done)}/{count(total)} done", "plain")))
    most = max(graph.layers, default=1)
    for number, ops in enumerate(graph.layers[: max(height - 3, 0)]):
        length = max(1, ops * max(width - 30, 1) // most)
        lines.append(((f" layer {number:>5} {count(ops):>7} ops ", "dim"), ("▪" * length, "plain")))
    hidden = len(graph.layers) - max(height - 3, 0)
    if hidden > 0:
        lines.append(((f" … {count(hidden)} more layers", "dim"),))
    return [fit_line(line, width) for line in lines[:height]]
