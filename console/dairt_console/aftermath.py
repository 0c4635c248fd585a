"""What became of each fault, as far as the events after it tell: when it was over, and what is still missing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from dairt.model.action import Link, named
from dairt.model.events import Entry, FaultFired, FaultHealed, NodeBooted, SocketOpened, SocketRemoved

KEPT = 200  # faults; as many as the cluster remembers
STRIKES_KEPT = 400  # earlier strikes of faults that struck again: what a timeline has room for
FOUND_WITHIN_S = 3.0  # a socket that is found dead later did not die of this fault: idle ones are probed every second or so
BETWEEN_TWO = ("link.", "conn.", "frame.")  # kinds that befall what goes between two sides

Socket = tuple[str, str]  # whose, and to whom


@dataclass(frozen=True)
class Aftermath:
    """One fault since it fired. `missing` are the sockets it broke that are not open again; `over_s` is when it was over."""

    fault: str
    kind: str
    target: tuple[str, ...]  # nodes, or the two sides of a link
    fired_s: float
    missing: tuple[Socket, ...] = ()
    over_s: float | None = None
    text: str = ""

    def befell(self, node: str) -> bool:
        """True when it names the node; `any` of one side is a name too."""
        return any(node in named(side) for side in self.target)

    def on_link(self, one: str, other: str) -> bool:
        """True for a fault between two sides that these two are on."""
        return self.kind.startswith(BETWEEN_TWO) and len(self.target) == 2 and Link(*self.target).covers(one, other)

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

    def _broke(self, socket: Socket, at_s: float) -> bool:
        return self.kind == "conn.reset" and at_s - self.fired_s <= FOUND_WITHIN_S and self.on_link(*socket)


def follow(known: Mapping[str, Aftermath], entries: Iterable[Entry]) -> Mapping[str, Aftermath]:
    """What is known of all faults, by id, the latest last, once `entries` are told; the same object when nothing is new."""
    return follow_strikes(known, (), entries)[0]


def follow_strikes(
    known: Mapping[str, Aftermath], earlier: tuple[Aftermath, ...], entries: Iterable[Entry]
) -> tuple[Mapping[str, Aftermath], tuple[Aftermath, ...]]:
    """The same, and the `earlier` strikes of faults that have struck again, the latest last."""
    now = dict(known)
    again: list[Aftermath] = []
    for entry in entries:
        match entry.event:
            case FaultFired(fault=fault, kind=kind, text=text, target=target):
                again += [now.pop(fault)] if fault in now else []  # one that fires again begins again
                now[fault] = Aftermath(fault, kind, target, entry.time_s, text=text)
            case FaultHealed() | NodeBooted() | SocketRemoved() | SocketOpened():
                for aftermath in _waiting(now.values(), entry):
                    now[aftermath.fault] = aftermath.after(entry)
    for fault in list(now)[:-KEPT]:
        del now[fault]
    return known if now == known else now, (*earlier, *again)[-STRIKES_KEPT:] if again else earlier


def _waiting(known: Iterable[Aftermath], entry: Entry) -> list[Aftermath]:
    """Those that such an event may be about: few of hundreds, and events come by the hundred."""
    match entry.event:
        case FaultHealed(fault=fault):
            return [each for each in known if each.fault == fault]
        case NodeBooted():
            return [each for each in known if each.kind == "node.restart" and each.over_s is None]
        case SocketRemoved():
            earliest_s = entry.time_s - FOUND_WITHIN_S
            return [each for each in known if each.fired_s >= earliest_s and each.kind == "conn.reset"]
    return [each for each in known if each.missing]
