"""One tensor to many nodes: offer it to every member at once, and tell the caller what became of it on each."""

from collections.abc import Callable, Mapping

import numpy as np
import trio

from dairt.errors import NoAnswer, PeerUnreachable, Refused
from dairt.model import tensor
from dairt.model.config import Limits
from dairt.model.events import BroadcastAcked, BroadcastBegun, BroadcastEnded, ChunkSent
from dairt.protocol.messages import ALL, LOCAL, Audience, Held, MemberReceipt, Offer, Receipt
from dairt.runtime.host import Host
from dairt.runtime.peer import Peer
from dairt.runtime.store import Item, Store


class Broadcaster:
    """A node's part as the origin of broadcasts. A star: every member gets it from here."""

    def __init__(
        self, host: Host, store: Store, peers: Mapping[str, Peer], limits: Limits, is_dead: Callable[[str], bool]
    ) -> None:
        self._host = host
        self._store = store
        self._peers = peers
        self._limits = limits
        self._is_dead = is_dead

    async def broadcast(self, key: str, array: np.ndarray, audience: Audience = ALL, *, unless_held: bool = False) -> Receipt:
        """Make a version of `key`, hold it durably here, then offer it to its audience. One receipt for all members.

        A member that is away is no error: its part of the receipt says so, and anti-entropy brings it up to date.
        """
        begun = trio.current_time()
        item = await self._hold(key, array, audience, unless_held)
        members = self._audience(audience)
        self._host.emit(BroadcastBegun(key, item.version, tensor.image_nbytes(item.array), members))
        parts = {self._host.name: await self._own_part(item, begun)}
        async with trio.open_nursery() as nursery:
            for member in members:
                nursery.start_soon(self._deliver, item, member, parts)
        receipt = Receipt(key, item.version, item.checksum, dict(sorted(parts.items())))
        seconds = trio.current_time() - begun
        self._host.emit(BroadcastEnded(key, item.version, len(receipt.durable), receipt.missing, seconds))
        return receipt

    async def _hold(self, key: str, array: np.ndarray, audience: Audience, unless_held: bool) -> Item:
        array = tensor.freeze(array)
        checksum = tensor.checksum(array)
        held = self._store.get(key)
        if unless_held and held is not None and held.checksum == checksum and held.audience == audience:
            return held
        version = self._store.make_version()
        self._store.offer(key, version, array, audience, checksum, self._host.name)
        item = self._store.get(key)
        assert item is not None, "a new version is above every other, and nobody ran in between"
        return item

    def _audience(self, audience: Audience) -> tuple[str, ...]:
        if audience == LOCAL:
            return ()
        return tuple(sorted(name for name in self._peers if audience == ALL or name in audience))

    async def _own_part(self, item: Item, begun: float) -> MemberReceipt:
        outcome = await self._store.checkpoint(item.key, item.version)
        seconds = trio.current_time() - begun
        self._host.emit(BroadcastAcked(item.key, item.version, self._host.name, outcome, seconds, item.checksum))
        return MemberReceipt(outcome, seconds)

    async def _deliver(self, item: Item, member: str, parts: dict[str, MemberReceipt]) -> None:
        begun = trio.current_time()
        part = await self._offer(item, member, begun)
        parts[member] = part
        self._host.emit(BroadcastAcked(item.key, item.version, member, part.outcome, part.seconds, item.checksum))

    async def _offer(self, item: Item, member: str, begun: float) -> MemberReceipt:
        if self._is_dead(member):
            return MemberReceipt("unreachable", 0.0, f"{member} counts as dead")

        def sent(end: int, total: int) -> None:
            self._host.emit(ChunkSent(member, item.key, end, total))

        offer = Offer(item.key, item.version, item.audience, item.checksum)
        patience = self._limits.exchange_s + tensor.image_nbytes(item.array) / self._limits.slowest_bytes_per_s
        try:
            answer = await self._peers[member].ask(offer, item.array, deadline_s=patience, on_chunk=sent)
        except (PeerUnreachable, NoAnswer) as exc:
            return MemberReceipt("unreachable", trio.current_time() - begun, str(exc))
        except Refused as exc:
            return MemberReceipt("failed", trio.current_time() - begun, str(exc))
        if not isinstance(answer.message, Held):
            return MemberReceipt("failed", trio.current_time() - begun, f"{member} answered an offer with something else")
        return MemberReceipt(answer.message.outcome, trio.current_time() - begun)
