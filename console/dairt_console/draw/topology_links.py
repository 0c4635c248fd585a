"""What is known of links: how each end sees the other, what flows, which faults are on them, who is parted from whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from dairt.model.action import Link
from dairt.model.views import FaultView, PeerView
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
    "link.blackhole": Mark("╳", "lost", "bad"),
    "link.hold": Mark("‖", "held", "warn"),
    "link.degrade": Mark("┊", "slow", "warn"),
    "conn.refuse": Mark("╳", "refuses", "bad"),
    "conn.hang": Mark("‖", "hangs", "warn"),
    "conn.half_open": Mark("╌", "half open", "warn"),
    "conn.slow_close": Mark("┊", "slow end", "warn"),
    "conn.cut_after": Mark("╌", "cut soon", "warn"),
    "frame.corrupt": Mark("╌", "corrupt", "warn"),
    "frame.truncate": Mark("╌", "torn", "warn"),
    "frame.duplicate": Mark("╌", "doubles", "warn"),
    "frame.replay_stale": Mark("╌", "replays", "warn"),
}


def mark_of(fault: FaultView) -> Mark:
    """The mark of a fault's kind."""
    return MARKS.get(fault.kind, Mark("▲", "trouble", "warn"))


def left_of(fault: FaultView) -> str:
    """How long it lasts still, such as `8 s left`."""
    return f"{age(fault.left_s)} left" if fault.left_s >= 0 else "until healed"


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
        return (self.one, self.other) in ((one, other), (other, one))


_WORST = ("dead", "suspect", "alive")


class Links:
    """All that is seen of links at one moment; what is asked of a node is found once, and of others never."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self.nodes = {node.name: node for node in seen.nodes}
        self._faults = [
            (Link(*fault.target, fault.one_way), fault)
            for fault in seen.active_faults
            if fault.kind.startswith(BETWEEN_TWO) and len(fault.target) == 2
        ]
        self._views: dict[str, dict[str, PeerView]] = {}
        self._counts: dict[str, Mapping[str, tuple[float, float]]] = {}

    def view(self, one: str, other: str) -> PeerView | None:
        """How one node sees another; None where it is down, or does not know it."""
        if one not in self._views:
            node = self.nodes.get(one)
            peers = node.peers if node is not None and node.state != "down" else ()
            self._views[one] = {peer.name: peer for peer in peers}
        return self._views[one].get(other)

    def flow(self, source: str, target: str) -> float:
        """Bytes a second from one node to another. Each counts on the connections it opened itself: it takes both to know."""
        return self._counted(source).get(target, (0.0, 0.0))[0] + self._counted(target).get(source, (0.0, 0.0))[1]

    def _counted(self, name: str) -> Mapping[str, tuple[float, float]]:
        if name not in self._counts:
            node = self.nodes.get(name)
            self._counts[name] = sent_by(self.seen.counted, node, self.seen.now_s) if node is not None else {}
        return self._counts[name]

    def faults_from(self, source: str, target: str) -> tuple[FaultView, ...]:
        """The faults on what goes from one node to another."""
        return tuple(fault for link, fault in self._faults if link.covers(source, target))

    def faults_between(self, one: str, other: str) -> tuple[FaultView, ...]:
        """The faults on the link between two, whichever way."""
        return tuple(fault for link, fault in self._faults if link.covers(one, other) or link.covers(other, one))

    def pair(self, one: str, other: str) -> Pair:
        """What is seen of the link between two."""
        ends = [self.view(one, other), self.view(other, one)]
        worst = min((end.state for end in ends if end is not None), key=_WORST.index, default="alive")
        up = all(self.nodes[name].state != "down" for name in (one, other))
        there, back = self.flow(one, other), self.flow(other, one)
        return Pair(one, other, there, back, worst if up else "", self.faults_between(one, other))

    def pairs(self, names: Sequence[str]) -> list[Pair]:
        """Every two of these nodes once, in their order."""
        return [self.pair(one, other) for at, one in enumerate(names) for other in names[at + 1 :]]

    def rows(self, name: str) -> list["LinkRow"]:
        """A row a peer, in the node's order; none for a node that is down."""
        node = self.nodes.get(name)
        return [LinkRow(self, name, peer) for peer in node.peers] if node is not None and node.state != "down" else []

    @cached_property
    def deaf(self) -> list[tuple[str, str]]:
        """Nodes that are up, of which one at least holds the other as dead."""
        alerts = self.seen.alerts.now.values()
        return [(alert.nodes[0], alert.nodes[1]) for alert in alerts if alert.state == "dead" and len(alert.nodes) == 2]

    @cached_property
    def groups(self) -> list[tuple[str, ...]]:
        """The nodes that are up, parted into groups between which nobody hears anybody; just one where all is well."""
        dead: dict[str, dict[str, None]] = {}
        for one, other in self.deaf:
            dead.setdefault(one, {})[other] = None
            dead.setdefault(other, {})[one] = None
        rest = [node.name for node in self.seen.nodes if node.state == "up"]
        order = {name: at for at, name in enumerate(rest)}
        found: list[tuple[str, ...]] = []
        while rest:
            group, rest = [rest[0]], rest[1:]
            for name in group:  # which grows
                if not rest:
                    break
                deaf_to = dead.get(name, {})
                group += [other for other in rest if other not in deaf_to]
                rest = [other for other in rest if other in deaf_to]
            found.append(tuple(sorted(group, key=order.__getitem__)))
        return found

    def group_of(self, name: str) -> str:
        """The group's letter where there are several; "" elsewhere."""
        at = next((at for at, names in enumerate(self.groups) if name in names), -1)
        return group_name(at) if at >= 0 and len(self.groups) > 1 else ""


@dataclass(frozen=True)
class LinkRow:
    """One peer of a node as that node sees it; the rest is found when it is drawn."""

    links: Links
    node: str
    view: PeerView

    @property
    def key(self) -> str:
        return self.view.name

    @property
    def sends(self) -> float:
        """Bytes a second to the peer."""
        return self.links.flow(self.node, self.view.name)

    @property
    def hears(self) -> float:
        """Bytes a second from the peer."""
        return self.links.flow(self.view.name, self.node)

    @property
    def faults(self) -> tuple[FaultView, ...]:
        """Those on the link."""
        return self.links.faults_between(self.node, self.view.name)


def group_name(number: int) -> str:
    """A, B … Z, then numbers."""
    return chr(ord("A") + number) if number < 26 else str(number + 1)
