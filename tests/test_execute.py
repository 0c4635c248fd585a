"""What a graph run promises: the same bits, whatever broke, or a sentence saying why not."""

import numpy as np
import pytest
import trio

from dairt.errors import NoAnswer, PeerUnreachable, Refused, RunFailed, UsageError
from dairt.model import tensor
from dairt.model.action import CutLink, DegradeLink, GraphRecipe, Link, ResetConnection
from dairt.model.config import Limits
from dairt.model.events import (
    Entry,
    OpCommitted,
    OpFinished,
    OpLost,
    OpStarted,
    PeerSuspected,
    RunBegun,
    RunEnded,
    SocketRemoved,
)
from dairt.model.expression import GraphBuilder
from dairt.model.graph import evaluate
from dairt.model.layered import layered_graph
from dairt.model.ops import Kernel
from dairt.protocol.messages import ALL, Alive, Fetch, Input, InputLost, Message, Offer, RunOp
from dairt.runtime.node import Node
from dairt.worlds.kernels import apply
from guest import impostor
from small_world import SmallWorld, in_small_world

GRAPH = layered_graph(GraphRecipe(layers=5, width=4, size=96), 3)
FEEDS = {name: np.random.default_rng(5).standard_normal(spec.shape).astype(spec.dtype) for name, spec in GRAPH.inputs.items()}
ANSWER = evaluate(GRAPH, FEEDS, apply)


def assert_is_the_answer(outputs: dict[str, np.ndarray]) -> None:
    assert list(outputs) == list(GRAPH.outputs)
    for name, array in outputs.items():
        assert array.tobytes() == ANSWER[name].tobytes()


def test_a_run_gives_the_bits_of_a_plain_evaluation_and_uses_all_nodes() -> None:
    async def story(world: SmallWorld) -> None:
        assert_is_the_answer(await world.cluster.run(GRAPH, FEEDS))
        assert {event.node for event in world.events(OpCommitted)} == {"n0", "n1", "n2"}
        assert len(world.events(OpCommitted)) == len(GRAPH.ops)

    in_small_world(story)


@pytest.mark.parametrize("seed", range(6))
def test_a_socket_killed_in_the_middle_of_a_run_changes_nothing_in_the_answer(seed: int) -> None:
    struck: list[int] = []

    async def story(world: SmallWorld) -> None:
        def strike(entry: Entry) -> None:
            if isinstance(entry.event, OpStarted) and entry.node == "n1" and len(struck) < 3:
                struck.append(world.faults.apply("f", ResetConnection(Link("n1", "any"))))

        world.journal.listeners.append(strike)
        assert_is_the_answer(await world.cluster.run(GRAPH, FEEDS))
        assert sum(struck) >= 1
        assert world.events(SocketRemoved)
        assert len({event.op for event in world.events(OpCommitted)}) == len(world.events(OpCommitted)) == len(GRAPH.ops)

    in_small_world(story, seed)


@pytest.mark.parametrize("seed", range(6))
def test_a_node_lost_in_the_middle_of_a_run_changes_nothing_in_the_answer(seed: int) -> None:
    async def story(world: SmallWorld) -> None:
        lost: list[str] = []

        def strike(entry: Entry) -> None:
            if isinstance(entry.event, OpFinished) and entry.node == "n2" and len(world.events(OpFinished, "n2")) == 3:
                lost.append("n2")
                world.faults.switch_off("n2")

        world.journal.listeners.append(strike)
        assert_is_the_answer(await world.cluster.run(GRAPH, FEEDS))
        assert lost
        assert {event.node for event in world.events(OpLost)} == {"n2"}
        assert len({event.op for event in world.events(OpCommitted)}) == len(GRAPH.ops)
        assert len(world.events(RunEnded)) == 1

    in_small_world(story, seed)


def test_a_run_on_the_only_node_left_gives_the_answer() -> None:
    async def story(world: SmallWorld) -> None:
        await world.kill("n1")
        await world.kill("n2")
        assert_is_the_answer(await world.cluster.run(GRAPH, FEEDS))

    in_small_world(story)


def test_a_coordinator_cut_off_from_the_others_runs_everything_itself() -> None:
    async def story(world: SmallWorld) -> None:
        world.faults.apply("cut", CutLink(Link("n0", "any")))
        assert_is_the_answer(await world.cluster.run(GRAPH, FEEDS, coordinator="n0"))

    in_small_world(story)


