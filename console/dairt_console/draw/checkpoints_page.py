"""The page Checkpoints: every key and where it is safe, a key's copies, what was told of it, and what is in it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dairt.control.frames import Peeked
from dairt.model.events import CheckpointDamaged, CheckpointDurable, CheckpointSetAside, CheckpointVerified, Entry
from dairt.model.version import Version
from dairt.model.views import CheckpointView
from dairt_console.draw.columns import Column
from dairt_console.draw.spans import Line, Span, clean, cut_middle, fit_line
from dairt_console.draw.states import level, state
from dairt_console.draw.units import age, clock, count, size
from dairt_console.reducer import Seen

ABSENT = "·"


@dataclass(frozen=True)
class Copy:
    """One node's copy of a key. `check` is what the last verification of its newest file found: "" for none yet."""

    node: str
    view: CheckpointView
    newest: bool
    check: str
    checked_s: float
    age_s: float

    @property
    def key(self) -> str:
        return self.node

    @property
    def state(self) -> str:
        """How safe it is, in a word."""
        if self.check == "damaged":
            return "damaged"
        return self.view.state if self.newest or self.view.state != "durable" else "older"


@dataclass(frozen=True)
class KeyRow:
    """One key, for all nodes; `nodes` are all there are, those without a copy too."""

    name: str
    copies: tuple[Copy, ...]
    nodes: tuple[str, ...]

    @property
    def key(self) -> str:
        return self.name

    @property
    def newest(self) -> CheckpointView:
        """The copy with the newest version."""
        return max((copy.view for copy in self.copies), key=lambda view: view.version)

    @property
    def safe(self) -> int:
        """How many nodes have the newest version on disk, as far as is known."""
        return sum(copy.state == "durable" for copy in self.copies)

    @property
    def state(self) -> str:
        """The worst that is true of a copy; `older` where a node lags behind."""
        words = [copy.state for copy in self.copies]
        return next((word for word in ("damaged", "failed", "writing", "memory", "older") if word in words), "durable")

    @property
    def age_s(self) -> float:
        return min(copy.age_s for copy in self.copies)


# Each order's name, and what it sorts by.
ORDERS: dict[str, Callable[[KeyRow], tuple[object, ...]]] = {
    "by key": lambda row: ("/" in row.name, row.name),
    "worst first": lambda row: (row.safe - len(row.nodes), row.name),
    "newest first": lambda row: (row.age_s, row.name),
    "largest first": lambda row: (-row.newest.nbytes, row.name),
}


def key_rows(seen: Seen) -> list[KeyRow]:
    """A row a key, in no order yet."""
    if seen.snapshot is None:
        return []
    newest: dict[str, Version] = {}
    for node in seen.nodes:
        for item in node.checkpoints:
            newest[item.key] = max(newest.get(item.key, item.version), item.version)
    checks = _checks(seen.savings)
    copies: dict[str, list[Copy]] = {}
    for node in seen.nodes:
        for item in node.checkpoints:
            on_disk = item.on_disk[-1] if item.on_disk else item.version
            check, at_s = checks.get((node.name, item.key, on_disk), ("", 0.0))
            old = seen.snapshot.wall_s - item.written_at
            copies.setdefault(item.key, []).append(
                Copy(node.name, item, item.version == newest[item.key], check, at_s, old)
            )  # fmt: skip
    names = tuple(node.name for node in seen.nodes)
    return [KeyRow(key, tuple(held), names) for key, held in copies.items()]


def _checks(savings: Sequence[Entry]) -> dict[tuple[str, str, Version], tuple[str, float]]:
    """What is known last of each file, by node, key and version: whole, or damaged. A file written anew is not checked yet."""
    known: dict[tuple[str, str, Version], tuple[str, float]] = {}
    for entry in savings:
        match entry.event:
            case CheckpointVerified(key=key, version=version):
                known[entry.node, key, version] = ("whole", entry.time_s)
            case CheckpointDamaged(key=key, version=version):
                known[entry.node, key, version] = ("damaged", entry.time_s)
            case CheckpointDurable(key=key, version=version):
                known.pop((entry.node, key, version), None)
    return known


def sifted(rows: Sequence[KeyRow], pattern: str, order: str) -> list[KeyRow]:
    """The rows with the pattern in their key or their state, in that order."""
    wanted = pattern.lower()
    return sorted((row for row in rows if wanted in f"{row.name} {row.state}".lower()), key=ORDERS[order])


def nothing_held(seen: Seen, pattern: str) -> tuple[str, ...]:
    """What stands where no key does: why, and what would help."""
    if pattern and any(node.checkpoints for node in seen.nodes):
        return (f"no key matches {pattern}", "f and nothing shows all")
    match seen.link.state:
        case "connecting":
            return ("the cluster is starting", "keys stand here as soon as a node holds one")
        case "lost" | "finished":
            return (f"no tensor was held, and the cluster is {seen.link.state}", "")
    return ("no tensors yet", "b broadcasts one from the chosen node to all")


def _where(row: KeyRow, width: int) -> Span:
    """Every node with a glyph for its copy, or where there is no room for that, how many copies stand how."""
    glyphs = {copy.node: state(copy.state)[0][0] for copy in row.copies}
    full = "  ".join(f"{node} {glyphs.get(node, ABSENT)}" for node in row.nodes)
    tone = state(row.state)[1] if row.safe < len(row.nodes) else "good"
    if len(full) <= width:
        return full, tone
    marks = [glyphs.get(node, ABSENT) for node in row.nodes]
    return "  ".join(f"{marks.count(mark)} {mark}" for mark in dict.fromkeys(marks)), tone


