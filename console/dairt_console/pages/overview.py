"""The page Overview: nodes, checkpoints, runs, trouble and events at one look, in any terminal."""

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.message import Message
from textual.widget import Widget

from dairt_console.chosen import Chosen
from dairt_console.draw.checkpoints import CHECKPOINT_COLUMNS, CheckpointRow, checkpoint_rows
from dairt_console.draw.chrome import tabs, waiting
from dairt_console.draw.layout import PANELS, Layout, layout
from dairt_console.draw.tables import NODE_COLUMNS, RUN_COLUMNS, NodeRow, RunRow, node_rows, run_rows
from dairt_console.draw.troubles import TROUBLE_COLUMNS, TroubleRow, trouble_rows
from dairt_console.keys import bind
from dairt_console.pages.finding import next_match, place_of
from dairt_console.pages.page import Page
from dairt_console.reducer import Seen
from dairt_console.widgets.lines import Bar
from dairt_console.widgets.log import Log
from dairt_console.widgets.table import Table

NO_CHECKPOINTS = ("no tensors yet", "b broadcasts one from the chosen node to all")
NO_RUNS = ("no graph has run yet", "w runs one over all nodes")
NO_TROUBLE = ("nothing is broken", "x kills a socket, c cuts a link, K kills a node")
# Where a panel's subject is shown in full.
PAGE_OF = {"nodes": "nodes", "checkpoints": "checkpoints", "runs": "runs", "trouble": "faults", "events": "events"}


class Overview(Page):
    """One page, three shapes: wide, normal, and tabs in small terminals."""

    NAME: ClassVar[str] = "overview"
    TITLE: ClassVar[str] = "Overview"
    BINDINGS: ClassVar[list[BindingType]] = [*bind("next_panel", "panel(1)"), *bind("previous_panel", "panel(-1)")]

    def __init__(self, opening: str = "starting the cluster") -> None:
        super().__init__()
        self._opening = opening
        self._layout: Layout | None = None
        self._front = "nodes"
        self._seen = Seen()
        self._elapsed_s = 0.0
        self.tabs = TabBar("tabs")
        self.nodes: Table[NodeRow] = Table("Nodes", NODE_COLUMNS, "overview-nodes", acted_on=True)
        self.checkpoints: Table[CheckpointRow] = Table("Checkpoints", CHECKPOINT_COLUMNS, "overview-checkpoints")
        self.runs: Table[RunRow] = Table("Graph runs", RUN_COLUMNS, "overview-runs")
        self.trouble: Table[TroubleRow] = Table("Faults and alerts", TROUBLE_COLUMNS, "overview-trouble")
        self.events = Log("Events", "overview-events")
        self._panels: dict[str, Widget] = {
            "nodes": self.nodes,
            "checkpoints": self.checkpoints,
            "runs": self.runs,
            "trouble": self.trouble,
            "events": self.events,
        }

    def compose(self) -> ComposeResult:
        yield self.tabs
        yield Container(*self._panels.values(), id="overview-body")

    # -- what is shown -------------------------------------------------------------------------------------------------

    def show(self, seen: Seen, *, elapsed_s: float) -> None:
        """See Page; panels nobody sees are left alone."""
        self._seen, self._elapsed_s = seen, elapsed_s
        self._arrange()
        self._show_tabs()
        for name, panel in self._panels.items():
            if panel.display:
                self._show_panel(name)

    def _show_tabs(self) -> None:
        if self._layout is not None and self._layout.shape == "tabs":
            self.tabs.show(tabs(self._seen, self._front, self.size.width))

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

    # -- what the desk asks --------------------------------------------------------------------------------------------

    def focused(self) -> Widget | None:
        """See Page."""
        return self._panels[self._front]

    def chosen(self) -> Chosen:
        """See Page: always a node; and the run where the runs have the focus."""
        return Chosen(node=self.nodes.chosen, run=self.runs.chosen if self._front == "runs" else "")

    def choose(self, chosen: Chosen) -> None:
        """See Page."""
        self.nodes.choose(chosen.node)

    def open(self) -> None:
        """Go to the page that has more of the panel in front."""
        self.post_message(self.Go(PAGE_OF[self._front], self.chosen()))

    def find(self, pattern: str, step: int) -> str:
        """See Page: a node."""
        names = [node.name for node in self._seen.nodes]
        at = next_match(names, self.nodes.chosen, pattern, step)
        if at is None:
            return f"no node matches {pattern}; the other pages search what is theirs"
        self.nodes.choose(names[at])
        return place_of(names, at, pattern)

    def copy(self) -> str:
        """See Page: the name of the node, or all the events."""
        return self.text() if self._front != "nodes" else self.nodes.chosen

    # -- how it is laid out --------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self._arrange()  # before the first frame is drawn

    def on_resize(self, event: events.Resize) -> None:
        self._arrange()
        self._show_tabs()

    def _arrange(self) -> None:
        if not self.size.width:
            return
        wanted = layout(*self.size, len(self._seen.nodes))
        if wanted == self._layout:
            return
        had_focus = self._panels[self._front].has_focus
        self._layout = wanted
        for shape in ("wide", "normal", "tabs"):
            self.set_class(shape == wanted.shape, shape)
        self.set_class(wanted.low, "low")
        if wanted.rows:
            self.query_one("#overview-body").styles.grid_rows = wanted.rows
        self._bring_forward(self._front, focus=had_focus)

    def _bring_forward(self, name: str, *, focus: bool = True) -> None:
        """Give a panel the focus; behind tabs, show it."""
        self._front = name
        hidden = self._layout.hidden(name) if self._layout is not None else ()
        for panel, widget in self._panels.items():
            widget.display = panel not in hidden
        if focus:
            self._panels[name].focus()
        self._show_panel(name)
        self._show_tabs()

    def action_panel(self, by: int) -> None:
        self._bring_forward(PANELS[(PANELS.index(self._front) + by) % len(PANELS)])

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self._front = next((name for name, panel in self._panels.items() if panel is event.widget), self._front)

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
