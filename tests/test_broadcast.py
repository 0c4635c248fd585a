"""What a broadcast promises."""

import numpy as np
import pytest
import trio

from dairt.model import tensor as model
from dairt.model.action import CutLink, Link, ResetConnection
from dairt.model.events import BroadcastBegun, BroadcastEnded, ChunkSent, Entry, SocketRemoved, TensorStored
from dairt.model.version import Version
from dairt.protocol.messages import ALL, Receipt
from dairt.runtime.node import Node
from small_world import SmallWorld, in_small_world

MIB = 2**20


def tensor(nbytes: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(nbytes // 4).astype(np.float32)


def held(world: SmallWorld, key: str) -> dict[str, int]:
    """Who holds a key, and with which checksum."""
    return {view.name: c.checksum for view in world.cluster.node_views() for c in view.checkpoints if c.key == key}


def test_a_broadcast_is_durable_on_every_member_with_the_same_bytes() -> None:
    async def story(world: SmallWorld) -> None:
        receipt = await world.cluster.broadcast("w", tensor(3 * MIB))
        assert receipt.durable == ("n0", "n1", "n2")
        assert held(world, "w") == dict.fromkeys(("n0", "n1", "n2"), receipt.checksum)

    in_small_world(story)


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 5), (1000, 70)])
def test_a_tensor_of_any_shape_arrives(shape: tuple[int, ...]) -> None:
    async def story(world: SmallWorld) -> None:
        receipt = await world.cluster.broadcast("w", np.zeros(shape, np.int64))
        assert receipt.missing == ()

    in_small_world(story)


def test_the_caller_may_change_its_array_afterwards() -> None:
    async def story(world: SmallWorld) -> None:
        array = tensor(MIB)
        receipt = await world.cluster.broadcast("w", array)
        array[:] = 0
        await world.kill("n0")
        await world.restart("n0")
        assert held(world, "w") == dict.fromkeys(("n0", "n1", "n2"), receipt.checksum)

    in_small_world(story)


@pytest.mark.parametrize("seed", range(5))
def test_a_socket_killed_in_mid_tensor_is_removed_and_the_tensor_arrives_all_the_same(seed: int) -> None:
    struck: list[int] = []

    async def story(world: SmallWorld) -> None:
        def strike(entry: Entry) -> None:
            if isinstance(entry.event, ChunkSent) and entry.event.peer == "n2" and entry.event.offset_pct > 40 and not struck:
                struck.append(world.faults.apply("f", ResetConnection(Link("n0", "n2"))))

        world.journal.listeners.append(strike)
        receipt = await world.cluster.broadcast("w", tensor(4 * MIB))
        assert struck[0] >= 1
        assert receipt.durable == ("n0", "n1", "n2")
        assert [event.peer for event in world.events(SocketRemoved, "n0")][:1] == ["n2"]
        assert len([e for e in world.events(TensorStored, "n2") if e.key == "w"]) == 1

    in_small_world(story, seed)


def test_a_member_behind_a_cut_is_reported_missing_and_catches_up_when_it_is_healed() -> None:
    async def story(world: SmallWorld) -> None:
        world.faults.apply("cut", CutLink(Link("n2", "any")))
        await world.until(lambda: any(p.name == "n2" and p.state == "dead" for p in world.cluster.node_views()[0].peers))
        receipt = await world.cluster.broadcast("w", tensor(MIB))
        assert receipt.missing == ("n2",)
        assert world.events(BroadcastEnded)[-1].missing == ("n2",)
        world.faults.heal("cut")
        await world.until(lambda: held(world, "w").get("n2") == receipt.checksum)

    in_small_world(story)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("source", ["n0", "n1"])
def test_the_first_put_of_a_wiped_node_is_not_lost_to_what_was_there_before(source: str, seed: int) -> None:
    async def story(world: SmallWorld) -> None:
        for n in range(5):
            before = await world.cluster.broadcast("w", tensor(1000, n), source=source)
        await world.kill("n0")
        await world.disks["n0"].wipe()
        await world.restart("n0")
        receipt = await world.cluster.broadcast("w", tensor(1000, 9), source="n0")
        assert receipt.version > before.version
        assert receipt.durable == ("n0", "n1", "n2")
        await trio.sleep(5)
        assert held(world, "w") == dict.fromkeys(("n0", "n1", "n2"), receipt.checksum)

    in_small_world(story, seed)


def test_a_put_that_loses_to_a_later_one_of_its_own_node_is_not_made_anew() -> None:
    async def story(world: SmallWorld) -> None:
        receipts: list[Receipt] = []

        async def put(n: int) -> None:
            receipts.append(await world.cluster.broadcast("w", tensor(MIB, n)))

        async with trio.open_nursery() as nursery:
            for n in range(4):
                nursery.start_soon(put, n)
        assert len(world.events(BroadcastBegun)) == 4, "the node itself has the newer one: nothing is made anew"
        assert any(part.outcome == "superseded" for receipt in receipts for part in receipt.members.values())

    in_small_world(story)


