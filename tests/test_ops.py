"""The op table: each op against plain numpy in float64, its shape rule against what its kernel makes, and its refusals."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dairt.errors import GraphError
from dairt.model.ops import Attribute, Kernel, compute, infer, lookup, op_names
from dairt.model.shapes import ANY, Spec, broadcast_shapes
from dairt.worlds.kernels import apply

DICE = np.random.default_rng(7)


def normal(*shape: int) -> np.ndarray:
    return DICE.standard_normal(shape, np.float32)


X, Y, ROW, POSITIVE = normal(3, 4), normal(3, 4), normal(4), np.abs(normal(3, 4)) + np.float32(0.1)


def softmax(x: np.ndarray) -> Any:
    return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)


def layer_norm(x: np.ndarray, scale: np.ndarray, bias: np.ndarray) -> Any:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * scale + bias


def gelu(x: np.ndarray) -> Any:
    return x / 2 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


Case = tuple[str, list[np.ndarray], dict[str, Attribute], Callable[..., Any]]
CASES: list[Case] = [
    ("add", [X, ROW], {}, lambda x, y: x + y),
    ("sub", [ROW, X], {}, lambda x, y: x - y),
    ("mul", [X, normal(3, 1)], {}, lambda x, y: x * y),
    ("div", [X, POSITIVE], {}, lambda x, y: x / y),
    ("maximum", [X, Y], {}, np.maximum),
    ("minimum", [X, Y], {}, np.minimum),
    ("neg", [X], {}, lambda x: -x),
    ("abs", [X], {}, abs),
    ("exp", [X], {}, np.exp),
    ("log", [POSITIVE], {}, np.log),
    ("sqrt", [POSITIVE], {}, np.sqrt),
    ("tanh", [X], {}, np.tanh),
    ("relu", [X], {}, lambda x: np.where(x > 0, x, 0)),
    ("sigmoid", [X], {}, lambda x: 1 / (1 + np.exp(-x))),
    ("gelu", [X], {}, gelu),
    ("softmax", [X], {}, softmax),
    ("softmax", [X], {"axis": 0}, lambda x: softmax(x.T).T),
    ("layer_norm", [X, ROW, normal(4)], {}, layer_norm),
    ("matmul", [X, normal(4, 5)], {}, lambda x, y: x @ y),
    ("matmul", [normal(2, 3, 4), normal(4, 5)], {}, lambda x, y: x @ y),
    ("sum", [X], {"axes": (0,)}, lambda x: x.sum(0)),
    ("mean", [X], {"axes": (-1,), "keepdims": True}, lambda x: x.mean(-1, keepdims=True)),
    ("max", [X], {}, np.max),
    ("concat", [X, normal(3, 2)], {"axis": 1}, lambda x, y: np.hstack([x, y])),
    ("split", [X], {"parts": 2}, lambda x: [x[:, :2], x[:, 2:]]),
    ("reshape", [X], {"shape": (2, -1)}, lambda x: x.reshape(2, 6)),
    ("transpose", [normal(2, 3, 4)], {"axes": (1, 0, 2)}, lambda x: x.swapaxes(0, 1)),
    ("transpose", [X], {}, lambda x: x.T),
]


def kernel(op: str, attributes: dict[str, Attribute]) -> Kernel:
    return Kernel(op, attributes=tuple(sorted(attributes.items())))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{len(case[2])}")
def test_an_op_is_close_to_plain_numpy_in_float64_and_keeps_its_dtype(case: Case) -> None:
    op, inputs, attributes, plain = case
    made = apply(kernel(op, attributes), inputs)
    wanted = plain(*(array.astype(np.float64) for array in inputs))
    for found, right in zip(made, wanted if isinstance(wanted, list) else [wanted], strict=True):
        assert found.dtype == np.float32
        # gelu's tanh form is itself 5e-4 from the exact one.
        np.testing.assert_allclose(found, right, rtol=1e-5, atol=5e-4 if op == "gelu" else 1e-5)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{len(case[2])}")
def test_the_shape_rule_says_what_the_kernel_makes_and_costs_something(case: Case) -> None:
    op, inputs, attributes, _ = case
    specs, cost = infer(kernel(op, attributes), [Spec(array.dtype.name, array.shape) for array in inputs])
    assert specs == tuple(Spec(array.dtype.name, array.shape) for array in apply(kernel(op, attributes), inputs))
    assert cost > 0


def test_every_op_of_the_table_is_tried_above() -> None:
    assert op_names() == tuple(sorted({case[0] for case in CASES}))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{len(case[2])}")
def test_bits_do_not_depend_on_where_or_how_the_inputs_lie_in_memory(case: Case) -> None:
    op, inputs, attributes, _ = case
    shifted = [moved(array) for array in inputs]
    assert [a.tobytes() for a in apply(kernel(op, attributes), shifted)] == [
        a.tobytes() for a in apply(kernel(op, attributes), inputs)
    ]


def moved(array: np.ndarray) -> np.ndarray:
    """The same values, in Fortran order, read-only, four bytes off any larger alignment."""
    room = np.empty(array.size + 1, array.dtype)
    room[1:] = array.ravel(order="F")
    copy = room[1:].reshape(array.shape, order="F")
    copy.flags.writeable = False
    return copy


def test_outputs_own_their_memory_in_c_order() -> None:
    for op, inputs, attributes, _ in CASES:
        for made in compute(kernel(op, attributes), inputs):
            assert made.flags.c_contiguous
            assert made.base is None
            assert not any(np.shares_memory(made, array) for array in inputs)


def test_large_products_are_the_same_bits_every_time() -> None:
    left, right = normal(200, 300), normal(300, 250)
    assert len({apply(Kernel("matmul"), [left, right])[0].tobytes() for _ in range(5)}) == 1


def test_float16_and_float64_stay_what_they_are() -> None:
    for dtype in (np.float16, np.float64):
        for op in ("gelu", "sigmoid", "softmax", "mean", "relu"):
            assert apply(Kernel(op), [X.astype(dtype)])[0].dtype == dtype
    assert apply(Kernel("sum"), [np.arange(4, dtype=np.int8)])[0].dtype == np.int8


def test_overflow_is_an_answer_not_a_warning() -> None:
    assert apply(Kernel("sigmoid"), [np.array([-1e4, 1e4], np.float32)])[0].tolist() == [0.0, 1.0]
    assert apply(Kernel("exp"), [np.array([1e4], np.float32)])[0].tolist() == [math.inf]


F32 = "float32"
REFUSALS: list[tuple[str, dict[str, Attribute], list[Spec], str]] = [
    ("add", {}, [Spec(F32, (3, 4)), Spec(F32, (3, 5))], r"shapes \[3, 4\] and \[3, 5\] do not broadcast"),
    ("add", {}, [Spec(F32, (3,)), Spec("float64", (3,))], "must share a dtype, but are float32 and float64"),
    ("add", {}, [Spec(F32, (3,))], "takes 2 inputs, not 1"),
    ("div", {}, [Spec("int32", (3,)), Spec("int32", (3,))], "needs floating-point numbers, not int32"),
    ("matmul", {}, [Spec(F32, (3, 4)), Spec(F32, (5, 6))], "inner extents .* differ: 4 and 5"),
    ("matmul", {}, [Spec(F32, (4,)), Spec(F32, (4, 6))], "multiplies matrices"),
    ("layer_norm", {}, [Spec(F32, (3, 4)), Spec(F32, (2, 3, 4)), Spec(F32, (4,))], "scale and bias must fit"),
    ("softmax", {"axis": 2}, [Spec(F32, (3, 4))], "axis 2 is not in a value of 2 dimensions"),
    ("softmax", {"axs": 1}, [Spec(F32, (3, 4))], "no attribute 'axs': did you mean 'axis'"),
    ("softmax", {"axis": "1"}, [Spec(F32, (3, 4))], "'axis' must be of type int, not '1'"),
    ("split", {}, [Spec(F32, (3, 4))], "needs the attribute 'parts'"),
    ("split", {"parts": 3}, [Spec(F32, (3, 4))], "cannot cut axis -?1 .* into 3 equal parts"),
    ("concat", {}, [Spec(F32, (3, 4)), Spec(F32, (2, 4))], "axis 0 differs"),
    ("reshape", {"shape": (5, 2)}, [Spec(F32, (3, 4))], r"cannot make float32 \[3, 4\] into shape \[5, 2\]"),
    ("transpose", {"axes": (0, 0)}, [Spec(F32, (3, 4))], "are not an order of the 2 dimensions"),
]


@pytest.mark.parametrize("op, attributes, inputs, sentence", REFUSALS)
def test_what_does_not_fit_is_refused_before_it_runs(
    op: str, attributes: dict[str, Attribute], inputs: list[Spec], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        infer(kernel(op, attributes), inputs)


def test_an_unknown_op_is_refused_by_name_with_a_suggestion() -> None:
    with pytest.raises(GraphError, match="unknown op 'sofmax': did you mean 'softmax'"):
        lookup("sofmax")
    with pytest.raises(GraphError, match="'relu' is known in schema 1, not 2"):
        lookup("relu", 2)


def test_a_kernel_given_what_it_cannot_take_names_itself_and_the_inputs() -> None:
    with pytest.raises(GraphError, match=r"kernel matmul cannot take float32 \[3, 4\], float32 \[3, 4\]"):
        apply(Kernel("matmul"), [X, Y])


SHAPES = st.lists(st.sampled_from([1, 2, 3]), max_size=4).map(tuple)


@given(SHAPES, SHAPES)
def test_broadcasting_agrees_with_numpy(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    try:
        wanted: tuple[int, ...] | None = np.broadcast_shapes(left, right)
    except ValueError:
        wanted = None
    try:
        found: tuple[int, ...] | None = broadcast_shapes(left, right)
    except ValueError:
        found = None
    assert found == wanted


def test_unknown_extents_pass_through_and_are_settled_where_they_can_be() -> None:
    assert broadcast_shapes((ANY, 4), (3, 1)) == (3, 4)
    assert broadcast_shapes((ANY, 4), (1, 4)) == (ANY, 4)
    specs, _ = infer(Kernel("matmul"), [Spec(F32, (ANY, 4)), Spec(F32, (4, 2))])
    assert specs == (Spec(F32, (ANY, 2)),)
