"""Beside the picture of the cluster: the node or the link that is chosen, and the links of that node as a table."""

from dairt.model.views import NodeView, PeerView
from dairt_console.draw.bars import sparkline
from dairt_console.draw.columns import Column
from dairt_console.draw.node_detail import faults_here
from dairt_console.draw.spans import Line, Span, clean, fit_line
from dairt_console.draw.states import state
from dairt_console.draw.topology import group_name
from dairt_console.draw.topology_links import LinkRow, Pair, groups, left_of, mark_of, pairs
from dairt_console.draw.units import age, duration, plural, rate
from dairt_console.reducer import Seen


def _how(row: LinkRow) -> Span:
    if row.faults:
        mark = mark_of(row.faults[0])
        return f"{mark.glyph} {mark.word}", mark.tone
    return state(row.view.state)


def _trouble(row: LinkRow) -> Span:
    texts = [f"{clean(fault.id)} {left_of(fault)}" for fault in row.faults]
    return (", ".join(texts), "warn") if texts else ("", "dim")


LINK_COLUMNS: tuple[Column[LinkRow], ...] = (
    Column("PEER", 4, lambda row, _: (row.key, "strong"), keep=9, grow=1),
    Column("LINK", 9, lambda row, _: _how(row), keep=8, grow=1),
    Column("SENDS", 9, lambda row, _: (rate(row.sends), "plain" if row.sends >= 0.5 else "dim"), keep=7, right=True),
    Column("HEARS", 9, lambda row, _: (rate(row.hears), "plain" if row.hears >= 0.5 else "dim"), keep=6, right=True),
    Column("FAULT", 16, lambda row, _: _trouble(row), keep=5),
    Column("SILENT", 7, lambda row, _: (duration(row.view.silent_s), "dim"), keep=4, right=True),
    Column("SOCKETS", 7, lambda row, _: (str(row.view.sockets), "dim"), keep=3, right=True),
)  # fmt: skip


def node_lines(seen: Seen, node: NodeView, width: int) -> list[Line]:
    """The node at the cursor: its state, its traffic, its queues, who hears it, what is wrong with it."""
    runs = node.state != "down"
    life = f"for {age(node.up_s)} · life {node.restarts + 1}" if runs else f"after {plural(node.restarts + 1, 'life')}"
    lines: list[Line] = [_fact("state", state(node.state), f"  {life}")]
    if runs:
        traffic = seen.traffic.get(node.name)
        spark = max(width - 22, 0)
        for name, flow, samples in (
            ("sends", traffic.tx if traffic else 0.0, traffic.samples if traffic else ()),
            ("hears", traffic.rx if traffic else 0.0, traffic.received if traffic else ()),
        ):
            lines.append((*_fact(name, (f"{rate(flow):<11} ", "plain")), (sparkline(samples, spark), "accent")))
        queues = "  ".join(f"{lane.lane} {lane.queued}/{lane.capacity}" for lane in node.lanes)
        lines.append(_fact("queues", (queues or "none", "plain")))
        alive = sum(peer.state == "alive" for peer in node.peers)
        tone = "plain" if alive == len(node.peers) else "warn"
        lines.append(_fact("peers", (f"{alive} of {len(node.peers)} alive", tone), _group(seen, node.name)))
    return [fit_line(line, width) for line in (*lines, *faults_here(seen, node.name))]


def _group(seen: Seen, node: str) -> str:
    parts = groups(seen)
    at = next((at for at, names in enumerate(parts) if node in names), -1)
    return f"  group {group_name(at)} of {len(parts)}" if at >= 0 and len(parts) > 1 else ""


def link_lines(seen: Seen, one: NodeView, other: NodeView, width: int) -> list[Line]:
    """The link that is chosen, as both ends see it, and the faults on it."""
    pair = pairs(seen, (one, other))[0]
    lines = [_end(one, other, pair.there), _end(other, one, pair.back)]
    lines += [_fault(pair, at) for at in range(len(pair.faults))]
    if not pair.faults:
        lines.append(((" ✓ no fault on it", "good"),))
    lines.append(((" x kill sockets  c cut  d degrade  M mend", "dim"),))
    return [fit_line(line, width) for line in lines]


def _end(node: NodeView, other: NodeView, sends: float) -> Line:
    peer: PeerView | None = next((peer for peer in node.peers if peer.name == other.name), None)
    names = f" {clean(node.name)}→{clean(other.name)} "
    if node.state == "down" or peer is None:
        return ((names, "strong"), state(node.state))
    silent = f" · silent {duration(peer.silent_s)} · {plural(peer.sockets, 'socket')}"
    return ((names, "strong"), (f"{rate(sends):<9} ", "plain"), state(peer.state), (silent, "dim"))


def _fault(pair: Pair, at: int) -> Line:
    fault = pair.faults[at]
    mark = mark_of(fault)
    return (
        (f" {mark.glyph} {mark.word}", mark.tone),
        (f"  {clean(fault.text)}", "plain"),
        (f"  {fault.id} · {left_of(fault)}", "dim"),
    )


def _fact(name: str, what: Span, more: str = "") -> Line:
    return ((f" {name:<7}", "dim"), what, (more, "dim"))
