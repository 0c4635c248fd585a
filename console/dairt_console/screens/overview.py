"""The Overview: nodes, checkpoints, runs, trouble and events on one screen, in any terminal."""

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

from dairt_console.actions import COMMANDS
from dairt_console.draw.checkpoints import CHECKPOINT_COLUMNS, CheckpointRow, checkpoint_rows
from dairt_console.draw.chrome import footer, header, tabs, waiting
from dairt_console.draw.layout import PANELS, Layout, layout
from dairt_console.draw.spans import Line
from dairt_console.draw.tables import NODE_COLUMNS, RUN_COLUMNS, NodeRow, RunRow, node_rows, run_rows
from dairt_console.draw.troubles import TROUBLE_COLUMNS, TroubleRow, trouble_rows
from dairt_console.keys import bind
from dairt_console.plans import allowed
from dairt_console.reducer import Seen
from dairt_console.widgets.lines import Bar
from dairt_console.widgets.log import Log
from dairt_console.widgets.table import Table

NO_CHECKPOINTS = ("no tensors yet", "b broadcasts one from the chosen node to all")
NO_RUNS = ("no graph has run yet", "g runs one over all nodes")
NO_TROUBLE = ("nothing is broken", "k kills a socket, x cuts a link, K kills a node")


class Overview(Screen[None]):
    """One screen, three shapes: wide, normal, and tabs in small terminals."""

    BINDINGS: ClassVar[list[BindingType]] = [*bind("next_panel", "panel(1)"), *bind("previous_panel", "panel(-1)")]

    def __init__(self, scenario: str, opening: str) -> None:
        super().__init__()
        self._scenario = scenario
        self._opening = opening
        self._layout: Layout | None = None
        self._front = "nodes"
        self._seen = Seen()
        self._frozen = False
        self._elapsed_s = 0.0
        self.header, self.footer, self.status = Bar("header"), Bar("footer"), Bar("status")
        self.tabs = TabBar("tabs")
        self.nodes: Table[NodeRow] = Table("Nodes", NODE_COLUMNS, "nodes", acted_on=True)
        self.checkpoints: Table[CheckpointRow] = Table("Checkpoints", CHECKPOINT_COLUMNS, "checkpoints")
        self.runs: Table[RunRow] = Table("Graph runs", RUN_COLUMNS, "runs")
        self.trouble: Table[TroubleRow] = Table("Faults and alerts", TROUBLE_COLUMNS, "trouble")
        self.events = Log("Events", "events")

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.tabs
        yield Container(self.nodes, self.checkpoints, self.runs, self.trouble, self.events, id="body")
        yield self.status
        yield self.footer

    def on_mount(self) -> None:
        self._arrange()  # before the first frame is drawn
        self._show_chrome()
        self.nodes.focus()

    # -- what is shown -------------------------------------------------------------------------------------------------

    def show(self, seen: Seen, *, frozen: bool, elapsed_s: float) -> None:
        """Show what is seen; panels nobody sees are left alone."""
        self._seen, self._frozen, self._elapsed_s = seen, frozen, elapsed_s
        self._arrange()
        self._show_chrome()
        for name in PANELS:
            if self._panel(name).display:
                self._show_panel(name)

    def say(self, line: Line) -> None:
        """Show what was done last, and what became of it."""
        self.status.show(line)

    def _show_chrome(self) -> None:
        width = self.app.size.width
        self.header.show(header(self._seen, self._scenario, width, frozen=self._frozen))
        here = [command for command in COMMANDS if command.group != "Time" or self._seen.world == "sim"]
        offered = [command for command in here if allowed(command, self._seen)]
        self.footer.show(footer(offered, width))
        if self._layout is not None and self._layout.shape == "tabs":
            self.tabs.show(tabs(self._seen, self._front, width))

    def _show_panel(self, name: str) -> None:
        seen = self._seen
        live = seen.link.state in ("connecting", "live")
        missing = waiting(seen, self._opening, self._elapsed_s)
        shows: dict[str, Callable[[], None]] = {
            "nodes": lambda: self.nodes.show(node_rows(seen), missing, "" if live else "as last seen"),
            "checkpoints": lambda: self.checkpoints.show(checkpoint_rows(seen), NO_CHECKPOINTS),
            "runs": lambda: self.runs.show(run_rows(seen), NO_RUNS),
            "trouble": lambda: self.trouble.show(trouble_rows(seen), NO_TROUBLE),
            "events": lambda: self.events.show(seen.entries, seen.entries_seen, seen.entries_dropped),
        }
        shows[name]()

    def _panel(self, name: str) -> Widget:
        panels: dict[str, Widget] = {
            "nodes": self.nodes,
            "checkpoints": self.checkpoints,
            "runs": self.runs,
            "trouble": self.trouble,
            "events": self.events,
        }
        return panels[name]

    # -- how it is laid out --------------------------------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        self._arrange()
        self._show_chrome()

    def _arrange(self) -> None:
        wanted = layout(*self.app.size, len(self._seen.nodes))
        if wanted == self._layout:
            return
        self._layout = wanted
        for shape in ("wide", "normal", "tabs"):
            self.set_class(shape == wanted.shape, shape)
        self.set_class(wanted.low, "low")
        if wanted.rows:
            self.query_one("#body").styles.grid_rows = wanted.rows
        self._bring_forward(self._front)

    def _bring_forward(self, name: str) -> None:
        """Give a panel the focus; behind tabs, show it."""
        self._front = name
        hidden = self._layout.hidden(name) if self._layout is not None else ()
        for panel in PANELS:
            self._panel(panel).display = panel not in hidden
        self._panel(name).focus()
        self._show_panel(name)
        self._show_chrome()

    def action_panel(self, by: int) -> None:
        self._bring_forward(PANELS[(PANELS.index(self._front) + by) % len(PANELS)])

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if event.widget.id in PANELS:
            self._front = event.widget.id

    def on_tab_bar_chosen(self, event: "TabBar.Chosen") -> None:
        self._bring_forward(event.panel)


class TabBar(Bar):
    """The names of the panels, where only one is shown at a time."""

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, panel: str) -> None:
            super().__init__()
            self.panel = panel

    def on_click(self, event: events.Click) -> None:
        # The spans of the line are a blank and a name for each panel in turn.
        right = 0
        for index, (text, _) in enumerate(self.line):
            right += len(text)
            if event.x < right:
                self.post_message(self.Chosen(PANELS[min(index // 2, len(PANELS) - 1)]))
                return
