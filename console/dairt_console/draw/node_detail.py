"""One node from close by: facts, queues and workers, peers, store, faults, settings; lines for the room there is."""

from collections.abc import Sequence

from dairt.model.views import CheckpointView, NodeDetail, NodeView, PeerView, WorkerView
from dairt_console.draw.bars import progress
from dairt_console.draw.columns import Column, Placed, heading, place, row
from dairt_console.draw.spans import Line, Span, clean, cut, cut_middle, fit
from dairt_console.draw.states import state
from dairt_console.draw.units import age, count, duration, size
from dairt_console.reducer import Seen

LINES_MAX = 1_000  # of one panel; what is left out is counted in its last line


def facts(seen: Seen, node: NodeView) -> list[Line]:
    """What the node is, and how it fares."""
    alive = sum(peer.state == "alive" for peer in node.peers)
    unsaved = sum(item.state != "durable" for item in node.checkpoints)
    runs = [run for run in seen.runs.values() if run.coordinator == node.name]
    running = sum(run.state == "running" for run in runs)
    here = node.state != "down"
    fired = [fault for fault in seen.active_faults if _befell(seen, fault.id, node.name)]
    alerts = [alert for alert in seen.alerts.now.values() if node.name in alert.nodes]
    trouble = f"{_plural(len(fired), 'fault')}, {_plural(len(alerts), 'alert')}"
    well: Span = ("✓ nothing wrong", "good") if node.state == "up" else (f"it is {node.state}", "warn")
    wrong: Span = (trouble, "warn") if fired or alerts else well
    lives = f"life {node.restarts + 1}"
    lines = [
        _fact("state", state(node.state), f"for {age(node.up_s)} · {lives}" if here else lives),
        _fact("address", (clean(node.address) or "none yet", "plain"), f"incarnation {node.incarnation:x}"),
        _fact(
            "peers",
            (f"{alive} of {len(node.peers)} alive" if here else "-", "plain"),
            f"{_plural(node.sockets, 'socket')} open",
        ),
        _fact("store", (_plural(len(node.checkpoints), "key"), "plain"), _kept(node, unsaved)),
        _fact("moved", (f"{size(node.tx_bytes)} sent", "plain"), f"{size(node.rx_bytes)} received"),
        _fact("trouble", wrong, f"coordinates {_plural(running, 'running run')} of {len(runs)}" if runs else ""),
    ]
    lines += [(("  left  ", "dim"), (clean(item), "warn")) for item in node.litter]
    return lines


def _fact(name: str, what: Span, more: str = "") -> Line:
    return ((f" {name:<8}", "dim"), what, (f"   {more}" if more else "", "dim"))


def _plural(number: int, noun: str) -> str:
    return f"{count(number)} {noun}{'s' * (number != 1)}"


def _kept(node: NodeView, unsaved: int) -> str:
    held = size(sum(item.nbytes for item in node.checkpoints))
    return f"{held}, {count(unsaved)} not on disk" if unsaved else held


