"""A table of live rows under a fixed heading, with a cursor that belongs to a row's key and never to its place."""

from collections.abc import Sequence
from textwrap import wrap
from typing import ClassVar, Generic, Protocol, TypeVar

from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.strip import Strip

from dairt_console.draw.columns import Column, Placed, heading, place, row
from dairt_console.draw.spans import Line, clean
from dairt_console.keys import bind
from dairt_console.widgets.lines import Lines


class Row(Protocol):
    """A row knows what it is about."""

    @property
    def key(self) -> str: ...


R = TypeVar("R", bound=Row)
MARGIN = 2  # the cursor's mark and a blank
HEADING = 1


class Table(Lines, Generic[R], can_focus=True):
    """Rows of one kind. Only visible rows are ever drawn, and only those whose text changed are drawn again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bind("up", "move(-1)"),
        *bind("down", "move(1)"),
        *bind("page_up", "page(-1)"),
        *bind("page_down", "page(1)"),
        *bind("first", "move(-1000000)"),
        *bind("last", "move(1000000)"),
    ]

    def __init__(self, title: str, columns: Sequence[Column[R]], id: str, *, acted_on: bool = False) -> None:
        super().__init__(id=id)
        self._acted_on = acted_on
        self._moved = False
        self._title = title
        self._columns = columns
        self._rows: Sequence[R] = ()
        self._empty: tuple[str, ...] = ()
        self._drawn: dict[int, tuple[Line, Strip]] = {}  # by row number; what is on the screen, and nothing else
        self._placed: tuple[Placed[R], ...] = ()
        self._placed_width = 0
        self._cursor = 0
        self._note = ""
        self.chosen = ""

    def show(self, rows: Sequence[R], empty: tuple[str, ...], note: str = "") -> None:
        """Show these rows; `empty` stands there when there are none, and a `note` beside the title."""
        self._note = note
        self._fit()
        before, self._rows = len(self._rows), rows
        if not rows and empty != self._empty:
            self.refresh()
        self._empty = empty
        self._follow_cursor()
        if len(rows) != before:
            self.virtual_size = Size(self.size.width, len(rows) + HEADING)
            self._forget()
        else:
            for index in self._visible():
                self._redraw(index)
        self._caption()

    def recolumn(self, columns: Sequence[Column[R]]) -> None:
        """Have these columns from now on."""
        self._columns = columns
        self._placed_width = -1
        self._fit()
        self._forget()

    def choose(self, key: str) -> None:
        """Put the cursor on a row, if it is here."""
        keys = [row.key for row in self._rows]
        if key in keys:
            self._move_to(keys.index(key))

    def _follow_cursor(self) -> None:
        """Keep the cursor on its key; where that has gone, on the row that took its place.

        Until a person has moved it, it stays on the first row of a table that is only for reading.
        """
        keys = [row.key for row in self._rows]
        moved = self._cursor
        if self.chosen in keys and (self._acted_on or self._moved):
            moved = keys.index(self.chosen)
        elif keys:
            moved = min(self._cursor, len(keys) - 1)
            self.chosen = keys[moved]
        if moved != self._cursor:
            self._cursor = moved
            self._forget()

    def _fit(self) -> None:
        """Place the columns anew when the width is another: a scroll bar comes and goes without a Resize."""
        if self._width != self._placed_width:
            self._placed_width = self._width
            self._placed = place(self._columns, max(self._width - MARGIN, 1))
            self._drawn.clear()

    def _visible(self) -> range:
        top = self.scroll_offset.y
        return range(top, min(top + max(self.size.height - HEADING, 0), len(self._rows)))

    def _redraw(self, index: int) -> None:
        line = self._line(index)
        if index in self._drawn and self._drawn[index][0] == line:
            return
        self._drawn[index] = (line, self._strip(line, index))
        self.refresh(Region(0, index - self.scroll_offset.y + HEADING, self.size.width, 1))

    def _line(self, index: int) -> Line:
        mark = "▸ " if index == self._cursor else "  "
        return ((mark, "accent"), *row(self._placed, self._rows[index]))

    def _strip(self, line: Line, index: int) -> Strip:
        return self.strip(line, self._width, chosen=index == self._cursor and self.has_focus)

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    def _forget(self) -> None:
        self._drawn.clear()
        self.refresh()

    def _caption(self) -> None:
        shown, total = self._visible(), len(self._rows)
        part = f"{shown.start + 1}–{shown.stop}" if shown else "0"
        span = f"{total}" if len(shown) == total else f"{part} of {total}"
        hidden = len(self._columns) - len(self._placed)
        self.retitle(
            f"{self._title} {span}{f' · {self._note}' if self._note else ''}",
            f"{len(self._placed)} of {len(self._columns)} columns" if hidden and total else "",
        )

    def render_line(self, y: int) -> Strip:
        self._fit()
        if not self._rows:
            return self._empty_line(y - HEADING)
        if y == 0:
            return self.strip((("  ", "plain"), *heading(self._placed)), self._width)
        index = y - HEADING + self.scroll_offset.y
        if index >= len(self._rows):
            return self.strip((), self._width)
        if index not in self._drawn:
            line = self._line(index)
            self._drawn[index] = (line, self._strip(line, index))
        return self._drawn[index][1]

    def _empty_line(self, y: int) -> Strip:
        lines = [line for text in self._empty for line in wrap(clean(text), max(self._width - 2 * MARGIN, 1))]
        text = lines[y] if 0 <= y < len(lines) else ""
        return self.strip(((" " * MARGIN + text, "dim" if y else "plain"),), self._width)

    # -- the cursor ----------------------------------------------------------------------------------------------------

    def _move_to(self, index: int) -> None:
        if not self._rows:
            return
        self._moved = True
        self._cursor = max(0, min(index, len(self._rows) - 1))
        self.chosen = self._rows[self._cursor].key
        window = max(self.size.height - HEADING, 1)
        top = min(max(self.scroll_offset.y, self._cursor - window + 1), self._cursor)
        self.scroll_to(y=top, animate=False)
        self._forget()
        self._caption()

    def action_move(self, by: int) -> None:
        self._move_to(self._cursor + by)

    def action_page(self, by: int) -> None:
        self._move_to(self._cursor + by * max(self.size.height - HEADING - 1, 1))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and offset.y >= HEADING:
            self._move_to(offset.y - HEADING + self.scroll_offset.y)

    # -- when it looks different -----------------------------------------------------------------------------------------

    def on_resize(self) -> None:
        self._fit()
        self.virtual_size = Size(self.size.width, len(self._rows) + HEADING)
        self._forget()
        self._caption()

    def on_focus(self) -> None:
        self._forget()

    def on_blur(self) -> None:
        self._forget()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._drawn.clear()
            self._caption()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._drawn.clear()
