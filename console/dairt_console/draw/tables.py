"""The columns of the Overview's tables, and the rows made for them from what is seen."""

from dataclasses import dataclass

from dairt.model.views import NodeView, RunView
from dairt_console.draw.bars import progress, sparkline
from dairt_console.draw.columns import Column
from dairt_console.draw.spans import Span, Tone, cut_middle
from dairt_console.draw.states import state
from dairt_console.draw.units import age, count, duration, rate
from dairt_console.reducer import Seen, Traffic

_STILL = Traffic(0, (), 0.0)


@dataclass(frozen=True)
class NodeRow:
    """One node, with its rates."""

    view: NodeView
    tx: float
    rx: float
    samples: tuple[float, ...]

    @property
    def key(self) -> str:
        return self.view.name

    @property
    def runs(self) -> bool:
        """False for a node that is down: its counters are of another life."""
        return self.view.state != "down"


@dataclass(frozen=True)
class RunRow:
    """One graph run; `state` is "lost" where the node that coordinated it was killed in the middle."""

    view: RunView
    state: str

    @property
    def key(self) -> str:
        return self.view.run


def node_rows(seen: Seen) -> list[NodeRow]:
    """A row a node, in the cluster's order."""
    rows = []
    for view in seen.nodes:
        traffic = seen.traffic.get(view.name, _STILL)
        rows.append(NodeRow(view, traffic.tx, traffic.rx, traffic.samples))
    return rows


def run_rows(seen: Seen) -> list[RunRow]:
    """A row a run, newest first; also those that went with their coordinator."""
    here = [run.run for run in seen.snapshot.runs] if seen.snapshot else []
    runs = sorted(seen.runs.values(), key=lambda run: (run.started_s, run.run), reverse=True)
    return [RunRow(run, "lost" if run.state == "running" and run.run not in here else run.state) for run in runs]


def _lanes(row: NodeRow) -> Span:
    """How many tasks wait in each lane, such as `compute 3  io 0`."""
    full = [lane.lane for lane in row.view.lanes if lane.queued >= lane.capacity > 0]
    text = "  ".join(f"{lane.lane} {'full' if lane.lane in full else lane.queued}" for lane in row.view.lanes)
    return (text or "-", "warn" if full else "plain") if row.runs else ("-", "dim")


def _busy(row: NodeRow) -> Span:
    lanes = row.view.lanes
    busy, workers = sum(lane.busy for lane in lanes), sum(lane.workers for lane in lanes)
    return (f"{busy}/{workers}", "accent" if busy else "plain") if row.runs and workers else ("-", "dim")


def _live(row: NodeRow, text: str) -> Span:
    return (text, "plain") if row.runs and text != "-" else ("-", "dim")


def _kept(row: NodeRow) -> Span:
    """How many keys it holds; while some are not on disk yet, how many of them are."""
    saved = sum(item.state == "durable" for item in row.view.checkpoints)
    total = len(row.view.checkpoints)
    return _live(row, f"{total}" if saved == total else f"{saved}/{total}")


NODE_COLUMNS: tuple[Column[NodeRow], ...] = (
    Column("NODE", 6, lambda row, _: (row.view.name, "strong"), keep=10, grow=2),
    Column("STATE", 10, lambda row, _: state(row.view.state), keep=9),
    Column("QUEUED", 18, lambda row, _: _lanes(row), keep=8, grow=1),
    Column("BUSY", 4, lambda row, _: _busy(row), keep=7, right=True),
    Column("SOCKETS", 7, lambda row, _: _live(row, str(row.view.sockets)), keep=6, right=True),
    Column("KEYS", 5, lambda row, _: _kept(row), keep=5, right=True),
    Column("TX", 10, lambda row, _: _live(row, rate(row.tx)), keep=4, right=True),
    Column("RX", 10, lambda row, _: _live(row, rate(row.rx)), keep=3, right=True),
    Column("SENT, LAST 8 s", 16, lambda row, width: (sparkline(row.samples, width) if row.runs else "", "accent"), keep=1),
    Column("UP FOR", 6, lambda row, _: _live(row, age(row.view.up_s)), keep=2, right=True),
    Column(
        "LIVES", 5, lambda row, _: (str(row.view.restarts + 1), "warn" if row.view.restarts else "plain"), keep=0, right=True
    ),
)

RUN_COLUMNS: tuple[Column[RunRow], ...] = (
    Column("RUN", 6, lambda row, width: (_short(row.view.run, width), "strong"), keep=10, grow=1),
    Column("STATE", 9, lambda row, _: state(row.state), keep=9),
    Column("OPS", 5, lambda row, _: (f"{count(row.view.done)}/{count(row.view.total)}", "plain"), keep=8, right=True),
    Column("DONE", 6, lambda row, width: (progress(row.view.done / max(row.view.total, 1), width), _tone(row)), keep=8, grow=2),
    Column("LOST", 4, lambda row, _: (count(row.view.lost), "warn" if row.view.lost else "dim"), keep=7, right=True),
    Column("TIME", 7, lambda row, _: (duration(row.view.seconds), "plain"), keep=5, right=True),
    Column("FROM", 4, lambda row, _: (row.view.coordinator, "plain"), keep=4),
    Column("GRAPH", 17, lambda row, _: (row.view.graph, "dim"), keep=2),
    Column("ANSWER", 12, lambda row, _: (row.view.digest[:12] or "-", "dim"), keep=3),
)


def _tone(row: RunRow) -> Tone:
    return state(row.state)[1]


def _short(run: str, width: int) -> str:
    """A run's name where there is no room for it: its node and its number, without what the node drew at boot between them."""
    node, *drawn, number = run.split(".") if run.count(".") > 1 else (run, "")
    return cut_middle(f"{node}…{number}" if drawn else run, width) if len(run) > width else run
