"""The op table: kernel, shape rule, cost rule; one register line each, at the end.

Kernels take and give C-contiguous numpy arrays and preserve the dtype. Inputs of one op must share it: nothing is promoted
behind the user's back. A new op is one line.
"""

import difflib
import math
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from dairt.errors import GraphError
from dairt.model.shapes import (
    ShapeRule,
    Spec,
    Specs,
    concat_shape,
    floats,
    layer_norm_shape,
    matmul_shape,
    numbers,
    reduced_shape,
    reshape_shape,
    split_shape,
    transpose_shape,
)

Attribute = bool | int | float | str | tuple[int | float, ...]
CostRule = Callable[[Specs, Specs], float]


class Kernel(msgspec.Struct, frozen=True):
    """What an op computes, as it travels: a name of the op table with its attributes, or one ONNX node's bytes."""

    op: str
    schema: int = 1
    attributes: tuple[tuple[str, Attribute], ...] = ()
    onnx: bytes = b""


class OpType(msgspec.Struct, frozen=True):
    """One line of the table. `kernel(*inputs, **attributes)` gives an array, or a sequence of them.

    `attributes` maps each name to its default, or to a type where it has to be given.
    """

    name: str
    kernel: Callable[..., Any]
    shape: ShapeRule
    cost: CostRule
    arity: range
    attributes: dict[str, Any]


_TABLE: dict[tuple[str, int], OpType] = {}


def register(
    name: str,
    kernel: Callable[..., Any],
    shape: ShapeRule,
    cost: CostRule,
    arity: range = range(1, 2),
    schema: int = 1,
    /,
    **attributes: Any,
) -> None:
    """Enter an op into the table."""
    assert (name, schema) not in _TABLE, name
    _TABLE[name, schema] = OpType(name, kernel, shape, cost, arity, attributes)


def lookup(name: str, schema: int = 1) -> OpType:
    """The op's line of the table; raises GraphError, with a suggestion, where there is none."""
    if (name, schema) in _TABLE:
        return _TABLE[name, schema]
    versions = [known_schema for known, known_schema in _TABLE if known == name]
    if versions:
        raise GraphError(f"op {name!r} is known in schema {versions[-1]}, not {schema}: run the same dairt on every node")
    raise GraphError(f"unknown op {name!r}{suggestion(name, op_names())}")


def op_names() -> tuple[str, ...]:
    """The names of all ops, sorted."""
    return tuple(sorted(dict.fromkeys(name for name, _ in _TABLE)))


def suggestion(name: str, known: Sequence[str]) -> str:
    """`: did you mean 'x'?` where some known name is close to `name`, or ""."""
    close = difflib.get_close_matches(name, known, n=1)
    return f": did you mean {close[0]!r}?" if close else ""


def infer(kernel: Kernel, inputs: Specs) -> tuple[tuple[Spec, ...], float]:
    """What a kernel of the table makes of `inputs`, and its cost in flops; raises ValueError saying what does not fit."""
    entry = lookup(kernel.op, kernel.schema)
    if len(inputs) not in entry.arity:
        raise ValueError(f"takes {_arity_text(entry.arity)}, not {len(inputs)}")
    outputs = entry.shape(inputs, attributes_of(kernel))
    return outputs, entry.cost(inputs, outputs)


def attributes_of(kernel: Kernel) -> dict[str, Any]:
    """A kernel's attributes, the table's defaults filled in; raises ValueError for a wrong, unknown or missing one."""
    known = lookup(kernel.op, kernel.schema).attributes
    given = dict(kernel.attributes)
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"has no attribute {name!r}{suggestion(name, tuple(known))}")
        wanted = known[name] if isinstance(known[name], type) else type(known[name])
        if type(value) is not wanted and (wanted, type(value)) != (float, int):
            raise ValueError(f"attribute {name!r} must be of type {wanted.__name__}, not {value!r}")
    missing = [name for name, default in known.items() if isinstance(default, type) and name not in given]
    if missing:
        raise ValueError(f"needs the attribute {missing[0]!r}")
    return known | given


