"""Anti-entropy: what did I miss, and from whom can I have it?"""

from collections.abc import Callable, Mapping

import trio

from dairt.errors import NoAnswer, PeerUnreachable, Refused, RemoteProtocolError
from dairt.model.config import NodeConfig
from dairt.model.events import CaughtUp, ProtocolBroken
from dairt.protocol.messages import AskInventory, Fetch, Have, Inventory, Offer
from dairt.runtime.host import Host
from dairt.runtime.peer import Peer
from dairt.runtime.store import Store


class Reconciler:
    """Compares this node's keys with one peer at a time and pulls what is newer there (Demers et al., 1987)."""

    def __init__(
        self, host: Host, config: NodeConfig, store: Store, peers: Mapping[str, Peer], alive: Callable[[], tuple[str, ...]]
    ) -> None:
        self._host = host
        self._config = config
        self._store = store
        self._peers = peers
        self._alive = alive
        self._hurry = trio.Event()
        self._next: list[str] = []

    def soon(self, peer: str) -> None:
        """Compare with this peer as soon as possible: it has just come back, or we have."""
        if peer not in self._next:
            self._next.append(peer)
            self._hurry.set()

    async def run(self) -> None:
        """Compare with a peer drawn by lot, again and again, with jitter so that nodes do not fall into step."""
        while True:
            pause_s = self._config.reconcile_every_s * self._host.random.uniform(0.8, 1.2)
            with trio.move_on_after(pause_s):
                await self._hurry.wait()
            self._hurry = trio.Event()
            wanted, self._next = self._next, []
            others = [name for name in self._alive() if name != self._host.name]
            for name in wanted or ([self._host.random.choice(others)] if others else []):
                await self._compare(self._peers[name])

    async def _compare(self, peer: Peer) -> None:
        try:
            after, more = "", True
            while more:
                question = AskInventory(self._host.name, after)
                answer = (await peer.ask(question, deadline_s=self._config.limits.exchange_s)).message
                if not isinstance(answer, Inventory):
                    raise RemoteProtocolError(f"{peer.name} answered for its inventory with something else")
                for have in answer.have:
                    if self._is_news(have):
                        await self._pull(have, peer)
                more = answer.more and bool(answer.have)
                after = answer.have[-1].key if answer.have else after
        except (PeerUnreachable, NoAnswer, Refused):
            pass  # whoever is away is met another time; the peer's own events have said so
        except RemoteProtocolError as exc:
            self._host.emit(ProtocolBroken(str(peer.address), str(exc)))

    def _is_news(self, have: Have) -> bool:
        held = self._store.get(have.key)
        return held is None or held.version < have.version

    async def _pull(self, have: Have, peer: Peer) -> None:
        limits = self._config.limits
        patience = limits.exchange_s + limits.payload_max_bytes / limits.slowest_bytes_per_s
        answer = await peer.ask(Fetch(have.key, have.version), deadline_s=patience)
        match answer.message:
            case Offer(key=have.key, version=version, audience=audience, checksum=answer.checksum) if answer.body is not None:
                if self._store.offer(have.key, version, answer.body, audience, answer.checksum, peer.name):
                    await self._store.checkpoint(have.key, version)
                    self._host.emit(CaughtUp(have.key, version, peer.name))
            case _:
                raise RemoteProtocolError(f"{peer.name} sent something else than the {have.key!r} it said it holds")
