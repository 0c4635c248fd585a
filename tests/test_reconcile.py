"""Anti-entropy: whoever was away gets what it missed, whatever some of the others do."""

import numpy as np
import pytest
import trio

from dairt.model import tensor
from dairt.model.action import CutLink, DiskFull, Link
from dairt.model.config import Limits
from dairt.model.events import CaughtUp, CheckpointFailed, ProtocolBroken, TensorStored
from dairt.model.version import Version
from dairt.protocol.messages import ALL, Alive, AskInventory, Audience, Fetch, Have, Inventory, Message, Offer
from dairt.runtime.node import Node
from guest import Answer, impostor
from small_world import SmallWorld, in_small_world

X = tensor.freeze(np.arange(1000, dtype=np.float32))
CHECKSUM = tensor.checksum(X)


def keys_of(world: SmallWorld, node: str) -> dict[str, str]:
    """The keys a node holds, and how far each is on disk."""
    return {c.key: c.state for view in world.cluster.node_views() if view.name == node for c in view.checkpoints}


@pytest.mark.parametrize("seed", range(3))
def test_a_peer_that_never_answers_keeps_nobody_from_catching_up_with_the_others(seed: int) -> None:
    asked = trio.Event()

    def stuck(question: Message) -> tuple[Message, None] | None:
        if isinstance(question, AskInventory):
            asked.set()
            return None
        return Alive(7), None

    async def story(world: SmallWorld) -> None:
        async with impostor(world, "n1", stuck):
            with trio.fail_after(60):
                await asked.wait()
            world.faults.apply("cut", CutLink(Link("n0", "n2")))
            with trio.move_on_after(5):
                await world.cluster.broadcast("k", X, source="n2")
            world.faults.heal("cut")
            await world.until(lambda: "k" in keys_of(world, "n0"), within_s=6)

    in_small_world(story, seed, own={"n2": {"reconcile_every_s": 1000.0}})


def listing(have: list[Have], audience: Audience = ALL) -> Answer:
    """A peer that lists these keys, and has X for each."""

    def answer(question: Message) -> tuple[Message, np.ndarray | None] | None:
        match question:
            case AskInventory():
                return Inventory(tuple(have), False), None
            case Fetch(key=key, version=version):
                return Offer(key, version, audience, CHECKSUM), X
            case _:
                return Alive(7), None

    return answer


def test_one_version_with_two_contents_is_journalled_and_holds_up_no_other_key() -> None:
    async def story(world: SmallWorld) -> None:
        receipt = await world.cluster.broadcast("a", X, source="n0")
        other = Have("a", receipt.version, CHECKSUM + 1, ALL)
        async with impostor(world, "n1", listing([other, Have("b", Version(99, "n1", 7), CHECKSUM, ALL)])):
            await world.until(lambda: keys_of(world, "n0").get("b") == "durable")
        [first, *_] = [event.reason for event in world.events(ProtocolBroken, "n0")]
        assert first == f"n1 holds other bytes for a {receipt.version} than n0"
        assert world.cluster.node_views()[0].checkpoints[0].checksum == CHECKSUM

    in_small_world(story, names=("n0", "n1"))


def test_what_a_peer_has_no_business_to_pass_on_is_not_taken() -> None:
    async def story(world: SmallWorld) -> None:
        async with impostor(world, "n1", listing([Have("b", Version(99, "n1", 7), CHECKSUM, ALL)], ("n1",))):
            await world.until(lambda: bool(world.events(ProtocolBroken, "n0")))
        assert world.events(ProtocolBroken, "n0")[0].reason == "n1 sent 'b', which is not for n0"
        assert keys_of(world, "n0") == {}

    in_small_world(story, names=("n0", "n1"))


def test_what_several_peers_have_is_pulled_once() -> None:
    big = np.random.default_rng(0).standard_normal(1_000_000).astype(np.float32)

    async def story(world: SmallWorld) -> None:
        await world.kill("n0")
        await world.cluster.broadcast("k", big, source="n1")
        await world.restart("n0")
        await world.until(lambda: keys_of(world, "n0").get("k") == "durable")
        await trio.sleep(5)
        assert len(world.events(CaughtUp, "n0")) == len(world.events(TensorStored, "n0")) == 1
        assert world.cluster.node_views()[0].rx_bytes < 1.1 * big.nbytes

    in_small_world(story)


def test_what_is_held_in_memory_only_is_made_durable() -> None:
    async def story(world: SmallWorld) -> None:
        await world.kill("n0")
        receipt = await world.cluster.broadcast("k", X, source="n1")
        world.faults.apply("cut", CutLink(Link("n0", "any")))
        await world.restart("n0")
        node = world.cluster.member("n0")
        assert isinstance(node, Node)
        node.store.offer("k", receipt.version, X, ALL, CHECKSUM, "n1")  # as an op that fetches its weight does
        assert keys_of(world, "n0") == {"k": "memory"}
        world.faults.heal_all()
        await world.until(lambda: keys_of(world, "n0") == {"k": "durable"})

    in_small_world(story)


def test_a_node_whose_disk_has_room_again_writes_what_it_refused_also_what_no_peer_knows_of() -> None:
    async def story(world: SmallWorld) -> None:
        world.faults.apply("full", DiskFull("n0"))
        receipt = await world.cluster.put("own", X, node="n0")
        assert receipt.members["n0"].outcome == "failed"
        world.faults.heal("full")
        await world.until(lambda: keys_of(world, "n0") == {"own": "durable"})
        assert world.events(TensorStored, "n0")[0].version == receipt.version
        assert len(world.events(TensorStored)) == 1, "without a new put"

    in_small_world(story)


def test_a_full_node_says_so_and_does_not_pull_the_same_tensor_over_and_over() -> None:
    async def story(world: SmallWorld) -> None:
        await world.cluster.broadcast("k", X, source="n0")
        await world.until(lambda: bool(world.events(CheckpointFailed, "n1")))
        before = world.cluster.node_views()[1].rx_bytes
        await trio.sleep(20)
        assert [event.reason for event in world.events(CheckpointFailed, "n1")] == [
            "n1 has no room for 'k': with it it would hold 4000 bytes of at most 3000"
        ]
        assert world.cluster.node_views()[1].rx_bytes - before < 4 * X.nbytes

    in_small_world(story, names=("n0", "n1"), own={"n1": {"limits": Limits(store_max_bytes=3000)}})