def compute(kernel: Kernel, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Apply a kernel of the table. Outputs own their memory, in C order, so that the next op sees the same on any node."""
    made = lookup(kernel.op, kernel.schema).kernel(*inputs, **attributes_of(kernel))
    results = made if isinstance(made, (list, tuple)) else [made]
    return [_owned(np.asarray(result)) for result in results]


def _owned(array: np.ndarray) -> np.ndarray:
    # BLAS takes another path, with other last bits, for a transposed view than for the copy that crosses the network.
    return array if array.base is None and array.flags.c_contiguous else array.copy(order="C")


def _arity_text(arity: range) -> str:
    return f"{arity[0]} inputs" if len(arity) == 1 else f"{arity[0]} inputs or more"


# Cost rules: floating-point operations, by weight of one element.


def each(weight: float) -> CostRule:
    """So many operations for each element of the larger side, inputs or outputs."""
    return lambda inputs, outputs: float(weight * max(sum(i.count for i in inputs), sum(o.count for o in outputs)))


def _matmul_cost(inputs: Specs, outputs: Specs) -> float:
    return 2.0 * outputs[0].count * abs(inputs[0].shape[-1])


# Kernels that are more than one numpy function. A Python number takes the array's dtype (NEP 50).


def _sigmoid(x: np.ndarray) -> Any:
    return 1 / (1 + np.exp(-x))


def _gelu(x: np.ndarray) -> Any:
    # The tanh form of Hendrycks and Gimpel (2016).
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))


def _softmax(x: np.ndarray, axis: int) -> Any:
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def _layer_norm(x: np.ndarray, scale: np.ndarray, bias: np.ndarray, epsilon: float) -> Any:
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    return centred / np.sqrt(variance + epsilon) * scale + bias


def _reduce(function: Callable[..., Any]) -> Callable[..., Any]:
    # No axes means all; sums keep their dtype, where numpy would widen small integers.
    return lambda x, axes, keepdims: np.asarray(function(x, axis=axes or None, keepdims=keepdims)).astype(x.dtype)


TWO, THREE, SOME = range(2, 3), range(3, 4), range(1, 1 << 16)
REDUCE: dict[str, Any] = {"axes": (), "keepdims": False}

register("add", np.add, numbers, each(1), TWO)
register("sub", np.subtract, numbers, each(1), TWO)
register("mul", np.multiply, numbers, each(1), TWO)
register("div", np.divide, floats, each(4), TWO)
register("maximum", np.maximum, numbers, each(1), TWO)
register("minimum", np.minimum, numbers, each(1), TWO)
register("neg", np.negative, numbers, each(1))
register("abs", np.abs, numbers, each(1))
register("exp", np.exp, floats, each(8))
register("log", np.log, floats, each(8))
register("sqrt", np.sqrt, floats, each(4))
register("tanh", np.tanh, floats, each(10))
register("relu", lambda x: np.maximum(x, 0), numbers, each(1))
register("sigmoid", _sigmoid, floats, each(12))
register("gelu", _gelu, floats, each(20))
register("softmax", _softmax, floats, each(15), axis=-1)
register("layer_norm", _layer_norm, layer_norm_shape, each(10), THREE, epsilon=1e-5)
register("matmul", np.matmul, matmul_shape, _matmul_cost, TWO)
register("sum", _reduce(np.sum), reduced_shape("iuf", "numbers"), each(1), **REDUCE)
register("mean", _reduce(np.mean), reduced_shape("f", "floating-point numbers"), each(1), **REDUCE)
register("max", _reduce(np.max), reduced_shape("iuf", "numbers"), each(1), **REDUCE)
register("concat", lambda *parts, axis: np.concatenate(parts, axis=axis), concat_shape, each(1), SOME, axis=-1)
register("split", lambda x, parts, axis: np.split(x, parts, axis=axis), split_shape, each(1), parts=int, axis=-1)
register("reshape", lambda x, shape: x.reshape(shape), reshape_shape, each(1), shape=tuple)
register("transpose", lambda x, axes: x.transpose(axes or None), transpose_shape, each(1), axes=())
