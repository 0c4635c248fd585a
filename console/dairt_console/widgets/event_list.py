"""The long log on the screen: follows the newest until a person moves; filtered, searched, with lines round each match."""

from bisect import bisect_right
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from dairt_console.draw.event_list import Look, Marks, empty, event_line, marks_of, note, title
from dairt_console.draw.units import count
from dairt_console.event_filter import Filter, narrowed
from dairt_console.event_log import EventLog
from dairt_console.keys import bind
from dairt_console.sieve import Sieve
from dairt_console.widgets.lines import Lines

WHEEL_LINES = 3
GO_ON_S = 0.02  # between two looks at older entries: others have their turn
CONTEXT = 2  # lines round each match, where asked for


class EventList(Lines, can_focus=True):
    """Entries a filter lets through, newest at the bottom. The cursor and the bottom are places in the log, never rows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bind("up", "move(-1)"),
        *bind("down", "move(1)"),
        *bind("page_up", "page(-1)"),
        *bind("page_down", "page(1)"),
        *bind("first", "ends(-1)"),
        *bind("last", "ends(1)"),
    ]

    class Moved(Message):
        """Another entry is under the cursor."""

    def __init__(self, id: str, what: str = "Events") -> None:
        super().__init__(id=id)
        self._what = what
        self._sieve = Sieve(Filter())
        self._found = Sieve(Filter())
        self._pattern = ""
        self._marks: Marks | None = None
        self._now_s = 0.0
        self._link = "connecting"
        self._cursor = -1  # the place of the chosen entry; -1 is the newest, whichever that is
        self._bottom = -1  # the place at the bottom; -1 follows
        self._looked = True
        self._places: list[int] = []
        self._strips: dict[tuple[int, Look], Strip] = {}

    @property
    def sieve(self) -> Sieve:
        """What is shown, and how many of each kind."""
        return self._sieve

    @property
    def searched(self) -> bool:
        """True while something is searched for."""
        return bool(self._pattern)

    @property
    def follows(self) -> bool:
        """True while the newest stays in view."""
        return self._bottom < 0

    @property
    def chosen(self) -> int:
        """The place under the cursor; -1 where nothing is shown."""
        sieve = self._sieve
        newest = sieve.before(sieve.log.last)
        if self._cursor < 0 or newest < 0:
            return newest
        return min(self._cursor if self._cursor >= sieve.log.first else sieve.after(-1), newest)

    def show(self, log: EventLog, now_s: float, link: str) -> None:
        """Show this log as far as the filter lets it through; `link` is the state of the link to the cluster."""
        if log is not self._sieve.log or (now_s, link) != (self._now_s, self._link) or not self._looked:
            self._now_s, self._link = now_s, link
            before = len(self._sieve.places)
            changed = log is not self._sieve.log
            self._look(log)
            if changed or before != len(self._sieve.places):
                self.refresh()

    def sift(self, filter: Filter) -> None:
        """Show what this lets through. The cursor stays where it is, or goes to what is nearest before it."""
        log = self._sieve.log
        self._sieve = Sieve(filter, self._sieve.context)
        self._search()
        self._look(log)
        if self._cursor >= 0:
            self._cursor = self._sieve.before(self._cursor + 1)
            self._bottom = self._bottom if self._cursor >= 0 else -1
        self._forget()

    def surround(self) -> str:
        """Show lines round each match, or no more; what that is called."""
        self._sieve.context = 0 if self._sieve.context else CONTEXT
        self._forget()
        self._caption()
        return f"±{CONTEXT} lines round each match" if self._sieve.context else "matches only"

    def find(self, pattern: str, step: int) -> str:
        """Go to the next place where the pattern stands; raises FilterError where it is none."""
        if pattern != self._pattern:
            found = Sieve(narrowed(self._sieve.filter, pattern)) if pattern else Sieve(Filter())
            self._pattern, self._marks, self._found = pattern, marks_of(pattern), found
            self._forget()
        if not pattern:
            return ""
        place, whole = self._next_found(step)
        if place < 0:
            return f"no event with {pattern}"
        self.go_to(place)
        number = bisect_right(self._found.places, place)
        return f"{count(number)} of {count(len(self._found.places))}{'' if whole else ' or more'} with {pattern}"

    def go_to(self, place: int) -> None:
        """Put the cursor on a place, and let the list stand still there."""
        if self._bottom < 0:
            self._bottom = self._sieve.before(self._sieve.log.last)
        self._cursor = place
        self._keep_in_view()
        self._forget()
        self._caption()
        self.post_message(self.Moved())

    # -- how it gets there -----------------------------------------------------------------------------------------------

    def _search(self) -> None:
        """The search goes on under the new filter."""
        if self._pattern:
            self._found = Sieve(narrowed(self._sieve.filter, self._pattern))

    def _look(self, log: EventLog) -> None:
        looked = self._sieve.look(log)
        if self._pattern:
            looked = self._found.look(log) and looked
        if not looked and self._looked:
            self.set_timer(GO_ON_S, self._go_on)
        self._looked = looked
        self._caption()

    def _go_on(self) -> None:
        """Look at older entries that no key press waited for."""
        self._looked = True
        self._look(self._sieve.log)
        self.refresh()

    def _next_found(self, step: int) -> tuple[int, bool]:
        """The next match from the cursor on, and round the end; whether all of the log was looked at."""
        here = self.chosen
        while True:
            whole = self._found.look(self._sieve.log)
            place = self._found.after(here) if step > 0 else self._found.before(here)
            if place >= 0 or whole:
                break
        if place < 0:
            place = self._found.after(-1) if step > 0 else self._found.before(self._found.log.last)
        return place, whole

    def _caption(self) -> None:
        heading = title(self._what, self._sieve, follows=self.follows, looked=self._looked, link=self._link)
        self.retitle(heading, note(self._sieve, self._now_s))

    def _forget(self) -> None:
        self._strips.clear()
        self.refresh()

    def _rows(self) -> list[int]:
        """The places on the screen, from the top: a short log starts at the top."""
        sieve, height = self._sieve, self.size.height
        rows: list[int] = []
        place = sieve.before(sieve.log.last if self._bottom < 0 else self._bottom + 1)
        while place >= 0 and len(rows) < height:
            rows.append(place)
            place = sieve.before(place)
        rows.reverse()
        while len(rows) < height and (place := sieve.after(rows[-1] if rows else sieve.log.first - 1)) >= 0:
            rows.append(place)
        return rows

    def render_lines(self, crop: Region) -> list[Strip]:
        self._places = self._rows()  # once for all lines: each row depends on those below it
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        sieve, width = self._sieve, self.size.width
        if not self._places:
            lines = empty(sieve.log, sieve.filter.source, self._link)
            return self.strip(lines[y - 1] if 0 < y <= len(lines) else (), width)
        if y >= len(self._places):
            return self.strip((), width)
        place = self._places[y]
        context = bool(sieve.context) and not sieve.has(place)
        look = Look(place == self.chosen, bool(self._pattern) and self._found.has(place), context)
        if (place, look) not in self._strips:
            if len(self._strips) > 4 * max(self.size.height, 1):
                self._strips.clear()
            line = event_line(sieve.log[place], look, width, self._marks)
            self._strips[place, look] = self.strip(line, width, chosen=look.chosen and self.has_focus)
        return self._strips[place, look]

    # -- moving ----------------------------------------------------------------------------------------------------------

    def action_move(self, by: int) -> None:
        place = self.chosen
        if place < 0:
            return
        for _ in range(abs(by)):
            nearer = self._sieve.before(place) if by < 0 else self._sieve.after(place)
            if nearer < 0:
                break
            place = nearer
        if by > 0 and self._sieve.after(place) < 0:
            self._follow()
        else:
            self.go_to(place)

    def action_page(self, by: int) -> None:
        self.action_move(by * max(self.size.height - 1, 1))

    def action_ends(self, by: int) -> None:
        if by > 0:
            self._follow()
        elif (first := self._sieve.after(self._sieve.log.first - 1)) >= 0:
            self.go_to(first)

    def _follow(self) -> None:
        self._cursor = self._bottom = -1
        self._forget()
        self._caption()
        self.post_message(self.Moved())

    def _keep_in_view(self) -> None:
        rows = self._rows()
        if not rows or self._cursor in rows:
            return
        if self._cursor > rows[-1]:
            self._bottom = self._cursor
            return
        bottom = self._cursor  # it is above: it becomes the top
        for _ in range(self.size.height - 1):
            if (later := self._sieve.after(bottom)) < 0:
                break
            bottom = later
        self._bottom = bottom

    def on_click(self, event: events.Click) -> None:
        offset, rows = event.get_content_offset(self), self._rows()
        if offset is not None and offset.y < len(rows):
            self.go_to(rows[offset.y])

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.action_move(-WHEEL_LINES)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.action_move(WHEEL_LINES)

    def on_resize(self) -> None:
        self._forget()
        self._caption()

    def on_focus(self) -> None:
        self._forget()

    def on_blur(self) -> None:
        self._forget()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()
