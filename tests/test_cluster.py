"""What the calls a user makes on a cluster promise, and that each node lives one life at a time."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import trio

from dairt.errors import DairtError, NoAnswer, PeerUnreachable, Refused, UsageError
from dairt.model.address import Address
from dairt.model.config import Limits, NodeConfig
from dairt.model.events import BroadcastBegun, BroadcastEnded, CheckpointDurable, Entry, NodeBooted, NodeDown
from dairt.worlds.sim.disk import SimDisk
from small_world import SmallWorld, in_small_world

X = np.arange(1000, dtype=np.float32)


@pytest.mark.parametrize("seed", range(5))
def test_a_node_started_by_several_at_once_has_one_life(seed: int) -> None:
    async def story(world: SmallWorld) -> None:
        for _ in range(3):
            await world.kill("n1")
            async with trio.open_nursery() as nursery:
                for _ in range(4):
                    nursery.start_soon(world.cluster.start, "n1")
            assert world.cluster.is_up("n1")
        assert len(world.events(NodeBooted, "n1")) == 1 + 3

    in_small_world(story, seed)


def test_whoever_starts_a_node_that_is_starting_returns_when_it_listens() -> None:
    async def story(world: SmallWorld) -> None:
        await world.kill("n1")

        async def start() -> None:
            await world.cluster.start("n1")
            assert world.cluster.is_up("n1")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(start)
            await trio.sleep(1e-6)
            nursery.start_soon(start)

    in_small_world(story)


def out_of_order(disk: SimDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lock() -> None:
        await trio.lowlevel.checkpoint()
        raise OSError("out of order")

    monkeypatch.setattr(disk, "lock", lock)


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_node_told_to_end_while_it_waits_to_be_tried_again_stays_down(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: SmallWorld) -> None:
        await world.kill("n1")
        out_of_order(world.disks["n1"], monkeypatch)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.cluster.start, "n1")
            await world.until(lambda: [event.reason for event in world.events(NodeDown, "n1")][-1] == "out of order")
            await getattr(world.cluster, end)("n1")
            monkeypatch.undo()
        await trio.sleep(10)
        assert not world.cluster.is_up("n1")
        await world.cluster.start("n1")
        assert world.cluster.is_up("n1")

    in_small_world(story)


def test_a_node_that_cannot_start_says_why_to_whoever_starts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: SmallWorld) -> None:
        await world.kill("n1")
        out_of_order(world.disks["n1"], monkeypatch)
        with pytest.raises(OSError, match="out of order"):
            await world.cluster.start("n1")

    in_small_world(story)


def test_a_node_stopped_while_it_starts_is_down() -> None:
    async def story(world: SmallWorld) -> None:
        await world.kill("n1")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.cluster.start, "n1")
            await trio.sleep(1e-6)
            await world.cluster.stop("n1")
            assert not world.cluster.is_up("n1")
        assert not world.cluster.is_up("n1")

    in_small_world(story)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda cluster: cluster.broadcast("", X), "'' is no key: a key has at least one character"),
        (lambda cluster: cluster.broadcast("x" * 513, X), "is no key: a key has at most 512 bytes, this one has 513"),
        (lambda cluster: cluster.broadcast("\ud800", X), "is no key: a key is text that can be written as UTF-8"),
        (lambda cluster: cluster.broadcast("k", X, audience=("n1", "nobody")), "'k' cannot be for nobody: name some of n0, n1"),
        (lambda cluster: cluster.broadcast("k", X, audience=()), "'k' cannot be for nobody: name some of n0, n1"),
        (lambda cluster: cluster.broadcast("k", np.zeros(2000, np.float32)), "has 8032 bytes, more than limits.payload_max"),
        (lambda cluster: cluster.broadcast("k", [object()]), "tensors of dtype object cannot be sent or stored"),
        (lambda cluster: cluster.broadcast("k", X, source="n9"), "there is no node 'n9'; the nodes are n0, n1"),
        (lambda cluster: cluster.put("", X), "'' is no key"),
        (lambda cluster: cluster.start("n9"), "there is no node 'n9'; the nodes are n0, n1"),
    ],
)  # fmt: skip
def test_a_call_that_cannot_be_is_one_sentence_and_the_node_lives_on(call: Callable[..., Any], sentence: str) -> None:
    async def story(world: SmallWorld) -> None:
        with pytest.raises(DairtError) as told:
            await call(world.cluster)
        assert sentence in str(told.value)
        assert "\n" not in str(told.value)
        assert (await world.cluster.broadcast("k", [1.0, 2.0])).durable == ("n0", "n1")  # type: ignore[arg-type]

    in_small_world(story, names=("n0", "n1"), limits=Limits(payload_max_bytes=8000))


def test_calls_at_once_are_bounded_and_all_are_heard() -> None:
    at_once: list[int] = []

    async def story(world: SmallWorld) -> None:
        def count(entry: Entry) -> None:
            at_once.append(len(world.events(BroadcastBegun)) - len(world.events(BroadcastEnded)))

        world.journal.listeners.append(count)
        async with trio.open_nursery() as nursery:
            for at in range(200):
                nursery.start_soon(world.cluster.broadcast, f"k{at}", X)
        assert len(world.events(BroadcastEnded)) == 200

    in_small_world(story, names=("n0", "n1"), limits=Limits(calls_max=4))
    assert max(at_once) == 4


def test_a_caller_hears_whether_its_call_may_have_happened() -> None:
    heard: dict[str, str] = {}

    async def story(world: SmallWorld) -> None:
        async def one(key: str) -> None:
            try:
                await world.cluster.broadcast(key, X)
            except (NoAnswer, PeerUnreachable) as exc:
                heard[key] = f"{type(exc).__name__}: {exc}"

        async with trio.open_nursery() as nursery:
            nursery.start_soon(one, "first")
            await trio.sleep(1e-4)
            nursery.start_soon(one, "second")
            await trio.sleep(1e-4)
            await world.kill("n0")
        assert "second" not in {event.key for event in world.events(BroadcastBegun)}

    in_small_world(story, names=("n0", "n1"), limits=Limits(calls_max=1))
    assert heard == {
        "first": "NoAnswer: n0 went down in the middle of this",
        "second": "PeerUnreachable: n0 went down before this began",
    }


@pytest.mark.parametrize("stuck", ["n0", "n1"])
def test_a_disk_that_hangs_holds_nobody_up_for_ever_and_the_receipt_says_stored(
    stuck: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: SmallWorld) -> None:
        gate = trio.Event()
        create = world.disks[stuck].create

        async def hang(name: str) -> object:
            await gate.wait()
            return await create(name)

        monkeypatch.setattr(world.disks[stuck], "create", hang)
        begun = trio.current_time()
        receipt = await world.cluster.broadcast("k", X)
        assert 10 <= trio.current_time() - begun < 11
        other = "n1" if stuck == "n0" else "n0"
        assert (receipt.members[stuck].outcome, receipt.members[other].outcome) == ("stored", "durable")
        assert (receipt.durable, receipt.missing) == ((other,), ())
        gate.set()
        await world.until(lambda: bool(world.events(CheckpointDurable, stuck)))

    in_small_world(story, names=("n0", "n1"))


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ({"members": {"a/b": Address("x", 1)}}, "cannot have a member 'a/b': a name is up to 63 letters, digits"),
        ({"members": {"all": Address("x", 1)}}, "cannot have a member 'all'"),
        ({"members": {"x" * 64: Address("x", 1)}}, "cannot have a member 'xxx"),
        ({"compute_workers": 0}, "compute_workers must be at least 1, not 0"),
        ({"queue_max": -1}, "queue_max must be at least 1, not -1"),
        ({"probe_every_s": 0.0}, "probe_every must be more than 0"),
        ({"suspect_after_s": 2.0, "dead_after_s": 1.0}, "dead_after must be at least suspect_after, 2 s"),
        ({"limits": Limits(payload_max_bytes=2, bodies_max_bytes=1)}, "limits.payload_max must be at most limits.bodies_max"),
    ],
)
def test_a_node_that_could_not_work_is_refused_before_it_starts(entries: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError) as told:
        NodeConfig(**{"name": "n0", "address": Address("n0", 1), "members": {}, **entries})
    assert str(told.value).startswith("node 'n0'")
    assert sentence in str(told.value)


@pytest.mark.parametrize("limits", [Limits(store_max_bytes=10_000), Limits(keys_max=2)], ids=["bytes", "keys"])
def test_a_full_node_says_so_and_goes_on_taking_what_it_has_room_for(limits: Limits) -> None:
    async def story(world: SmallWorld) -> None:
        for key in ("a", "b"):
            assert (await world.cluster.broadcast(key, X)).durable == ("n0", "n1")
        receipt = await world.cluster.broadcast("c", X)
        assert receipt.durable == ("n0",)
        assert receipt.members["n1"].outcome == "failed"
        assert "n1 has no room for 'c'" in receipt.members["n1"].reason
        for key in ("a", "b"):
            assert (await world.cluster.broadcast(key, X[:900])).durable == ("n0", "n1")
        with pytest.raises(Refused, match="n1 has no room for 'd'"):
            await world.cluster.broadcast("d", X, source="n1")

    in_small_world(story, names=("n0", "n1"), own={"n1": {"limits": limits}})
