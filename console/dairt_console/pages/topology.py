"""The page Topology: the nodes as a ring or a matrix, what flows between them, and one node's links."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.widget import Widget

from dairt.model.views import NodeView
from dairt_console.chosen import Chosen
from dairt_console.draw.matrix import LEGEND, Window, matrix_lines, window
from dairt_console.draw.nodes import node_lines as all_lines
from dairt_console.draw.nodes import sifted
from dairt_console.draw.spans import Line, clean, text_of
from dairt_console.draw.topology import hearing_line, picture
from dairt_console.draw.topology_layout import Layout, lay_out
from dairt_console.draw.topology_links import LinkRow, Links
from dairt_console.draw.topology_side import LINK_COLUMNS, link_lines, node_lines
from dairt_console.draw.units import plural
from dairt_console.keys import bind
from dairt_console.pages.finding import next_match, place_of
from dairt_console.pages.panels import SMALL, Panels
from dairt_console.reducer import Seen
from dairt_console.widgets.canvas import FAR, Canvas
from dairt_console.widgets.sheet import Sheet
from dairt_console.widgets.table import Table

BOTTOM = 1  # the line under the picture
RING_LEGEND = "╳ cut ‖ held ┊ slow ╌ lossy · rates from 1 KiB/s"


class LinkTable(Table[LinkRow]):
    """The links of one node; tells when a person has gone to another."""

    class Moved(Message):
        """The cursor is on another link."""

    def _move_to(self, index: int) -> None:
        super()._move_to(index)
        self.post_message(self.Moved())


class Topology(Panels):
    """Nodes and the links between them."""

    NAME: ClassVar[str] = "topology"
    TITLE: ClassVar[str] = "Topology"
    BINDINGS: ClassVar[list[BindingType]] = [*bind("page_up", "leap(-1)"), *bind("page_down", "leap(1)")]
    DEFAULT_CSS = """
    Topology { layout: grid; grid-size: 2; grid-columns: 1fr 44%; grid-rows: 10 1fr; }
    Topology > #topology-canvas { row-span: 2; }
    Topology.small { layout: vertical; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.canvas = Canvas("topology-canvas")
        self.about = Sheet("topology-about")
        self.links = LinkTable("Links", LINK_COLUMNS, "topology-links", acted_on=True)
        self._seen = Seen()
        self._known = Links(self._seen)
        self._elapsed_s = 0.0
        self._views: Sequence[NodeView] = ()
        self._node = ""  # at the cursor
        self._peer = ""  # in the matrix, the column of the cursor
        self._pattern = ""
        self._wants: Literal["", "ring", "matrix"] = ""  # "": what suits the room
        self._laid_out: tuple[tuple[tuple[str, ...], int, int], Layout | None] | None = None

    def compose(self) -> ComposeResult:
        yield self.canvas
        yield self.about
        yield self.links

    def panels(self) -> Sequence[Widget]:
        """See Panels."""
        return (self.canvas, self.links, self.about)

    def lay_panels(self, *, focus: bool = False) -> None:
        """See Panels."""
        self.set_class(self.is_small, "small")
        super().lay_panels(focus=focus)

    # -- what is shown -------------------------------------------------------------------------------------------------

    def show(self, seen: Seen, *, elapsed_s: float) -> None:
        """See Page."""
        self._seen, self._known, self._elapsed_s = seen, Links(seen), elapsed_s
        self._views = [row.view for row in sifted(all_lines(seen), self._pattern)] if self._pattern else seen.nodes
        if self._views and self._node not in self._names:
            self._node = self._views[0].name
        self.redraw()

    def redraw(self) -> None:
        """See Panels."""
        node = self._seen.node(self._node) if self._views else None
        if self.links.display:
            self.links.show(
                self._known.rows(self._node) if node else (),
                self._no_links(node),
                self.beside(f"of {self._node}" if node else ""),
            )
        if self.canvas.display:
            self.canvas.show(self._draw, self._title(), self._note())
        if self.about.display:
            other = self._seen.node(self._chosen_peer)
            title = f"Link {self._node}↔{other.name}" if other else f"Node {self._node}" if node else "Node"
            self.about.show(self._draw_about, title, self.place_in_small())

    @property
    def _names(self) -> list[str]:
        return [node.name for node in self._views]

    @property
    def is_matrix(self) -> bool:
        """True where the matrix is shown: asked for, or because a ring would show less."""
        ring = self._ring()
        if self._wants:
            return self._wants == "matrix" or ring is None
        return ring is None or self.app.size.width < SMALL[0]

    def _ring(self) -> Layout | None:
        """The ring in the room there is, laid out once; None where there is no room for one."""
        key = (tuple(self._names), self.canvas.size.width, self.canvas.size.height - BOTTOM)
        if self._laid_out is None or self._laid_out[0] != key:
            self._laid_out = (key, lay_out(*key))
        return self._laid_out[1]

    def _draw(self, width: int, height: int) -> Sequence[Line]:
        if not self._views:
            return [(), *(((f"  {text}", "dim" if at else "plain"),) for at, text in enumerate(self._empty()))]
        ring, drawn = self._ring(), ""
        if self.is_matrix or ring is None:
            lines = matrix_lines(self._known, self._names, self._window, *self._cell)
        else:
            lines, drawn = picture(self._known, ring, self._node, self._chosen_peer)
        room = max(height - BOTTOM, 1)
        hearing = hearing_line(self._known, max(width - len(drawn) - 1, 1))
        return [*lines[:room], *[()] * (room - len(lines)), (*hearing, (drawn, "dim"))]

    def _draw_about(self, width: int, height: int) -> Sequence[Line]:
        node, other = self._seen.node(self._node) if self._views else None, self._seen.node(self._chosen_peer)
        if node is None:
            return [((f" {self._empty()[0]}", "dim"),)]
        return (
            link_lines(self._known, node.name, other.name, width) if other is not None else node_lines(self._known, node, width)
        )

    def _empty(self) -> tuple[str, ...]:
        if self._seen.nodes:
            return (f"no node matches {clean(self._pattern)}", "f then ⏎ shows all")
        if self._seen.link.state == "connecting":
            return ("the nodes are coming up…", f"{self._elapsed_s:.0f} s")
        return ("this cluster has no nodes",)

    def _no_links(self, node: NodeView | None) -> tuple[str, ...]:
        if node is None:
            return self._empty()
        return (
            (f"{node.name} is {node.state}: it has no links",) if node.state == "down" else (f"{node.name} has no peers yet",)
        )

    def _title(self) -> str:
        parts = ["Topology"]
        if self._views and self.is_matrix:
            parts.append(f"matrix · {self._window.text(len(self._views))}")
        elif self._views:
            parts.append(f"ring of {plural(len(self._views), 'node')}")
        if self._pattern:
            parts.append(f"filter {self._pattern}: {len(self._views)} of {len(self._seen.nodes)}")
        if self._seen.link.state not in ("connecting", "live"):
            parts.append("as last seen")
        return " · ".join(parts)

    def _note(self) -> str:
        return self.place_in_small() or (LEGEND if self.is_matrix else RING_LEGEND) if self._views else ""

    @property
    def _cell(self) -> tuple[int, int]:
        """The matrix's cursor: a row and a column."""
        names = self._names
        row = names.index(self._node) if self._node in names else 0
        peer = self._chosen_peer or self._peer
        return row, names.index(peer) if peer in names else row

    @property
    def _window(self) -> Window:
        return window(self._names, *self._cell, self.canvas.size.width, self.canvas.size.height - BOTTOM)

    # -- the cursor ----------------------------------------------------------------------------------------------------

    def on_canvas_steered(self, message: Canvas.Steered) -> None:
        ring, names = self._ring(), self._names
        if not names:
            return
        far = abs(message.right) == FAR
        if not self.is_matrix and ring is not None:
            ends = names[0 if message.right < 0 else -1]
            self._put_on(ends if far else ring.beside(self._node, message.right, message.down))
            return
        (row, column), last = self._cell, len(names) - 1
        right, down = (0, message.right) if far else (message.right, message.down)  # the first and the last are rows
        self._put_on(names[max(0, min(row + down, last))], names[max(0, min(column + right, last))])

    def on_canvas_pointed(self, message: Canvas.Pointed) -> None:
        ring, names = self._ring(), self._names
        if not names:
            return
        if not self.is_matrix and ring is not None:
            self._put_on(ring.at(message.x, message.y) or self._node)
        elif (cell := self._window.at(message.x, message.y)) is not None:
            self._put_on(names[cell[0]], names[cell[1]])

    def action_leap(self, by: int) -> None:
        """In the matrix, a window further; in a ring all is in sight."""
        if self._views and self.is_matrix:
            self.on_canvas_steered(Canvas.Steered(self.canvas, 0, by * self._window.rows))

    def on_link_table_moved(self) -> None:
        if self._here() is self.links:
            self._peer = self.links.chosen
            self.redraw()
            self.post_message(self.Moved())

    def _put_on(self, node: str, peer: str = "") -> None:
        """Put the cursor on a node, or on its link to a peer; a matrix remembers a column also where that is the node's own."""
        self._node, self._peer = node, peer
        self.redraw()
        if peer != node:
            self.links.choose(peer)
        self.post_message(self.Moved())

    @property
    def _chosen_peer(self) -> str:
        """The other end, where a link is chosen and not a node."""
        if self._here() is self.links:
            return self.links.chosen
        return "" if self._peer == self._node or (self._here() is self.canvas and not self.is_matrix) else self._peer

    def action_panel(self, by: int) -> None:
        """See Panels: the link that was chosen stays so, but for a ring, where nodes are chosen."""
        self._peer = self._chosen_peer
        super().action_panel(by)
        self.post_message(self.Moved())

    # -- what the desk asks --------------------------------------------------------------------------------------------

    def chosen(self) -> Chosen:
        """See Page: a node; with a peer where a link is chosen, and the fault on it."""
        if not self._views:
            return Chosen()
        peer = self._chosen_peer
        faults = self._known.faults_between(self._node, peer) if peer else ()
        return Chosen(node=self._node, peer=peer, fault=faults[0].id if faults else "")

    def choose(self, chosen: Chosen) -> None:
        """See Page."""
        if chosen.node not in self._names:
            return
        if chosen.peer:
            self._front = self.links
        self._put_on(chosen.node, chosen.peer)

    def crumbs(self) -> tuple[str, ...]:
        """See Page."""
        if not self._views:
            return ()
        return (f"{self._node}↔{self._chosen_peer}",) if self._chosen_peer else (self._node,)

    def open(self) -> None:
        """See Page: the page Nodes has more of the node, or of the peer where the cursor is among links."""
        if self._views:
            self.post_message(self.Go("nodes", Chosen(node=self.links.chosen if self._here() is self.links else self._node)))

    def back(self) -> bool:
        """See Page: from a link to its node."""
        if self._here() is self.canvas and not self._chosen_peer:
            return False
        self._front, self._peer = self.canvas, ""
        self.lay_panels(focus=True)
        return True

    def neighbour(self, step: int) -> None:
        """See Page."""
        names = self._names
        if names:
            self._put_on(names[(names.index(self._node) + step) % len(names)], self._peer)

    # -- habits --------------------------------------------------------------------------------------------------------

    def find(self, pattern: str, step: int) -> str:
        """See Page."""
        names = self._names
        at = next_match(names, self._node, pattern, step) if names and pattern else None
        if at is None:
            return f"no node matches {pattern}" if pattern else ""
        self._put_on(names[at], self._peer)
        return place_of(names, at, pattern)

    def sift(self, pattern: str) -> None:
        """See Page."""
        self._pattern = pattern.strip()
        self.show(self._seen, elapsed_s=self._elapsed_s)

    def copy(self) -> str:
        """See Page: what is told of the node or the link that is chosen."""
        if not self._views:
            return ""
        peer = self._chosen_peer
        head = f"{self._node}↔{peer}" if peer else self._node
        return "\n".join([head, *(text_of(line).strip() for line in self._draw_about(200, 100))])

    def do(self, command: str) -> str:
        """See Page."""
        if command != "matrix":
            return ""
        if self.is_matrix and self._ring() is None:
            return (
                f"no room for a ring of {plural(len(self._views), 'node')} here: filter some with f, or make the window larger"
            )
        self._wants = "ring" if self.is_matrix else "matrix"
        self.redraw()
        return "a matrix: a row a node, a column a peer" if self._wants == "matrix" else "a ring"