def test_two_runs_at_once_do_not_disturb_each_other() -> None:
    async def story(world: SmallWorld) -> None:
        async def one(coordinator: str) -> None:
            assert_is_the_answer(await world.cluster.run(GRAPH, FEEDS, coordinator=coordinator))

        async with trio.open_nursery() as nursery:
            for name in world.cluster.names:
                nursery.start_soon(one, name)
        assert len({event.digest for event in world.events(RunEnded)}) == 1

    in_small_world(story)


def test_a_kernel_that_refuses_ends_the_run_with_a_sentence() -> None:
    """Shapes that are only known when the graph runs may still not fit."""
    g = GraphBuilder("misfit")
    graph = g.build(g.input("x", (None, 4)) + g.input("y", (None, 4)))

    async def story(world: SmallWorld) -> None:
        with pytest.raises(RunFailed, match="misfit has no answer"):
            await world.cluster.run(graph, {"x": np.ones((2, 4), np.float32), "y": np.ones((3, 4), np.float32)})
        assert world.events(RunEnded)[-1].outcome == "failed"

    in_small_world(story)


def test_feeds_that_do_not_fit_are_refused_before_anything_runs() -> None:
    async def story(world: SmallWorld) -> None:
        with pytest.raises(UsageError, match="x"):
            await world.cluster.run(GRAPH, {})
        assert not world.events(OpStarted)

    in_small_world(story)


@pytest.mark.parametrize("seed", range(8))
def test_a_caller_whose_node_is_killed_under_its_call_hears_so_and_nothing_else_breaks(seed: int) -> None:
    heard: list[str] = []

    async def story(world: SmallWorld) -> None:
        async def call(what: str) -> None:
            try:
                if what == "run":
                    await world.cluster.run(GRAPH, FEEDS, coordinator="n1")
                else:
                    await world.cluster.broadcast("w", np.ones(100_000, np.float32), source="n1")
            except (NoAnswer, PeerUnreachable, RunFailed) as exc:
                heard.append(str(exc))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(call, "run")
            nursery.start_soon(call, "broadcast")
            await trio.sleep(0.003 * (seed + 1))
            await (world.cluster.stop("n1") if seed % 2 else world.kill("n1"))
        await world.restart("n1")
        assert_is_the_answer(await world.cluster.run(GRAPH, FEEDS, coordinator="n1"))
        for name in world.cluster.names:
            await world.cluster.stop(name)
        assert world.faults.links() == ()

    in_small_world(story, seed)


def test_a_run_whose_caller_gives_up_says_that_it_has_ended() -> None:
    async def story(world: SmallWorld) -> None:
        patience = trio.CancelScope()

        def strike(entry: Entry) -> None:
            if isinstance(entry.event, OpCommitted):
                patience.cancel()

        world.journal.listeners.append(strike)
        with patience:
            await world.cluster.run(GRAPH, FEEDS)
        assert patience.cancelled_caught
        await world.until(lambda: bool(world.events(RunEnded)))
        [ended] = world.events(RunEnded)
        assert (ended.outcome, ended.reason) == ("failed", "given up: its caller or n0 is gone")
        assert [run.state for run in world.cluster.run_views()] == ["failed"]

    in_small_world(story)


def test_a_run_that_a_drain_overtakes_says_that_it_has_ended() -> None:
    async def story(world: SmallWorld) -> None:
        await world.cluster.run(GRAPH, FEEDS, coordinator="n1")
        world.faults.apply("slow", DegradeLink(Link("n1", "any"), latency_s=2))

        async def call() -> None:
            with pytest.raises(NoAnswer):
                await world.cluster.member("n1").run(GRAPH.outline(), FEEDS)  # its weights are there

        async with trio.open_nursery() as nursery:
            nursery.start_soon(call)
            await world.until(lambda: len(world.events(RunBegun)) == 2)
            await world.cluster.stop("n1")
        ended = world.events(RunEnded)[1]
        assert (ended.outcome, ended.reason) == ("failed", "given up: its caller or n1 is gone")

    in_small_world(story, suspect_after_s=50.0, dead_after_s=100.0)


