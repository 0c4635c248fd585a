"""Beside the picture of the cluster: the node or the link that is chosen, and the links of that node as a table."""

from dairt.model.views import NodeView
from dairt_console.draw.bars import sparkline
from dairt_console.draw.columns import Column
from dairt_console.draw.node_detail import faults_here
from dairt_console.draw.spans import Line, Span, Tone, clean, fit_line
from dairt_console.draw.states import state
from dairt_console.draw.topology_links import LinkRow, Links, left_of, mark_of
from dairt_console.draw.units import age, duration, plural, rate
from dairt_console.reducer import Traffic

STILL = Traffic(0, (), 0.0)


def _how(row: LinkRow) -> Span:
    if row.faults:
        mark = mark_of(row.faults[0])
        return f"{mark.glyph} {mark.word}", mark.tone
    return state(row.view.state)


def _trouble(row: LinkRow) -> Span:
    texts = [f"{clean(fault.id)} {left_of(fault)}" for fault in row.faults]
    return (", ".join(texts), "warn") if texts else ("", "dim")


LINK_COLUMNS: tuple[Column[LinkRow], ...] = (
    Column("PEER", 5, lambda row, _: (row.key, "strong"), keep=9, grow=1),
    Column("LINK", 9, lambda row, _: _how(row), keep=8, grow=1),
    Column("SENDS", 10, lambda row, _: (rate(row.sends), "plain" if row.sends >= 0.5 else "dim"), keep=7, right=True),
    Column("HEARS", 10, lambda row, _: (rate(row.hears), "plain" if row.hears >= 0.5 else "dim"), keep=6, right=True),
    Column("FAULT", 16, lambda row, _: _trouble(row), keep=5),
    Column("SILENT", 7, lambda row, _: (duration(row.view.silent_s), "dim"), keep=4, right=True),
    Column("SOCKETS", 7, lambda row, _: (str(row.view.sockets), "dim"), keep=3, right=True),
)  # fmt: skip


def node_lines(links: Links, node: NodeView, width: int) -> list[Line]:
    """The node at the cursor: its state, its traffic, its queues, who hears it, what is wrong with it."""
    life = node.restarts + 1
    lines: list[Line] = [
        _fact(
            "state",
            state(node.state),
            f"  life {life} is over" if node.state == "down" else f"  for {age(node.up_s)} · life {life}",
        )
    ]
    if node.state != "down":
        traffic = links.seen.traffic.get(node.name, STILL)
        for name, flow, samples in (("sends", traffic.tx, traffic.samples), ("hears", traffic.rx, traffic.received)):
            lines.append((*_fact(name, (f"{rate(flow):<11} ", "plain")), (sparkline(samples, max(width - 22, 0)), "accent")))
        queues = "  ".join(f"{lane.lane} {lane.queued}/{lane.capacity}" for lane in node.lanes)
        lines.append(_fact("queues", (queues or "none", "plain")))
        alive = sum(peer.state == "alive" for peer in node.peers)
        tone: Tone = "plain" if alive == len(node.peers) else "warn"
        group = links.group_of(node.name)
        among = f"  group {group} of {len(links.groups)}" if group else ""
        lines.append(_fact("peers", (f"{alive} of {len(node.peers)} alive", tone), among))
    return [fit_line(line, width) for line in (*lines, *faults_here(links.seen, node.name))]


def link_lines(links: Links, one: str, other: str, width: int) -> list[Line]:
    """The link that is chosen, as both ends see it, and the faults on it."""
    lines: list[Line] = [*_end(links, one, other), *_end(links, other, one)]
    faults = links.faults_between(one, other)
    for fault in faults:
        mark = mark_of(fault)
        lines.append(((f" {mark.glyph} {mark.word}", mark.tone), (f"  {clean(fault.id)} · {left_of(fault)}", "plain")))
        lines.append(((f"   {clean(fault.text)}", "dim"),))
    if not faults:
        lines.append(((" ✓ no fault on it", "good"),))
    lines.append(((" x reset  c cut  d slow  M mend", "dim"),))
    return [fit_line(line, width) for line in lines]


def _end(links: Links, one: str, other: str) -> list[Line]:
    """What one end sends, and how it sees the other."""
    peer, node = links.view(one, other), links.nodes[one]
    head: Line = ((f" {clean(one)} sends ", "dim"), (rate(links.flow(one, other)), "strong"))
    if peer is None:
        return [((f" {clean(one)} ", "dim"), state(node.state))] if node.state == "down" else [head]
    more = f" for {duration(peer.silent_s)}, {plural(peer.sockets, 'socket')}"
    return [head, ((" sees ", "dim"), state(peer.state), (f", silent{more}", "dim"))]


def _fact(name: str, what: Span, more: str = "") -> Line:
    return ((f" {name:<7}", "dim"), what, (more, "dim"))
