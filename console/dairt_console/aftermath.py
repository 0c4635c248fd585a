"""What became of each fault, as far as the events after it tell: when it was over, and what is still missing."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from dairt.model.events import Entry, FaultFired, FaultHealed, NodeBooted, SocketOpened, SocketRemoved

KEPT = 200  # faults; as many as the cluster remembers
FOUND_WITHIN_S = 3.0  # a socket that is found dead later did not die of this fault: idle ones are probed every second or so
_BETWEEN_NAMES = re.compile(r"[\s↔→+,]+")

Socket = tuple[str, str]  # whose, and to whom


@dataclass(frozen=True)
class Aftermath:
    """One fault since it fired. `missing` are the sockets it broke that are not open again; `over_s` is when it was over."""

    fault: str
    kind: str
    names: tuple[str, ...]  # the words of its text; the nodes it befell are among them
    fired_s: float
    missing: tuple[Socket, ...] = ()
    over_s: float | None = None

    def befell(self, node: str) -> bool:
        """True when its text names the node."""
        return node in self.names

    def _broke(self, socket: Socket, at_s: float) -> bool:
        ends = sum(end in self.names for end in socket)
        return self.kind == "conn.reset" and at_s - self.fired_s <= FOUND_WITHIN_S and ends + ("any" in self.names) >= 2

    def after(self, entry: Entry) -> "Aftermath":
        """What is known of it once `entry` has been told."""
        match entry.event:
            case FaultHealed(fault=fault) if fault == self.fault:
                return replace(self, over_s=entry.time_s)
            case NodeBooted() if self.kind == "node.restart" and self.befell(entry.node) and self.over_s is None:
                return replace(self, over_s=entry.time_s)
            case SocketRemoved(peer=peer) if self._broke((entry.node, peer), entry.time_s):
                return replace(self, missing=(*self.missing, (entry.node, peer)), over_s=None)
            case SocketOpened(peer=peer) if (entry.node, peer) in self.missing:
                missing = tuple(socket for socket in self.missing if socket != (entry.node, peer))
                return replace(self, missing=missing, over_s=None if missing else entry.time_s)
        return self


def follow(known: Mapping[str, Aftermath], entries: Iterable[Entry]) -> Mapping[str, Aftermath]:
    """What is known of all faults, by id, the latest last, once `entries` are told; the same object when nothing is new."""
    now = dict(known)
    for entry in entries:
        match entry.event:
            case FaultFired(fault=fault, kind=kind, text=text):
                now.pop(fault, None)  # one that fires again begins again
                now[fault] = Aftermath(fault, kind, tuple(_BETWEEN_NAMES.split(text)), entry.time_s)
            case FaultHealed() | NodeBooted() | SocketRemoved() | SocketOpened():
                for fault, aftermath in now.items():
                    now[fault] = aftermath.after(entry)
    for fault in list(now)[:-KEPT]:
        del now[fault]
    return known if now == known else now
