"""ONNX: what is read and what is refused, and that nodes run one by one give the right answer, always in the same bits."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from dairt.errors import DairtError, GraphError, UsageError
from dairt.model.graph import ANY, Graph, Spec, evaluate
from dairt.model.onnx import read_onnx
from dairt.model.ops import Kernel
from dairt.worlds import kernels
from dairt.worlds.kernels import SESSIONS_MAX, apply
from squeezenet import INPUT, image, reference, squeezenet

FLOAT = TensorProto.FLOAT


@cache
def model() -> tuple[bytes, Graph]:
    data = squeezenet(seed=0)
    return data, read_onnx(data, "squeezenet.onnx")


def answer(seed: int) -> np.ndarray:
    (output,) = evaluate(model()[1], {INPUT: image(seed)}, apply).values()
    return output


def test_squeezenet_has_one_task_a_node_and_its_weights_are_constants() -> None:
    _, graph = model()
    assert len(graph.ops) == 66
    assert graph.inputs == {INPUT: Spec("float32", (1, 3, 224, 224))}
    assert len(graph.constants) == 52
    assert graph.ops[0].cost == 2 * 64 * 111 * 111 * 27


def test_the_test_model_answers_with_many_values_and_tells_inputs_apart() -> None:
    first, second = answer(1), answer(2)
    assert len(np.unique(first)) >= 100
    assert np.abs(first - second).max() > 1e-3
    assert np.isclose(first.sum(), 1)


def test_the_same_seed_makes_the_same_test_model() -> None:
    assert squeezenet(seed=0) == model()[0]
    assert squeezenet(seed=1) != model()[0]


def test_node_by_node_squeezenet_is_close_to_numpy_in_float64() -> None:
    np.testing.assert_allclose(answer(1), reference(model()[0], image(1)), rtol=1e-5)


def test_node_by_node_squeezenet_is_close_to_the_whole_model_in_onnxruntime() -> None:
    session = onnxruntime.InferenceSession(model()[0], providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(answer(1), session.run(None, {INPUT: image(1)})[0], rtol=1e-4)


def test_bits_are_the_same_from_every_thread() -> None:
    first = answer(1).tobytes()
    with ThreadPoolExecutor(4) as pool:
        assert [array.tobytes() for array in pool.map(answer, [1] * 6)] == [first] * 6


def test_bits_are_the_same_from_new_sessions_and_for_inputs_that_lie_elsewhere() -> None:
    first = answer(1).tobytes()
    kernels._session.cache_clear()

    def apply_elsewhere(kernel: Kernel, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        return apply(kernel, [moved(array) for array in inputs])

    (output,) = evaluate(model()[1], {INPUT: image(1)}, apply_elsewhere).values()
    assert output.tobytes() == first


def moved(array: np.ndarray) -> np.ndarray:
    """The same values, read-only, four bytes off any larger alignment, as they may come off the wire."""
    room = np.empty(array.size + 1, array.dtype)
    room[1:] = array.ravel()
    copy = room[1:].reshape(array.shape)
    copy.flags.writeable = False
    return copy


def test_equal_nodes_share_one_kernel() -> None:
    relus = dict.fromkeys(op.kernel for op in model()[1].ops if op.kernel.op == "onnx.Relu")
    assert len(relus) == 1
    assert len(dict.fromkeys(op.kernel for op in model()[1].ops)) < SESSIONS_MAX


def value(name: str, shape: list[int | str] | None = None, kind: int = FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, [2, 3] if shape is None else shape)


def small(nodes: list[Any], inputs: list[Any] | None = None, initializers: dict[str, np.ndarray] | None = None) -> bytes:
    """A model of a few nodes, fed `x` (2 x 3) unless told otherwise, that answers with `y`."""
    graph = helper.make_graph(
        nodes,
        "small",
        inputs if inputs is not None else [value("x")],
        [onnx.ValueInfoProto(name="y")],
        [numpy_helper.from_array(array, name) for name, array in (initializers or {}).items()],
    )
    return bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())


def test_constant_nodes_and_initializers_become_constants_and_unused_ones_are_left_behind() -> None:
    nodes = [
        helper.make_node("Constant", [], ["shape"], value_ints=[3, 2]),
        helper.make_node("Reshape", ["x", "shape"], ["r"]),
        helper.make_node("MatMul", ["r", "w"], ["y"]),
    ]
    weights = {"w": np.ones((2, 4), np.float32), "unused": np.ones(3, np.float32)}
    graph = read_onnx(small(nodes, [value("x"), value("w", [2, 4])], weights), "m")
    assert list(graph.inputs) == ["x"]
    assert sorted(graph.constants) == ["shape", "w"]
    assert [op.cost for op in graph.ops] == [8.0, 2.0 * 3 * 4 * 2]
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert evaluate(graph, {"x": x}, apply)["y"].tolist() == (x.reshape(3, 2) @ weights["w"]).tolist()


def test_an_optional_input_left_out_stays_out() -> None:
    node = helper.make_node("Clip", ["x", "", "top"], ["y"])
    graph = read_onnx(small([node], initializers={"top": np.array(2, np.float32)}), "m")
    assert graph.ops[0].inputs == ("x", "top")
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert evaluate(graph, {"x": x}, apply)["y"].tolist() == np.minimum(x, 2).tolist()


def test_a_node_of_several_outputs_may_leave_some_out() -> None:
    weights = {"w": np.ones((1, 6, 3), np.float32), "r": np.ones((1, 6, 2), np.float32)}
    node = helper.make_node("GRU", ["x", "w", "r"], ["", "y"], hidden_size=2)
    graph = read_onnx(small([node], [value("x", [4, 1, 3])], weights), "m")
    assert graph.ops[0].outputs == ("y",)
    assert evaluate(graph, {"x": np.ones((4, 1, 3), np.float32)}, apply)["y"].shape == (1, 1, 2)


def test_open_extents_stay_open_and_nodes_without_a_name_get_one() -> None:
    nodes = [helper.make_node("Relu", ["x"], ["r"], name="same"), helper.make_node("Relu", ["r"], ["s"], name="same")]
    graph = read_onnx(small([*nodes, helper.make_node("Neg", ["s"], ["y"])], [value("x", ["batch", 3])]), "m")
    assert graph.inputs == {"x": Spec("float32", (ANY, 3))}
    assert [op.name for op in graph.ops] == ["same", "Relu_1", "Neg_2"]
    assert evaluate(graph, {"x": np.ones((5, 3), np.float32)}, apply)["y"].shape == (5, 3)


def test_the_name_of_a_node_does_not_change_its_digest_s_kernels() -> None:
    one = read_onnx(small([helper.make_node("Relu", ["x"], ["y"], name="a")]), "m")
    two = read_onnx(small([helper.make_node("Relu", ["x"], ["y"], name="b", doc_string="!")]), "m")
    assert one.ops[0].kernel == two.ops[0].kernel


def branch() -> Any:
    return helper.make_graph([helper.make_node("Identity", ["x"], ["z"])], "then", [], [value("z")])


TRUE = {"c": np.array(True)}
REFUSALS = [
    (small([helper.make_node("If", ["c"], ["y"], "fork", then_branch=branch(), else_branch=branch())], initializers=TRUE),
     GraphError, r"m: node 'fork' \(If\) holds a graph of its own"),
    (small([helper.make_node("RandomNormalLike", ["x"], ["y"], "dice")]), GraphError, r"node 'dice' .* draws random numbers"),
    (small([helper.make_node("Dropout", ["x", "", "c"], ["y"], "drop")], initializers=TRUE),
     GraphError, r"node 'drop' \(Dropout\) draws random numbers"),
    (small([helper.make_node("Reluu", ["x"], ["y"], "r")]), GraphError, r"'r' \(Reluu\) is not an operator of ONNX opset 17"),
    (small([helper.make_node("Gelu", ["x"], ["y"], "r", domain="com.microsoft")]), GraphError, "imports no opset"),
    (small([helper.make_node("Relu", ["z"], ["y"], "r")]), GraphError, "op 'r' takes 'z', which nothing makes"),
    (small([helper.make_node("Relu", ["x"], ["y"])], [value("x", kind=TensorProto.STRING)]),
     UsageError, "input 'x' is not a tensor"),
    (small([helper.make_node("Identity", ["s"], ["y"])], initializers={"s": np.array(["a"], object)}),
     UsageError, "tensor 's' holds strings"),
    (b"no model", UsageError, "m is not an ONNX model"),
    (b"", UsageError, "m is not an ONNX model"),
]  # fmt: skip


@pytest.mark.parametrize("data, kind, sentence", REFUSALS)
def test_what_cannot_be_read_is_refused_in_one_sentence(data: bytes, kind: type[DairtError], sentence: str) -> None:
    with pytest.raises(kind, match=sentence) as refused:
        read_onnx(data, "m")
    assert "\n" not in str(refused.value)


def test_weights_in_another_file_are_refused() -> None:
    stub = onnx.load_model_from_string(small([helper.make_node("Add", ["x", "w"], ["y"])], initializers={"w": np.ones(3)}))
    stub.graph.initializer[0].data_location = TensorProto.EXTERNAL
    with pytest.raises(UsageError, match="tensor 'w' is in another file"):
        read_onnx(stub.SerializeToString(), "m")


def test_an_onnx_kernel_given_what_it_cannot_take_names_itself_and_the_inputs() -> None:
    graph = read_onnx(small([helper.make_node("MatMul", ["x", "x"], ["y"])]), "m")
    with pytest.raises(GraphError, match=r"kernel onnx.MatMul cannot take float32 \[2, 3\], float32 \[2, 3\]"):
        evaluate(graph, {"x": np.ones((2, 3), np.float32)}, apply)


def test_bytes_that_are_no_node_are_refused() -> None:
    with pytest.raises(GraphError, match=r"kernel onnx.Bad cannot take no input"):
        apply(Kernel("onnx.Bad", attributes=(("opset", 17),), onnx=b"\xff\xff"), [])
