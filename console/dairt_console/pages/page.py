"""What every page of the desk can do. A page shows what is seen, knows what is chosen on it, and owns no action."""

from typing import ClassVar

from textual.containers import Container
from textual.message import Message
from textual.widget import Widget

from dairt.control.frames import ClientFrame
from dairt_console.chosen import Chosen
from dairt_console.draw.spans import Tone
from dairt_console.reducer import Seen


class Page(Container):
    """One page. The desk calls `show` only while it is in front, and once when it comes to the front."""

    NAME: ClassVar[str]
    TITLE: ClassVar[str]

    class Say(Message):
        """Something to be read on the status line."""

        def __init__(self, text: str, tone: Tone = "dim") -> None:
            super().__init__()
            self.text, self.tone = text, tone

    class Go(Message):
        """Another page has more: go there, to what is chosen."""

        def __init__(self, page: str, chosen: Chosen) -> None:
            super().__init__()
            self.page, self.chosen = page, chosen

    class Tell(Message):
        """A frame for the cluster that changes nothing there, such as what to look at more closely."""

        def __init__(self, frame: ClientFrame) -> None:
            super().__init__()
            self.frame = frame

    class Moved(Message):
        """The page went to another level or another sibling by itself, as after a click: the breadcrumb is stale."""

    def __init__(self) -> None:
        super().__init__(id=self.NAME)

    def show(self, seen: Seen, *, elapsed_s: float) -> None:
        """Show what is seen; `elapsed_s` is how long this console has run."""

    def focused(self) -> Widget | None:
        """What gets the focus when the page comes to the front: what had it last, or this."""
        return next((widget for widget in self.query("*") if widget.focusable), None)

    def chosen(self) -> Chosen:
        """What an action acts on."""
        return Chosen()

    def choose(self, chosen: Chosen) -> None:
        """Put the cursor on this, and open it if only a detail shows it; what is not here is passed over."""

    def crumbs(self) -> tuple[str, ...]:
        """Where in the page this is: one word a level, none at the top."""
        return ()

    def open(self) -> None:
        """Go into what is chosen."""

    def back(self) -> bool:
        """Go one level up; False at the top."""
        return False

    def neighbour(self, step: int) -> None:
        """Go to the previous (-1) or next (1) sibling of the detail that is open."""

    def find(self, pattern: str, step: int) -> str:
        """Go to the next (1) or previous (-1) match; what the status line says of it."""
        return f"nothing to search on {self.TITLE}"

    def sift(self, pattern: str) -> None:
        """Show only what matches; "" shows all."""

    def sort(self) -> str:
        """Sort by the next order; its name."""
        return f"nothing to sort on {self.TITLE}"

    def mark(self) -> str:
        """Mark what is chosen, or take the mark away; what the status line says of it."""
        return f"nothing to mark on {self.TITLE}"

    def copy(self) -> str:
        """What goes to the clipboard; "" where there is nothing."""
        return self.text()

    def do(self, command: str) -> str:
        """Do one of the commands the registry has for this page; what the status line says of it, "" for nothing."""
        return ""

    def text(self) -> str:
        """What stands on the screen, every line without its trailing blanks."""
        region = self.region
        strips = self.screen._compositor.render_strips()[region.y : region.bottom]
        return "\n".join(strip.crop(region.x, region.right).text.rstrip() for strip in strips)
