"""What a kernel will cost, before it runs: for choosing where to run it, and for charging virtual time."""

from collections.abc import Sequence

import numpy as np

from dairt.model.ops import Kernel, infer
from dairt.model.shapes import Spec

# ONNX nodes come without a cost rule. Convolutions and products do tens to hundreds of operations a byte of input.
ONNX_FLOPS_PER_BYTE = 64.0


def nbytes_of(inputs: Sequence[np.ndarray]) -> int:
    """The bytes of all inputs."""
    return sum(array.nbytes for array in inputs)


def flops_of(kernel: Kernel, inputs: Sequence[np.ndarray]) -> float:
    """The floating-point operations a kernel takes on `inputs`, by its op's cost rule; 0 where it cannot take them at all.

    Raises GraphError for an unknown kernel.
    """
    if kernel.onnx:
        return ONNX_FLOPS_PER_BYTE * nbytes_of(inputs)
    try:
        return infer(kernel, [Spec(array.dtype.name, array.shape) for array in inputs])[1]
    except ValueError:
        return 0.0  # applying it will say what does not fit
