"""Graphs: what is refused and in which words, the order of ops, the digest, feeds, and the layered network."""

import random

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dairt.errors import GraphError, UsageError
from dairt.model.action import GraphRecipe
from dairt.model.expression import GraphBuilder
from dairt.model.graph import ANY, Graph, Op, Outline, Spec, check_feeds, evaluate
from dairt.model.layered import layered_graph
from dairt.model.ops import Kernel
from dairt.worlds.kernels import apply

VECTOR = Spec("float32", (4,))


def op(name: str, inputs: str, outputs: str = "", kernel: str = "add") -> Op:
    return Op(name, Kernel(kernel), tuple(inputs.split()), tuple((outputs or name).split()))


def graph(*ops: Op, outputs: str = "y") -> Graph:
    return Graph.of("g", {"x": VECTOR}, {"w": np.ones(4, np.float32)}, ops, outputs.split())


def perceptron() -> Graph:
    dice = np.random.default_rng(3)
    g = GraphBuilder("mlp")
    x = g.input("x", (None, 4))
    w1 = g.constant(dice.standard_normal((4, 8), np.float32), "w1")
    w2 = g.constant(dice.standard_normal((8, 3), np.float32), "w2")
    return g.build(((x @ w1 + 0.5).relu() @ w2).softmax(axis=1, name="probability"))


REFUSALS = [
    ([op("y", "x z")], "y", "op 'y' takes 'z', which nothing makes"),
    ([op("hidden", "x w"), op("y", "x hiden")], "y", "op 'y' takes 'hiden', which nothing makes: did you mean 'hidden'?"),
    (
        [op("a", "x c"), op("b", "a w"), op("c", "b w"), op("y", "a w")],
        "y",
        "waits for its own result, by way of .*a <- c <- b",
    ),
    ([op("y", "y x")], "y", "op 'y' waits for its own result"),
    ([op("a", "x w", "y"), op("a", "x w", "z")], "y", "two ops are named 'a'"),
    ([op("a", "x w", "y"), op("b", "x w", "y")], "y", "op 'b' makes 'y', which op 'a' makes already"),
    ([op("a", "x w", "x")], "x", "op 'a' makes 'x', which is an input or a constant already"),
    ([op("y", "x w")], "z", "cannot answer with 'z': no op makes it"),
    ([op("yes", "x w")], "yess", "cannot answer with 'yess': no op makes it: did you mean 'yes'?"),
    ([op("y", "x w")], "x", "cannot answer with 'x': no op makes it"),
    ([op("y", "x w")], "y y", "cannot answer with 'y': it is named twice"),
    ([op("y", "x w")], "", "graph 'g' has no output"),
    ([op("y", "x w", kernel="ad")], "y", r"op 'y' \(ad\): unknown op 'ad': did you mean 'add'?"),
    ([op("y", "x w", kernel="matmul")], "y", r"op 'y' \(matmul\): multiplies matrices"),
    ([op("a", "x w", "y z")], "y", r"op 'a' \(add\) makes 1 values, but names 2"),
]


@pytest.mark.parametrize("ops, outputs, sentence", REFUSALS)
def test_a_graph_that_cannot_run_is_refused_by_the_name_of_the_op(ops: list[Op], outputs: str, sentence: str) -> None:
    with pytest.raises(GraphError, match=sentence):
        graph(*ops, outputs=outputs)


def test_shapes_and_dtypes_are_checked_through_the_whole_graph() -> None:
    g = GraphBuilder("g")
    x = g.input("x", (None, 4))
    with pytest.raises(GraphError, match=r"op 'add_1' \(add\): shapes \[any, 3\] and \[5\] do not broadcast"):
        _ = x @ np.ones((4, 3), np.float32) + np.ones(5, np.float32)
    with pytest.raises(GraphError, match="must share a dtype, but are float32 and float64"):
        _ = x + np.ones(4)


def test_an_unknown_method_is_an_unknown_op() -> None:
    with pytest.raises(GraphError, match="unknown op 'rellu': did you mean 'relu'"):
        GraphBuilder("g").input("x", (2,)).rellu()


def test_a_name_is_given_once() -> None:
    g = GraphBuilder("g")
    g.input("x", (2,))
    with pytest.raises(GraphError, match="has 'x' already"):
        g.constant(1.0, "x")


def test_values_stay_in_their_graph() -> None:
    with pytest.raises(GraphError, match="takes 'y' of graph 'other'"):
        _ = GraphBuilder("g").input("x", (2,)) + GraphBuilder("other").input("y", (2,))


@given(st.permutations(range(6)))
def test_ops_given_in_any_order_come_out_in_one_that_runs(order: list[int]) -> None:
    chain = [op(f"v{at + 1}", f"v{at} w") for at in range(5)] + [op("v0", "x w")]
    made = graph(*(chain[at] for at in order), outputs="v5")
    assert [o.name for o in made.ops] == ["v0", "v1", "v2", "v3", "v4", "v5"]


