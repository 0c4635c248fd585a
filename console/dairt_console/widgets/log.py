"""The tail of the events: follows the newest, with what was of note above, until a person scrolls back; then stands still."""

from bisect import bisect_right
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.strip import Strip

from dairt.model.events import Entry
from dairt_console.draw.chrome import entry_line
from dairt_console.draw.spans import Line
from dairt_console.draw.tail import TailLine, tail
from dairt_console.draw.units import count
from dairt_console.keys import bind
from dairt_console.widgets.lines import Lines

WHEEL_LINES = 3


class Log(Lines, can_focus=True):
    """Entries, newest at the bottom. It scrolls by itself: Textual's scrolling lays the whole screen out at every new line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bind("up", "scroll(-1)"),
        *bind("down", "scroll(1)"),
        *bind("page_up", "page(-1)"),
        *bind("page_down", "page(1)"),
        *bind("first", "scroll(-1000000)"),
        *bind("last", "scroll(1000000)"),
    ]

    def __init__(self, title: str, id: str) -> None:
        super().__init__(id=id)
        self._title = title
        self._entries: tuple[Entry, ...] = ()
        self._seen = self._dropped = 0
        self._last: int | None = None  # the entry number at the bottom; None follows the newest
        self._lines: list[TailLine] = []
        self._lines_of: tuple[object, ...] = ()  # what the lines were made from
        self._strips: dict[tuple[int, int, int], Strip] = {}  # by entry number, what is left out after it, and width

    def show(self, entries: tuple[Entry, ...], seen: int, dropped: int) -> None:
        """Show these entries, of `seen` in all; `dropped` never came here."""
        if entries is self._entries:
            return
        self._entries, self._seen, self._dropped = entries, seen, dropped
        if self._last is None or (entries and entries[0].seq > self._last):
            self.refresh()
        self._caption()

    @property
    def _bottom(self) -> int:
        """How many entries there are down to the last line shown."""
        if self._last is None:
            return len(self._entries)
        return bisect_right(self._entries, self._last, key=lambda entry: entry.seq)

    def _caption(self) -> None:
        lines = self._shown()
        hidden = sum(line.hidden for line in lines)
        last = self._seen - len(self._entries) + self._bottom
        where = f"{count(last - len(lines) + 1)}–{count(last)} of {count(self._seen)}"
        if self._last is None:
            title = f"{self._title} {count(self._seen)}"
        else:
            title = f"{self._title} {where} · stands still: end follows again"
        folded = f"⋯ {count(hidden)} left out here: ↑ shows all" if hidden else ""
        lost = f"{count(self._dropped)} never came here" if self._dropped else ""
        self.retitle(title, " · ".join(filter(None, (folded, lost))))

    def _shown(self) -> list[TailLine]:
        """The lines on the screen, from the top. A short log starts at the top; a long one ends at the bottom."""
        made_from = (self._entries, self._last, self.size.height)
        if self._lines_of != made_from:
            self._lines_of = made_from
            if self._last is None:
                self._lines = tail(self._entries, self.size.height)
            else:
                first = max(self._bottom - self.size.height, 0)
                self._lines = [TailLine(entry) for entry in self._entries[first : self._bottom]]
        return self._lines

    def render_line(self, y: int) -> Strip:
        if not self._entries:
            waiting: Line = (("  nothing has happened yet", "dim"),) if y == 1 else ()
            return self.strip(waiting, self.size.width)
        lines = self._shown()
        if y >= len(lines):
            return self.strip((), self.size.width)
        entry, hidden = lines[y].entry, lines[y].hidden
        key = (entry.seq, hidden, self.size.width)
        if key not in self._strips:
            if len(self._strips) > 4 * max(self.size.height, 1):
                self._strips.clear()
            self._strips[key] = self.strip(entry_line(entry, hidden, self.size.width), self.size.width)
        return self._strips[key]

    def action_scroll(self, by: int) -> None:
        if not self._entries:
            return
        bottom = max(min(self._bottom + by, len(self._entries)), min(self.size.height, len(self._entries)))
        self._last = None if bottom == len(self._entries) else self._entries[bottom - 1].seq
        self.refresh()
        self._caption()

    def action_page(self, by: int) -> None:
        self.action_scroll(by * max(self.size.height - 1, 1))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.action_scroll(-WHEEL_LINES)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.action_scroll(WHEEL_LINES)

    def on_resize(self) -> None:
        self._strips.clear()
        self._caption()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()
