"""A tensor's file: its TENS image with a bit set in reserved byte 6, then a trailer that readers of version 1 ignore.

The trailer is a stamp (msgpack), its length (u32), a checksum of all before it (u64) and `TSUM`, little-endian.
"""

import struct

import msgspec
import numpy as np
import xxhash

from dairt.errors import TensorFormatError
from dairt.model import tensor
from dairt.model.tensor import Buffer
from dairt.model.version import Version

ALGORITHM = "xxh3_64"  # as fast as memory, where BLAKE2 is twenty times slower; it guards against accidents, not forgers

_HAS_TRAILER = 1
_FOOT = struct.Struct("<IQ4s")
_FOOT_MAGIC = b"TSUM"


class NoTrailer(TensorFormatError):
    """A valid image without stamp and checksum, as other programs write it."""


class BadTrailer(TensorFormatError):
    """A stamp or foot that makes no sense."""


class UnknownAlgorithm(TensorFormatError):
    """A checksum of a kind that cannot be computed here."""


class ChecksumMismatch(TensorFormatError):
    """A file that is not what was written."""


class FileStamp(msgspec.Struct, frozen=True):
    """What a file says of its tensor besides the elements; `written_at` in seconds since the epoch."""

    key: str
    version: Version
    written_at: float
    audience: tuple[str, ...]
    algorithm: str = ALGORITHM


def encode_file(array: np.ndarray, stamp: FileStamp) -> list[Buffer]:
    """The contents of a file, in the buffers to be written one after the other; the elements stay where they are."""
    head, elements = tensor.encode(array, flags=_HAS_TRAILER)
    text = msgspec.msgpack.encode(stamp)
    tail = text + struct.pack("<I", len(text))
    return [head, elements, tail + tensor.digest_of((head, elements, tail)) + _FOOT_MAGIC]


def decode_file(buffer: Buffer, *, max_bytes: int) -> tuple[np.ndarray, FileStamp]:
    """The tensor (a read-only view of `buffer`) and the stamp of a whole file; `max_bytes` bounds the image.

    Raises the subclass of TensorFormatError that names what is wrong, before anything is allocated.
    """
    view = memoryview(buffer)
    head = tensor.read_head(view, max_bytes)
    if not head.flags & _HAS_TRAILER:
        raise NoTrailer("the file is a tensor without stamp and checksum, as other programs write it")
    stamp, promised = _read_trailer(view, head.end)
    if stamp.algorithm != ALGORITHM:
        raise UnknownAlgorithm(f"the file's checksum is {stamp.algorithm!r}; only {ALGORITHM!r} is known")
    if xxhash.xxh3_64_intdigest(view[: struct.calcsize("<I") - _FOOT.size]) != promised:
        raise ChecksumMismatch("the file does not match its checksum: it is torn or damaged")
    return tensor.elements(view, head), stamp


def salvage_stamp(buffer: Buffer) -> FileStamp | None:
    """The stamp of a damaged file, where it still reads as one; nothing vouches for what it says."""
    view = memoryview(buffer)
    if len(view) < _FOOT.size:
        return None
    length, _, magic = _FOOT.unpack_from(view, len(view) - _FOOT.size)
    end = len(view) - _FOOT.size - length
    if magic != _FOOT_MAGIC or end < 0:
        return None
    try:
        return _read_stamp(view[end : end + length])
    except BadTrailer:
        return None


def _read_trailer(view: memoryview, end: int) -> tuple[FileStamp, int]:
    """The stamp of a file whose elements end at `end`, and the checksum it promises."""
    if len(view) < end + _FOOT.size:
        raise BadTrailer(f"the file's trailer has at least {_FOOT.size} bytes; here are {len(view) - end}")
    length, promised, magic = _FOOT.unpack_from(view, len(view) - _FOOT.size)
    if magic != _FOOT_MAGIC:
        raise BadTrailer(f"the file ends with {magic!r}; a whole one ends with {_FOOT_MAGIC!r}")
    if end + length + _FOOT.size != len(view):
        raise BadTrailer(f"the file's stamp should have {length} bytes; it has {len(view) - end - _FOOT.size}")
    return _read_stamp(view[end : end + length]), promised


def _read_stamp(text: memoryview) -> FileStamp:
    try:
        return msgspec.msgpack.decode(text, type=FileStamp)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise BadTrailer(f"the file's stamp is unreadable: {exc}") from exc
