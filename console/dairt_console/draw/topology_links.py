"""What is known of the links between nodes: how each end sees the other, what flows, which faults are on them, who is parted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dairt.model.action import Link
from dairt.model.views import FaultView, NodeView, PeerView
from dairt_console.aftermath import BETWEEN_TWO
from dairt_console.draw.spans import Tone
from dairt_console.draw.units import age
from dairt_console.flows import sent_by
from dairt_console.reducer import Seen

FLOWS_FROM = 1024.0  # bytes a second; below that it is probes and greetings, which never stop


@dataclass(frozen=True)
class Mark:
    """How a kind of fault is drawn on a link: a glyph and a word."""

    glyph: str
    word: str
    tone: Tone


MARKS: Mapping[str, Mark] = {
    "link.cut": Mark("╳", "cut", "bad"),
    "link.blackhole": Mark("╳", "swallows", "bad"),
    "link.hold": Mark("‖", "held", "warn"),
    "link.degrade": Mark("┊", "slow", "warn"),
    "conn.refuse": Mark("╳", "refuses", "bad"),
    "conn.hang": Mark("‖", "hangs", "warn"),
    "conn.half_open": Mark("╌", "half open", "warn"),
    "conn.slow_close": Mark("┊", "slow close", "warn"),
    "conn.cut_after": Mark("╌", "cuts soon", "warn"),
    "frame.corrupt": Mark("╌", "corrupts", "warn"),
    "frame.truncate": Mark("╌", "truncates", "warn"),
    "frame.duplicate": Mark("╌", "doubles", "warn"),
    "frame.replay_stale": Mark("╌", "replays", "warn"),
}


def mark_of(fault: FaultView) -> Mark:
    """The mark of a fault's kind."""
    return MARKS.get(fault.kind, Mark("▲", "trouble", "warn"))


def left_of(fault: FaultView) -> str:
    """How long it lasts still, such as `8 s left`."""
    return f"{age(fault.left_s)} left" if fault.left_s >= 0 else "until healed"


def link_faults(seen: Seen) -> list[tuple[Link, FaultView]]:
    """The faults in effect on links, each with the links it is on."""
    return [
        (Link(*fault.target, fault.one_way), fault)
        for fault in seen.active_faults
        if fault.kind.startswith(BETWEEN_TWO) and len(fault.target) == 2
    ]


def faults_between(faults: Sequence[tuple[Link, FaultView]], one: str, other: str) -> tuple[FaultView, ...]:
    """Those on the link between these two, whichever way."""
    return tuple(fault for link, fault in faults if link.covers(one, other) or link.covers(other, one))


@dataclass(frozen=True)
class LinkRow:
    """One peer of a node as that node sees it. `sends` and `hears` are bytes a second."""

    node: str
    view: PeerView
    sends: float
    hears: float
    faults: tuple[FaultView, ...]

    @property
    def key(self) -> str:
        return self.view.name


def link_rows(seen: Seen, node: NodeView) -> list[LinkRow]:
    """A row a peer, in the node's order; none for a node that is down."""
    if node.state == "down":
        return []
    faults, flows = link_faults(seen), sent_by(seen.counted, node, seen.now_s)
    return [
        LinkRow(node.name, peer, *flows.get(peer.name, (0.0, 0.0)), faults_between(faults, node.name, peer.name))
        for peer in node.peers
    ]


@dataclass(frozen=True)
class Pair:
    """The link between two nodes. `there` and `back` are bytes a second, `worst` how the end that sees worse sees the other.

    `worst` is "" where an end is down: then there is no link, only faults that wait for it.
    """

    one: str
    other: str
    there: float
    back: float
    worst: str
    faults: tuple[FaultView, ...]

    @property
    def flows(self) -> bool:
        """True where more passes than probes."""
        return max(self.there, self.back) >= FLOWS_FROM

    @property
    def troubled(self) -> bool:
        """True where a fault is on it, or an end does not hear the other."""
        return bool(self.faults) or self.worst not in ("", "alive")

    def joins(self, one: str, other: str) -> bool:
        """True for the link between these two."""
        return {one, other} == {self.one, self.other}


_WORST = ("dead", "suspect", "alive")


def pairs(seen: Seen, nodes: Sequence[NodeView]) -> list[Pair]:
    """Every pair of these nodes once, in their order."""
    faults = link_faults(seen)
    flows = {node.name: sent_by(seen.counted, node, seen.now_s) for node in nodes}
    states = {node.name: {peer.name: peer.state for peer in node.peers} for node in nodes if node.state != "down"}
    found: list[Pair] = []
    for at, one in enumerate(nodes):
        for other in nodes[at + 1 :]:
            there, hears = flows[one.name].get(other.name, (0.0, 0.0))
            back, heard = flows[other.name].get(one.name, (0.0, 0.0))
            ends = [states.get(a.name, {}).get(b.name, "alive") for a, b in ((one, other), (other, one))]
            is_there = one.name in states and other.name in states
            worst = min(ends, key=_WORST.index) if is_there else ""
            on_it = faults_between(faults, one.name, other.name)
            # Each end counts: what one that was just born sent is known by who heard it.
            found.append(Pair(one.name, other.name, there or heard, back or hears, worst, on_it))
    return found


def deaf_pairs(seen: Seen) -> list[tuple[str, str]]:
    """Nodes that are up, of which one at least holds the other as dead."""
    alerts = seen.alerts.now.values()
    return [(alert.nodes[0], alert.nodes[1]) for alert in alerts if alert.state == "dead" and len(alert.nodes) == 2]


def groups(seen: Seen) -> list[tuple[str, ...]]:
    """The nodes that are up, parted into groups between which nobody hears anybody; just one where all is well."""
    up = [node.name for node in seen.nodes if node.state == "up"]
    dead: dict[str, dict[str, None]] = {}
    for one, other in deaf_pairs(seen):
        dead.setdefault(one, {})[other] = None
        dead.setdefault(other, {})[one] = None
    if not dead:
        return [tuple(up)] if up else []
    found: list[tuple[str, ...]] = []
    order = {name: at for at, name in enumerate(up)}
    rest = up
    while rest:
        group, rest = [rest[0]], rest[1:]
        for name in group:  # which grows
            deaf_to = dead.get(name, {})
            group += [other for other in rest if other not in deaf_to]
            rest = [other for other in rest if other in deaf_to]
        found.append(tuple(sorted(group, key=order.__getitem__)))
    return found
