"""What metrics are made of: the shape of one, and the scene that those share which follow nodes from loss to return."""

from collections.abc import Callable
from typing import ClassVar, Protocol

from dairt.model.action import Action, BlackholeLink, CutLink, HoldLink, PauseNode, named
from dairt.model.events import (
    BroadcastAcked,
    BroadcastBegun,
    BroadcastEnded,
    CheckpointRestored,
    Entry,
    EventBase,
    NodeBooted,
    NodeDown,
    NodeDrained,
    PeerDied,
    PeerReturned,
    PeerSuspected,
    TensorStored,
)
from dairt.model.version import Version
from dairt.model.views import Snapshot

ActionOf = Callable[[str], Action]  # what the fault of this id does: the ledger knows
Pair = tuple[str, str]  # an observer, and the peer it watches
VALUES_MAX = 100_000  # of one metric, the newest: a story that runs for days has more


class Metric(Protocol):
    """One metric. `hears` are the events it is fed."""

    hears: ClassVar[tuple[type[EventBase], ...]] = ()

    def see(self, entry: Entry) -> None:
        """Take note of an event it hears."""

    def look(self, snapshot: Snapshot) -> None:
        """Take note of the world as it is now."""

    def values(self) -> list[float]:
        """What has been measured so far."""


class Scene:
    """What metrics share: who is up, who suspects whom, what each node holds, and what has been acknowledged."""

    def __init__(self, action_of: ActionOf) -> None:
        self.action_of = action_of
        self.up: dict[str, None] = {}
        self.lives: dict[str, int] = {}
        self.suspicions: dict[Pair, None] = {}
        self.held: dict[str, dict[str, Version]] = {}
        self.acked: dict[str, tuple[Version, tuple[str, ...]]] = {}
        self._audiences: dict[tuple[str, Version], tuple[str, ...]] = {}

    def see(self, entry: Entry) -> None:
        """Keep up with an event, before any metric hears of it."""
        match entry.event:
            case NodeBooted():
                self.up[entry.node] = None
                self.lives[entry.node] = self.lives.get(entry.node, 0) + 1
            case NodeDown() | NodeDrained():
                self.up.pop(entry.node, None)
                self.held.pop(entry.node, None)
                self.suspicions = {pair: None for pair in self.suspicions if pair[0] != entry.node}
            case PeerSuspected(peer=peer) | PeerDied(peer=peer):
                self.suspicions[entry.node, peer] = None
            case PeerReturned(peer=peer):
                self.suspicions.pop((entry.node, peer), None)
            case TensorStored(key=key, version=version) | CheckpointRestored(key=key, version=version):
                self.held.setdefault(entry.node, {})[key] = version
            case BroadcastBegun(key=key, version=version, members=members):
                self._audiences[key, version] = (*members, entry.node)
            case BroadcastAcked(key=key, version=version, outcome="durable"):
                if key not in self.acked or self.acked[key][0] < version:
                    self.acked[key] = version, self._audiences.get((key, version), ())
            case BroadcastEnded(key=key, version=version):
                self._audiences.pop((key, version), None)

    hears: ClassVar[tuple[type[EventBase], ...]] = (
        NodeBooted, NodeDown, NodeDrained, PeerSuspected, PeerDied, PeerReturned, TensorStored, CheckpointRestored,
        BroadcastBegun, BroadcastAcked, BroadcastEnded,
    )  # fmt: skip

    def severed(self, fault: str) -> list[Pair]:
        """Which live nodes should no longer hear which live peers because of this fault; none where it silences nobody."""
        pairs = [(observer, peer) for observer in self.up for peer in self.up if observer != peer]
        match self.action_of(fault):
            case CutLink(link=link) | BlackholeLink(link=link) | HoldLink(link=link):
                return [(observer, peer) for observer, peer in pairs if link.covers(peer, observer)]
            case PauseNode(node=who):
                paused = named(who)
                return [(observer, peer) for observer, peer in pairs if peer in paused and observer not in paused]
        return []

    def lacks(self, node: str) -> dict[Pair, Version]:
        """What has been acknowledged by now, is for this node, and newer than what it holds: by (node, key)."""
        held = self.held.get(node, {})
        missing = ((key, version) for key, (version, audience) in self.acked.items() if node in audience)
        return {(node, key): version for key, version in missing if key not in held or held[key] < version}
