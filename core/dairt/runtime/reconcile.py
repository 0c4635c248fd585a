"""Anti-entropy: what did I miss, and from whom can I have it?"""

from collections.abc import Mapping

import trio

from dairt.errors import NoAnswer, PeerUnreachable, Refused, RemoteProtocolError
from dairt.model.config import NodeConfig
from dairt.model.events import CaughtUp, CheckpointFailed, ProtocolBroken
from dairt.protocol.membership import Membership
from dairt.protocol.messages import AskInventory, Fetch, Have, Inventory, Offer
from dairt.runtime.host import Host
from dairt.runtime.peer import Peer
from dairt.runtime.store import Store, is_for
from dairt.runtime.summary import UNKNOWN

FULL_PAUSE_S = 30.0  # a node without room for a tensor does not ask for it over and over

PUT_OFF_MAX = 3  # turns in a row in which nobody has been heard since the last change


class Reconciler:
    """Compares this node's keys with its peers' and pulls what is newer there (Demers et al., 1987).

    At most one comparison a peer is under way, and one pull a key: a peer that is stuck holds up nobody else.
    """

    def __init__(self, host: Host, config: NodeConfig, store: Store, peers: Mapping[str, Peer], membership: Membership) -> None:
        self._host = host
        self._config = config
        self._store = store
        self._peers = peers
        self._membership = membership
        self._hurry = trio.Event()
        self._next: list[str] = []
        self._comparing: dict[str, None] = {}
        self._pulling: dict[str, None] = {}
        self._full_until = 0.0
        self._put_off = 0

    def soon(self, peer: str) -> None:
        """Compare with this peer as soon as possible: it has just come back, or we have."""
        if peer not in self._next:
            self._next.append(peer)
            self._hurry.set()

    async def run(self) -> None:
        """Compare with a peer drawn by lot, again and again, with jitter so that nodes do not fall into step."""
        async with trio.open_nursery() as comparisons:
            while True:
                pause_s = self._config.reconcile_every_s * self._host.random.uniform(0.8, 1.2)
                with trio.move_on_after(pause_s):
                    await self._hurry.wait()
                self._hurry = trio.Event()
                for name in self._choose():
                    self._comparing[name] = None
                    comparisons.start_soon(self._compare, self._peers[name])

    def _choose(self) -> list[str]:
        """Whom to compare with now: those we were told to, else one of the others; not those we are busy with."""
        wanted, self._next = self._next, []
        if wanted:
            self._next = [name for name in wanted if name in self._comparing]
            return [name for name in wanted if name not in self._comparing]
        others = [name for name in self._membership.alive() if name != self._host.name and name not in self._comparing]
        differing = self._differing(others)
        return [self._host.random.choice(differing)] if differing else []

    def _differing(self, others: list[str]) -> list[str]:
        """Those that may hold something else. What a peer last said counts if it was said since anything changed here."""
        if self._store.has_unsaved:
            return others
        held, since = self._store.summary(), self._store.changed_at
        heard = [name for name in others if self._membership.heard_at(name) >= since]
        agreeing = [name for name in heard if held == self._membership.summary(name) != UNKNOWN]
        for name in agreeing:
            self._store.saw_all(name)
        if not heard and self._put_off < PUT_OFF_MAX:  # what has just changed is on its way: soon they are heard again
            self._put_off += 1
            return []
        self._put_off = 0
        return [name for name in (heard or others) if name not in agreeing]

    async def _compare(self, peer: Peer) -> None:
        try:
            await self._take_what_is_new(peer)
        except (PeerUnreachable, NoAnswer, Refused):
            pass  # whoever is away is met another time; the peer's own events have said so
        except RemoteProtocolError as exc:
            self._host.emit(ProtocolBroken(str(peer.address), str(exc)))
        finally:
            del self._comparing[peer.name]

    async def _take_what_is_new(self, peer: Peer) -> None:
        """Go through the peer's inventory, page by page. Raises RemoteProtocolError, and what `Peer.ask` raises."""
        after, more = "", True
        while more:
            question = AskInventory(self._host.name, after)
            answer = (await peer.ask(question, deadline_s=self._config.limits.exchange_s)).message
            if not isinstance(answer, Inventory):
                raise RemoteProtocolError(f"{peer.name} answered for its inventory with something else")
            for have in answer.have:
                self._store.saw(have.version)  # of all of them at once: pulling the first may take a while
            if not answer.more:
                self._store.saw_all(peer.name)
            for have in answer.have:
                await self._settle(have, peer)
            more = answer.more and bool(answer.have)
            after = answer.have[-1].key if answer.have else after

    async def _settle(self, have: Have, peer: Peer) -> None:
        """Have what the peer has of one key, or newer, and have it on disk."""
        held = self._store.get(have.key)
        if held is None or held.version < have.version:
            if have.key not in self._pulling and trio.current_time() >= self._full_until:
                await self._pull(have, peer)
        elif held.version == have.version and held.checksum != have.checksum:
            # Neither is known to be the right one, and no put is lost: the next one supersedes both.
            reason = f"{peer.name} holds other bytes for {have.key} {have.version} than {self._host.name}"
            self._host.emit(ProtocolBroken(str(peer.address), reason))
        elif self._store.awaits_checkpoint(have.key, held.version):
            await self._save(have.key)

    async def _pull(self, have: Have, peer: Peer) -> None:
        limits = self._config.limits
        self._pulling[have.key] = None
        try:
            patience_s = limits.exchange_patience_s(limits.payload_max_bytes)
            answer = await peer.ask(Fetch(have.key, have.version), deadline_s=patience_s)
        finally:
            del self._pulling[have.key]
        match answer.message:
            case Offer(key=have.key, audience=audience) if not is_for(self._host.name, audience):
                raise RemoteProtocolError(f"{peer.name} sent {have.key!r}, which is not for {self._host.name}")
            case Offer(key=have.key, version=version, audience=audience, checksum=answer.checksum) if answer.body is not None:
                try:
                    is_new = self._store.offer(have.key, version, answer.body, audience, answer.checksum, peer.name)
                except Refused as exc:
                    self._full_until = trio.current_time() + FULL_PAUSE_S
                    self._host.emit(CheckpointFailed(have.key, version, str(exc)))
                    return
                if is_new:
                    await self._save(have.key)
                    self._host.emit(CaughtUp(have.key, version, peer.name))
            case _:
                raise RemoteProtocolError(f"{peer.name} sent something else than the {have.key!r} it said it holds")

    async def _save(self, key: str) -> None:
        """Checkpoint what is held of a key; a disk that is too slow goes on with it."""
        item = self._store.get(key)
        assert item is not None, "what is held of a key is never less than before"
        with trio.move_on_after(self._config.limits.disk_patience_s(item.array.nbytes)):
            await self._store.checkpoint(key, item.version)