def test_an_order_that_runs_is_kept() -> None:
    names = ["b", "a", "d", "c"]
    assert [o.name for o in graph(*(op(name, "x w") for name in names), outputs="c").ops] == names


def test_the_digest_is_of_ops_specs_and_constants_but_not_of_the_name() -> None:
    recipe = GraphRecipe(layers=2, width=2, size=4)
    plain = layered_graph(recipe, 1)
    assert plain.digest == layered_graph(recipe, 1).digest
    assert plain.digest != layered_graph(recipe, 2).digest
    renamed = Graph.of("other", plain.inputs, plain.constants, plain.ops, plain.outputs)
    assert renamed.digest == plain.digest
    fewer = Graph.of("g", plain.inputs, plain.constants, plain.ops, plain.ops[0].outputs)
    assert fewer.digest != plain.digest


def test_an_outline_travels_without_the_weights() -> None:
    made = layered_graph(GraphRecipe(size=128), 1)
    data = msgspec.msgpack.encode(made.outline())
    assert msgspec.msgpack.decode(data, type=Outline) == made.outline()
    assert len(data) < 10_000 < sum(array.nbytes for array in made.constants.values())
    assert made.outline().weight_key("w0.0") == f"weights/{made.digest[:12]}/w0.0"


def test_a_perceptron_written_as_an_expression_is_what_numpy_makes_of_it() -> None:
    made = perceptron()
    x = np.random.default_rng(1).standard_normal((5, 4), np.float32)
    answer = evaluate(made, {"x": x}, apply)["probability"]
    scores = np.maximum(x.astype(float) @ made.constants["w1"] + 0.5, 0) @ made.constants["w2"]
    np.testing.assert_allclose(answer, np.exp(scores) / np.exp(scores).sum(1, keepdims=True), rtol=1e-4, atol=1e-6)
    assert answer.dtype == np.float32


def test_an_op_of_several_results_can_feed_several_ops() -> None:
    g = GraphBuilder("g")
    left, right = g.input("x", (2, 4)).split(2)
    made = g.build(left - right, 2.0 * right / left)
    x = np.arange(1, 9, dtype=np.float32).reshape(2, 4)
    difference, ratio = evaluate(made, {"x": x}, apply).values()
    assert difference.tolist() == (x[:, :2] - x[:, 2:]).tolist()
    assert ratio.tolist() == (2 * x[:, 2:] / x[:, :2]).tolist()


FEEDS = [
    ({}, "graph 'mlp' is missing its input 'x': feed it float32 \\[any, 4\\]"),
    ({"y": np.ones((1, 4), np.float32)}, "graph 'mlp' has no input 'y': its inputs are 'x'"),
    ({"x": np.ones((1, 4))}, "input 'x' of graph 'mlp' must be float32 \\[any, 4\\], not float64 \\[1, 4\\]"),
    ({"x": np.ones((1, 5), np.float32)}, "must be float32 \\[any, 4\\], not float32 \\[1, 5\\]"),
    ({"x": np.ones(4, np.float32)}, "must be float32 \\[any, 4\\], not float32 \\[4\\]"),
]


@pytest.mark.parametrize("feeds, sentence", FEEDS)
def test_a_wrong_feed_is_one_sentence_naming_the_input_and_what_would_be_right(
    feeds: dict[str, np.ndarray], sentence: str
) -> None:
    for wants in (perceptron(), perceptron().outline()):
        with pytest.raises(UsageError, match=sentence):
            check_feeds(wants, feeds)


@pytest.mark.parametrize("layers, width", [(1, 1), (3, 1), (4, 3), (9, 5)])
def test_a_layered_network_has_its_layers_and_neither_fades_nor_saturates(layers: int, width: int) -> None:
    made = layered_graph(GraphRecipe(layers=layers, width=width, size=32), random.Random(5))
    assert sum(o.kernel.op == "matmul" for o in made.ops) == layers * width
    answers = []
    for seed in (1, 2):
        x = np.random.default_rng(seed).standard_normal((32, 32), np.float32)
        (answer,) = evaluate(made, {"x": x}, apply).values()
        assert 0.2 < answer.std() / width**0.5 < 2
        answers.append(answer.tobytes())
    assert answers[0] != answers[1]


def test_a_layered_network_is_the_same_for_the_same_dice() -> None:
    assert layered_graph(GraphRecipe(), random.Random(5)).digest == layered_graph(GraphRecipe(), random.Random(5)).digest


def test_a_network_of_no_layers_is_refused() -> None:
    with pytest.raises(UsageError, match="layers, width and size of at least 1"):
        layered_graph(GraphRecipe(width=0), 1)


def test_costs_are_counted_in_floating_point_operations() -> None:
    matmul = perceptron().ops[0]
    assert matmul.cost == 2 * 4 * 8  # an unknown batch counts as one
    assert perceptron().inputs["x"].shape == (ANY, 4)
