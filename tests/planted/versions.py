"""Planted bugs in which version wins, and who gets it."""

from collections.abc import Iterator

import numpy as np

from dairt.errors import RemoteProtocolError
from dairt.model.events import TensorStored
from dairt.model.version import Version
from dairt.protocol.messages import Audience, Have, Held, Offer
from dairt.runtime import reconcile
from dairt.runtime.answers import Answers, Reply
from dairt.runtime.framed import Received
from dairt.runtime.reconcile import Reconciler
from dairt.runtime.store import CheckpointOutcome, Item, Store
from planted.garden import plant, swapped


@plant("versions_only_rise", "reordered")
def no_version_check() -> Iterator[None]:
    """Whatever is offered last is held, newer or not."""

    def offer(
        self: Store, key: str, version: Version, array: np.ndarray, audience: Audience, checksum: int, source: str
    ) -> bool:
        self._seen = max(self._seen, version.counter)
        if key in self._items and self._items[key].version == version:
            return False
        self._items[key] = Item(key, version, array, audience, checksum, self._host.wall())
        self._host.emit(TensorStored(key, version, array.nbytes, checksum, source))
        return True

    async def answer(self: Answers, question: Offer, received: Received) -> Reply:
        assert received.body is not None
        store = self._node.store
        store.offer(question.key, question.version, received.body, question.audience, question.checksum, "")
        return Reply(Held("stored", question.version))

    with swapped(Store, "offer", offer), swapped(Answers, "_offer", answer):
        yield


@plant("live_nodes_agree", "partition")
def first_come_wins_ties() -> Iterator[None]:
    """Of two versions with the same counter the one that came first stays, instead of the one of the greater name."""
    honest = Store.offer

    def offer(
        self: Store, key: str, version: Version, array: np.ndarray, audience: Audience, checksum: int, source: str
    ) -> bool:
        held = self._items.get(key)
        if held is not None and held.version != version and held.version.counter == version.counter:
            return False
        return honest(self, key, version, array, audience, checksum, source)

    write = Store.checkpoint

    async def checkpoint(self: Store, key: str, version: Version) -> CheckpointOutcome:
        return await write(self, key, min(version, self._items[key].version))

    with swapped(Store, "offer", offer), swapped(Store, "checkpoint", checkpoint):
        yield


@plant("nobody_holds_what_is_not_for_them", "partition")
def anti_entropy_ignores_audiences() -> Iterator[None]:
    """A node tells everyone of all its keys, also of those that are its own, and everyone takes them."""

    def inventory(self: Store, member: str, after: str, limit: int) -> tuple[tuple[Have, ...], bool]:
        items = [self._items[key] for key in sorted(self._items) if key > after]
        return tuple(Have(i.key, i.version, i.checksum, i.audience) for i in items[:limit]), len(items) > limit

    with swapped(Store, "inventory", inventory), swapped(reconcile, "is_for", lambda member, audience: True):
        yield


@plant("acked_broadcast_on_all_live", "partition")
def never_catches_up() -> Iterator[None]:
    """Anti-entropy never asks anyone what it has missed."""
    with swapped(Reconciler, "_choose", lambda self: []):
        yield


def trusting(self: Answers, question: Offer, received: Received) -> Reply:
    """Hold what was received, whatever its checksum should have been."""
    if received.body is None:
        raise RemoteProtocolError("offered nothing")
    self._node.store.offer(
        question.key, question.version, received.body, question.audience, received.checksum, question.version.origin
    )
    return Reply(Held("stored", question.version))
