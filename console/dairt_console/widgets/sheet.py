"""A panel of lines drawn for the room there is, scrolled by keys and wheel."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.strip import Strip

from dairt_console.draw.spans import Line
from dairt_console.keys import bind
from dairt_console.widgets.lines import Lines

Drawing = Callable[[int, int], Sequence[Line]]  # of the lines, for a width and a height; more lines than that are scrolled
WHEEL_LINES = 3


class Sheet(Lines, can_focus=True):
    """Lines that are drawn anew at every look. It scrolls by itself: only what changed is drawn again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bind("up", "scroll(-1)"),
        *bind("down", "scroll(1)"),
        *bind("page_up", "page(-1)"),
        *bind("page_down", "page(1)"),
        *bind("first", "scroll(-1000000)"),
        *bind("last", "scroll(1000000)"),
    ]

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._draw: Drawing = lambda width, height: ()
        self._title = self._note = ""
        self._top = 0
        self._lines: Sequence[Line] = ()

    def show(self, draw: Drawing, title: str, note: str = "") -> None:
        """Show what `draw` gives, under this title; how much of it is seen stands beside the note."""
        self._draw, self._title, self._note = draw, title, note
        self._redraw()

    def _redraw(self) -> None:
        before = [self._at(y) for y in range(self.size.height)]
        self._lines = self._draw(self.size.width, self.size.height) if self.size.width else ()
        self._top = max(min(self._top, len(self._lines) - self.size.height), 0)
        if before != [self._at(y) for y in range(self.size.height)]:
            self.refresh()
        shown = min(len(self._lines) - self._top, self.size.height)
        part = f"{self._top + 1}–{self._top + shown} of {len(self._lines)} lines" if shown < len(self._lines) else ""
        self.retitle(self._title, " · ".join(filter(None, (self._note, part))))

    def _at(self, y: int) -> Line:
        return self._lines[self._top + y] if 0 <= self._top + y < len(self._lines) else ()

    def render_line(self, y: int) -> Strip:
        return self.strip(self._at(y), self.size.width)

    def action_scroll(self, by: int) -> None:
        self._top = max(min(self._top + by, len(self._lines) - self.size.height), 0)
        self.refresh()
        self._redraw()

    def action_page(self, by: int) -> None:
        self.action_scroll(by * max(self.size.height - 1, 1))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.action_scroll(-WHEEL_LINES)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.action_scroll(WHEEL_LINES)

    def on_resize(self) -> None:
        self._redraw()