def _tensor(view: CheckpointView) -> str:
    return f"{view.dtype} {'x'.join(map(str, view.shape))}"


KEY_COLUMNS: tuple[Column[KeyRow], ...] = (
    Column("KEY", 12, lambda row, width: (cut_middle(row.name, width), "strong"), keep=10, grow=4),
    Column("STATE", 9, lambda row, _: state(row.state), keep=9),
    Column("SAFE", 5, lambda row, _: (f"{row.safe}/{len(row.nodes)}", "plain"), keep=8, right=True),
    Column("WHERE", 16, _where, keep=7, grow=2),
    Column("VERSION", 8, lambda row, _: (str(row.newest.version), "plain"), keep=6),
    Column("SIZE", 8, lambda row, _: (size(row.newest.nbytes), "plain"), keep=5, right=True),
    Column("AGE", 4, lambda row, _: (age(row.age_s), "plain"), keep=4, right=True),
    Column("TENSOR", 18, lambda row, _: (_tensor(row.newest), "dim"), keep=2),
)


def _verified(copy: Copy, now_s: float) -> Span:
    if not copy.check:
        return "-", "dim"
    ago = f"{age(now_s - copy.checked_s)} ago"
    return (f"✓ whole, {ago}", "good") if copy.check == "whole" else (f"✕ damaged, {ago}", "bad")


def copy_columns(now_s: Callable[[], float]) -> tuple[Column[Copy], ...]:
    """The columns of a key's copies; `now_s` is the world's time."""
    return (
        Column("NODE", 6, lambda copy, _: (copy.node, "strong"), keep=10, grow=1),
        Column("STATE", 9, lambda copy, _: state(copy.state), keep=9),
        Column("VERSION", 8, lambda copy, _: (str(copy.view.version), "plain"), keep=8, grow=1),
        Column("ON DISK", 14, _on_disk, keep=7, grow=2),
        Column("VERIFIED", 19, lambda copy, _: _verified(copy, now_s()), keep=6),
        Column("AGE", 4, lambda copy, _: (age(copy.age_s), "plain"), keep=5, right=True),
        Column("SIZE", 8, lambda copy, _: (size(copy.view.nbytes), "plain"), keep=3, right=True),
        Column("CHECKSUM", 16, lambda copy, _: (f"{copy.view.checksum:016x}", "dim"), keep=2),
    )


def _on_disk(copy: Copy, width: int) -> Span:
    """The versions that have a file, the newest first."""
    versions = [str(version) for version in reversed(copy.view.on_disk)]
    text = "  ".join(versions)
    if len(text) > width and versions:
        text = f"{versions[0]} and {len(versions) - 1} older"
    return text or "none", "plain" if versions else "warn"


def history_lines(savings: Sequence[Entry], key: str, width: int) -> list[Line]:
    """What was told of a key, or with "" of all, the newest first."""
    told = [entry for entry in reversed(savings) if not key or is_about(entry, key)]
    if not told:
        return [((" nothing was told of it yet" if key else " nothing was told of checkpoints yet", "dim"),)]
    return [fit_line(_told(entry), width) for entry in told]


def is_about(entry: Entry, key: str) -> bool:
    """Whether an entry is about this key; of files set aside only the name tells."""
    if isinstance(entry.event, CheckpointSetAside):
        return f"/{key}." in entry.event.file or f"/{key}@" in entry.event.file
    return getattr(entry.event, "key", "") == key


def _told(entry: Entry) -> Line:
    glyph, tone = level(entry.event.level)
    return (
        (f" {clock(entry.time_s, 3):>9}  ", "dim"),
        (f"{clean(entry.node)}  ", "strong"),
        (f"{glyph} {clean(entry.event.line)}", tone if entry.event.level != "info" else "plain"),
    )


def tensor_lines(peeked: Peeked | None, node: str, key: str, held: Version | None, width: int) -> list[Line]:
    """What is in the tensor of a node, once it was looked into; else how to. `held` is the version it holds now."""
    if not node:
        return [((" no copy is chosen", "dim"),)]
    if peeked is None or (peeked.node, peeked.key) != (node, key):
        return [((f" enter looks into {clean(key)} on {clean(node)}", "dim"),)]
    view = peeked.tensor
    if view is None:
        return [fit_line(((f" it cannot be looked into: {clean(peeked.reason)}", "warn"),), width)]
    total = 1
    for extent in view.shape:
        total *= extent
    part = "" if view.looked_at == total else f", of which the first {count(view.looked_at)} were looked at"
    wrong: Span = ("no NaN, nothing infinite", "good")
    if view.nans or view.infinite:
        wrong = (f"▲ {count(view.nans)} NaN, {count(view.infinite)} infinite", "bad")
    facts = f"  version {view.version}, {size(view.nbytes)}, {count(total)} elements{part}"
    span = f" min {view.least:g}  max {view.most:g}  mean {view.mean:g}  zeros {count(view.zeros)}  "
    lines: list[Line] = [
        ((f" {view.dtype} {list(view.shape)}", "strong"), (facts, "plain")),
        ((span, "plain"), wrong),
    ]
    words = [f"{value:.6g}" for value in view.first]
    line = " begins"
    for word in words:
        if len(line) + 1 + len(word) > width - 1:
            lines.append(((line, "dim"),))
            line = "       "
        line += f" {word}"
    lines.append(((line, "dim"),))
    if held is not None and held != view.version:
        lines.insert(1, ((f" ▲ {clean(node)} holds {held} by now: enter looks again", "warn"),))
    return [fit_line(each, width) for each in lines]
