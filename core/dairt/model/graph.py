"""Graph: named ops over named values, validated once, in an order in which they can run."""

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import xxhash

from dairt.errors import GraphError, UsageError
from dairt.model.ops import Kernel, infer, suggestion
from dairt.model.shapes import ANY, Spec

__all__ = ["ANY", "Apply", "Graph", "Op", "Outline", "Spec", "check_feeds", "evaluate", "infer_op", "spec_of"]

Apply = Callable[[Kernel, Sequence[np.ndarray]], list[np.ndarray]]


class Op(msgspec.Struct, frozen=True):
    """One task of a graph: a kernel from named values to named values; `cost` estimates its floating-point operations."""

    name: str
    kernel: Kernel
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    cost: float = 0.0


class Outline(msgspec.Struct, frozen=True):
    """A graph without its constants' bytes, as it travels: the constants are keys `weight_key(name)` of the store."""

    name: str
    digest: str
    inputs: dict[str, Spec]
    constants: tuple[str, ...]
    ops: tuple[Op, ...]
    outputs: tuple[str, ...]

    def weight_key(self, constant: str) -> str:
        """The store key under which a constant reaches the nodes."""
        return f"weights/{self.digest[:12]}/{constant}"


@dataclass(frozen=True, eq=False)
class Graph:
    """A valid graph, made by `Graph.of`. `ops` are in an order in which they can run; `digest` covers all but the name.

    `specs` says what every value is, but for what ONNX nodes make.
    """

    name: str
    inputs: dict[str, Spec]
    constants: dict[str, np.ndarray]
    ops: tuple[Op, ...]
    outputs: tuple[str, ...]
    digest: str
    specs: dict[str, Spec]

    @classmethod
    def of(
        cls,
        name: str,
        inputs: Mapping[str, Spec],
        constants: Mapping[str, np.ndarray],
        ops: Iterable[Op],
        outputs: Sequence[str],
    ) -> "Graph":
        """Check the parts, put the ops in order, fill in costs; raises GraphError naming the op.

        The order given is kept where it can run, so that the same parts make the same graph everywhere.
        """
        given = tuple(ops)
        specs = dict(inputs) | {value: spec_of(array) for value, array in constants.items()}
        makers = _makers(name, specs, given, outputs)
        ordered = _costed(_in_order(given, makers), specs)
        digest = _digest(inputs, constants, ordered, outputs)
        return cls(name, dict(inputs), dict(constants), ordered, tuple(outputs), digest, specs)

    def outline(self) -> Outline:
        """The graph as it travels: all but the constants' bytes."""
        return Outline(self.name, self.digest, self.inputs, tuple(sorted(self.constants)), self.ops, self.outputs)


def spec_of(array: np.ndarray) -> Spec:
    """What an array is."""
    return Spec(array.dtype.name, array.shape)


def infer_op(name: str, kernel: Kernel, inputs: Sequence[Spec]) -> tuple[tuple[Spec, ...], float]:
    """What a kernel of the op table makes of `inputs`, and its cost; raises GraphError naming the op."""
    try:
        return infer(kernel, inputs)
    except (ValueError, GraphError) as exc:
        raise GraphError(f"op {name!r} ({kernel.op}): {exc}") from None


def check_feeds(graph: Graph | Outline, feeds: Mapping[str, np.ndarray]) -> None:
    """Raise UsageError, naming the input and what would be right, unless `feeds` are just what the graph asks for."""
    for name in feeds:
        if name not in graph.inputs:
            takes = ", ".join(map(repr, graph.inputs)) or "none"
            hint = suggestion(name, tuple(graph.inputs)) or f": its inputs are {takes}"
            raise UsageError(f"graph {graph.name!r} has no input {name!r}{hint}")
    for name, spec in graph.inputs.items():
        if name not in feeds:
            raise UsageError(f"graph {graph.name!r} is missing its input {name!r}: feed it {spec}")
        if not _fits(spec_of(feeds[name]), spec):
            raise UsageError(f"input {name!r} of graph {graph.name!r} must be {spec}, not {spec_of(feeds[name])}")


def evaluate(graph: Graph, feeds: Mapping[str, np.ndarray], apply: Apply) -> dict[str, np.ndarray]:
    """Run the whole graph here, op after op: the reference that every distributed run must equal bit for bit."""
    check_feeds(graph, feeds)
    values = graph.constants | dict(feeds)
    for op in graph.ops:
        results = apply(op.kernel, [values[value] for value in op.inputs])
        values.update(zip(op.outputs, results, strict=True))
    return {value: values[value] for value in graph.outputs}


