"""How many bytes a second go from node to node: what was counted a second ago is kept, and compared only where it is shown."""

from collections.abc import Mapping
from dataclasses import dataclass

from dairt.model.views import NodeView, PeerView, Snapshot

EVERY_S = 0.5  # so that a rate is over half a second at least, and does not flicker
KEPT = 3  # the rate is over the oldest of them: a second or more

Peers = tuple[int, tuple[PeerView, ...]]  # which life of the node counted, and what


@dataclass(frozen=True)
class Counted:
    """What the nodes that were up had counted of their peers at one moment."""

    time_s: float
    nodes: Mapping[str, Peers]


def follow_counts(before: tuple[Counted, ...], snapshot: Snapshot) -> tuple[Counted, ...]:
    """What was counted up to a second ago, oldest first, and from time to time what is counted now."""
    if before and snapshot.time_s < before[-1].time_s:
        before = ()  # another run, or an earlier moment
    if before and snapshot.time_s - before[-1].time_s < EVERY_S:
        return before
    counting = [node for node in snapshot.nodes if node.state != "down"]
    return (*before, Counted(snapshot.time_s, {node.name: (node.incarnation, node.peers) for node in counting}))[-KEPT:]


def sent_by(counted: tuple[Counted, ...], node: NodeView, now_s: float) -> Mapping[str, tuple[float, float]]:
    """What a node sends to each peer and hears from it, bytes a second by the peer's name; none before it has counted twice."""
    if not counted or now_s <= counted[0].time_s or node.state == "down":
        return {}
    incarnation, peers = counted[0].nodes.get(node.name, (-1, ()))
    if incarnation != node.incarnation:
        return {}
    span = now_s - counted[0].time_s
    old = {peer.name: peer for peer in peers}
    return {
        peer.name: (max(peer.tx_bytes - was.tx_bytes, 0) / span, max(peer.rx_bytes - was.rx_bytes, 0) / span)
        for peer in node.peers
        if (was := old.get(peer.name)) is not None
    }