def test_a_runs_name_is_used_once() -> None:
    async def story(world: SmallWorld) -> None:
        await world.cluster.run(GRAPH, FEEDS, run="r", coordinator="n0")
        with pytest.raises(RunFailed, match="there has been a run 'r' already: give this one another name"):
            await world.cluster.run(GRAPH, FEEDS, run="r", coordinator="n0")
        with pytest.raises(RunFailed, match="there has been a run 'r' already"):
            await world.cluster.run(GRAPH, FEEDS, run="r", coordinator="n1")

    in_small_world(story)


def test_a_node_that_computes_otherwise_gets_no_ops_but_every_broadcast() -> None:
    async def story(world: SmallWorld) -> None:
        assert_is_the_answer(await world.cluster.run(GRAPH, FEEDS, coordinator="n0"))
        assert {event.node for event in world.events(OpCommitted)} == {"n0", "n1"}
        assert not world.events(OpStarted, "n2")
        assert (await world.cluster.broadcast("k", np.ones(3, np.float32), source="n0")).durable == ("n0", "n1", "n2")
        before = len(world.events(OpCommitted))
        assert_is_the_answer(await world.cluster.run(GRAPH, FEEDS, coordinator="n2"))
        assert {event.node for event in world.events(OpCommitted)[before:]} == {"n2"}

    in_small_world(story, fingerprint="this", own={"n2": {"fingerprint": "that"}})


def test_a_node_refuses_an_op_of_one_that_computes_otherwise() -> None:
    async def story(world: SmallWorld) -> None:
        node = world.cluster.member("n0")
        assert isinstance(node, Node)
        with pytest.raises(Refused, match=r"this node computes otherwise \(that\) than n0 does \(this\)"):
            await node.peers["n2"].ask(RunOp("r", "op", 1, Kernel("add"), (), ("v",)), deadline_s=5)

    in_small_world(story, fingerprint="this", own={"n2": {"fingerprint": "that"}})


def test_a_run_longer_than_the_lease_of_its_values_gives_the_answer() -> None:
    async def story(world: SmallWorld) -> None:
        for name in ("n1", "n2"):
            world.faults.apply(name, DegradeLink(Link("any", name), latency_s=0.15))
        begun = trio.current_time()
        assert_is_the_answer(await world.cluster.run(GRAPH, FEEDS, coordinator="n0"))
        assert trio.current_time() - begun > 1.0

    in_small_world(story, limits=Limits(run_lease_s=0.05))


def test_a_run_that_is_done_does_not_wait_for_a_peer_that_is_gone() -> None:
    async def story(world: SmallWorld) -> None:
        await world.cluster.run(GRAPH, FEEDS, coordinator="n0")
        world.faults.apply("cut", CutLink(Link("n2", "any")))
        await world.until(lambda: bool(world.events(PeerSuspected, "n0")))
        coordinator = world.cluster.member("n0")
        begun = trio.current_time()
        outputs = await coordinator.run(GRAPH.outline(), FEEDS)  # its weights are there
        assert trio.current_time() - begun < 0.5
        assert_is_the_answer(outputs)

    in_small_world(story)


def test_a_holder_that_gives_other_bytes_for_a_weight_costs_an_attempt_not_the_node() -> None:
    """A weight that n2 must fetch, and n1, which holds it, is an impostor: the coordinator's own copy does not differ."""
    x = np.ones((4, 4), np.float32)
    g = GraphBuilder("g")
    graph = g.build(g.input("x", (4, 4)) @ x)
    key = graph.outline().weight_key(graph.outline().constants[0])

    async def story(world: SmallWorld) -> None:
        receipt = await world.cluster.broadcast(key, x, source="n0")
        node = world.cluster.member("n0")
        assert isinstance(node, Node)
        held = node.store.get(key)
        assert held is not None
        other = tensor.freeze(x + 1)

        def lie(question: Message) -> tuple[Message, np.ndarray | None] | None:
            if isinstance(question, Fetch):
                return Offer(question.key, receipt.version, ALL, tensor.checksum(other)), other
            return Alive(7), None

        wanted = Input(graph.outline().constants[0], "n1", key, receipt.version, tensor.checksum(other))
        async with impostor(world, "n1", lie):
            answer = await node.operator.run_op(RunOp("r", "op", 1, Kernel("relu"), (wanted,), ("v",)))
        assert isinstance(answer, InputLost)
        assert "offers other bytes" in answer.reason

    in_small_world(story, names=("n0", "n1"))
