"""ONNX bytes -> Graph: one op an ONNX node, its bytes the kernel. Needs the extra `[onnx]`; the kernels run elsewhere."""

import contextlib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from dairt.errors import GraphError, UsageError
from dairt.model.graph import Graph, Op
from dairt.model.ops import Kernel
from dairt.model.shapes import ANY, Spec

try:
    import onnx
    from onnx import numpy_helper, shape_inference
except ImportError:
    AVAILABLE = False
else:
    AVAILABLE = True

# Another answer every time they run: no promise can be kept about them.
_DICE = ("Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike")
_STANDARD_DOMAINS = ("", "ai.onnx.ml")


def read_onnx(data: bytes, name: str) -> Graph:
    """The graph of an ONNX model; `name` (such as its file's) is the graph's, and what errors name.

    Initializers and Constant nodes become constants. Raises UsageError where the bytes are no model, GraphError naming
    the node where one cannot be run on its own.
    """
    if not AVAILABLE:
        raise UsageError(f"{name}: reading an ONNX model needs two more packages: pip install 'dairt[onnx]'")
    model = _parse(data, name)
    constants = {tensor.name: _array(tensor, name) for tensor in model.graph.initializer}
    inputs = {value.name: _input_spec(value, name) for value in model.graph.input if value.name not in constants}
    known = _known_specs(model) | {value: Spec(array.dtype.name, array.shape) for value, array in constants.items()}
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    ops: list[Op] = []
    for node, op_name in zip(model.graph.node, _unique_names(model.graph.node), strict=True):
        if node.op_type == "Constant" and node.domain in ("", "ai.onnx"):
            constants[node.output[0]] = _constant(node, op_name, name)
            known[node.output[0]] = Spec(constants[node.output[0]].dtype.name, constants[node.output[0]].shape)
        else:
            ops.append(_op(node, op_name, opsets, known, name))
    outputs = [value.name for value in model.graph.output]
    used = dict.fromkeys([value for op in ops for value in op.inputs] + outputs)
    return Graph.of(name, inputs, {value: array for value, array in constants.items() if value in used}, ops, outputs)


def _parse(data: bytes, name: str) -> Any:
    try:
        model = onnx.load_model_from_string(data)
    except Exception as exc:  # protobuf's DecodeError, which onnx does not export; noqa: dairt
        raise UsageError(f"{name} is not an ONNX model: give the .onnx file as it was exported") from exc
    if not model.graph.node or not model.opset_import:
        raise UsageError(f"{name} is not an ONNX model with at least one node and an opset: export it again")
    if model.graph.sparse_initializer:
        raise UsageError(f"{name} has sparse weights, which dairt does not read: export it with dense ones")
    return model


def _op(node: Any, op_name: str, opsets: Mapping[str, int], known: Mapping[str, Spec], name: str) -> Op:
    """One ONNX node as an op. Its kernel's bytes carry no names, so that equal nodes share one kernel."""
    domain = "" if node.domain == "ai.onnx" else node.domain
    opset = opsets.get(domain, opsets.get("ai.onnx", 0) if not domain else 0)
    _check_node(node, f"{name}: node {op_name!r} ({node.op_type})", domain, opset)
    inputs = tuple(value for value in node.input if value)
    outputs = tuple(value for value in node.output if value)
    bare = onnx.NodeProto()
    bare.CopyFrom(node)
    bare.ClearField("name")
    bare.ClearField("doc_string")
    bare.domain = domain
    bare.input[:] = [value and f"i{at}" for at, value in enumerate(node.input)]
    bare.output[:] = [value and f"o{at}" for at, value in enumerate(node.output)]
    kernel = Kernel(f"onnx.{node.op_type}", attributes=(("opset", opset),), onnx=bare.SerializeToString(deterministic=True))
    return Op(op_name, kernel, inputs, outputs, _cost(node, known))


