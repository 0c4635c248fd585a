"""The columns of the Overview's tables, and the rows made for them from what is seen."""

from dataclasses import dataclass

from dairt.model.views import CheckpointView, FaultView, NodeView, RunView
from dairt_console.draw.bars import progress, sparkline
from dairt_console.draw.columns import Column
from dairt_console.draw.spans import Span, Tone, cut_middle
from dairt_console.draw.states import state
from dairt_console.draw.units import age, count, duration, rate, size
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
class CheckpointRow:
    """One key on one node, and how old its checkpoint is."""

    node: str
    view: CheckpointView
    age: str

    @property
    def key(self) -> str:
        return f"{self.node}/{self.view.key}"


@dataclass(frozen=True)
class RunRow:
    """One graph run."""

    view: RunView

    @property
    def key(self) -> str:
        return self.view.run


@dataclass(frozen=True)
class TroubleRow:
    """A fault, or something wrong that nobody asked for."""

    key: str
    state: str
    text: str
    left: str = ""


def node_rows(seen: Seen) -> list[NodeRow]:
    """A row a node, in the cluster's order."""
    rows = []
    for view in seen.nodes:
        traffic = seen.traffic.get(view.name, _STILL)
        rows.append(NodeRow(view, traffic.tx, traffic.rx, traffic.samples))
    return rows


def checkpoint_rows(seen: Seen) -> list[CheckpointRow]:
    """A row a key and node: one key's copies stand together; the weights of graphs, which are many, come last."""
    if seen.snapshot is None:
        return []
    wall = seen.snapshot.wall_s
    rows = [CheckpointRow(node.name, item, _age(item, wall)) for node in seen.nodes for item in node.checkpoints]
    return sorted(rows, key=lambda row: ("/" in row.view.key, row.view.key, row.node))


def _age(item: CheckpointView, wall_s: float) -> str:
    if item.written_at <= 0 or wall_s <= 0:
        return "-"
    return age(wall_s - item.written_at)


def run_rows(seen: Seen) -> list[RunRow]:
    """A row a run, newest first."""
    runs = seen.snapshot.runs if seen.snapshot else ()
    return [RunRow(run) for run in sorted(runs, key=lambda run: (run.started_s, run.run), reverse=True)]


def alerts(seen: Seen) -> list[TroubleRow]:
    """What is wrong now: nodes not up, checkpoints that failed, promises broken."""
    rows = [
        TroubleRow(f"node {n.name}", n.state, f"{n.name} is {n.state}") for n in seen.nodes if n.state in ("down", "paused")
    ]
    for node in seen.nodes:
        failed = [item.key for item in node.checkpoints if item.state == "failed"]
        if failed:
            rows.append(TroubleRow(f"disk {node.name}", "failed", f"{node.name} could not write {', '.join(failed)}"))
    promises = seen.snapshot.promises if seen.snapshot else ()
    rows += [TroubleRow(f"promise {p.promise}", "broken", f"{p.promise}: {p.reason}") for p in promises if p.state == "broken"]
    return rows


_FAULT_ORDER = {"active": 0, "planned": 1, "healed": 2, "done": 2, "skipped": 3}


def trouble_rows(seen: Seen) -> list[TroubleRow]:
    """Active faults, then alerts, then faults to come and past ones, the latest of those first."""
    faults = list(seen.snapshot.faults) if seen.snapshot else []
    active = [_fault(fault) for fault in faults if fault.state == "active"]
    planned = [_fault(fault) for fault in faults if fault.state == "planned"]
    past = [_fault(fault) for fault in reversed(faults) if fault.state not in ("active", "planned")]
    return [*active, *alerts(seen), *planned, *past]


def _fault(fault: FaultView) -> TroubleRow:
    left = "until healed" if fault.left_s < 0 else f"{age(fault.left_s)} left"
    return TroubleRow(f"fault {fault.id}", fault.state, fault.text, left if fault.state == "active" else "")


def _lanes(row: NodeRow) -> Span:
    full = any(lane.queued >= lane.capacity > 0 for lane in row.view.lanes)
    text = "  ".join(f"{lane.lane[:1].upper()} {lane.queued}/{lane.capacity}" for lane in row.view.lanes)
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
    Column("QUEUED", 16, lambda row, _: _lanes(row), keep=8, grow=1),
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

CHECKPOINT_COLUMNS: tuple[Column[CheckpointRow], ...] = (
    Column("KEY", 9, lambda row, width: (cut_middle(row.view.key, width), "plain"), keep=10, grow=3),
    Column("NODE", 4, lambda row, _: (row.node, "strong"), keep=9, grow=1),
    Column("STATE", 9, lambda row, _: state(row.view.state), keep=8),
    Column("VERSION", 7, lambda row, _: (str(row.view.version), "plain"), keep=6, grow=1),
    Column("SIZE", 8, lambda row, _: (size(row.view.nbytes), "plain"), keep=5, right=True),
    Column("AGE", 4, lambda row, _: (row.age, "dim" if row.age == "-" else "plain"), keep=7, right=True),
    Column("TENSOR", 18, lambda row, _: (f"{row.view.dtype} {'x'.join(map(str, row.view.shape))}", "dim"), keep=2),
    Column("CHECKSUM", 16, lambda row, _: (f"{row.view.checksum:016x}", "dim"), keep=1),
)

RUN_COLUMNS: tuple[Column[RunRow], ...] = (
    Column("RUN", 7, lambda row, width: (cut_middle(row.view.run, width), "strong"), keep=10, grow=1),
    Column("STATE", 9, lambda row, _: state(row.view.state), keep=9),
    Column("OPS", 5, lambda row, _: (f"{count(row.view.done)}/{count(row.view.total)}", "plain"), keep=8, right=True),
    Column("DONE", 6, lambda row, width: (progress(row.view.done / max(row.view.total, 1), width), _tone(row)), keep=8, grow=2),
    Column("LOST", 4, lambda row, _: (count(row.view.lost), "warn" if row.view.lost else "dim"), keep=7, right=True),
    Column("TIME", 7, lambda row, _: (duration(row.view.seconds), "plain"), keep=5, right=True),
    Column("FROM", 4, lambda row, _: (row.view.coordinator, "plain"), keep=4),
    Column("GRAPH", 12, lambda row, _: (row.view.graph, "dim"), keep=2),
    Column("ANSWER", 12, lambda row, _: (row.view.digest[:12] or "-", "dim"), keep=3),
)

TROUBLE_COLUMNS: tuple[Column[TroubleRow], ...] = (
    Column("STATE", 9, lambda row, _: state(row.state), keep=10),
    Column(
        "WHAT",
        16,
        lambda row, _: (row.text, "dim" if row.state in ("healed", "done", "skipped", "planned") else "plain"),
        keep=9,
        grow=1,
    ),
    Column("ENDS", 12, lambda row, _: (row.left, "dim"), keep=1),
)


def _tone(row: RunRow) -> Tone:
    return state(row.view.state)[1]