def _fits(found: Spec, wanted: Spec) -> bool:
    if found.dtype != wanted.dtype or len(found.shape) != len(wanted.shape):
        return False
    return all(want in (ANY, extent) for extent, want in zip(found.shape, wanted.shape, strict=True))


def _makers(name: str, specs: Mapping[str, Spec], ops: Sequence[Op], outputs: Sequence[str]) -> dict[str, Op]:
    """Which op makes which value, once every name is known to be there and to be given once."""
    makers: dict[str, Op] = {}
    names: dict[str, None] = {}
    for op in ops:
        if op.name in names:
            raise GraphError(f"two ops are named {op.name!r}: give one of them another name")
        names[op.name] = None
        for value in op.outputs:
            if value in makers or value in specs:
                other = f"op {makers[value].name!r} makes" if value in makers else "is an input or a constant"
                raise GraphError(f"op {op.name!r} makes {value!r}, which {other} already: give one of them another name")
            makers[value] = op
    known = (*specs, *makers)
    for op in ops:
        for value in op.inputs:
            if value not in makers and value not in specs:
                raise GraphError(f"op {op.name!r} takes {value!r}, which nothing makes{suggestion(value, known)}")
    if not outputs:
        raise GraphError(f"graph {name!r} has no output: name at least one value to answer with")
    for at, value in enumerate(outputs):
        if value not in makers or value in outputs[:at]:
            why = "it is named twice" if value in makers else f"no op makes it{suggestion(value, tuple(makers))}"
            raise GraphError(f"graph {name!r} cannot answer with {value!r}: {why}")
    return makers


def _in_order(ops: Sequence[Op], makers: Mapping[str, Op]) -> list[Op]:
    """The ops, each after those it needs, else as given (Kahn, 1962)."""
    place = {op.name: at for at, op in enumerate(ops)}
    needs = {op.name: tuple(dict.fromkeys(makers[value].name for value in op.inputs if value in makers)) for op in ops}
    waiting = {name: len(needed) for name, needed in needs.items()}
    followers: dict[str, list[str]] = {op.name: [] for op in ops}
    for name, needed in needs.items():
        for maker in needed:
            followers[maker].append(name)
    free = [place[name] for name, count in waiting.items() if not count]
    ordered = []
    while free:
        op = ops[heapq.heappop(free)]
        ordered.append(op)
        for follower in followers[op.name]:
            waiting[follower] -= 1
            if not waiting[follower]:
                heapq.heappush(free, place[follower])
    if len(ordered) < len(ops):
        raise GraphError(_cycle({name: needed for name, needed in needs.items() if waiting[name]}))
    return ordered


def _cycle(needs: Mapping[str, Sequence[str]]) -> str:
    """The sentence for one cycle among ops that all wait, by walking back until an op comes again."""
    path = [next(iter(needs))]
    while path.count(path[-1]) == 1:
        path.append(next(name for name in needs[path[-1]] if name in needs))
    around = path[path.index(path[-1]) :]
    return f"op {around[0]!r} waits for its own result, by way of {' <- '.join(around)}: a graph may not go round"


def _costed(ops: Sequence[Op], specs: dict[str, Spec]) -> tuple[Op, ...]:
    """The ops with the table's costs, their shapes and dtypes checked. ONNX ops keep the cost their reader gave them."""
    costed = []
    for op in ops:
        if op.kernel.onnx:
            costed.append(op)
            continue
        if any(value not in specs for value in op.inputs):
            raise GraphError(f"op {op.name!r} ({op.kernel.op}) takes the result of an ONNX node: use ONNX nodes throughout")
        outputs, cost = infer_op(op.name, op.kernel, [specs[value] for value in op.inputs])
        if len(outputs) != len(op.outputs):
            raise GraphError(f"op {op.name!r} ({op.kernel.op}) makes {len(outputs)} values, but names {len(op.outputs)}")
        specs.update(zip(op.outputs, outputs, strict=True))
        costed.append(msgspec.structs.replace(op, cost=cost))
    return tuple(costed)


def _digest(inputs: Mapping[str, Spec], constants: Mapping[str, np.ndarray], ops: Sequence[Op], outputs: Sequence[str]) -> str:
    digest = xxhash.xxh3_128(msgspec.msgpack.encode((inputs, ops, outputs), order="sorted"))
    for name, array in sorted(constants.items()):
        digest.update(msgspec.msgpack.encode((name, spec_of(array))))
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
