"""A bench for the membership machine alone: members in one loop, packets in a heap, links to cut and members to stop."""

from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from itertools import count
from random import Random

from dairt.model.views import PeerState
from dairt.protocol.datagrams import Packet, decode_packet, encode_packet
from dairt.protocol.membership import Change, Membership, Rule, Steps

RULE = Rule(period_s=0.5, suspect_after_s=2.0, dead_after_s=5.0)
LATENCY_S = 0.001


class Bench:
    """So many members, `n0` on, all told of all. Time only passes in `run`."""

    def __init__(self, members: int, *, seed: int = 0, loss: float = 0.0) -> None:
        self.now = 0.0
        self.names = [f"n{n}" for n in range(members)]
        self.sent = dict.fromkeys(self.names, 0)
        self.changes: list[tuple[float, str, Change]] = []
        self.trace: list[str] = []
        self.passes: Callable[[str, str], bool] = lambda source, target: True
        self._dice = Random(seed)
        self._loss = loss
        self._stopped: set[str] = set()
        self._order = count()
        self._mail: list[tuple[float, int, str, str, bytes]] = []
        self.members: dict[str, Membership] = {}
        for name in self.names:
            self.start(name)

    def start(self, name: str) -> None:
        """Begin a life of a member, its first or another."""
        self._stopped.discard(name)
        self.members[name] = Membership(
            name,
            self.names,
            RULE,
            self.now,
            cluster="bench",
            life=self._dice.getrandbits(48),
            random=Random(self._dice.random()),
        )

    def kill(self, *names: str) -> None:
        """End these, without a word."""
        self._stopped.update(names)

    def stop(self, name: str) -> None:
        """Let a member stand still; what it is sent waits for `go_on`."""
        self._stopped.add(name)

    def go_on(self, name: str) -> None:
        """Let one that stands still go on."""
        self._stopped.discard(name)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while True:
            ticks = {name: member.next_tick() for name, member in self.members.items() if name not in self._stopped}
            due = min([*ticks.values(), self._mail[0][0] if self._mail else end])
            if max(due, self.now) >= end:
                self.now = end
                return
            self.now = max(due, self.now)
            self._deliver()
            for name, tick in ticks.items():
                if tick <= self.now:
                    self._take(name, self.members[name].tick(self.now))

    def states(self, of: str, among: Iterable[str] | None = None) -> set[PeerState]:
        """What the others that run hold of one."""
        return {self.members[name].state(of) for name in among or self.names if name != of and name not in self._stopped}

    def _deliver(self) -> None:
        while self._mail and self._mail[0][0] <= self.now:
            _, _, source, target, data = heappop(self._mail)
            if target not in self._stopped and self.passes(source, target):
                packet = decode_packet(data)
                self.trace.append(f"{self.now:.3f} {source}>{target} {_words(packet)}")
                self._take(target, self.members[target].receive(packet, self.now))

    def _take(self, name: str, steps: Steps) -> None:
        for to, packet in steps.sends:
            self.sent[name] += 1
            if self._dice.random() >= self._loss:
                heappush(self._mail, (self.now + LATENCY_S, next(self._order), name, to, encode_packet(packet)))
        for change in steps.changes:
            self.changes.append((self.now, name, change))
            self.trace.append(f"{self.now:.3f} {name} holds {change.peer} {change.state}")


def _words(packet: Packet) -> str:
    message = packet.message
    said = " ".join([type(message).__name__, *(str(getattr(message, entry)) for entry in message.__struct_fields__)])
    return " ".join([said, *(f"[{rumour.node} {rumour.state} {rumour.incarnation}]" for rumour in packet.rumours)])
