"""Which columns a table shows in the width it has, how wide each is, and a row drawn in them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from dairt_console.draw.spans import Line, Span, clean, fit

T = TypeVar("T")
GAP = 2


@dataclass(frozen=True)
class Column(Generic[T]):
    """One column. `draw(item, width)` gives the cell's text and tone; a higher `keep` is dropped later.

    A column with `grow` takes that share of what is left over once every shown column has its `width`.
    """

    title: str
    width: int
    draw: Callable[[T, int], Span]
    keep: int = 0
    grow: int = 0
    right: bool = False


Placed = tuple[Column[T], int]


def place(columns: Sequence[Column[T]], width: int) -> tuple[Placed[T], ...]:
    """The columns that fit, each with its width; the first always stays."""
    shown = list(columns)
    while len(shown) > 1 and _needed(shown) > width:
        # The first column names the row. Of equals, the rightmost goes first.
        shown.remove(min(reversed(shown[1:]), key=lambda column: column.keep))
    spare = max(0, width - _needed(shown) - 1)  # a cell at the right edge stays blank where it can
    shares = sum(column.grow for column in shown)
    placed = [(column, column.width + (spare * column.grow // shares if shares else 0)) for column in shown]
    if len(shown) == 1:
        return ((shown[0], min(placed[0][1], width)),)
    return tuple(placed)


def _needed(columns: Sequence[Column[T]]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def heading(placed: Sequence[Placed[T]]) -> Line:
    """The titles, aligned as their columns are."""
    return _join([(fit(column.title, width, right=column.right), "dim") for column, width in placed])


def row(placed: Sequence[Placed[T]], item: T) -> Line:
    """One item's cells; a cell too long is cut with an ellipsis."""
    cells: list[Span] = []
    for column, width in placed:
        text, tone = column.draw(item, width)
        cells.append((fit(clean(text), width, right=column.right), tone))
    return _join(cells)


def _join(cells: Sequence[Span]) -> Line:
    spans: list[Span] = []
    for cell in cells:
        if spans:
            spans.append((" " * GAP, "plain"))
        spans.append(cell)
    return tuple(spans)