def brought_meanwhile(version: Version) -> tuple[Version, int]:
    """The version of a put of n0 that had met everybody, and how often it was made, when another comes in the middle of it."""
    done: list[tuple[Version, int]] = []

    async def story(world: SmallWorld) -> None:
        await trio.sleep(10)
        other, node = model.freeze(tensor(1000, 2)), world.cluster.member("n0")
        assert isinstance(node, Node)

        def bring(entry: Entry) -> None:
            if isinstance(entry.event, BroadcastBegun):
                node.store.offer("w", version, other, ALL, model.checksum(other), "n1")

        world.journal.listeners.append(bring)
        receipt = await world.cluster.broadcast("w", tensor(1000, 1), source="n0")
        done.append((receipt.version, len(world.events(BroadcastBegun))))

    in_small_world(story, reconcile_every_s=1.0)
    return done[0]


def test_a_put_is_made_anew_also_when_anti_entropy_is_the_first_to_bring_what_it_lost_to() -> None:
    made, times = brought_meanwhile(Version(99, "n0", 7))
    assert (made.counter, times) == (100, 2)


def test_a_put_that_loses_to_a_concurrent_one_stays_as_it_is() -> None:
    made, times = brought_meanwhile(Version(99, "n1", 7))
    assert (made.counter, times) == (1, 1)


def test_what_is_offered_again_as_it_is_is_no_new_put_and_never_made_anew() -> None:
    async def story(world: SmallWorld) -> None:
        weight, newer = tensor(1000, 1), model.freeze(tensor(1000, 2))
        first = await world.cluster.broadcast("w", weight)
        for name in ("n1", "n2"):
            node = world.cluster.member(name)
            assert isinstance(node, Node)
            assert node.store.offer("w", Version(99, "n1", 7), newer, ALL, model.checksum(newer), name)
            assert await node.store.checkpoint("w", Version(99, "n1", 7)) == "durable"
        receipt = await world.cluster.member("n0").broadcast("w", weight, unless_held=True)
        outcomes = {name: part.outcome for name, part in receipt.members.items()}
        assert outcomes == {"n0": "durable", "n1": "superseded", "n2": "superseded"}
        assert receipt.version == first.version

    in_small_world(story, reconcile_every_s=1000.0)


def test_a_node_killed_in_mid_broadcast_and_started_again_ends_with_every_acknowledged_tensor() -> None:
    async def story(world: SmallWorld) -> None:
        first = await world.cluster.broadcast("w", tensor(MIB, 1))

        def strike(entry: Entry) -> None:
            if isinstance(entry.event, ChunkSent) and entry.event.key == "v" and entry.event.peer == "n1":
                world.faults.switch_off("n1")

        world.journal.listeners.append(strike)
        second = await world.cluster.broadcast("v", tensor(4 * MIB, 2))
        assert second.missing == ("n1",)
        world.journal.listeners.remove(strike)
        await world.kill("n1")
        await world.restart("n1")
        await world.until(
            lambda: held(world, "w").get("n1") == first.checksum and held(world, "v").get("n1") == second.checksum
        )

    in_small_world(story)


@pytest.mark.parametrize("seed", range(4))
def test_a_member_that_loses_its_power_in_mid_broadcast_holds_it_up_until_it_counts_as_dead_and_catches_up(seed: int) -> None:
    async def story(world: SmallWorld) -> None:
        async with trio.open_nursery() as nursery:

            def strike(entry: Entry) -> None:
                if isinstance(entry.event, ChunkSent) and entry.event.peer == "n1" and entry.event.offset_pct > 20 * seed:
                    world.journal.listeners.remove(strike)
                    nursery.start_soon(world.cut_power, "n1")

            world.journal.listeners.append(strike)
            begun = trio.current_time()
            receipt = await world.cluster.broadcast("w", tensor(4 * MIB))
            assert trio.current_time() - begun < 10.0
        assert receipt.missing == ("n1",)
        await world.restart("n1")
        await world.until(lambda: held(world, "w").get("n1") == receipt.checksum)

    in_small_world(story, seed)


def test_the_newest_of_two_broadcasts_to_one_key_wins_everywhere() -> None:
    async def story(world: SmallWorld) -> None:
        await world.cluster.broadcast("w", tensor(MIB, 1), source="n0")
        newest = await world.cluster.broadcast("w", tensor(MIB, 2), source="n1")
        await world.until(lambda: held(world, "w") == dict.fromkeys(("n0", "n1", "n2"), newest.checksum))

    in_small_world(story)


def test_a_put_stays_on_its_node() -> None:
    async def story(world: SmallWorld) -> None:
        receipt = await world.cluster.put("mine", tensor(MIB), node="n1")
        assert receipt.durable == ("n1",)
        await world.cluster.broadcast("w", tensor(1024))  # time passes, anti-entropy runs
        await world.until(lambda: len(held(world, "w")) == 3)
        assert list(held(world, "mine")) == ["n1"]

    in_small_world(story)
