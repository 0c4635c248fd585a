"""What a graph run promises: the same bits, whatever broke, or a sentence saying why not."""

import numpy as np
import pytest
import trio

from dairt.errors import NoAnswer, PeerUnreachable, RunFailed, UsageError
from dairt.model.action import CutLink, GraphRecipe, Link, ResetConnection
from dairt.model.events import Entry, OpCommitted, OpFinished, OpLost, OpStarted, RunEnded, SocketRemoved
from dairt.model.expression import GraphBuilder
from dairt.model.graph import evaluate
from dairt.model.layered import layered_graph
from dairt.worlds.kernels import apply
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
