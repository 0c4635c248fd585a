"""The tail of the events: follows the newest until a person scrolls back, then stands still."""

from bisect import bisect_right
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.strip import Strip

from dairt.model.events import Entry
from dairt_console.draw.chrome import entry_line
from dairt_console.draw.spans import Line
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
        self._strips: dict[tuple[int, int], Strip] = {}  # by entry number and width

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
        shown = min(self._bottom, self.size.height)
        last = self._seen - len(self._entries) + self._bottom
        where = f"{count(last - shown + 1)}–{count(last)} of {count(self._seen)}" if shown < self._seen else count(self._seen)
        still = "" if self._last is None else " · stands still: end follows again"
        self.retitle(f"{self._title} {where}{still}", f"{count(self._dropped)} never came here" if self._dropped else "")

    def render_line(self, y: int) -> Strip:
        if not self._entries:
            waiting: Line = (("  nothing has happened yet", "dim"),) if y == 1 else ()
            return self.strip(waiting, self.size.width)
        # A short log starts at the top; a long one ends at the bottom.
        index = y + max(self._bottom - self.size.height, 0)
        if not 0 <= index < self._bottom:
            return self.strip((), self.size.width)
        entry = self._entries[index]
        key = (entry.seq, self.size.width)
        if key not in self._strips:
            if len(self._strips) > 4 * max(self.size.height, 1):
                self._strips.clear()
            self._strips[key] = self.strip(entry_line(entry), self.size.width)
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
