"""Graphs written as expressions: `y = (x @ w + b).relu()`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dairt.errors import GraphError
from dairt.model.graph import ANY, Graph, Op, Spec, infer_op, spec_of
from dairt.model.ops import Attribute, Kernel, lookup


class GraphBuilder:
    """Collects the inputs, constants and ops of one graph; `build` makes it. Every call raises GraphError naming the op."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._inputs: dict[str, Spec] = {}
        self._constants: dict[str, np.ndarray] = {}
        self._ops: list[Op] = []
        self._names: dict[str, None] = {}

    def input(self, name: str, shape: Sequence[int | None], dtype: str = "float32") -> "Expression":
        """A value to be fed; an extent of None is known only when the graph runs."""
        self._take_name(name)
        spec = Spec(np.dtype(dtype).name, tuple(ANY if extent is None else extent for extent in shape))
        self._inputs[name] = spec
        return Expression(self, name, spec)

    def constant(self, array: Any, name: str = "") -> "Expression":
        """A value known now, such as a weight; it travels by broadcast, not with the graph."""
        name = name or f"c{len(self._constants)}"
        self._take_name(name)
        self._constants[name] = np.array(array, order="C")
        return Expression(self, name, spec_of(self._constants[name]))

    def node(self, op: str, inputs: Sequence[Any], name: str = "", **attributes: Attribute) -> "Expression":
        """Add an op that makes one value; the value has the op's name (by default such as `matmul_3`)."""
        return self.nodes(op, inputs, name, **attributes)[0]

    def nodes(self, op: str, inputs: Sequence[Any], name: str = "", **attributes: Attribute) -> "tuple[Expression, ...]":
        """Add an op that makes any number of values: `name` where it is one, else `name.0`, `name.1`, and so on."""
        name = name or f"{op}_{len(self._ops)}"
        kernel = Kernel(op, attributes=tuple(sorted(attributes.items())))
        taken = self._operands(name, inputs)
        specs, cost = infer_op(name, kernel, [value.spec for value in taken])
        values = (name,) if len(specs) == 1 else tuple(f"{name}.{at}" for at in range(len(specs)))
        for value in values:
            self._take_name(value)
        self._ops.append(Op(name, kernel, tuple(value.name for value in taken), values, cost))
        return tuple(Expression(self, value, spec) for value, spec in zip(values, specs, strict=True))

    def build(self, *outputs: "Expression") -> Graph:
        """Make the graph that answers with `outputs`."""
        return Graph.of(self.name, self._inputs, self._constants, self._ops, [value.name for value in outputs])

    def _operands(self, op: str, inputs: Sequence[Any]) -> "list[Expression]":
        """Numbers become constants of the dtype of the expression beside them."""
        values = [value for value in inputs if isinstance(value, Expression)]
        for value in values:
            if value.graph is not self:
                raise GraphError(f"op {op!r} takes {value.name!r} of graph {value.graph.name!r}: values stay in their graph")
        dtype = values[0].spec.dtype if values else None
        return [value if isinstance(value, Expression) else self.constant(_constant(value, dtype)) for value in inputs]

    def _take_name(self, name: str) -> None:
        if name in self._names:
            raise GraphError(f"graph {self.name!r} has {name!r} already: give one of them another name")
        self._names[name] = None


@dataclass(frozen=True, eq=False)
class Expression:
    """A value of a graph being built. Operators and methods named as the op table's ops add ops: `x.softmax(axis=1)`."""

    graph: GraphBuilder
    name: str
    spec: Spec

    __array_ufunc__ = None  # `array @ expression` is ours to compute, not numpy's

    def __add__(self, other: Any) -> "Expression":
        return self.graph.node("add", (self, other))

    def __radd__(self, other: Any) -> "Expression":
        return self.graph.node("add", (other, self))

    def __sub__(self, other: Any) -> "Expression":
        return self.graph.node("sub", (self, other))

    def __rsub__(self, other: Any) -> "Expression":
        return self.graph.node("sub", (other, self))

    def __mul__(self, other: Any) -> "Expression":
        return self.graph.node("mul", (self, other))

    def __rmul__(self, other: Any) -> "Expression":
        return self.graph.node("mul", (other, self))

    def __truediv__(self, other: Any) -> "Expression":
        return self.graph.node("div", (self, other))

    def __rtruediv__(self, other: Any) -> "Expression":
        return self.graph.node("div", (other, self))

    def __matmul__(self, other: Any) -> "Expression":
        return self.graph.node("matmul", (self, other))

    def __rmatmul__(self, other: Any) -> "Expression":
        return self.graph.node("matmul", (other, self))

    def __neg__(self) -> "Expression":
        return self.graph.node("neg", (self,))

    def split(self, parts: int, axis: int = -1) -> "tuple[Expression, ...]":
        """Cut into equal parts along one axis."""
        return self.graph.nodes("split", (self,), parts=parts, axis=axis)

    def __getattr__(self, op: str) -> "Callable[..., Expression]":
        if op.startswith("_"):
            raise AttributeError(op)
        lookup(op)
        return lambda *others, name="", **attributes: self.graph.node(op, (self, *others), name, **attributes)


def _constant(value: Any, dtype: str | None) -> np.ndarray:
    return value if isinstance(value, np.ndarray) else np.asarray(value, dtype)
