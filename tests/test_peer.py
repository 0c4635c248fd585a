"""Asking another node: bounded, under one deadline, and never twice what must not be asked twice."""

from itertools import pairwise

import numpy as np
import pytest
import trio

from dairt.errors import NoAnswer
from dairt.model.action import CutLink, DegradeLink, Link, ResetConnection
from dairt.model.config import Limits, NodeConfig
from dairt.model.events import (
    BroadcastBegun,
    BroadcastEnded,
    CheckpointBegun,
    ChunkSent,
    Entry,
    PeerDied,
    ReconnectDelayed,
    SocketOpened,
    SocketRemoved,
)
from dairt.protocol.messages import Receipt
from dairt.runtime.host import Host
from dairt.runtime.remote import RemoteMember, remote_member
from dairt.worlds.faulty_network import FaultyNetwork
from dairt.worlds.sim.compute import SimCompute
from dairt.worlds.sim.dice import Dice
from small_world import SmallWorld, in_small_world

X = np.arange(100_000, dtype=np.float32)


def test_questions_under_way_to_a_peer_are_bounded_and_the_others_wait_for_their_turn() -> None:
    open_at_once: list[int] = []

    async def story(world: SmallWorld) -> None:
        def count(entry: Entry) -> None:
            if isinstance(entry.event, SocketOpened):
                open_at_once.append(world.faults.sockets("n0", "n1"))

        world.journal.listeners.append(count)
        receipts: list[Receipt] = []

        async def one(key: str) -> None:
            receipts.append(await world.cluster.broadcast(key, X, source="n0"))

        async with trio.open_nursery() as nursery:
            for at in range(20):
                nursery.start_soon(one, f"k{at}")
        assert [receipt.durable for receipt in receipts] == [("n0", "n1")] * 20

    in_small_world(story, names=("n0", "n1"), limits=Limits(asks_per_peer=3))
    assert 3 <= max(open_at_once) <= 3 + 1, "and one for probes"


def test_whoever_waits_for_an_answer_of_a_peer_that_dies_hears_so_when_it_counts_as_dead() -> None:
    async def story(world: SmallWorld) -> None:
        def cut(entry: Entry) -> None:
            if isinstance(entry.event, ChunkSent) and entry.event.peer == "n1" and entry.event.offset_pct >= 100:
                world.faults.apply("cut", CutLink(Link("n1", "any")))

        world.journal.listeners.append(cut)
        begun = trio.current_time()
        receipt = await world.cluster.broadcast("k", X)
        assert receipt.missing == ("n1",)
        assert "dead, silent for" in receipt.members["n1"].reason
        assert 5.0 <= trio.current_time() - begun < 6.0
        assert [event.peer for event in world.events(PeerDied, "n0")] == ["n1"]
        assert any("dead, silent" in event.reason for event in world.events(SocketRemoved, "n0"))

    in_small_world(story)


@pytest.mark.parametrize("seed", range(3))
def test_whoever_waits_for_an_answer_of_a_life_that_is_over_asks_the_next_one(seed: int) -> None:
    """A peer that loses its power and has it back before anyone misses it leaves connections that nobody ever ends."""

    async def story(world: SmallWorld) -> None:
        async with trio.open_nursery() as nursery:

            async def strike() -> None:
                await world.cut_power("n1")
                await world.restart("n1")

            def hear(entry: Entry) -> None:
                if isinstance(entry.event, CheckpointBegun) and entry.node == "n1":
                    world.journal.listeners.remove(hear)
                    nursery.start_soon(strike)

            await world.cluster.broadcast("before", X)
            world.journal.listeners.append(hear)
            begun = trio.current_time()
            receipt = await world.cluster.broadcast("k", X)
            assert trio.current_time() - begun < 2.0
        assert receipt.durable == ("n0", "n1")
        assert not world.events(PeerDied)
        assert any(event.reason == "n1 has started again" for event in world.events(SocketRemoved, "n0"))

    in_small_world(story, seed, names=("n0", "n1"))


def test_refusals_at_the_same_time_double_the_wait_once() -> None:
    async def story(world: SmallWorld) -> None:
        await world.kill("n1")
        world.faults.switch_on("n1")  # the machine is there and refuses
        async with trio.open_nursery() as nursery:
            for at in range(10):
                nursery.start_soon(world.cluster.broadcast, f"k{at}", X)
        delays = [e for e in world.entries if isinstance(e.event, ReconnectDelayed) and e.node == "n0"]
        assert delays
        for before, after in pairwise(delays):
            assert isinstance(before.event, ReconnectDelayed)
            assert after.time_s >= before.time_s + before.event.delay_s

    in_small_world(story, names=("n0", "n1"))


def operator(world: SmallWorld, node: str) -> RemoteMember:
    """A node as an operator elsewhere reaches it."""
    dice = Dice(1)
    network = FaultyNetwork(world.network.card("op"), "op", world.faults, lambda address: address.host, world.cluster._nursery)
    host = Host("op", network, world.disks[node], SimCompute("op", dice), dice.stream("op"), lambda: 0.0, lambda event: None)
    address = world.cluster.member(node).config.address  # type: ignore[attr-defined]
    return remote_member(node, address, host, NodeConfig("op", address, {}))


@pytest.mark.parametrize("strike_at", [BroadcastBegun, BroadcastEnded])
def test_a_broadcast_whose_answer_is_lost_is_not_asked_for_twice(strike_at: type) -> None:
    async def story(world: SmallWorld) -> None:
        member = operator(world, "n0")
        await member.put("before", X)  # so that there is a socket to take up again

        def strike(entry: Entry) -> None:
            if isinstance(entry.event, strike_at) and getattr(entry.event, "key", "") == "k":
                world.faults.apply("reset", ResetConnection(Link("op", "n0")))

        world.journal.listeners.append(strike)
        with pytest.raises(NoAnswer):
            await member.broadcast("k", X)
        await trio.sleep(10)
        assert len([event for event in world.events(BroadcastBegun) if event.key == "k"]) == 1
        member.close()

    in_small_world(story, names=("n0", "n1"))


def test_a_slow_peer_holds_up_only_what_is_for_it() -> None:
    async def story(world: SmallWorld) -> None:
        world.faults.apply("slow", DegradeLink(Link("n0", "n1"), latency_s=0.4))
        begun = trio.current_time()
        receipt = await world.cluster.broadcast("k", X, audience=("n2",))
        assert receipt.durable == ("n0", "n2")
        assert trio.current_time() - begun < 0.3

    in_small_world(story)