def load(node: NodeView, width: int, height: int) -> list[Line]:
    """Its queues by lane, and what each worker is doing; two of them side by side where there is little room."""
    if not node.lanes:
        return [_quiet(node, "no queues")]
    lines: list[Line] = [((fit(" LANE      WAITING", 29), "dim"), ("PEAK   BUSY", "dim"))]
    for lane in node.lanes:
        full = lane.queued >= lane.capacity > 0
        bar = progress(lane.queued / max(lane.capacity, 1), 10)
        lines.append((
            (f" {fit(lane.lane, 8)}  ", "strong"), (bar, "warn" if full else "accent"),
            (f" {f'{lane.queued}/{lane.capacity}':<7}{'full' if full else '':<5}"[:8], "warn" if full else "plain"),
            (f"{lane.peak:>4}   {lane.busy}/{lane.workers}", "plain"),
        ))  # fmt: skip
    side_by_side = len(lines) + 1 + len(node.workers) > height and width >= 44
    wide, workers = (width // 2 if side_by_side else width), node.workers
    title: Line = ((fit(" WORKER", 12), "dim"), (fit("NOW", wide - 18), "dim"), ("DONE ".rjust(6), "dim"))
    lines.append(title + title if side_by_side else title)
    half = (len(workers) + 1) // 2 if side_by_side else len(workers)
    for at, worker in enumerate(workers[:half]):
        beside = workers[half + at : half + at + 1]
        lines.append((*_worker(worker, wide), *(span for other in beside for span in _worker(other, wide))))
    return lines


def _worker(worker: WorkerView, wide: int) -> Line:
    now = fit(clean(worker.task) or "idle", max(wide - 18, 0))
    done = f"{count(worker.done):>5} "
    return ((f" {fit(clean(worker.name), 10)} ", "strong"), (now, "accent" if worker.task else "dim"), (done, "plain"))


_PEERS = ("dead", "suspect", "alive")  # the worst first


def peers(node: NodeView, width: int) -> list[Line]:
    """Its peers as it sees them, the worst first."""
    if not node.peers:
        return [_quiet(node, "no peers")]
    columns = place(_PEER_COLUMNS, width - 1)
    ordered = sorted(node.peers, key=lambda peer: _PEERS.index(peer.state))
    return [_indent(heading(columns)), *_most([_indent(row(columns, peer)) for peer in ordered[:LINES_MAX]], len(ordered))]


_PEER_COLUMNS: tuple[Column[PeerView], ...] = (
    Column("PEER", 6, lambda peer, _: (peer.name, "strong"), keep=9, grow=1),
    Column("STATE", 9, lambda peer, _: state(peer.state), keep=8),
    Column("SOCKETS", 7, lambda peer, _: (str(peer.sockets), "plain"), keep=7, right=True),
    Column("SILENT", 7, lambda peer, _: _silent(peer), keep=6, right=True),
    Column("SENT", 8, lambda peer, _: (size(peer.tx_bytes), "dim"), keep=5, right=True),
    Column("RECEIVED", 8, lambda peer, _: (size(peer.rx_bytes), "dim"), keep=4, right=True),
)  # fmt: skip


def _silent(peer: PeerView) -> Span:
    return duration(peer.silent_s), "plain" if peer.state == "alive" else "warn"


def store(seen: Seen, node: NodeView, width: int) -> list[Line]:
    """What it holds, key by key."""
    if not node.checkpoints:
        return [_quiet(node, "no keys")]
    wall = seen.snapshot.wall_s if seen.snapshot else 0.0
    columns: Sequence[Placed[CheckpointView]] = place(
        (
            Column("KEY", 10, lambda item, width: (cut_middle(clean(item.key), width), "strong"), keep=9, grow=2),
            Column("STATE", 10, lambda item, _: state(item.state), keep=8),
            Column("VERSION", 10, lambda item, _: (str(item.version), "plain"), keep=7),
            Column("SIZE", 8, lambda item, _: (size(item.nbytes), "plain"), keep=6, right=True),
            Column("WHAT", 18, lambda item, _: (f"{item.dtype} {list(item.shape)}", "dim"), keep=4),
            Column("AGE", 5, lambda item, _: (age(wall - item.written_at), "dim"), keep=5, right=True),
            Column("CHECKSUM", 16, lambda item, _: (f"{item.checksum:016x}", "dim"), keep=3),
        ),
        width - 1,
    )
    held = node.checkpoints
    return [_indent(heading(columns)), *_most([_indent(row(columns, item)) for item in held[:LINES_MAX]], len(held))]


def faults_here(seen: Seen, node: str) -> list[Line]:
    """Alerts about the node, and the faults that befell it, the latest first."""
    lines: list[Line] = []
    for alert in seen.alerts.now.values():
        if node in alert.nodes:
            note = f"  {alert.note} · since {age(seen.now_s - alert.since_s)}"
            lines.append(((" ", "plain"), state(alert.state), (f"  {clean(alert.text)}", "plain"), (clean(note), "dim")))
    views = {fault.id: fault for fault in seen.snapshot.faults} if seen.snapshot else {}
    for fault in reversed([*seen.aftermaths.values()]):
        if fault.fault in views and fault.befell(node):
            view = views[fault.fault]
            left = f" · {age(view.left_s)} left" if view.state == "active" and view.left_s >= 0 else ""
            lines.append((
                (" ", "plain"), state(view.state), (f"  {clean(view.text)}", "plain"),
                (f"  {view.id} · {age(seen.now_s - fault.fired_s)} ago{left}", "dim"),
            ))  # fmt: skip
    return lines or [((" ✓ nothing befell it", "good"),)]


def settings(detail: NodeDetail | None, width: int, *, live: bool) -> list[Line]:
    """How it is configured."""
    if detail is None:
        return [((" asking the cluster…" if live else " nobody looked at it closely at this moment", "dim"),)]
    lines: list[Line] = []
    for name, value in detail.config:
        shown = f"{value}  ({size(int(value))})" if name.endswith("_bytes") and value.isdigit() else value
        lines.append(((f" {fit(name, 30)}  ", "dim"), (cut(clean(shown) or "-", max(width - 33, 1)), "plain")))
    return lines


def _befell(seen: Seen, fault: str, node: str) -> bool:
    aftermath = seen.aftermaths.get(fault)
    return aftermath is not None and aftermath.befell(node)


def _quiet(node: NodeView, what: str) -> Line:
    return ((f" {what}: {node.name} is {node.state}" if node.state != "up" else f" {what} yet", "dim"),)


def _indent(line: Line) -> Line:
    return ((" ", "plain"), *line)


def _most(lines: Sequence[Line], total: int) -> list[Line]:
    more = total - len(lines)
    return [*lines, ((f" … and {count(more)} more", "dim"),)] if more > 0 else [*lines]
