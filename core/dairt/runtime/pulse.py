"""Is everybody there? Each peer is probed; silence makes it suspect, then dead; a word brings it back."""

from collections.abc import Callable, Mapping

import trio

from dairt.errors import NoAnswer, PeerUnreachable, Refused
from dairt.model.config import NodeConfig
from dairt.model.events import PeerDied, PeerReturned, PeerSuspected
from dairt.protocol.membership import Change, Membership
from dairt.protocol.messages import Probe
from dairt.runtime.host import Host
from dairt.runtime.peer import Peer


class Pulse:
    """Feeds the membership rule with what probes say, and tells the node what changed."""

    def __init__(
        self,
        host: Host,
        config: NodeConfig,
        membership: Membership,
        peers: Mapping[str, Peer],
        lost: Callable[[str, str], None],
        back: Callable[[str], None],
    ) -> None:
        self._host = host
        self._config = config
        self._membership = membership
        self._peers = peers
        self._lost = lost
        self._back = back

    def heard(self, name: str) -> None:
        """A peer has spoken."""
        change = self._membership.heard(name, trio.current_time())
        if change is not None:
            self._tell(change)

    async def run(self) -> None:
        """Probe every peer, each in a task of its own, and look at the clock in between."""
        async with trio.open_nursery() as nursery:
            for peer in self._peers.values():
                nursery.start_soon(self._probe, peer)
            while True:
                await trio.sleep(self._config.probe_every_s / 2)
                for change in self._membership.tick(trio.current_time()):
                    self._tell(change)

    async def _probe(self, peer: Peer) -> None:
        while True:
            try:
                await peer.ask(Probe(), deadline_s=self._config.suspect_after_s)
            except (PeerUnreachable, NoAnswer, Refused):
                pass  # silence is judged by the clock, not by the number of failures
            else:
                self.heard(peer.name)
            await trio.sleep(self._config.probe_every_s * self._host.random.uniform(0.8, 1.2))

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
