"""One tensor to many nodes: offer it to every member at once, and tell the caller what became of it on each."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import trio

from dairt.errors import LocalProtocolError, NoAnswer, PeerUnreachable, Refused, UsageError
from dairt.model import tensor
from dairt.model.config import Limits
from dairt.model.events import BroadcastAcked, BroadcastBegun, BroadcastEnded, ChunkSent
from dairt.model.names import wrong_with_key
from dairt.model.version import Version
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

        A put that loses to one from before this life of the node, of which it knew nothing as its disk was wiped or damaged,
        is made anew above that, once. With `unless_held`, a key held with the very same bytes is offered
        again as it is, and no more. A member that is away is no error: its part of the receipt says so, and anti-entropy
        brings it up to date. Raises UsageError for what is no key, names a stranger or is too large, TensorFormatError for a
        dtype that cannot travel, Refused when this node is full.
        """
        self._check(key, array, audience)
        array = tensor.freeze(array)
        checksum = tensor.checksum(array)
        held = self._store.get(key)
        if unless_held and held is not None and held.checksum == checksum and held.audience == audience:
            return await self._spread(held, {})
        strange = [name for name in self._peers if not self._store.knows(name)]
        item, newer = self._make(key, array, audience, checksum), dict[str, Version]()
        receipt = await self._spread(item, newer)
        if self._is_overtaken(item, newer, strange):
            return await self._spread(self._make(key, array, audience, checksum), {})
        return receipt

    async def _spread(self, item: Item, newer: dict[str, Version]) -> Receipt:
        """Offer it to its audience, and note which `newer` versions members hold instead."""
        begun, key, audience = trio.current_time(), item.key, item.audience
        members = self._audience(audience)
        self._host.emit(BroadcastBegun(key, item.version, tensor.image_nbytes(item.array), members))
        parts = {self._host.name: await self._own_part(item, begun)}
        async with trio.open_nursery() as nursery:
            for member in members:
                nursery.start_soon(self._deliver, item, member, parts, newer)
        receipt = Receipt(key, item.version, item.checksum, dict(sorted(parts.items())))
        seconds = trio.current_time() - begun
        self._host.emit(BroadcastEnded(key, item.version, len(receipt.durable), receipt.missing, seconds))
        return receipt

    def _check(self, key: str, array: np.ndarray, audience: Audience) -> None:
        if wrong := wrong_with_key(key):
            raise UsageError(f"{key[:80]!r} is no key: {wrong}")
        nbytes, most = tensor.image_nbytes(array), self._limits.payload_max_bytes
        if nbytes > most:
            raise UsageError(f"the tensor for {key!r} has {nbytes} bytes, more than limits.payload_max, {most}")
        members = (self._host.name, *self._peers)
        strangers = [name for name in audience if name not in members]
        if audience not in (ALL, LOCAL) and (strangers or not audience):
            right = f"name some of {', '.join(members)}, or give ALL or LOCAL"
            raise UsageError(f"{key!r} cannot be for {', '.join(strangers) or 'nobody'}: {right}")

    def _make(self, key: str, array: np.ndarray, audience: Audience, checksum: int) -> Item:
        version = self._store.make_version()
        self._store.offer(key, version, array, audience, checksum, self._host.name)
        item = self._store.get(key)
        assert item is not None, "a new version is above every other, and nobody ran in between"
        return item

    def _is_overtaken(self, item: Item, newer: Mapping[str, Version], strange: Sequence[str]) -> bool:
        """Whether a put lost to a version that was there before this life of the node, or may have been.

        It may, where a member that was `strange` when the put was made holds it `newer`, or brought it here meanwhile.
        """
        held = self._store.get(item.key)
        assert held is not None, "what is held of a key is never less than before"
        if held.version > item.version and _is_of_one_life(held.version, item.version):
            return False  # a later put of ours has won
        name = self._host.name
        rivals = [version for member, version in newer.items() if member in strange or version.origin == name]
        rivals += [held.version] if strange or held.version.origin == name else []
        return any(version > item.version and not _is_of_one_life(version, item.version) for version in rivals)

    def _audience(self, audience: Audience) -> tuple[str, ...]:
        if audience == LOCAL:
            return ()
        return tuple(sorted(name for name in self._peers if audience == ALL or name in audience))

    async def _own_part(self, item: Item, begun: float) -> MemberReceipt:
        """This node's own: on disk, unless the disk takes so long that the others get it first."""
        patience_s = self._limits.disk_patience_s(tensor.image_nbytes(item.array))
        part = MemberReceipt("stored", patience_s, f"not on disk after {patience_s:g} s")
        with trio.move_on_after(patience_s):
            outcome = await self._store.checkpoint(item.key, item.version)
            part = MemberReceipt(outcome, trio.current_time() - begun)
        self._host.emit(BroadcastAcked(item.key, item.version, self._host.name, part.outcome, part.seconds, item.checksum))
        return part

    async def _deliver(self, item: Item, member: str, parts: dict[str, MemberReceipt], newer: dict[str, Version]) -> None:
        begun = trio.current_time()
        part = await self._offer(item, member, begun, newer)
        parts[member] = part
        self._host.emit(BroadcastAcked(item.key, item.version, member, part.outcome, part.seconds, item.checksum))

    async def _offer(self, item: Item, member: str, begun: float, newer: dict[str, Version]) -> MemberReceipt:
        if self._is_dead(member):
            return MemberReceipt("unreachable", 0.0, f"{member} counts as dead")

        def sent(end: int, total: int) -> None:
            self._host.emit(ChunkSent(member, item.key, end, total))

        offer = Offer(item.key, item.version, item.audience, item.checksum)
        patience_s = self._limits.exchange_patience_s(tensor.image_nbytes(item.array))
        try:
            answer = await self._peers[member].ask(offer, item.array, deadline_s=patience_s, on_chunk=sent)
        except (PeerUnreachable, NoAnswer) as exc:
            return MemberReceipt("unreachable", trio.current_time() - begun, str(exc))
        except (Refused, LocalProtocolError) as exc:
            return MemberReceipt("failed", trio.current_time() - begun, str(exc))
        if not isinstance(answer.message, Held):
            return MemberReceipt("failed", trio.current_time() - begun, f"{member} answered an offer with something else")
        if answer.message.newest is not None:
            self._store.saw(answer.message.newest)
            newer[member] = answer.message.newest
        return MemberReceipt(answer.message.outcome, trio.current_time() - begun)


def _is_of_one_life(one: Version, other: Version) -> bool:
    return (one.origin, one.nonce) == (other.origin, other.nonce)
