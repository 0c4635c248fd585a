"""SqueezeNet with seeded, calibrated weights, made without a download: `python tests/squeezenet.py OUT.onnx [--seed N]`.

The onnx package carries SqueezeNet 1.1's structure (Iandola et al., 2016) with constants for weights: every input would get
the same answer. Here each convolution gets normal weights, scaled so that its output on a probe image has a standard
deviation of 1. `reference` evaluates the model in float64, with numpy alone.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.lib.stride_tricks import sliding_window_view
from onnx import numpy_helper

INPUT = "data_0"
SHAPE = (1, 3, 224, 224)
LOGIT_SPREAD = 2.0  # standard deviation over the 1,000 classes, before softmax
Values = dict[str, np.ndarray]


def squeezenet(seed: int = 0) -> bytes:
    """The model as ONNX bytes; the same seed makes the same model."""
    path = Path(onnx.__file__).parent / "backend/test/data/light/light_squeezenet.onnx"
    model = onnx.load_model_from_string(path.read_bytes())
    nodes = [node for node in model.graph.node if node.op_type != "ConstantOfShape"]
    weights = _calibrated(nodes, _weight_shapes(model), np.random.default_rng(seed))
    del model.graph.node[:], model.graph.initializer[:], model.graph.input[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in weights.items())
    model.graph.input.append(onnx.helper.make_tensor_value_info(INPUT, onnx.TensorProto.FLOAT, SHAPE))
    model.ir_version = 8  # from 4 on, initializers need not be inputs
    return bytes(model.SerializeToString(deterministic=True))


def image(seed: int) -> np.ndarray:
    """A seeded input: soft blobs with some noise, as float32."""
    dice = np.random.default_rng(seed)
    coarse = dice.standard_normal((1, 3, 14, 14)).repeat(16, axis=2).repeat(16, axis=3)
    return (coarse + 0.3 * dice.standard_normal(SHAPE)).astype(np.float32)


def reference(model_bytes: bytes, feed: np.ndarray) -> np.ndarray:
    """The model's output in float64."""
    model = onnx.load_model_from_string(model_bytes)
    values = {tensor.name: numpy_helper.to_array(tensor).astype(np.float64) for tensor in model.graph.initializer}
    values[INPUT] = feed.astype(np.float64)
    for node in model.graph.node:
        values[node.output[0]] = _evaluate(node, values)
    return values[model.graph.output[0].name]


def _weight_shapes(model: Any) -> dict[str, tuple[int, ...]]:
    """Half of the weights are initializers; of the other half only the shape is there."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    shapes = {name: array.shape for name, array in constants.items()}
    for node in model.graph.node:
        if node.op_type == "ConstantOfShape":
            shapes[node.output[0]] = tuple(int(extent) for extent in constants[node.input[0]])
    return shapes


def _calibrated(nodes: list[Any], shapes: dict[str, tuple[int, ...]], dice: np.random.Generator) -> Values:
    """Weights in the order of the nodes, each scaled by what it makes of the probe so far."""
    weights: Values = {}
    values: Values = {INPUT: image(seed=0).astype(np.float64)}
    last = [node for node in nodes if node.op_type == "Conv"][-1]
    for node in nodes:
        if node.op_type == "Conv":
            _, weight, bias = node.input
            values[weight], values[bias] = dice.standard_normal(shapes[weight]), np.zeros(shapes[bias])
            made = _evaluate(node, values)
            scale = LOGIT_SPREAD / made.mean(axis=(2, 3)).std() if node is last else 1 / made.std()
            values[weight], values[bias] = values[weight] * scale, 0.1 * dice.standard_normal(shapes[bias])
            weights |= {name: values[name].astype(np.float32) for name in (weight, bias)}
        values[node.output[0]] = _evaluate(node, values)
    return weights


def _evaluate(node: Any, values: Values) -> np.ndarray:
    attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
    return OPS[node.op_type](*(values[name] for name in node.input), **attributes)


def _windows(x: np.ndarray, kernel_shape: list[int], strides: list[int], pads: list[int], fill: float) -> np.ndarray:
    """Every window of every channel: shape (1, channels, height, width, kernel height, kernel width)."""
    top, left, bottom, right = pads
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=fill)
    windows: np.ndarray = sliding_window_view(padded, tuple(kernel_shape), axis=(2, 3))
    return windows[:, :, :: strides[0], :: strides[1]]


def _conv(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, strides: Any = (1, 1), pads: Any = (0,) * 4, **_: Any
) -> np.ndarray:
    windows = _windows(x, list(weight.shape[2:]), strides, pads, 0.0)
    made: np.ndarray = np.tensordot(weight, windows, axes=([1, 2, 3], [1, 4, 5])).swapaxes(0, 1)
    made += bias.reshape(1, -1, 1, 1)
    return made


def _max_pool(x: np.ndarray, kernel_shape: Any, strides: Any, pads: Any = (0,) * 4) -> np.ndarray:
    made: np.ndarray = _windows(x, kernel_shape, strides, pads, -np.inf).max(axis=(4, 5))
    return made


def _softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max())
    made: np.ndarray = powers / powers.sum()
    return made


OPS: dict[str, Callable[..., np.ndarray]] = {
    "Conv": _conv,
    "Relu": lambda x: np.maximum(x, 0),
    "MaxPool": _max_pool,
    "Concat": lambda *parts, axis: np.concatenate(parts, axis=axis),
    "Dropout": lambda x, ratio: x,
    "GlobalAveragePool": lambda x: x.mean(axis=(2, 3), keepdims=True),
    "Softmax": _softmax,
}


def main() -> None:
    """Write the model to a file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.out.write_bytes(squeezenet(arguments.seed))


if __name__ == "__main__":
    main()
