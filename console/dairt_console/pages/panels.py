"""A page of panels: side by side where there is room, one at a time in a small terminal."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.widget import Widget

from dairt_console.keys import bind
from dairt_console.pages.page import Page

SMALL = (80, 20)  # below either, one panel has the page for itself


class Panels(Page):
    """Shows some of its panels, those of the level it is at; `next panel` goes from one to the other."""

    BINDINGS: ClassVar[list[BindingType]] = [*bind("next_panel", "panel(1)"), *bind("previous_panel", "panel(-1)")]
    DEFAULT_CSS = """
    Panels > Lines { border: round $panel-lighten-2; border-title-color: $foreground; border-subtitle-color: $text-muted; }
    Panels > Lines:focus { border: heavy $accent; border-title-style: bold; }
    Panels > .full { height: 1fr; max-height: 100%; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._front: Widget | None = None

    def panels(self) -> Sequence[Widget]:
        """Those of the level the page is at, from the top; the first gets the focus."""
        return ()

    def redraw(self) -> None:
        """Draw what is shown, after the page itself has changed what that is."""

    def focused(self) -> Widget | None:
        """See Page."""
        return self._here()

    def lay_panels(self, *, focus: bool = False) -> None:
        """Show the panels of this level, all or one of them; with `focus`, the one in front gets the focus."""
        shown, front = self.panels(), self._here()
        small = self.is_small
        for panel in self.children:
            panel.display = panel in shown and (not small or panel is front)
            panel.set_class(small, "full")
        if focus and front is not None:
            front.focus()
        self.redraw()

    @property
    def is_small(self) -> bool:
        """True where there is room for one panel only."""
        return self.app.size.width < SMALL[0] or self.app.size.height < SMALL[1]

    def place_in_small(self) -> str:
        """Which of how many panels this is, where only one is shown; for its title."""
        shown = self.panels()
        front = self._here()
        return f"{shown.index(front) + 1} of {len(shown)}, tab shows the next" if self.is_small and front in shown else ""

    def beside(self, *notes: str) -> str:
        """What stands beside a table's title: these, and which panel it is where only one is shown."""
        return " · ".join(filter(None, (*notes, self.place_in_small())))

    def _here(self) -> Widget | None:
        shown = self.panels()
        return self._front if self._front in shown else next(iter(shown), None)

    def action_panel(self, by: int) -> None:
        shown, front = self.panels(), self._here()
        if front is not None:
            self._front = shown[(shown.index(front) + by) % len(shown)]
            self.lay_panels(focus=True)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if event.widget in self.panels():
            self._front = event.widget

    def on_mount(self) -> None:
        self.lay_panels()

    def on_resize(self) -> None:
        self.lay_panels()
