"""The page Nodes: all of them in a table, and one from close by."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widget import Widget

from dairt.control.frames import Hello, Watch
from dairt_console.chosen import Chosen
from dairt_console.draw.nodes import ORDERS, NodeLine, columns_for, in_order, node_lines, sifted
from dairt_console.event_filter import FilterError
from dairt_console.keys import bind
from dairt_console.pages.node_pane import NodePane
from dairt_console.pages.page import Page
from dairt_console.reducer import Seen
from dairt_console.widgets.table import Table

UNASKED = 0  # the id of questions whose answer nobody waits for


class Nodes(Page):
    """All nodes, and one node's detail."""

    NAME: ClassVar[str] = "nodes"
    TITLE: ClassVar[str] = "Nodes"
    BINDINGS: ClassVar[list[BindingType]] = [*bind("next_panel", "panel(1)"), *bind("previous_panel", "panel(-1)")]
    DEFAULT_CSS = """
    Nodes Table, Nodes Sheet, Nodes EventList {
        border: round $panel-lighten-2; border-title-color: $foreground; border-subtitle-color: $text-muted;
    }
    Nodes Table:focus, Nodes Sheet:focus, Nodes EventList:focus { border: heavy $accent; border-title-style: bold; }
    Nodes EventList { overflow: hidden; }
    Nodes Table { height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen = Seen()
        self._elapsed_s = 0.0
        self._order = ORDERS[0]
        self._filter = ""
        self._marked: dict[str, None] = {}
        self._told: tuple[Hello | None, str] = (None, "")  # the cluster knows that we look closely at this node
        self._rows: list[NodeLine] = []
        self._table: Table[NodeLine] = Table("Nodes", columns_for(self._order), "nodes-table", acted_on=True)
        self._pane = NodePane()

    def compose(self) -> ComposeResult:
        yield self._table
        yield self._pane

    def on_mount(self) -> None:
        self._pane.display = False

    # -- what is shown -----------------------------------------------------------------------------------------------------

    def show(self, seen: Seen, *, elapsed_s: float) -> None:
        """See Page."""
        self._seen, self._elapsed_s = seen, elapsed_s
        self._rows = in_order(sifted(node_lines(seen, self._marked), self._filter), self._order)
        if self._pane.display:
            self._pane.show(seen)
        else:
            self._table.show(self._rows, self._missing(), self._note())
        self._watch()

    def _note(self) -> str:
        shown = f"filter {self._filter}: {len(self._rows)} of {len(self._seen.nodes)}" if self._filter else ""
        marked = f"{len(self._marked)} marked" if self._marked else ""
        was = "" if self._seen.link.state in ("connecting", "live") else "as last seen"
        order = f"by {self._order}" if self._order != ORDERS[0] else ""
        return " · ".join(filter(None, (shown, order, marked, was)))

    def _missing(self) -> tuple[str, ...]:
        if self._seen.nodes:
            return (f"no node matches {self._filter}", "f then ⏎ shows all")
        if self._seen.link.state == "connecting":
            return ("the nodes are coming up…", f"{self._elapsed_s:.0f} s")
        return ("this cluster has no nodes",)

    def _watch(self) -> None:
        """Ask for a close look at the node that is open, and at none when none is."""
        wanted = (self._seen.hello, self._pane.node if self._pane.display else "")
        if wanted != self._told and (wanted[1] or self._told[1]) and self._seen.hello is not None:
            self._told = wanted
            self.post_message(self.Tell(Watch(UNASKED, (wanted[1],) if wanted[1] else ())))

    def on_hide(self) -> None:
        if self._told[1]:
            self._told = (self._told[0], "")
            self.post_message(self.Tell(Watch(UNASKED, ())))

    # -- what is chosen ----------------------------------------------------------------------------------------------------

    def focused(self) -> Widget | None:
        """See Page."""
        return self._pane.front if self._pane.display else self._table

    def chosen(self) -> Chosen:
        """See Page."""
        return Chosen(node=self._pane.node if self._pane.display else self._table.chosen)

    def choose(self, chosen: Chosen) -> None:
        """See Page."""
        if chosen.node:
            self._table.choose(chosen.node)
            if self._pane.display:
                self._go_to(chosen.node)

    def crumbs(self) -> tuple[str, ...]:
        """See Page."""
        return (self._pane.node,) if self._pane.display else ()

    def open(self) -> None:
        """See Page."""
        if not self._pane.display and self._table.chosen and self._rows:
            self._pane.display, self._table.display = True, False
            self._go_to(self._table.chosen)
            self._pane.front.focus()

    def back(self) -> bool:
        """See Page."""
        if not self._pane.display:
            return False
        self._pane.display, self._table.display = False, True
        self._table.choose(self._pane.node)
        self._table.focus()
        self._again()
        return True

    def neighbour(self, step: int) -> None:
        """See Page."""
        names = [row.key for row in self._rows]
        if self._pane.display and self._pane.node in names:
            self._go_to(names[(names.index(self._pane.node) + step) % len(names)])

    def _go_to(self, node: str) -> None:
        self._pane.of(node)
        self._again()

    def _again(self) -> None:
        self.show(self._seen, elapsed_s=self._elapsed_s)

    def action_panel(self, by: int) -> None:
        if self._pane.display:
            self._pane.turn(by)

    # -- habits ------------------------------------------------------------------------------------------------------------

    def find(self, pattern: str, step: int) -> str:
        """See Page."""
        if self._pane.display:
            return self._pane.events.find(pattern, step)
        names = [row.key for row in self._rows]
        found = [row.key for row in sifted(self._rows, pattern)]
        if not found or not pattern:
            return f"no node matches {pattern}" if pattern else ""
        here = names.index(self._table.chosen) if self._table.chosen in names else -1
        ahead = [name for name in found if (names.index(name) - here) * step > 0]
        place = (ahead[0] if step > 0 else ahead[-1]) if ahead else (found[0] if step > 0 else found[-1])
        self._table.choose(place)
        return f"{found.index(place) + 1} of {len(found)}"

    def sift(self, pattern: str) -> None:
        """See Page."""
        if self._pane.display:
            try:
                self._pane.sift(pattern)
            except FilterError as exc:
                self.post_message(self.Say(str(exc), "bad"))
        else:
            self._filter = pattern.strip()
        self._again()

    def sort(self) -> str:
        """See Page."""
        self._order = ORDERS[(ORDERS.index(self._order) + 1) % len(ORDERS)]
        self._table.recolumn(columns_for(self._order))
        self._again()
        return f"sorted by {self._order}" if self._order != ORDERS[0] else "in the cluster's order"

    def mark(self) -> str:
        """See Page."""
        name = self.chosen().node
        if not name:
            return "there is no node to mark"
        if name in self._marked:
            del self._marked[name]
        else:
            self._marked[name] = None
        self._again()
        return f"{', '.join(self._marked)} marked" if self._marked else "none marked"

    def copy(self) -> str:
        """See Page."""
        return self.text() if self._pane.display else self.chosen().node
