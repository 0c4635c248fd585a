"""Frames on a connection, without the connection: bytes in, messages and verified body chunks out.

A frame is a big-endian u64 length and so many bytes. `TENS` first: a bare tensor, as C++ programs send it. `DAIR` first:
version, reserved, flags (u8, u8, u16), length of the header (u32), xxh3_64 of everything before it and of the header (u64),
all little-endian; the header, one message in msgpack; then, up to the end of the frame, perhaps a body: a TENS image in
chunks of CHUNK_BYTES, each after its own xxh3_64 (u64), so that damage is found in the chunk it is in and a relay need not
wait for the end.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import get_args

import msgspec
import numpy as np
import xxhash

from dairt.errors import RemoteProtocolError
from dairt.model import tensor
from dairt.model.config import Limits
from dairt.model.tensor import digest_of
from dairt.protocol.messages import AnyMessage, Message

Buffer = tensor.Buffer

PROTOCOL_VERSION = 1
SCRATCH_BYTES = 16 * 1024  # a connection's own: most messages whole, and little to copy of a body that came along
DIGEST_BYTES = 8

_LENGTH = struct.Struct(">Q")
_PREFIX = struct.Struct("<4sBxHI")  # magic, version, reserved, flags, length of the header
_MAGIC = b"DAIR"
_KIND_END = _LENGTH.size + len(_MAGIC)
_DIGEST_AT = _LENGTH.size + _PREFIX.size
_HEADER_AT = _DIGEST_AT + DIGEST_BYTES

_KINDS = frozenset(str(cls.__struct_config__.tag) for cls in get_args(AnyMessage))


class UnknownMessage(msgspec.Struct, frozen=True):
    """A message of a kind this version does not know, to be refused by name."""

    kind: str


class Opened(msgspec.Struct, frozen=True):
    """A message has arrived; if `body_nbytes` is not 0, so many bytes of a TENS image follow it."""

    message: Message | UnknownMessage
    body_nbytes: int


class Bare(msgspec.Struct, frozen=True):
    """A bare tensor of so many bytes follows."""

    nbytes: int


class Chunk(msgspec.Struct, frozen=True):
    """The body's first `end` bytes of `total` have arrived and are verified."""

    end: int
    total: int


class _Tagged(msgspec.Struct):
    type: str


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(AnyMessage)
_tag_decoder = msgspec.msgpack.Decoder(_Tagged)


