"""The links as a matrix: a row a node, a cell for how it sees the others. Only what is shown is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass

from dairt.model.views import NodeView
from dairt_console.draw.spans import Line, Span, clean, cut_middle, fit
from dairt_console.draw.states import state
from dairt_console.draw.topology_links import FLOWS_FROM, Links, mark_of
from dairt_console.draw.units import count, rate

WIDE = 14  # a cell that has room for a rate
NARROW_MIN = 4
HEAD_MAX, NAME_MAX = 12, 8
HEADING = 1
LEGEND = "◐ suspect ✕ dead ╳ cut ‖ held ┊ slow ╌ lossy"


@dataclass(frozen=True)
class Window:
    """Which cells are shown: the first row and column, how many of each, and how wide the head and a cell are."""

    row: int
    column: int
    rows: int
    columns: int
    head: int
    cell: int

    def text(self, total: int) -> str:
        """Which part it is of how much."""
        if self.rows >= total and self.columns >= total:
            return f"{total} by {total}"
        rows = f"rows {self.row + 1}–{self.row + self.rows}"
        columns = f"columns {self.column + 1}–{self.column + self.columns}"
        return f"{rows}, {columns} of {count(total)}"

    def at(self, x: int, y: int) -> tuple[int, int] | None:
        """The row and the column of the cell drawn there; None for none. The head stands for its row's own."""
        row = y - HEADING + self.row
        if y < HEADING or y - HEADING >= self.rows:
            return None
        column = (x - self.head) // self.cell if x >= self.head else row - self.column
        return (row, column + self.column) if x < self.head or column < self.columns else None


def window(names: Sequence[str], row: int, column: int, width: int, height: int) -> Window:
    """As much as fits, round the cell at the cursor."""
    longest = max(map(len, names), default=1)
    head = max(min(longest, HEAD_MAX), 4) + 5
    narrow = max(min(longest, NAME_MAX) + 1, NARROW_MIN)
    cell = WIDE if WIDE * len(names) <= width - head else narrow
    rows = min(max(height - HEADING, 1), len(names))
    columns = min(max((width - head) // cell, 1), len(names))
    return Window(_start(row, rows, len(names)), _start(column, columns, len(names)), rows, columns, head, cell)


def _start(at: int, shown: int, total: int) -> int:
    return max(0, min(at - shown // 2, total - shown))


def matrix_lines(links: Links, names: Sequence[str], part: Window, row: int, column: int) -> list[Line]:
    """The cells of that part; brackets are round the one at the cursor."""
    shown = range(part.column, part.column + part.columns)
    lines = [_heading(names, part, shown, column)]
    for at in range(part.row, part.row + part.rows):
        cells = [_cell(_what(links, names[at], names[to]), part.cell, chosen=(at, to) == (row, column)) for to in shown]
        lines.append((_head(links.nodes[names[at]], part.head, chosen=at == row), *cells))
    return lines


def _what(links: Links, source: str, target: str) -> Span:
    """A fault on the way there, or how the one sees the other, and what it sends there."""
    if source == target:
        return "╲", "dim"
    if faults := links.faults_from(source, target):
        mark = mark_of(faults[0])
        return f"{mark.glyph} {mark.word}", mark.tone
    peer = links.view(source, target)
    if peer is None:
        return "", "dim"
    if peer.state != "alive":
        return state(peer.state)
    sends = links.flow(source, target)
    return (f"● {rate(sends)}", "good") if sends >= FLOWS_FROM else (f"· {rate(sends)}" if sends >= 0.5 else "·", "dim")


def _heading(names: Sequence[str], part: Window, shown: range, column: int) -> Line:
    spans: list[Span] = [(fit(" from╲to", part.head), "dim")]
    for to in shown:
        name = cut_middle(clean(names[to]), min(part.cell - 1, NAME_MAX))
        spans.append((fit(f" {name}", part.cell), "strong" if to == column else "dim"))
    return tuple(spans)


def _head(node: NodeView, width: int, *, chosen: bool) -> Span:
    word, tone = state(node.state)
    name = fit(cut_middle(clean(node.name), HEAD_MAX), width - 5)
    return f"{'▸' if chosen else ' '}{name} {word[0]}  ", "strong" if chosen and tone == "good" else tone


def _cell(what: Span, width: int, *, chosen: bool) -> Span:
    """A glyph where the cell is narrow, with its word or rate where it is wide."""
    text, tone = what
    shown = (text if width == WIDE else text[:1]).rstrip()
    return (fit(f"[{shown or ' '}]", width), "strong") if chosen else (fit(f" {shown}", width), tone)
