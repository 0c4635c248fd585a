"""Kernels, applied: numpy ops through the op table, ONNX nodes through onnxruntime; one thread each in every world."""

import ctypes
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from dairt.errors import GraphError, UsageError
from dairt.model.ops import Kernel, compute

SESSIONS_MAX = 512  # one a distinct node and its inputs' dtypes: a large model has some 100; each holds about 30 KiB


def apply(kernel: Kernel, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Compute an op's outputs; their bits depend on the inputs only. May be called from several threads at once.

    Raises GraphError for an unknown kernel, or inputs it cannot take; UsageError where the extra `[onnx]` is missing.
    """
    if kernel.onnx:
        return _apply_onnx(kernel, inputs)
    try:
        with np.errstate(all="ignore"):  # inf and nan are answers
            return compute(kernel, [np.asarray(array, order="C") for array in inputs])
    except (ValueError, TypeError, IndexError) as exc:
        raise GraphError(f"the kernel {kernel.op} cannot take {_inputs_text(inputs)}: {' '.join(str(exc).split())}") from exc


def _apply_onnx(kernel: Kernel, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    opset = dict(kernel.attributes)["opset"]
    try:
        names, session = _session(kernel.onnx, opset, tuple(array.dtype for array in inputs))
        return list(session.run(None, dict(zip(names, inputs, strict=True))))
    except UsageError:
        raise
    except Exception as exc:  # onnxruntime's errors have no base of their own: each derives from Exception; noqa: dairt
        raise GraphError(f"the kernel {kernel.op} cannot take {_inputs_text(inputs)}: {' '.join(str(exc).split())}") from exc


@lru_cache(SESSIONS_MAX)
def _session(node_bytes: bytes, opset: int, dtypes: tuple[np.dtype[Any], ...]) -> tuple[list[str], Any]:
    """A session for one node, and the names of its inputs. Sessions are stateless: any thread may run any, at any time."""
    try:
        import onnx
        import onnxruntime
    except ImportError:
        raise UsageError("running an ONNX graph needs two more packages on every node: pip install 'dairt[onnx]'") from None
    node = onnx.NodeProto.FromString(node_bytes)
    names = [name for name in node.input if name]
    element_types = [onnx.helper.np_dtype_to_tensor_dtype(dtype) for dtype in dtypes]
    takes = [onnx.helper.make_tensor_value_info(n, e, None) for n, e in zip(names, element_types, strict=True)]
    gives = [onnx.ValueInfoProto(name=name) for name in node.output if name]
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], "node", takes, gives),
        opset_imports=[onnx.helper.make_opsetid(node.domain, opset)],
        ir_version=8,
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # one node: nothing to fuse
    options.enable_cpu_mem_arena = False  # else each session keeps its largest buffers for ever
    options.log_severity_level = 4  # errors come as exceptions
    return names, onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _inputs_text(inputs: Sequence[np.ndarray]) -> str:
    return ", ".join(f"{array.dtype.name} {list(array.shape)}" for array in inputs) or "no input"


def _one_blas_thread() -> None:
    """Keep numpy's BLAS to the calling thread: workers are our parallelism, and how a product is cut changes its last bits.

    Covers the OpenBLAS that numpy's wheels carry; another BLAS is left to its own environment variables.
    """
    site = Path(np.__file__).parent
    for library in (*site.parent.glob("numpy.libs/*openblas*"), *site.glob(".dylibs/*openblas*")):
        set_threads = getattr(ctypes.CDLL(str(library)), "scipy_openblas_set_num_threads64_", None)
        if set_threads is not None:
            set_threads(1)


_one_blas_thread()
