"""TENS, a tensor as bytes: to numpy and back without a copy where possible, and its checksum.

Version 1 is an existing format that C++ programs read and write: `TENS`, version, dtype code, two reserved bytes, then
little-endian u64s (number of dimensions, the extents, the element count), then the little-endian elements in C order. Its
readers ignore the reserved bytes and all that follows the elements: `tensor_file` keeps a trailer there.
"""

import contextlib
import math
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import xxhash

from dairt.errors import TensorFormatError

Buffer = bytes | bytearray | memoryview

CHUNK_BYTES = 256 * 1024  # small enough to be hashed while it is still in the processor's cache
DIMENSIONS_MAX = 64  # numpy's own limit
MAGIC = b"TENS"
FORMAT_VERSION = 1

# A dtype's code is its place in this row, and never changes. C++ readers of version 1 know the first, and refuse the others.
_NAMES = (
    "float32", "float64", "float16", "int8", "int16", "int32", "int64",
    "uint8", "uint16", "uint32", "uint64", "bool", "complex64", "bfloat16",
)  # fmt: skip
_CODES = {name: code for code, name in enumerate(_NAMES, start=1)}

_FIXED = struct.Struct("<4sBBBxQ")  # magic, version, dtype code, flags, reserved, number of dimensions
_NBYTES_MAX = 2**63 - 1  # what numpy can address

# The dtypes there are on this machine, in the byte order of the wire.
_KNOWN: dict[str, np.dtype] = {name: np.dtype(name).newbyteorder("<") for name in _NAMES if name != "bfloat16"}
with contextlib.suppress(ImportError):  # bfloat16 is not numpy's own: it is known where this package happens to be installed
    import ml_dtypes

    _KNOWN["bfloat16"] = np.dtype(ml_dtypes.bfloat16)


class EmptyImage(TensorFormatError):
    """There are no bytes at all: the checksum of nothing must not pass for a tensor's."""


class WrongMagic(TensorFormatError):
    """The first four bytes are not `TENS`."""


class WrongFormatVersion(TensorFormatError):
    """A version of TENS other than 1."""


class UnknownDtype(TensorFormatError):
    """A dtype without a code, or a code without a dtype."""


class TooManyDimensions(TensorFormatError):
    """More dimensions than numpy can hold."""


class ExtentsOverflow(TensorFormatError):
    """The extents multiply to more than can be addressed."""


class CountMismatch(TensorFormatError):
    """The element count is not the product of the extents."""


class TooLarge(TensorFormatError):
    """More bytes than the reader accepts."""


class Truncated(TensorFormatError):
    """Fewer bytes than the head promises."""


class NotBoolean(TensorFormatError):
    """A bool tensor with bytes other than 0 and 1."""


@dataclass(frozen=True)
class Head:
    """What an image's head says; the elements lie from `start` to `end`."""

    dtype: np.dtype
    flags: int
    shape: tuple[int, ...]
    start: int
    end: int


def encode(array: np.ndarray, *, flags: int = 0) -> tuple[bytes, memoryview]:
    """The TENS image of `array`: its head, and its elements where they are (copied if not C-contiguous, little-endian).

    `flags` go into reserved byte 6. Raises UnknownDtype.
    """
    dtype = _wire_dtype(array.dtype)
    fixed = _FIXED.pack(MAGIC, FORMAT_VERSION, _code(dtype), flags, array.ndim)
    head = fixed + struct.pack(f"<{array.ndim + 1}Q", *array.shape, array.size)
    plain = np.asarray(array, dtype=dtype, order="C")
    return head, plain.reshape(-1).view(np.uint8).data.toreadonly()


def decode(buffer: Buffer, *, max_bytes: int) -> np.ndarray:
    """The tensor whose image starts `buffer`: a read-only view of it. What follows the elements is ignored.

    Raises the subclass of TensorFormatError that names what is wrong, before anything is allocated.
    """
    view = memoryview(buffer)
    return elements(view, read_head(view, max_bytes))


