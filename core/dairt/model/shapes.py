"""Shapes: what an op's inputs are decides what its outputs are, before anything runs.

Shape rules raise ValueError with what is wrong; whoever knows the op's name says the whole sentence.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

ANY = -1  # an extent known only when the graph runs


class Spec(msgspec.Struct, frozen=True):
    """What a value is, before it is: a numpy dtype's name and a shape, with ANY (-1) for extents not known yet."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        """The number of elements, an unknown extent counting as 1."""
        return math.prod(1 if extent == ANY else extent for extent in self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes of the data, an unknown extent counting as 1."""
        return self.count * np.dtype(self.dtype).itemsize

    def __str__(self) -> str:
        return f"{self.dtype} {shape_text(self.shape)}"


Specs = Sequence[Spec]
Shape = tuple[int, ...]
Attributes = Mapping[str, Any]
ShapeRule = Callable[[Specs, Attributes], tuple[Spec, ...]]


def shape_text(shape: Shape) -> str:
    """A shape as people read it: [any, 4]."""
    return f"[{', '.join('any' if extent == ANY else str(extent) for extent in shape)}]"


def broadcast_shapes(left: Shape, right: Shape) -> Shape:
    """numpy's broadcasting rule, with unknown extents."""
    rank = max(len(left), len(right))
    padded = zip((1,) * (rank - len(left)) + left, (1,) * (rank - len(right)) + right, strict=True)
    return tuple(_broadcast_extents(a, b, left, right) for a, b in padded)


def _broadcast_extents(a: int, b: int, left: Shape, right: Shape) -> int:
    if a == b or b == 1:
        return a
    if a == 1 or a == ANY:
        return b
    if b == ANY:
        return a
    raise ValueError(f"shapes {shape_text(left)} and {shape_text(right)} do not broadcast")


def _one_dtype(specs: Specs) -> str:
    dtype = specs[0].dtype
    for spec in specs[1:]:
        if spec.dtype != dtype:
            raise ValueError(f"its inputs must share a dtype, but are {dtype} and {spec.dtype}")
    return dtype


def _numeric(specs: Specs, kinds: str, wanted: str) -> str:
    dtype = _one_dtype(specs)
    if np.dtype(dtype).kind not in kinds:
        raise ValueError(f"needs {wanted}, not {dtype}")
    return dtype


def _axis(axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise ValueError(f"axis {axis} is not in a value of {rank} dimensions")
    return axis % rank


def elementwise(kinds: str, wanted: str) -> ShapeRule:
    def rule(specs: Specs, attributes: Attributes) -> tuple[Spec, ...]:
        dtype = _numeric(specs, kinds, wanted)
        if "axis" in attributes:
            _axis(attributes["axis"], len(specs[0].shape))
        shape = specs[0].shape
        for spec in specs[1:]:
            shape = broadcast_shapes(shape, spec.shape)
        return (Spec(dtype, shape),)

    return rule


numbers = elementwise("iuf", "numbers")
floats = elementwise("f", "floating-point numbers")


def matmul_shape(specs: Specs, attributes: Attributes) -> tuple[Spec, ...]:
    dtype = _numeric(specs, "iuf", "numbers")
    left, right = specs[0].shape, specs[1].shape
    if len(left) < 2 or len(right) < 2:
        raise ValueError(f"multiplies matrices, but its inputs are {specs[0]} and {specs[1]}: reshape them")
    if left[-1] != right[-2] and ANY not in (left[-1], right[-2]):
        raise ValueError(f"the inner extents of {shape_text(left)} and {shape_text(right)} differ: {left[-1]} and {right[-2]}")
    return (Spec(dtype, (*broadcast_shapes(left[:-2], right[:-2]), left[-2], right[-1])),)


def layer_norm_shape(specs: Specs, attributes: Attributes) -> tuple[Spec, ...]:
    (made,) = floats(specs, attributes)
    if made.shape != specs[0].shape:
        raise ValueError(f"scale and bias must fit {specs[0]}, but are {specs[1]} and {specs[2]}")
    return (made,)


def reduced_shape(kinds: str, wanted: str) -> ShapeRule:
    def rule(specs: Specs, attributes: Attributes) -> tuple[Spec, ...]:
        dtype, shape = _numeric(specs, kinds, wanted), specs[0].shape
        gone = [_axis(axis, len(shape)) for axis in attributes["axes"]] or list(range(len(shape)))
        if attributes["keepdims"]:
            return (Spec(dtype, tuple(1 if axis in gone else extent for axis, extent in enumerate(shape))),)
        return (Spec(dtype, tuple(extent for axis, extent in enumerate(shape) if axis not in gone)),)

    return rule


def concat_shape(specs: Specs, attributes: Attributes) -> tuple[Spec, ...]:
    dtype, shape = _one_dtype(specs), list(specs[0].shape)
    axis = _axis(attributes["axis"], len(shape))
    for spec in specs[1:]:
        if len(spec.shape) != len(shape):
            raise ValueError(f"cannot join {specs[0]} and {spec}: their ranks differ")
        for at, extent in enumerate(spec.shape):
            if at == axis:
                shape[at] = ANY if ANY in (shape[at], extent) else shape[at] + extent
            elif shape[at] == ANY:
                shape[at] = extent
            elif extent not in (shape[at], ANY):
                raise ValueError(f"cannot join {specs[0]} and {spec} on axis {axis}: axis {at} differs")
    return (Spec(dtype, tuple(shape)),)


def split_shape(specs: Specs, attributes: Attributes) -> tuple[Spec, ...]:
    (spec,) = specs
    parts: int = attributes["parts"]
    axis = _axis(attributes["axis"], len(spec.shape))
    extent = spec.shape[axis]
    if parts < 1 or extent == ANY or extent % parts:
        raise ValueError(f"cannot cut axis {axis} of {spec} into {parts} equal parts")
    return (Spec(spec.dtype, (*spec.shape[:axis], extent // parts, *spec.shape[axis + 1 :])),) * parts


def reshape_shape(specs: Specs, attributes: Attributes) -> tuple[Spec, ...]:
    (spec,) = specs
    shape: Shape = attributes["shape"]
    if shape.count(-1) > 1 or any(extent < -1 for extent in shape):
        raise ValueError(f"shape {list(shape)} may leave one extent open, as -1")
    rest = math.prod(extent for extent in shape if extent != -1)
    fits = spec.count == rest if -1 not in shape else rest and spec.count % rest == 0
    if ANY in spec.shape:
        return (Spec(spec.dtype, shape),)
    if not fits:
        raise ValueError(f"cannot make {spec} into shape {list(shape)}")
    return (Spec(spec.dtype, tuple(spec.count // rest if extent == -1 else extent for extent in shape)),)


def transpose_shape(specs: Specs, attributes: Attributes) -> tuple[Spec, ...]:
    (spec,), axes = specs, attributes["axes"]
    order = axes or tuple(reversed(range(len(spec.shape))))
    if sorted(order) != list(range(len(spec.shape))):
        raise ValueError(f"axes {list(axes)} are not an order of the {len(spec.shape)} dimensions of {spec}")
    return (Spec(spec.dtype, tuple(spec.shape[axis] for axis in order)),)
