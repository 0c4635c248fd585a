"""The rows of the page Nodes, their columns, the orders they can stand in, and which of them a filter shows."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from dairt.model.views import NodeView
from dairt_console.draw.bars import sparkline
from dairt_console.draw.columns import Column
from dairt_console.draw.spans import Span
from dairt_console.draw.states import state
from dairt_console.draw.units import age, rate, size
from dairt_console.reducer import Seen, Traffic

_STILL = Traffic(0, (), 0.0)


@dataclass(frozen=True)
class NodeLine:
    """One node, with what is derived from its views: its rates, its peers that are heard, and what is wrong with it."""

    view: NodeView
    traffic: Traffic
    marked: bool
    alerts: int

    @property
    def key(self) -> str:
        return self.view.name

    @property
    def runs(self) -> bool:
        """False for a node that is down: its numbers are of another life."""
        return self.view.state != "down"

    @property
    def queued(self) -> int:
        """Tasks that wait, in all lanes."""
        return sum(lane.queued for lane in self.view.lanes)

    @property
    def busy(self) -> int:
        """Workers at work."""
        return sum(lane.busy for lane in self.view.lanes)

    @property
    def alive(self) -> int:
        """Peers it hears."""
        return sum(peer.state == "alive" for peer in self.view.peers)


def node_lines(seen: Seen, marked: Collection[str] = ()) -> list[NodeLine]:
    """A line a node, in the cluster's order."""
    wrong: dict[str, int] = {}
    for alert in seen.alerts.now.values():
        for name in alert.nodes:
            wrong[name] = wrong.get(name, 0) + 1
    return [
        NodeLine(view, seen.traffic.get(view.name, _STILL), view.name in marked, wrong.get(view.name, 0)) for view in seen.nodes
    ]


def _number(row: NodeLine, text: str) -> Span:
    return (text, "plain") if row.runs and text not in ("0", "-") else ("-", "dim")


def _busy(row: NodeLine) -> Span:
    workers = sum(lane.workers for lane in row.view.lanes)
    return (f"{row.busy}/{workers}", "accent" if row.busy else "plain") if row.runs and workers else ("-", "dim")


def _queued(row: NodeLine) -> Span:
    full = any(lane.queued >= lane.capacity > 0 for lane in row.view.lanes)
    text = " ".join(f"{lane.lane} {'full' if lane.queued >= lane.capacity > 0 else lane.queued}" for lane in row.view.lanes)
    return (text or "-", "warn" if full else "plain" if row.queued else "dim") if row.runs else ("-", "dim")


def _peers(row: NodeLine) -> Span:
    total = len(row.view.peers)
    return (f"{row.alive}/{total}", "plain" if row.alive == total else "warn") if row.runs and total else ("-", "dim")


def _keys(row: NodeLine) -> Span:
    saved, total = sum(item.state == "durable" for item in row.view.checkpoints), len(row.view.checkpoints)
    return _number(row, f"{total}" if saved == total else f"{saved}/{total}")


def _held(row: NodeLine) -> float:
    return float(sum(item.nbytes for item in row.view.checkpoints))


def _sockets(row: NodeLine) -> Span:
    return _number(row, str(row.view.sockets))


def _sent(row: NodeLine, width: int) -> Span:
    return (sparkline(row.traffic.samples, width) if row.runs else "", "accent")


def _lives(row: NodeLine) -> Span:
    return str(row.view.restarts + 1), "warn" if row.view.restarts else "plain"


def _alerts(row: NodeLine) -> Span:
    return (f"▲ {row.alerts}", "warn") if row.alerts else ("-", "dim")


_STATES = ("down", "paused", "draining", "starting", "up")  # the worst first
# Each column with what it is sorted by, the most telling first; None where the order of the cluster is meant.
_COLUMNS: tuple[tuple[Column[NodeLine], Callable[[NodeLine], float] | None], ...] = (
    (Column("NODE", 8, lambda row, _: (f"{'◆ ' if row.marked else ''}{row.key}", "strong"), keep=20, grow=2), None),
    (Column("STATE", 10, lambda row, _: state(row.view.state), keep=19), lambda row: -_STATES.index(row.view.state)),
    (Column("QUEUED", 17, lambda row, _: _queued(row), keep=18, grow=1), lambda row: row.queued),
    (Column("BUSY", 5, lambda row, _: _busy(row), keep=17, right=True), lambda row: row.busy),
    (Column("TX", 10, lambda row, _: _number(row, rate(row.traffic.tx)), keep=16, right=True), lambda row: row.traffic.tx),
    (Column("RX", 10, lambda row, _: _number(row, rate(row.traffic.rx)), keep=15, right=True), lambda row: row.traffic.rx),
    (Column("PEERS", 7, lambda row, _: _peers(row), keep=14, right=True), lambda row: len(row.view.peers) - row.alive),
    (Column("ALERTS", 6, lambda row, _: _alerts(row), keep=13, right=True), lambda row: row.alerts),
    (Column("KEYS", 6, lambda row, _: _keys(row), keep=12, right=True), lambda row: len(row.view.checkpoints)),
    (Column("HELD", 8, lambda row, _: _number(row, size(_held(row))), keep=11, right=True), _held),
    (Column("SOCKETS", 8, lambda row, _: _sockets(row), keep=10, right=True), lambda row: row.view.sockets),
    (Column("LIVES", 6, lambda row, _: _lives(row), keep=9, right=True), lambda row: row.view.restarts),
    (Column("UP FOR", 7, lambda row, _: _number(row, age(row.view.up_s)), keep=8, right=True), lambda row: -row.view.up_s),
    (Column("SENT, LAST 15 s", 30, lambda row, width: _sent(row, width), keep=7), None),
    (Column("ADDRESS", 21, lambda row, _: (row.view.address, "dim"), keep=6), None),
)  # fmt: skip
ORDERS = ("NODE", *(column.title for column, by in _COLUMNS if by is not None))


def columns_for(order: str) -> tuple[Column[NodeLine], ...]:
    """The columns; the one the rows are sorted by says so."""
    return tuple(replace(column, title=f"{column.title}↓") if column.title == order else column for column, _ in _COLUMNS)


def in_order(rows: Sequence[NodeLine], order: str) -> list[NodeLine]:
    """The rows, the most telling of that column first; equal ones in the cluster's order."""
    by = next((by for column, by in _COLUMNS if column.title == order), None)
    return sorted(rows, key=lambda row: -by(row)) if by is not None else list(rows)


def sifted(rows: Sequence[NodeLine], pattern: str) -> list[NodeLine]:
    """The rows in which every word of the pattern stands: in name, state or address; `!word` is one that does not."""
    words = [(word.removeprefix("!").casefold(), word.startswith("!")) for word in pattern.split()]
    return [row for row in rows if all((word in _text(row)) != negated for word, negated in words)]


def _text(row: NodeLine) -> str:
    alerts = " alert" if row.alerts else ""
    return f"{row.key} {row.view.state} {row.view.address}{' marked' if row.marked else ''}{alerts}".casefold()
