"""One line of names, the one in front in brackets; a click brings another there."""

from collections.abc import Sequence

from textual import events
from textual.message import Message

from dairt_console.draw.spans import Span
from dairt_console.widgets.lines import Bar


class TabLine(Bar):
    """The tabs of a panel."""

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, tab: str) -> None:
            super().__init__()
            self.tab = tab

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._tabs: Sequence[str] = ()

    def offer(self, tabs: Sequence[str], front: str) -> None:
        """Show these, with one in front; where there is no room, those furthest from it leave, and a mark stays."""
        shown = list(tabs)
        while len(shown) > 1 and sum(len(tab) + 3 for tab in shown) + 4 > self.size.width:
            at = shown.index(front)
            shown.pop(0 if at > len(shown) - 1 - at else -1)
        self._tabs = shown
        spans: list[Span] = [("‹" if shown[0] != tabs[0] else " ", "dim")]
        for tab in shown:
            spans += [(" ", "plain"), (f"[{tab}]", "accent") if tab == front else (f" {tab} ", "plain")]
        self.show((*spans, (" ›" if shown[-1] != tabs[-1] else "", "dim")))

    def on_click(self, event: events.Click) -> None:
        right = 1
        for tab in self._tabs:
            right += len(tab) + 3
            if event.x < right:
                self.post_message(self.Chosen(tab))
                return
