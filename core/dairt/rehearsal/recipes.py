"""Tensors and graphs made from their recipes: the same seed and use give the same bits, whatever else is made."""

import hashlib
from pathlib import Path

import numpy as np

from dairt.errors import UsageError
from dairt.model.action import GraphRecipe, TensorRecipe
from dairt.model.graph import ANY, Graph
from dairt.model.layered import layered_graph
from dairt.model.onnx import read_onnx

BATCH = 4  # rows of a feed whose input leaves the number open


def dice(seed: int, *use: object) -> np.random.Generator:
    """A generator of its own for one use."""
    digest = hashlib.blake2b("\0".join(map(str, (seed, *use))).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))


def make_tensor(recipe: TensorRecipe, seed: int, *use: object) -> np.ndarray:
    """The tensor a recipe describes."""
    dtype = np.dtype(recipe.dtype)
    match recipe.fill:
        case "zeros":
            return np.zeros(recipe.shape, dtype)
        case "ones":
            return np.ones(recipe.shape, dtype)
        case "range":
            return np.arange(np.prod(recipe.shape, dtype=np.int64)).astype(dtype).reshape(recipe.shape)
        case _:
            return _seeded(dtype, recipe.shape, dice(seed, *use))


def _seeded(dtype: np.dtype, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    if dtype == np.float32:
        return generator.standard_normal(shape, dtype=np.float32)
    if dtype.kind == "f":
        return generator.standard_normal(shape).astype(dtype)
    if dtype.kind == "b":
        return generator.integers(0, 2, shape).astype(dtype)
    return generator.integers(0, 100, shape).astype(dtype)


def make_graph(recipe: GraphRecipe, seed: int, folder: Path) -> Graph:
    """The graph a recipe describes; an ONNX file's path is relative to `folder`. Raises UsageError, GraphError."""
    if not recipe.onnx:
        return layered_graph(recipe, int(dice(seed, "weights").integers(2**63)))
    path = folder / recipe.onnx
    try:
        return read_onnx(path.read_bytes(), path.stem)
    except OSError as exc:
        raise UsageError(f"cannot read the graph {path}: {exc.strerror}") from exc


def make_feeds(graph: Graph, seed: int) -> dict[str, np.ndarray]:
    """Seeded inputs of a graph: always the same for it, so that all its runs must give the same answer."""
    feeds = {}
    for name, spec in graph.inputs.items():
        shape = tuple(BATCH if extent == ANY else extent for extent in spec.shape)
        feeds[name] = _seeded(np.dtype(spec.dtype), shape, dice(seed, "feed", graph.name, name))
    return feeds
