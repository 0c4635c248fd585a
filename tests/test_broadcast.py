"""What a broadcast promises."""

import numpy as np
import pytest
import trio

from dairt.model.action import CutLink, Link, ResetConnection
from dairt.model.events import BroadcastEnded, ChunkSent, Entry, SocketRemoved, TensorStored
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