def read_head(view: memoryview, max_bytes: int) -> Head:
    """Check everything the head says against itself, the limit and the bytes at hand."""
    if not view:
        raise EmptyImage("there are no bytes where a TENS tensor should be")
    if view[:4] != MAGIC:
        raise WrongMagic(f"the bytes begin with {bytes(view[:4])!r}; a tensor begins with {MAGIC!r}")
    if len(view) < _FIXED.size:
        raise Truncated(f"a TENS head has at least {_FIXED.size + 8} bytes; here are {len(view)}")
    _, version, code, flags, ndim = _FIXED.unpack_from(view)
    if version != FORMAT_VERSION:
        raise WrongFormatVersion(f"the tensor is of TENS version {version}; only version {FORMAT_VERSION} is known")
    if not 1 <= code <= len(_NAMES):
        raise UnknownDtype(f"dtype code {code} is not one of 1 to {len(_NAMES)}")
    dtype = _KNOWN.get(_NAMES[code - 1])
    if dtype is None:
        raise UnknownDtype(f"a {_NAMES[code - 1]} tensor can be read only where the ml_dtypes package is installed")
    if ndim > DIMENSIONS_MAX:
        raise TooManyDimensions(f"the tensor has {ndim} dimensions; at most {DIMENSIONS_MAX} are possible")
    start = _FIXED.size + 8 * (ndim + 1)
    if len(view) < start:
        raise Truncated(f"the head of a tensor of {ndim} dimensions has {start} bytes; here are {len(view)}")
    *shape, count = struct.unpack_from(f"<{ndim + 1}Q", view, _FIXED.size)
    end = start + _elements_nbytes(tuple(shape), count, dtype.itemsize)
    if end > max_bytes:
        raise TooLarge(f"the tensor has {end} bytes; at most {max_bytes} are accepted")
    if len(view) < end:
        raise Truncated(f"the tensor has {end} bytes; here are {len(view)}")
    return Head(dtype, flags, tuple(shape), start, end)


def elements(view: memoryview, head: Head) -> np.ndarray:
    """The tensor whose `head` was read from `view`: a read-only view of its elements."""
    raw = view.toreadonly()[head.start : head.end]
    if head.dtype == np.bool_ and raw and np.frombuffer(raw, np.uint8).max() > 1:
        raise NotBoolean("a bool tensor holds only bytes 0 and 1; this one holds others")
    return np.frombuffer(raw, head.dtype).reshape(head.shape)


def image_nbytes(array: np.ndarray) -> int:
    """The bytes of the whole image, head included."""
    return _FIXED.size + 8 * (array.ndim + 1) + array.nbytes


def chunks(buffers: Iterable[Buffer]) -> Iterator[list[memoryview]]:
    """Cut `buffers`, laid end to end, into chunks of CHUNK_BYTES (the last may be shorter): slices, not copies."""
    chunk: list[memoryview] = []
    room = CHUNK_BYTES
    for buffer in buffers:
        view = memoryview(buffer)
        while view:
            piece, view = view[:room], view[room:]
            chunk.append(piece)
            room -= len(piece)
            if not room:
                yield chunk
                chunk, room = [], CHUNK_BYTES
    if chunk:
        yield chunk


def digest_of(buffers: Iterable[Buffer]) -> bytes:
    """The xxh3_64 of `buffers` laid end to end, as eight little-endian bytes."""
    hasher = xxhash.xxh3_64()
    for buffer in buffers:
        hasher.update(buffer)
    return hasher.intdigest().to_bytes(8, "little")


def checksum(array: np.ndarray) -> int:
    """The xxh3_64 over the digests of the image's chunks: whoever verified each chunk needs no second pass for it."""
    hasher = xxhash.xxh3_64()
    for chunk in chunks(encode(array)):
        hasher.update(digest_of(chunk))
    return hasher.intdigest()


def freeze(array: np.ndarray) -> np.ndarray:
    """A tensor nobody can change any more: read-only, C-contiguous, little-endian.

    Copies unless `array` is all that already, down to the memory it views; a read-only memoryview or an array that owns its
    memory and was made read-only is taken as its maker's word.
    """
    dtype = _wire_dtype(array.dtype)
    if type(array) is np.ndarray and array.dtype == dtype and array.flags.c_contiguous and _is_settled(array):
        return array
    copy = np.array(array, dtype=dtype, order="C", copy=True)
    copy.flags.writeable = False
    return copy


def allocate(nbytes: int) -> memoryview:
    """Writable memory for an image, uninitialised: pages come from the system only as they are filled."""
    return np.empty(nbytes, np.uint8).data


@cache
def _code(dtype: np.dtype) -> int:
    return _CODES[dtype.name]


@cache  # numpy works a dtype's name out anew each time it is asked, which takes longer than all else here
def _wire_dtype(dtype: np.dtype) -> np.dtype:
    """The little-endian form of `dtype`."""
    if dtype.name not in _KNOWN:
        raise UnknownDtype(f"tensors of dtype {dtype.name} cannot be sent or stored; these can: {', '.join(_KNOWN)}")
    return _KNOWN[dtype.name]


def _elements_nbytes(shape: tuple[int, ...], count: int, itemsize: int) -> int:
    # Without the zeros, as numpy counts: (0, 2**63) holds nothing and still cannot be made.
    if math.prod(extent for extent in shape if extent) * itemsize > _NBYTES_MAX:
        raise ExtentsOverflow(f"extents {shape} of {itemsize} bytes an element are more than can be addressed")
    if math.prod(shape) != count:
        raise CountMismatch(f"extents {shape} make {math.prod(shape)} elements; the head says {count}")
    return count * itemsize


def _is_settled(array: np.ndarray) -> bool:
    """Say whether no writable view is known to lie under `array`."""
    owner: object = array
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            return False
        owner = owner.base
    return owner is None or isinstance(owner, bytes) or (isinstance(owner, memoryview) and owner.readonly)
