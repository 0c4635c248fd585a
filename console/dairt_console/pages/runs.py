"""The page Runs: all graph runs, and one run's graph, task stream and ops."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.widget import Widget

from dairt.model.views import GraphView
from dairt_console.attempts import Attempt, Work
from dairt_console.chosen import Chosen
from dairt_console.draw import task_stream
from dairt_console.draw.dag import Drawing, dag_lines, lay_out, op_at, window
from dairt_console.draw.op_panel import op_lines
from dairt_console.draw.ops import CriticalPath, critical_path, tally_line
from dairt_console.draw.runs import ORDERS, no_runs, note, run_text, run_title, sifted, unknown_graph
from dairt_console.draw.spans import Line
from dairt_console.draw.tables import RUN_COLUMNS, RunRow, run_rows
from dairt_console.pages.finding import next_match, place_of
from dairt_console.pages.panels import Panels
from dairt_console.reducer import Seen
from dairt_console.widgets.canvas import Canvas
from dairt_console.widgets.sheet import Sheet
from dairt_console.widgets.table import Table

ZOOM = 2.0
STREAM_KEYS = "← → ↑ ↓ op   + _ zoom   t follow"


class Runs(Panels):
    """Graph runs: their ops, and what the workers do for them."""

    NAME: ClassVar[str] = "runs"
    TITLE: ClassVar[str] = "Runs"
    DEFAULT_CSS = """
    Runs > #run-table { height: 2fr; }
    Runs > #run-dag { height: 3fr; }
    Runs > #run-stream { height: 3fr; }
    Runs > #run-op { height: 8; max-height: 30%; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.table: Table[RunRow] = Table("Graph runs", RUN_COLUMNS, "run-table", acted_on=True)
        self.dag = Canvas("run-dag")
        self.stream = Canvas("run-stream")
        self.op = Sheet("run-op")
        self._seen = Seen()
        self._rows: list[RunRow] = []
        self._opened = ""  # the run whose detail is shown
        self._cursor = ""  # an op
        self._attempt: tuple[str, int, str] | None = None  # op, number and node of what the stream's cursor is on
        self._view = task_stream.View()
        self._pattern = ""
        self._order = next(iter(ORDERS))
        self._drawing: Drawing | None = None
        self._critical: tuple[Work | None, CriticalPath] = (None, CriticalPath())

    def compose(self) -> ComposeResult:
        yield self.table
        yield self.dag
        yield self.stream
        yield self.op

    def panels(self) -> Sequence[Widget]:
        """See Panels."""
        return (self.dag, self.stream, self.op) if self._opened else (self.table, self.stream)

    # -- what is shown -------------------------------------------------------------------------------------------------

    def show(self, seen: Seen, *, elapsed_s: float) -> None:
        """See Page."""
        self._seen = seen
        self._rows = sifted(run_rows(seen), self._pattern, self._order)
        self.redraw()

    def redraw(self) -> None:
        """See Panels."""
        live = self._seen.link.state in ("connecting", "live")
        if self.table.display:
            beside = note(len(self._rows), len(self._seen.runs), self._pattern, self._order, live)
            self.table.show(self._rows, no_runs(self._seen, self._pattern), self.beside(beside))
        if self.dag.display:
            self.dag.show(self._draw_dag, f"Graph · {self._headline()}", self.place_in_small() or self._layers_shown())
        if self.stream.display:
            self.stream.show(self._draw_stream, f"Task stream · {self._stream_note()}", self.place_in_small() or STREAM_KEYS)
        if self.op.display:
            self.op.show(self._draw_op, "Op", self.place_in_small())

    @property
    def _row(self) -> RunRow | None:
        """The run that is opened, or the one at the cursor."""
        wanted = self._opened or self.table.chosen
        return next((row for row in run_rows(self._seen) if row.key == wanted), None)

    @property
    def _work(self) -> Work:
        row = self._row
        return self._seen.work.get(row.key, Work(row.key)) if row is not None else Work("")

    @property
    def _graph(self) -> GraphView | None:
        row = self._row
        return self._seen.graphs.get(row.view.graph_digest) if row is not None else None

    @property
    def _at(self) -> Attempt | None:
        """The attempt at the stream's cursor."""
        return next((a for a in reversed(self._work.attempts) if (a.op, a.number, a.node) == self._attempt), None)

    def _headline(self) -> str:
        row = self._row
        return run_title(row) if row is not None else "the run is forgotten"

    def _layers_shown(self) -> str:
        graph, size = self._graph, self.dag.size
        if graph is None or not graph.ops:
            return ""
        part = window(self._laid_out(graph), self._cursor, size.width, size.height - 1)
        last = min(part.column + part.columns, len(graph.layers))
        return f"layers {part.column + 1}–{last} of {len(graph.layers)} · ★ critical path"

    def _laid_out(self, graph: GraphView) -> Drawing:
        if self._drawing is None or self._drawing.graph.digest != graph.digest:
            self._drawing = lay_out(graph)
        return self._drawing

    def _path(self, graph: GraphView) -> CriticalPath:
        if self._critical[0] is not self._work:
            self._critical = (self._work, critical_path(graph, self._work.ops))
        return self._critical[1]

    def _draw_dag(self, width: int, height: int) -> Sequence[Line]:
        graph, row = self._graph, self._row
        if graph is None:
            why = unknown_graph(row) if row is not None else "the cluster has forgotten this run"
            return [((f" {why}", "dim"),), tally_line(None, self._work, CriticalPath(), width)]
        path = self._path(graph)
        head = ((" ", "plain"), *tally_line(graph, self._work, path, width - 2))
        return [head, *dag_lines(self._laid_out(graph), self._work, path.ops, self._cursor, width, height - 1)]

    def _draw_stream(self, width: int, height: int) -> Sequence[Line]:
        if self._row is None:
            return [((" no run is chosen", "dim"),)]
        return task_stream.stream_lines(self._work, self._view, self._seen.now_s, self._at, width, height)

    def _draw_op(self, width: int, height: int) -> Sequence[Line]:
        return op_lines(self._graph, self._work, self._cursor, width)

    def _stream_note(self) -> str:
        work = self._work
        parts = [f"{len(work.attempts)} attempts", task_stream.view_text(self._view)]
        if work.forgotten:
            parts.append(f"{work.forgotten} before these forgotten")
        if self._seen.entries_dropped:
            parts.append(f"{self._seen.entries_dropped} events never came here")
        return " · ".join(parts)

    # -- the cursor ----------------------------------------------------------------------------------------------------

    def on_canvas_steered(self, message: Canvas.Steered) -> None:
        graph = self._graph
        if message.canvas is self.dag and graph is not None:
            self._put_on_op(self._laid_out(graph).beside(self._cursor, message.right, message.down))
        elif message.canvas is self.stream:
            self._put_on(task_stream.beside(self._work, self._at, message.right, message.down))

    def on_canvas_pointed(self, message: Canvas.Pointed) -> None:
        graph, size = self._graph, message.canvas.size
        if message.canvas is self.dag and graph is not None:
            part = window(self._laid_out(graph), self._cursor, size.width, size.height - 1)
            self._put_on_op(op_at(self._laid_out(graph), part, message.x, message.y - 1) or self._cursor)
        elif message.canvas is self.stream:
            place, room = (message.x, message.y), (size.width, size.height)
            self._put_on(task_stream.attempt_at(self._work, self._view, self._seen.now_s, self._at, place, room))

    def _put_on_op(self, op: str) -> None:
        attempts = self._work.of(op)
        self._attempt = (attempts[-1].op, attempts[-1].number, attempts[-1].node) if attempts else None
        self._cursor = op
        self.redraw()

    def _put_on(self, attempt: Attempt | None) -> None:
        if attempt is not None:
            self._attempt = (attempt.op, attempt.number, attempt.node)
            self._cursor = attempt.op
            self.redraw()

    # -- what the desk asks --------------------------------------------------------------------------------------------

    def chosen(self) -> Chosen:
        """See Page: a run, its coordinator, and the op at the cursor with the node it ran on."""
        row, attempt = self._row, self._at
        if row is None:
            return Chosen()
        if not self._opened:
            return Chosen(run=row.key, node=row.view.coordinator)
        return Chosen(run=row.key, op=self._cursor, node=attempt.node if attempt is not None else row.view.coordinator)

    def choose(self, chosen: Chosen) -> None:
        """See Page."""
        if chosen.run not in self._seen.runs:
            return
        self.table.choose(chosen.run)
        if chosen.op:
            self._open(chosen.run)
            self._put_on_op(chosen.op)

    def crumbs(self) -> tuple[str, ...]:
        """See Page."""
        return (self._opened,) if self._opened else ()

    def open(self) -> None:
        """See Page."""
        if not self._opened and self.table.chosen:
            self._open(self.table.chosen)

    def _open(self, run: str) -> None:
        self._opened = run
        self._cursor, self._attempt, self._view = "", None, task_stream.View()
        self.lay_panels(focus=True)

    def back(self) -> bool:
        """See Page."""
        if not self._opened:
            return False
        self.table.choose(self._opened)
        self._opened = ""
        self.lay_panels(focus=True)
        return True

    def neighbour(self, step: int) -> None:
        """See Page."""
        keys = [row.key for row in self._rows]
        if self._opened in keys:
            self._open(keys[max(0, min(keys.index(self._opened) + step, len(keys) - 1))])

    def find(self, pattern: str, step: int) -> str:
        """See Page: a run, or in a run an op."""
        if self._opened:
            names = [op.name for op in self._graph.ops] if self._graph is not None else list(self._work.ops)
            at = next_match(names, self._cursor, pattern, step)
            if at is None:
                return f"no op matches {pattern}"
            self._put_on_op(names[at])
            return place_of(names, at, pattern)
        texts = [run_text(row) for row in self._rows]
        here = next((text for row, text in zip(self._rows, texts, strict=True) if row.key == self.table.chosen), "")
        at = next_match(texts, here, pattern, step)
        if at is None:
            return f"no run matches {pattern}"
        self.table.choose(self._rows[at].key)
        self.redraw()
        return place_of(texts, at, pattern)

    def sift(self, pattern: str) -> None:
        """See Page."""
        self._pattern = pattern
        self.show(self._seen, elapsed_s=0.0)

    def sort(self) -> str:
        """See Page."""
        orders = list(ORDERS)
        self._order = orders[(orders.index(self._order) + 1) % len(orders)]
        self.show(self._seen, elapsed_s=0.0)
        return self._order

    def copy(self) -> str:
        """See Page: the run in a line; in a run, the op and all that is known of it."""
        row = self._row
        if row is None:
            return ""
        lines = ["".join(text for text, _ in line).strip() for line in self._draw_op(1000, 1000)] if self._cursor else []
        return "\n".join([run_text(row), *lines])

    def do(self, command: str) -> str:
        """See Page."""
        now_s, attempt = self._seen.now_s, self._at
        around = attempt.started_s if attempt is not None else None
        match command:
            case "zoom_in":
                self._view = self._view.zoomed(self._work, now_s, 1 / ZOOM, around)
            case "zoom_out":
                self._view = self._view.zoomed(self._work, now_s, ZOOM, around)
            case "follow":
                self._view = task_stream.View(self._view.wide_s)
            case _:
                return ""
        self.redraw()
        return f"task stream: {task_stream.view_text(self._view)}"
