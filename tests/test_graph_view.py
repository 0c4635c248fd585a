"""What of a graph is told to those who watch: its layers, its ops, what they take and make; and no more than fits."""

import numpy as np
import pytest

from dairt.model.action import GraphRecipe
from dairt.model.expression import GraphBuilder
from dairt.model.graph_view import OPS_MAX, graph_view
from dairt.model.layered import layered_graph


def test_an_op_is_one_layer_after_the_last_of_those_it_waits_for() -> None:
    g = GraphBuilder("g")
    x = g.input("x", (2, 3))
    w = g.constant(np.ones((3, 4), np.float32), "w")
    view = graph_view(g.build((x @ w).relu() + (x @ w)))
    layer = {op.name: op.layer for op in view.ops}
    made_by = {value: op.name for op in view.ops for value in op.outputs}
    for op in view.ops:
        assert op.layer == max((layer[made_by[value]] + 1 for value in op.inputs if value in made_by), default=0)
    assert sum(view.layers) == len(view.ops)
    assert {op.kernel: op.specs for op in view.ops}["relu"] == ("float32 [2, 4]",)


def test_a_graph_too_large_to_be_read_op_by_op_is_told_layer_by_layer() -> None:
    view = graph_view(layered_graph(GraphRecipe(layers=300, width=3, size=1), 1))
    assert sum(view.layers) > OPS_MAX
    assert view.ops == ()


@pytest.mark.parametrize("layers", [1, 5])
def test_the_digest_is_the_one_runs_are_told_with(layers: int) -> None:
    graph = layered_graph(GraphRecipe(layers=layers, width=2, size=2), 1)
    assert graph_view(graph).digest == graph.outline().digest
