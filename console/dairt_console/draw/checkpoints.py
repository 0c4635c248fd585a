"""The Checkpoints panel: a row a key, or a graph's weights together, for all nodes that hold the same of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dairt.model.version import Version
from dairt.model.views import CheckpointView, NodeView
from dairt_console.draw.columns import Column
from dairt_console.draw.spans import Span, cut, cut_middle
from dairt_console.draw.states import state
from dairt_console.draw.units import age, size
from dairt_console.reducer import Seen

_WORST = ("failed", "writing", "memory")  # what one part says of the whole, the first that is true
Parts = tuple[tuple[str, Version, str], ...]  # key, version and state of each


@dataclass(frozen=True)
class CheckpointRow:
    """What some nodes hold alike: one key, or all that begins with `name/`."""

    name: str
    items: tuple[CheckpointView, ...]
    nodes: tuple[str, ...]
    of: int
    state: str
    age: str

    @property
    def key(self) -> str:
        return f"{self.name} {self.nodes[0]}"

    @property
    def newest(self) -> int:
        """The highest version in it."""
        return max(item.version.counter for item in self.items)

    @property
    def nbytes(self) -> int:
        """The size of one node's copy."""
        return sum(item.nbytes for item in self.items)


def checkpoint_rows(seen: Seen) -> list[CheckpointRow]:
    """By name, newest copy first; what has parts, such as the weights of graphs, comes last."""
    if seen.snapshot is None:
        return []
    newest = _newest(seen.nodes)
    parts = Counter(_row_of(key) for key in newest)
    alike: dict[tuple[str, Parts], list[str]] = {}
    held: dict[tuple[str, Parts], list[CheckpointView]] = {}
    for node in seen.nodes:
        for name, items in _by_row(node.checkpoints).items():
            same: Parts = tuple((item.key, item.version, item.state) for item in items)
            alike.setdefault((name, same), []).append(node.name)
            held.setdefault((name, same), []).extend(items)
    rows = []
    for (name, same), nodes in alike.items():
        items = held[name, same]
        old = len(same) < parts[name] or any(version < newest[key] for key, version, _ in same)
        written = max(item.written_at for item in items)
        rows.append(
            CheckpointRow(
                name if parts[name] > 1 else same[0][0], tuple(items[: len(same)]), tuple(nodes), len(seen.nodes),
                _state(same, old), _age(written, seen.snapshot.wall_s),
            )
        )  # fmt: skip
    return sorted(rows, key=lambda row: ("/" in row.name, row.name, -row.newest, row.nodes))


def _newest(nodes: Sequence[NodeView]) -> dict[str, Version]:
    newest: dict[str, Version] = {}
    for node in nodes:
        for item in node.checkpoints:
            newest[item.key] = max(newest.get(item.key, item.version), item.version)
    return newest


def _row_of(key: str) -> str:
    """The row a key belongs to: its own, or that of all that begins as it does up to the last slash."""
    return key.rpartition("/")[0] + "/" if "/" in key else key


def _by_row(items: Sequence[CheckpointView]) -> dict[str, list[CheckpointView]]:
    rows: dict[str, list[CheckpointView]] = {}
    for item in sorted(items, key=lambda item: item.key):
        rows.setdefault(_row_of(item.key), []).append(item)
    return rows


def _state(parts: Parts, old: bool) -> str:
    words = [word for _, _, word in parts]
    for word in _WORST:
        if word in words:
            return word
    return "older" if old else "durable"


def _age(written_at: float, wall_s: float) -> str:
    return age(wall_s - written_at) if written_at > 0 and wall_s > 0 else "-"


def _name(row: CheckpointRow, width: int) -> Span:
    return cut(row.name, width) if row.name.endswith("/") else cut_middle(row.name, width), "plain"


def _nodes(row: CheckpointRow, width: int) -> Span:
    if len(row.nodes) == row.of > 1:
        return f"all {row.of}", "strong"
    names = " ".join(row.nodes)
    return names if len(names) <= width else f"{len(row.nodes)}/{row.of}", "strong"


def _version(row: CheckpointRow) -> Span:
    return f"{len(row.items)} keys" if row.name.endswith("/") else str(row.items[0].version), "plain"


def _tensor(row: CheckpointRow) -> str:
    item = row.items[0]
    return f"{item.dtype} {'x'.join(map(str, item.shape))}" if len(row.items) == 1 else f"{len(row.items)} tensors"


CHECKPOINT_COLUMNS: tuple[Column[CheckpointRow], ...] = (
    Column("KEY", 9, _name, keep=10, grow=4),
    Column("NODES", 5, _nodes, keep=9, grow=1),
    Column("STATE", 9, lambda row, _: state(row.state), keep=8),
    Column("VERSION", 7, lambda row, _: _version(row), keep=6, grow=1),
    Column("SIZE", 8, lambda row, _: (size(row.nbytes), "plain"), keep=5, right=True),
    Column("AGE", 4, lambda row, _: (row.age, "dim" if row.age == "-" else "plain"), keep=7, right=True),
    Column("TENSOR", 18, lambda row, _: (_tensor(row), "dim"), keep=2),
    Column("CHECKSUM", 16, lambda row, _: (f"{row.items[0].checksum:016x}" if len(row.items) == 1 else "-", "dim"), keep=1),
)