def encode(message: Message, body_nbytes: int = 0) -> bytes:
    """A frame up to its body, which `body_frames` of so many bytes must follow."""
    header = _encoder.encode(message)
    chunks = -(-body_nbytes // tensor.CHUNK_BYTES)
    length = _HEADER_AT - _LENGTH.size + len(header) + body_nbytes + chunks * DIGEST_BYTES
    prefix = _LENGTH.pack(length) + _PREFIX.pack(_MAGIC, PROTOCOL_VERSION, 0, len(header))
    return prefix + digest_of((prefix, header)) + header


def body_frames(buffers: Iterable[Buffer]) -> Iterator[tuple[int, list[Buffer]]]:
    """A body as it travels: for each chunk of `buffers` (not copied), where in the body it ends, and what to send."""
    end = 0
    for chunk in tensor.chunks(buffers):
        end += sum(len(piece) for piece in chunk)
        yield end, [digest_of(chunk), *chunk]


def encode_bare(array: np.ndarray) -> list[Buffer]:
    """A whole frame of version 1 TENS, as C++ programs read it."""
    head, elements = tensor.encode(array)
    return [_LENGTH.pack(len(head) + len(elements)), head, elements]


class _Body:
    """A body on its way into its own memory, chunk by chunk; a bare one comes without digests."""

    def __init__(self, nbytes: int, bare: bool) -> None:
        self.nbytes = nbytes
        self.bare = bare
        self.view: memoryview | None = None
        self.landed = 0  # bytes that have arrived in `view`
        self.end = 0  # of these, verified
        self.promised = b""  # the digest of the chunk that starts at `end`, once it has arrived
        self._digests = xxhash.xxh3_64()

    @property
    def chunk_end(self) -> int:
        return min(self.end + tensor.CHUNK_BYTES, self.nbytes)

    @property
    def is_landing(self) -> bool:
        """Whether the next bytes of the stream belong into `view`."""
        return self.view is not None and (self.bare or self.promised != b"") and self.landed < self.chunk_end

    def room(self) -> memoryview:
        """Where they belong: the rest of the chunk.

        And eight bytes beyond where there is room, so that the next chunk's digest needs no receive of its own: `spilt`
        takes it out before that chunk lands on it.
        """
        assert self.view is not None
        after = 0 if self.bare or self.nbytes - self.chunk_end < DIGEST_BYTES else DIGEST_BYTES
        return self.view[self.landed : self.chunk_end + after]

    def spilt(self) -> memoryview:
        """Take back what has arrived beyond the chunk."""
        assert self.view is not None
        spill = self.view[self.chunk_end : self.landed]
        self.landed = min(self.landed, self.chunk_end)
        return spill

    def verify(self) -> Chunk:
        """Check the chunk that has landed, and go on to the next."""
        assert self.view is not None
        digest = digest_of([self.view[self.end : self.chunk_end]])
        if not self.bare and digest != self.promised:
            raise RemoteProtocolError(f"bytes {self.end} to {self.chunk_end} of a body do not match their checksum")
        self._digests.update(digest)
        self.end, self.promised = self.chunk_end, b""
        return Chunk(self.end, self.nbytes)

    def checksum(self) -> int:
        return self._digests.intdigest()


class Decoder:
    """Turns one connection's bytes into what they say. Each size is checked against `limits` before anything is allocated.

    Call `next` until it returns None; then receive into `buffer`, say how much with `filled`, and call `next` again.
    After an Opened with a body, or a Bare, call `body_into` before `next`. All but `buffer` and `body_into` raise
    RemoteProtocolError, after which the decoder is of no more use.
    """

    def __init__(self, limits: Limits) -> None:
        self.body_checksum = 0  # of the last whole body, as `tensor.checksum` computes it
        self._limits = limits
        self._scratch = memoryview(bytearray(SCRATCH_BYTES))
        self._start = self._stop = 0  # what has arrived in the scratch and is not used yet
        self._body: _Body | None = None
        self._hungry = True

    @property
    def idle(self) -> bool:
        """Whether everything that has arrived was whole frames: here the stream may end."""
        return self._body is None and self._start == self._stop

    def buffer(self) -> memoryview:
        """Where the next bytes of the stream go; never empty."""
        assert self._hungry, "next() has not yet asked for more"
        if self._body is not None and self._body.is_landing:
            return self._body.room()
        return self._scratch[self._stop :]

    def filled(self, nbytes: int) -> None:
        """Take note that so many bytes have arrived in `buffer`; 0 is the end of the stream."""
        if nbytes == 0 and not self.idle:
            raise RemoteProtocolError("the connection ended in the middle of a frame")
        if self._body is not None and self._body.is_landing:
            self._body.landed += nbytes
        else:
            self._stop += nbytes

    def next(self) -> Opened | Bare | Chunk | None:
        """What has arrived, one thing at a time; None when that takes more bytes."""
        part = self._next_frame() if self._body is None else self._next_chunk(self._body)
        self._hungry = part is None
        return part

    def body_into(self, view: memoryview) -> None:
        """Let the body that was announced land in `view`, writable bytes of exactly its length."""
        assert self._body is not None, "no body was announced"
        assert self._body.view is None, "this body has its place"
        assert view.nbytes == self._body.nbytes, "the place has the length of the body"
        self._body.view = view

    def _next_frame(self) -> Opened | Bare | None:
        if not self._has(_LENGTH.size):
            return None
        (length,) = _LENGTH.unpack_from(self._scratch, self._start)
        if length < len(_MAGIC):
            raise RemoteProtocolError(f"a frame of {length} bytes cannot say what it is")
        if not self._has(_KIND_END):
            return None
        kind = bytes(self._scratch[self._start + _LENGTH.size : self._start + _KIND_END])
        if kind == tensor.MAGIC:
            return self._open_bare(length)
        if kind != _MAGIC:
            raise RemoteProtocolError(f"a frame begins with {tensor.MAGIC!r} or {_MAGIC!r}, not with {kind!r}")
        return self._open_message(length)

    def _open_bare(self, length: int) -> Bare:
        self._check_payload(length)
        self._start += _LENGTH.size
        self._body = _Body(length, bare=True)
        return Bare(length)

    def _open_message(self, length: int) -> Opened | None:
        if length < _HEADER_AT - _LENGTH.size:
            raise RemoteProtocolError(f"a frame of {length} bytes is too short for a message")
        if not self._has(_HEADER_AT):
            return None
        _, version, flags, header_nbytes = _PREFIX.unpack_from(self._scratch, self._start + _LENGTH.size)
        if version != PROTOCOL_VERSION:
            raise RemoteProtocolError(f"a message is of protocol version {version}; this node speaks {PROTOCOL_VERSION}")
        if flags:
            raise RemoteProtocolError(f"a message has flags {flags:#06x}, and none are known")
        if header_nbytes > self._limits.header_max_bytes:
            raise RemoteProtocolError(
                f"a header has {header_nbytes} bytes; at most {self._limits.header_max_bytes} are accepted"
            )
        framed_nbytes = length - (_HEADER_AT - _LENGTH.size) - header_nbytes
        if framed_nbytes < 0:
            raise RemoteProtocolError(f"a header of {header_nbytes} bytes does not fit its frame of {length}")
        body_nbytes = _body_nbytes(framed_nbytes)
        self._check_payload(body_nbytes)
        if not self._has(_HEADER_AT + header_nbytes):
            return None
        message = self._take_message(header_nbytes)
        self._body = _Body(body_nbytes, bare=False) if body_nbytes else None
        return Opened(message, body_nbytes)

    def _take_message(self, header_nbytes: int) -> Message | UnknownMessage:
        frame = self._scratch[self._start : self._start + _HEADER_AT + header_nbytes]
        header = frame[_HEADER_AT:]
        if digest_of((frame[:_DIGEST_AT], header)) != frame[_DIGEST_AT:_HEADER_AT]:
            raise RemoteProtocolError("a message does not match its checksum")
        self._start += len(frame)
        return _message(header)

    def _next_chunk(self, body: _Body) -> Chunk | None:
        assert body.view is not None, "body_into() comes first"
        if not body.bare and not body.promised:
            if not self._has(DIGEST_BYTES):
                return None
            body.promised = bytes(self._scratch[self._start : self._start + DIGEST_BYTES])
            self._start += DIGEST_BYTES
        arrived = self._scratch[self._start : min(self._stop, self._start + max(0, body.chunk_end - body.landed))]
        body.view[body.landed : body.landed + len(arrived)] = arrived
        body.landed += len(arrived)
        self._start += len(arrived)
        if body.landed < body.chunk_end:
            return None
        spill = body.spilt()
        if spill:
            self._start, self._stop = 0, len(spill)  # the scratch was empty: nothing lands in `view` while it is not
            self._scratch[: len(spill)] = spill
        chunk = body.verify()
        if chunk.end == chunk.total:
            self.body_checksum = body.checksum()
            self._body = None
        return chunk

    def _check_payload(self, nbytes: int) -> None:
        if nbytes > self._limits.payload_max_bytes:
            raise RemoteProtocolError(f"a tensor has {nbytes} bytes; at most {self._limits.payload_max_bytes} are accepted")

    def _has(self, nbytes: int) -> bool:
        """Whether so many bytes lie in the scratch; if not, there is room for them now."""
        held = self._scratch[self._start : self._stop]
        if len(held) >= nbytes:
            return True
        if self._start + nbytes > len(self._scratch) or not held:
            size = max(nbytes, SCRATCH_BYTES)
            if len(self._scratch) != size:
                self._scratch = memoryview(bytearray(size))
            self._scratch[: len(held)] = held
            self._start, self._stop = 0, len(held)
        return False


def _body_nbytes(framed_nbytes: int) -> int:
    """The length of a body that takes so many bytes with its chunks' digests."""
    chunks = -(-framed_nbytes // (tensor.CHUNK_BYTES + DIGEST_BYTES))
    if chunks and framed_nbytes - (chunks - 1) * (tensor.CHUNK_BYTES + DIGEST_BYTES) <= DIGEST_BYTES:
        raise RemoteProtocolError(f"a body of {framed_nbytes} bytes with its checksums ends in a chunk without bytes")
    return framed_nbytes - chunks * DIGEST_BYTES


def _message(header: memoryview) -> Message | UnknownMessage:
    """The message a header says. A kind not known here is told apart from a known one that is malformed."""
    try:
        return _decoder.decode(header)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        try:
            kind = _tag_decoder.decode(header).type
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise RemoteProtocolError(f"a header is not a message: {exc}") from exc
        if kind not in _KINDS:
            return UnknownMessage(kind)
        raise RemoteProtocolError(f"a message {kind!r} is malformed: {exc}") from exc
