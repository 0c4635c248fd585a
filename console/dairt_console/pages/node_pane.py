"""One node from close by: panels side by side where there is room, and the rest behind tabs."""

from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.widget import Widget

from dairt.model.views import NodeView
from dairt_console.draw.chart import throughput
from dairt_console.draw.node_detail import facts, faults_here, load, peers, settings, store
from dairt_console.draw.spans import Line
from dairt_console.draw.tasks import task_lines
from dairt_console.event_filter import parse
from dairt_console.reducer import Seen
from dairt_console.widgets.event_list import EventList
from dairt_console.widgets.sheet import Drawing, Sheet
from dairt_console.widgets.tabs import TabLine

TABS = ("Log", "Tasks", "Store", "Faults", "Config")
BESIDE = ("Facts", "Traffic", "Load", "Peers")  # panels of their own where there is room


class NodePane(Container):
    """The detail of one node. It is told which, and what is seen."""

    DEFAULT_CSS = """
    NodePane > Container { layout: grid; grid-size: 2; grid-columns: 1fr 1fr; grid-rows: 8 8; height: 16; }
    NodePane.tall > Container { grid-rows: 10 12; height: 22; }
    NodePane.narrow > Container { display: none; }
    NodePane > Lines { height: 1fr; }
    NodePane > TabLine { height: 1; }
    """
    SHEETS: ClassVar = {"Facts": "facts", "Traffic": "traffic", "Load": "load", "Peers": "peers"}

    def __init__(self) -> None:
        super().__init__(id="node-pane")
        self.node = ""
        self._seen = Seen()
        self._chosen = ""  # the tab a person brought to the front
        self.events = EventList("node-log", "Log")
        self._more = Sheet("node-more")
        self._tabs = TabLine("node-tabs")
        self._beside = {name: Sheet(f"node-{id}") for name, id in self.SHEETS.items()}

    def compose(self) -> ComposeResult:
        yield Container(*self._beside.values())
        yield self._tabs
        yield self.events
        yield self._more

    @property
    def tabs(self) -> tuple[str, ...]:
        """The tabs there are in this room."""
        return (*BESIDE, *TABS) if self.has_class("narrow") else TABS

    @property
    def _front(self) -> str:
        """The tab in front: until a person brings another there, the first."""
        return self._chosen if self._chosen in self.tabs else self.tabs[0]

    @property
    def front(self) -> Widget:
        """What the keys go to."""
        return self.events if self._front == "Log" else self._more

    def of(self, node: str) -> None:
        """Look at this node from now on."""
        if node != self.node:
            self.node = node
            self.sift("")

    def sift(self, pattern: str) -> None:
        """Show of its log only what matches; raises FilterError."""
        # That they are this node's needs no saying.
        self.events.sift(replace(parse(f"{pattern} node:{self.node}"), source=pattern.strip()))

    def show(self, seen: Seen) -> None:
        """Show what is seen of the node; panels nobody sees are left alone."""
        self._seen = seen
        node = seen.node(self.node)
        if node is None:
            return
        if not self.has_class("narrow"):
            for name, sheet in self._beside.items():
                sheet.show(*self._drawing(name, node))
        if self._front == "Log":
            self.events.show(seen.log, seen.now_s, seen.link.state)
        else:
            self._more.show(*self._drawing(self._front, node))

    def turn(self, by: int) -> None:
        """Bring the next tab to the front."""
        tabs = self.tabs
        self.bring(tabs[(tabs.index(self._front) + by) % len(tabs)])

    def bring(self, tab: str) -> None:
        """Bring a tab to the front."""
        self._chosen = tab
        self._arrange()
        self.front.focus()
        self.show(self._seen)

    def on_mount(self) -> None:
        self._arrange()

    def on_resize(self, event: events.Resize) -> None:
        had_focus = self.front.has_focus
        self.set_class(event.size.width < 80 or event.size.height < 22, "narrow")
        self.set_class(event.size.height >= 36, "tall")
        self._arrange()
        if had_focus:
            self.front.focus()
        self.show(self._seen)

    def _arrange(self) -> None:
        self.events.display, self._more.display = self._front == "Log", self._front != "Log"
        self.call_after_refresh(lambda: self._tabs.offer(self.tabs, self._front))

    def on_tab_line_chosen(self, event: TabLine.Chosen) -> None:
        self.bring(event.tab)

    def _drawing(self, name: str, node: NodeView) -> tuple[Drawing, str]:
        """What a panel shows, and its title."""
        seen, detail = self._seen, self._seen.details.get(node.name)
        live = seen.link.state == "live"
        alive = sum(peer.state == "alive" for peer in node.peers)
        tasks = f"Tasks {detail.tasks_total}, where each waits" if detail is not None and detail.tasks else "Tasks"
        draw: dict[str, tuple[Drawing, str]] = {
            "Facts": (lambda width, height: facts(seen, node), node.name if live else f"{node.name} as last seen"),
            "Traffic": (lambda width, height: self._chart(width, height), "Throughput, the last minute"),
            "Load": (lambda width, height: load(node, width, height), "Queues and workers"),
            "Peers": (lambda width, height: peers(node, width), f"Peers {alive} of {len(node.peers)} alive"),
            "Tasks": (lambda width, height: task_lines(detail, width, live=live), tasks),
            "Store": (lambda width, height: store(seen, node, width), f"Store {len(node.checkpoints)} keys"),
            "Faults": (lambda width, height: faults_here(seen, node.name), "Faults and alerts here"),
            "Config": (lambda width, height: settings(detail, width, live=live), "Configuration"),
        }
        return draw[name]

    def _chart(self, width: int, height: int) -> list[Line]:
        seen, traffic = self._seen, self._seen.traffic.get(self.node)
        if traffic is None:
            return []
        marks = [seen.now_s - fault.fired_s for fault in seen.aftermaths.values() if fault.befell(self.node)]
        return throughput(traffic.received, traffic.samples, marks, width, height)
