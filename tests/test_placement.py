"""Placement: data pulls, queues push, ties go round; a real network spreads over three nodes and a chain stays put."""

import dataclasses
import heapq
from collections import Counter
from collections.abc import Mapping

import numpy as np

from dairt.model.action import GraphRecipe
from dairt.model.expression import GraphBuilder
from dairt.model.graph import Graph, evaluate
from dairt.model.layered import layered_graph
from dairt.model.onnx import read_onnx
from dairt.protocol.placement import LINK_BYTES_S, Seat, place, work_s
from dairt.protocol.runs import Finished, GraphRun
from dairt.worlds.kernels import apply
from squeezenet import INPUT, image, squeezenet

NODES = ("n0", "n1", "n2")


def test_an_op_goes_where_its_inputs_are() -> None:
    assert place([Seat("a", 1000, 0, 0), Seat("b", 0, 0, 9)], slots=2) == "b"


def test_an_op_leaves_its_inputs_when_the_queue_there_is_longer_than_the_way() -> None:
    way_s = 1_000_000 / LINK_BYTES_S
    assert place([Seat("a", 0, 2.2 * way_s, 0), Seat("b", 1_000_000, 0, 0)], slots=2) == "b"
    assert place([Seat("a", 0, 1.8 * way_s, 0), Seat("b", 1_000_000, 0, 0)], slots=2) == "a"


def test_of_equal_nodes_the_one_given_least_so_far_gets_it_then_the_first_by_name() -> None:
    assert place([Seat("a", 0, 0, 2), Seat("b", 0, 0, 1)], slots=2) == "b"
    assert place([Seat("b", 0, 0, 1), Seat("a", 0, 0, 1)], slots=2) == "a"


def played(graph: Graph, nbytes: Mapping[str, int]) -> Counter[str]:
    """How many ops each node gets, with every op and every byte on its way taking as long as placement assumes."""
    run = GraphRun(graph.outline(), coordinator="n0", nodes=NODES)
    under_way: list[tuple[float, int, Finished]] = []
    given: Counter[str] = Counter()
    now = 0.0
    while not run.done:
        for attempt in run.ready():
            given[attempt.node] += 1
            moved = sum(nbytes[placed.value] for placed in attempt.inputs if placed.node not in ("", attempt.node))
            made = tuple(nbytes[value] for value in attempt.op.outputs)
            finished = Finished(attempt.op.name, attempt.number, attempt.node, made)
            heapq.heappush(under_way, (now + moved / LINK_BYTES_S + work_s(attempt.op.cost), given.total(), finished))
        now, _, outcome = heapq.heappop(under_way)
        run.settle(outcome)
    return given


def sizes(graph: Graph, feeds: dict[str, np.ndarray]) -> dict[str, int]:
    """The bytes of every value of a graph, by running it."""
    everything = tuple(value for op in graph.ops for value in op.outputs)
    values = evaluate(dataclasses.replace(graph, outputs=everything), feeds, apply)
    return {name: array.nbytes for name, array in (values | feeds).items()}


def test_the_branches_of_squeezenet_spread_over_three_nodes() -> None:
    graph = read_onnx(squeezenet(), "squeezenet.onnx")
    given = played(graph, sizes(graph, {INPUT: image(seed=1)}))
    assert given.total() == len(graph.ops)
    assert min(given[node] for node in NODES) >= len(graph.ops) / 6


def test_the_branches_of_a_layered_network_spread_over_three_nodes() -> None:
    for size in (16, 64, 256):
        graph = layered_graph(GraphRecipe(layers=4, width=3, size=size), 1)
        given = played(graph, sizes(graph, {"x": np.ones((size, size), np.float32)}))
        assert min(given[node] for node in NODES) >= len(graph.ops) / 6


def test_a_chain_stays_where_its_data_is() -> None:
    g = GraphBuilder("chain")
    value = g.input("x", (64, 64))
    for _ in range(20):
        value = value.relu()
    graph = g.build(value)
    assert played(graph, sizes(graph, {"x": np.ones((64, 64), np.float32)})) == {"n0": 20}


def test_many_independent_ops_are_shared_out_evenly() -> None:
    g = GraphBuilder("wide")
    x = g.input("x", (2, 2))
    graph = g.build(*(x.exp() for _ in range(90)))
    given = played(graph, sizes(graph, {"x": np.ones((2, 2), np.float32)}))
    assert all(25 <= given[node] <= 35 for node in NODES)
