"""The metrics of losses: how long until everybody knows, and how long until nothing is left of one that is over."""

from collections import deque
from dataclasses import dataclass, field

from dairt.model.events import (
    Entry,
    FaultFired,
    FaultHealed,
    NodeBooted,
    NodeDown,
    NodeDrained,
    PeerDied,
    PeerReturned,
    PeerSuspected,
    TensorStored,
)
from dairt.model.version import Version
from dairt.rehearsal.scene import VALUES_MAX, Metric, Pair, Scene


@dataclass
class _Silence:
    """Peers that have gone silent to observers who do not suspect them yet. `about` is the fault or the node that went."""

    about: str
    began_s: float
    unnoticed: dict[Pair, None]
    noticed_s: float | None = None


class DetectSeconds(Metric):
    """Seconds from a loss until the last live node that should notice it has: one value a loss.

    A loss is the end of a node that was up without farewell (`node_down`), which every other live node should suspect; a node
    that is paused, likewise; or a link that lets nothing through (cut, blackhole, hold), whose live ends should suspect whom
    they no longer hear. Who suspected already, or goes down meanwhile, is not waited for. A loss that is over before all have
    noticed gives no value.
    """

    hears = (NodeBooted, NodeDown, NodeDrained, PeerSuspected, PeerDied, FaultFired, FaultHealed)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._silences: list[_Silence] = []
        self._values = deque[float](maxlen=VALUES_MAX)
        self._up: dict[str, None] = {}

    def see(self, entry: Entry) -> None:
        node, now = entry.node, entry.time_s
        match entry.event:
            case NodeBooted():
                self._up[node] = None
                self._silences = [silence for silence in self._silences if silence.about != f"node {node}"]
            case NodeDown() | NodeDrained():
                self._leave(node)
                if isinstance(entry.event, NodeDown) and node in self._up:
                    self._begin(f"node {node}", now, [(other, node) for other in self._scene.up])
                self._up.pop(node, None)
            case PeerSuspected(peer=peer) | PeerDied(peer=peer):
                self._notice((node, peer), now)
            case FaultFired(fault=fault):
                self._begin(f"fault {fault}", now, self._scene.severed(fault))
            case FaultHealed(fault=fault):
                self._silences = [silence for silence in self._silences if silence.about != f"fault {fault}"]

    def values(self) -> list[float]:
        return list(self._values)

    def _begin(self, about: str, now: float, pairs: list[Pair]) -> None:
        unnoticed = {pair: None for pair in pairs if pair not in self._scene.suspicions}
        if unnoticed:
            self._silences.append(_Silence(about, now, unnoticed))

    def _notice(self, pair: Pair, now: float) -> None:
        for silence in self._silences:
            if pair in silence.unnoticed:
                del silence.unnoticed[pair]
                silence.noticed_s = now
        self._settle()

    def _leave(self, node: str) -> None:
        for silence in self._silences:
            silence.unnoticed = {pair: None for pair in silence.unnoticed if pair[0] != node}
        self._settle()

    def _settle(self) -> None:
        over = [silence for silence in self._silences if not silence.unnoticed]
        self._values += [silence.noticed_s - silence.began_s for silence in over if silence.noticed_s is not None]
        self._silences = [silence for silence in self._silences if silence.unnoticed]


@dataclass
class _Return:
    """Nodes on their way back: what they lack of what was acknowledged, and who still doubts whom."""

    nodes: tuple[str, ...]
    began_s: float
    lacks: dict[Pair, Version]
    doubts: dict[Pair, None] = field(default_factory=dict)


class RecoverSeconds(Metric):
    """Seconds from the end of a loss until nothing is left of it: one value a loss, 0 where nothing had to be made good.

    A loss, as of `detect_seconds`, ends when a node that had been up listens again (`node_booted`), or with the fault. Nothing
    is left of it when the node, or each live end of the link, holds of every key at least the newest version that had been
    acknowledged when the loss ended and is for it, and when those who suspected each other across it no longer do. No value
    is given when one of these nodes goes down first.
    """

    hears = (NodeBooted, NodeDown, NodeDrained, PeerReturned, TensorStored, FaultHealed)

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._returns: list[_Return] = []
        self._values = deque[float](maxlen=VALUES_MAX)

    def see(self, entry: Entry) -> None:
        node, now = entry.node, entry.time_s
        match entry.event:
            case NodeBooted() if self._scene.lives[node] > 1:
                self._begin((node,), now, [(other, node) for other in self._scene.up])
            case NodeDown() | NodeDrained():
                self._returns = [back for back in self._returns if node not in back.nodes]
            case PeerReturned(peer=peer):
                for back in self._returns:
                    back.doubts.pop((node, peer), None)
                self._settle(now)
            case TensorStored(key=key, version=version):
                for back in self._returns:
                    if (wanted := back.lacks.get((node, key))) is not None and wanted <= version:
                        del back.lacks[node, key]
                self._settle(now)
            case FaultHealed(fault=fault):
                pairs = self._scene.severed(fault)
                if pairs:
                    self._begin(tuple(dict.fromkeys(end for pair in pairs for end in pair)), now, pairs)

    def values(self) -> list[float]:
        return list(self._values)

    def _begin(self, nodes: tuple[str, ...], now: float, pairs: list[Pair]) -> None:
        lacks = {place: version for node in nodes for place, version in self._scene.lacks(node).items()}
        doubts = {pair: None for pair in pairs if pair in self._scene.suspicions}
        self._returns.append(_Return(nodes, now, lacks, doubts))
        self._settle(now)

    def _settle(self, now: float) -> None:
        over = [back for back in self._returns if not back.lacks and not back.doubts]
        if over:
            self._values += [now - back.began_s for back in over]
            self._returns = [back for back in self._returns if back.lacks or back.doubts]
