"""Recordings as bytes: parts that each begin with all that is known, so that any run of them plays by itself.

A file is MAGIC and the version, then parts in a ring: a heading, an outline, and compressed by zlib the entries told in it and
all else, apart, so that a long log is read without the snapshots between. Every part has a number and a checksum, and they may
lie in any order: what was overwritten, torn or cut off is passed over. Frames are in the control stream's own encoding. Nothing
here is trusted: every size is bounded and every value typed.
"""

import mmap
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec

from dairt.control.frames import SERVER_FRAME_MAX_BYTES, Entries, ServerFrame
from dairt.errors import UsageError
from dairt_console.event_log import EventLog
from dairt_console.reducer import LinkChanged, LinkState, Seen
from dairt_console.transport_tape import Mark

MAGIC = b"DAIRTREC"
VERSION = 1
FILE_HEAD = struct.Struct("<8sI")
PART_MAGIC = b"\x89DAIPART"
PART_HEAD = struct.Struct("<8sQIIII")  # magic, number, bytes of the outline, of the entries, of the body, CRC-32 of all
BODY_MAX_BYTES = 4 * SERVER_FRAME_MAX_BYTES  # unpacked; a part is closed long before
FAST = 1  # zlib's quickest: frames repeat themselves, and shrink tenfold even so

Frame = ServerFrame | LinkChanged
Stamped = tuple[float, float, Frame]  # when it came (seconds since this console began), the world's time then, the frame
T = TypeVar("T")


class Outline(msgspec.Struct, frozen=True, array_like=True):
    """What is known of a part without unpacking it: the world's time it spans, its places in the event log, its marks."""

    first_s: float
    last_s: float
    first_place: int
    last_place: int
    marks: tuple[Mark, ...] = ()


class Link(msgspec.Struct, frozen=True, tag="link"):
    """A LinkChanged, among the frames."""

    state: LinkState
    text: str = ""
    exit: int | None = None


class Told(msgspec.Struct, frozen=True, tag="told"):
    """Stands among the frames for the next Entries of the part, which are kept apart."""


class Moment(msgspec.Struct, frozen=True, array_like=True):
    """One frame: when it came (seconds since this console began), the world's time then, and what it said."""

    came_s: float
    at_s: float
    frame: ServerFrame | Link | Told


class Body(msgspec.Struct, frozen=True):
    """All that was known but for the log, and what came then."""

    seen: Seen
    moments: tuple[Moment, ...]


class PackedBody(msgspec.Struct, frozen=True):
    """A body to be written, its moments packed already."""

    seen: Seen
    moments: tuple[msgspec.Raw, ...]


@dataclass(frozen=True)
class Place:
    """Where a part lies in a file: it begins at `begin`, and its entries at `at`."""

    number: int
    outline: Outline
    begin: int
    at: int
    entries_bytes: int
    body_bytes: int

    @property
    def end(self) -> int:
        """Where what follows it begins."""
        return self.at + self.entries_bytes + self.body_bytes


_encoder = msgspec.msgpack.Encoder()
_bodies = msgspec.msgpack.Decoder(Body)
_entries = msgspec.msgpack.Decoder(tuple[Entries, ...])
_outlines = msgspec.msgpack.Decoder(Outline)


def pack_part(number: int, outline: Outline, seen: Seen, frames: Sequence[Stamped]) -> tuple[bytes, Place]:
    """One part as bytes, and where its pieces are as if it lay at 0."""
    # One by one, so that the thread that draws need not wait for all of them.
    moments = tuple(msgspec.Raw(_encoder.encode(Moment(came_s, at_s, _stored(frame)))) for came_s, at_s, frame in frames)
    told = _packed([frame for _, _, frame in frames if isinstance(frame, Entries)])
    body = _packed(PackedBody(replace(seen, log=EventLog(seen.log.first, seen.log.last, seen.log.dropped)), moments))
    entry = _encoder.encode(outline)
    checksum = zlib.crc32(body, zlib.crc32(told, zlib.crc32(entry)))
    head = PART_HEAD.pack(PART_MAGIC, number, len(entry), len(told), len(body), checksum) + entry
    return b"".join((head, told, body)), Place(number, outline, 0, len(head), len(told), len(body))


def unpack_entries(packed: bytes) -> tuple[Entries, ...]:
    """What was told in a part; raises UsageError for what is none."""
    return _unpacked(packed, _entries)


def unpack_part(packed_entries: bytes, packed_body: bytes) -> tuple[Seen, list[Stamped]]:
    """What was known when a part began, and its frames with their times; raises UsageError for what is none."""
    told, body = iter(unpack_entries(packed_entries)), _unpacked(packed_body, _bodies)
    frames: list[Stamped] = []
    for moment in body.moments:
        match moment.frame:
            case Told():
                frame: Frame | None = next(told, None)
                if frame is None:
                    raise UsageError("a part of the recording has fewer entries than it says")
            case Link(state, text, code):
                frame = LinkChanged(state, text, code)
            case _:
                frame = moment.frame
        frames.append((moment.came_s, moment.at_s, frame))
    return body.seen, frames


def _stored(frame: Frame) -> ServerFrame | Link | Told:
    match frame:
        case Entries():
            return Told()
        case LinkChanged(state, text, code):
            return Link(state, text, code)
        case _:
            return frame


def _packed(value: object) -> bytes:
    return zlib.compress(_encoder.encode(value), FAST)


def _unpacked(packed: bytes, decoder: msgspec.msgpack.Decoder[T]) -> T:
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(packed, BODY_MAX_BYTES)
        if unpacker.unconsumed_tail or not unpacker.eof:
            raise UsageError(f"a part of the recording has more than {BODY_MAX_BYTES} bytes, or is cut off")
        return decoder.decode(data)
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise UsageError(f"a part of the recording cannot be read by this dairt: {exc}") from exc


def find_parts(data: mmap.mmap | bytes) -> list[Place]:
    """The parts of a file that follow each other up to the newest, in order; raises UsageError for what is no recording."""
    magic, version = FILE_HEAD.unpack_from(data) if len(data) >= FILE_HEAD.size else (b"", 0)
    if magic != MAGIC:
        raise UsageError("it is no recording of dairt-console, which begin with DAIRTREC")
    if version != VERSION:
        raise UsageError(f"it is a recording of version {version}; this dairt-console reads version {VERSION}")
    whole = {place.number: place for place in _intact(data)}
    places: list[Place] = []
    number = max(whole, default=-1)
    while number in whole:
        places.append(whole[number])
        number -= 1
    return places[::-1]


def _intact(data: mmap.mmap | bytes) -> Iterator[Place]:
    at = data.find(PART_MAGIC, FILE_HEAD.size)
    while at >= 0:
        place = _part_at(data, at)
        if place is not None:
            yield place
        at = data.find(PART_MAGIC, at + 1 if place is None else place.end)


def _part_at(data: mmap.mmap | bytes, at: int) -> Place | None:
    if len(data) - at < PART_HEAD.size:
        return None
    _, number, outline_bytes, entries_bytes, body_bytes, checksum = PART_HEAD.unpack_from(data, at)
    first = at + PART_HEAD.size
    last = first + outline_bytes + entries_bytes + body_bytes
    if last > len(data):
        return None
    with memoryview(data) as view, view[first:last] as part:
        if zlib.crc32(part) != checksum:
            return None
    try:
        outline = _outlines.decode(data[first : first + outline_bytes])
        return Place(number, outline, at, first + outline_bytes, entries_bytes, body_bytes)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
