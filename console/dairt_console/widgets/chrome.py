"""The lines of the desk that can be clicked: the names of the pages, and the keys."""

from collections.abc import Sequence

from textual import events
from textual.message import Message

from dairt_console.actions import Command
from dairt_console.draw.chrome import Keys, footer
from dairt_console.draw.page_bar import PageBar, page_bar
from dairt_console.widgets.lines import Bar


class PageLine(Bar):
    """The names of the pages."""

    class Chosen(Message):
        """A page was clicked; its number, from 0."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self) -> None:
        super().__init__("pages")
        self._drawn = PageBar()

    def show_pages(self, titles: Sequence[str], front: int, width: int) -> None:
        """Draw the names, with one in front."""
        self._drawn = page_bar(titles, front, width)
        self.show(self._drawn.line)

    def on_click(self, event: events.Click) -> None:
        number = self._drawn.at(event.x)
        if number is not None:
            self.post_message(self.Chosen(number))


class KeyLine(Bar):
    """The keys that do something here."""

    class Pressed(Message):
        """A command was clicked."""

        def __init__(self, command: str) -> None:
            super().__init__()
            self.command = command

    def __init__(self) -> None:
        super().__init__("footer")
        self._drawn = Keys()

    def offer(self, commands: Sequence[Command], width: int) -> None:
        """Draw these commands, as many as fit."""
        self._drawn = footer(commands, width)
        self.show(self._drawn.line)

    def on_click(self, event: events.Click) -> None:
        if command := self._drawn.at(event.x):
            self.post_message(self.Pressed(command))
