"""What is worth passing on: the newest claim about each member, told to so many that everybody hears it."""

from math import ceil, log2

from dairt.model.views import PeerState
from dairt.protocol.datagrams import Rumour

RANK: dict[PeerState, int] = {"alive": 0, "suspect": 1, "dead": 2}
BYTES_A_DATAGRAM = 900  # leaves room in a packet for the longest names of cluster, sender and target
BYTES_BESIDE_NAME = 20  # of a rumour: a state, a number and msgpack's own
RETELL = 3  # times log2 of the members: then hardly anybody has not heard (SWIM, section 4.1: lambda)


def overrides(rumour: Rumour, state: PeerState, incarnation: int) -> bool:
    """Whether a claim replaces another: a later incarnation does, and of one incarnation the worse.

    An order, so that whoever has heard the same claims holds the same, whatever came first. Unlike SWIM's, it lets a dead
    member come back, by an incarnation after the one that it was declared dead in.
    """
    return (rumour.incarnation, RANK[rumour.state]) > (incarnation, RANK[state])


class Rumours:
    """The rumours to pass on. Those told least come first, so that news is not held up by what many have heard."""

    def __init__(self, members: int) -> None:
        self._retell = RETELL * ceil(log2(members + 1))
        self._told: dict[Rumour, int] = {}
        self._of: dict[str, Rumour] = {}

    def add(self, rumour: Rumour) -> None:
        """Pass this on from now, in place of what was said of the same member."""
        self._told.pop(self._of.get(rumour.node, rumour), None)
        self._of[rumour.node] = rumour
        self._told[rumour] = 0

    def take(self, first: Rumour | None = None) -> tuple[Rumour, ...]:
        """As many as fit a datagram; `first` among them, whatever is new."""
        if not self._told:
            return () if first is None else (first,)
        taken = [] if first is None else [first]
        room = BYTES_A_DATAGRAM
        for rumour in sorted(self._told, key=self._told.__getitem__):
            room -= len(rumour.node) + BYTES_BESIDE_NAME
            if room < 0:
                break
            if rumour != first:
                taken.append(rumour)
            self._tell(rumour)
        return tuple(taken)

    def _tell(self, rumour: Rumour) -> None:
        self._told[rumour] += 1
        if self._told[rumour] >= self._retell:
            del self._told[rumour], self._of[rumour.node]
