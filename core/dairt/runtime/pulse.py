"""Is everybody there? The membership machine, fed with datagrams and the clock; the node is told what changed."""

from collections.abc import Callable, Mapping

import trio

from dairt.errors import RemoteProtocolError
from dairt.model.address import Address
from dairt.model.events import PeerDied, PeerReturned, PeerSuspected, ProtocolBroken
from dairt.protocol.datagrams import decode_packet, encode_packet
from dairt.protocol.membership import Change, Membership, Steps
from dairt.runtime.host import Datagrams, Host
from dairt.runtime.peer import Peer

COMPLAINTS_MAX = 100  # addresses whose broken datagrams are journalled: anybody may send some, from any


class Pulse:
    """Sends what the membership machine wants sent, and tells the node who is lost and who is back."""

    def __init__(
        self,
        host: Host,
        membership: Membership,
        peers: Mapping[str, Peer],
        look_every_s: float,
        lost: Callable[[str, str], None],
        back: Callable[[str], None],
    ) -> None:
        self._host = host
        self._membership = membership
        self._peers = peers
        self._look_every_s = look_every_s
        self._next_look = 0.0
        self._lost = lost
        self._back = back
        self._datagrams: Datagrams | None = None
        self._asleep = trio.CancelScope()  # until the next tick; datagrams move its deadline
        self._complained: set[Address] = set()

    def greeted(self, name: str) -> None:
        """A peer has opened a connection."""
        self._take(self._membership.greeted(name, trio.current_time()))
        self._asleep.deadline = self._membership.next_tick()

    async def run(self, address: Address, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Ping and answer at `address` until cancelled; started once it can. Raises OSError where the address is taken."""
        async with await self._host.network.open_datagrams(address) as self._datagrams, trio.open_nursery() as nursery:
            nursery.start_soon(self._listen, self._datagrams)
            task_status.started()
            while True:
                self._take(self._membership.tick(trio.current_time()))
                self._look_at_idle(nursery)
                with trio.CancelScope(deadline=self._membership.next_tick()) as self._asleep:
                    await trio.sleep_forever()

    def _look_at_idle(self, watchers: trio.Nursery) -> None:
        """Have the connections kept for reuse watched, so that a dead one is found before it is needed."""
        now = trio.current_time()
        if now >= self._next_look:
            self._next_look = now + self._look_every_s
            for peer in self._peers.values():
                peer.look_at_idle(watchers)

    async def _listen(self, datagrams: Datagrams) -> None:
        while True:
            for data, source in await datagrams.receive():
                try:
                    packet = decode_packet(data)
                except RemoteProtocolError as exc:
                    self._complain(source, str(exc))
                else:
                    self._take(self._membership.receive(packet, trio.current_time()))
            self._asleep.deadline = self._membership.next_tick()

    def _complain(self, source: Address, reason: str) -> None:
        if source not in self._complained and len(self._complained) < COMPLAINTS_MAX:
            self._complained.add(source)
            self._host.emit(ProtocolBroken(str(source), reason))

    def _take(self, steps: Steps) -> None:
        for name, packet in steps.sends:
            if self._datagrams is not None:
                self._datagrams.send(encode_packet(packet), self._peers[name].address)
        for name, life in steps.lives:
            self._peers[name].heard(life)
        for change in steps.changes:
            self._tell(change)

    def _tell(self, change: Change) -> None:
        match change.state:
            case "suspect":
                self._host.emit(PeerSuspected(change.peer, change.silent_s))
                self._lost(change.peer, f"suspected, silent for {change.silent_s:.1f} s")
            case "dead":
                self._host.emit(PeerDied(change.peer, change.silent_s))
                self._lost(change.peer, f"dead, silent for {change.silent_s:.1f} s")
            case "alive":
                self._host.emit(PeerReturned(change.peer))
                self._back(change.peer)