def _check_node(node: Any, where: str, domain: str, opset: int) -> None:
    if any(attribute.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS) for attribute in node.attribute):
        raise GraphError(f"{where} holds a graph of its own, which cannot be cut into tasks: export without control flow")
    if node.op_type in _DICE or _trains(node):
        raise GraphError(f"{where} draws random numbers, so no two runs would agree: export the model for inference")
    if not opset:
        raise GraphError(f"{where} is of the domain {domain!r}, for which the model imports no opset: export it again")
    if domain in _STANDARD_DOMAINS and not onnx.defs.has(node.op_type, opset, domain):
        raise GraphError(f"{where} is not an operator of ONNX opset {opset}: export with standard operators")


def _trains(node: Any) -> bool:
    return node.op_type == "Dropout" and len(node.input) > 2 and bool(node.input[2])


def _unique_names(nodes: Iterable[Any]) -> list[str]:
    """The nodes' own names where they have one that is not taken, else their kind and number."""
    names: dict[str, None] = {}
    for at, node in enumerate(nodes):
        own = node.name if node.name and node.name not in names else f"{node.op_type}_{at}"
        while own in names:
            own += "'"
        names[own] = None
    return list(names)


def _array(tensor: Any, name: str) -> np.ndarray:
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        raise UsageError(f"{name}: the tensor {tensor.name!r} is in another file: save the model as one file")
    if tensor.data_type == onnx.TensorProto.STRING:
        raise UsageError(f"{name}: the tensor {tensor.name!r} holds strings, which dairt does not carry: export numbers only")
    return np.asarray(numpy_helper.to_array(tensor))


def _constant(node: Any, op_name: str, name: str) -> np.ndarray:
    (attribute,) = node.attribute
    match attribute.name:
        case "value":
            return _array(attribute.t, name)
        case "value_int" | "value_ints":
            return np.array(onnx.helper.get_attribute_value(attribute), np.int64)
        case "value_float" | "value_floats":
            return np.array(onnx.helper.get_attribute_value(attribute), np.float32)
    raise GraphError(f"{name}: node {op_name!r} (Constant) gives its value as {attribute.name}: export numbers, not sparse")


def _input_spec(value: Any, name: str) -> Spec:
    spec = _spec(value)
    if spec is None:
        raise UsageError(f"{name}: the input {value.name!r} is not a tensor of numbers with a known rank: export it as one")
    return spec


def _known_specs(model: Any) -> dict[str, Spec]:
    """What ONNX's own shape inference knows of every value; what it does not is left out (it only serves costs)."""
    with contextlib.suppress(shape_inference.InferenceError, ValueError):  # ValueError: more than protobuf's 2 GiB
        model = shape_inference.infer_shapes(model, data_prop=True)
    values = (*model.graph.input, *model.graph.value_info, *model.graph.output)
    return {value.name: spec for value in values if (spec := _spec(value)) is not None}


def _spec(value: Any) -> Spec | None:
    kind = value.type.tensor_type
    if not value.type.HasField("tensor_type") or not kind.HasField("shape"):
        return None
    if kind.elem_type in (onnx.TensorProto.UNDEFINED, onnx.TensorProto.STRING):
        return None
    shape = tuple(extent.dim_value if extent.HasField("dim_value") else ANY for extent in kind.shape.dim)
    return Spec(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name, shape)


def _cost(node: Any, known: Mapping[str, Spec]) -> float:
    """Floating-point operations, as far as shapes are known: two for each product of a sum of products, else one a value."""
    inputs = [known[value] for value in node.input if value in known]
    made = sum(known[value].count for value in node.output if value in known)
    if node.op_type in ("Conv", "ConvTranspose") and node.input[1] in known:
        weight = known[node.input[1]].shape
        larger = made if node.op_type == "Conv" else known[node.input[0]].count if node.input[0] in known else 0
        return 2.0 * larger * _product(weight[1:])
    if node.op_type in ("Gemm", "MatMul") and len(inputs) == len([value for value in node.input if value]):
        return 2.0 * made * _inner(node, inputs[0].shape)
    return float(max(made, sum(spec.count for spec in inputs)))


def _inner(node: Any, left: Sequence[int]) -> int:
    transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    return abs(left[0 if transposed else -1]) if left else 1


def _product(extents: Sequence[int]) -> int:
    return math.prod(abs(extent) for extent in extents)
