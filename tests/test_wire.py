"""Frames: what goes in comes out however the bytes arrive, and nothing damaged, oversized or unknown gets through."""

import struct
import tracemalloc
from collections.abc import Iterator

import msgspec
import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from dairt.errors import DairtError, RemoteProtocolError
from dairt.model import tensor
from dairt.model.config import Limits
from dairt.model.version import Version
from dairt.protocol import wire
from dairt.protocol.messages import ALL, AskInventory, Have, Hello, Inventory, Message, Offer, Ok, Probe, Sorry, Value
from test_tensor import KNOWN_ARRAY, KNOWN_BYTES, assert_same, image

SMALL_CHUNK = 64
LIMITS = Limits(header_max_bytes=40_000, payload_max_bytes=2**20)
MESSAGES: tuple[Message, ...] = (
    Probe(),
    Ok(),
    Hello(1, "dairt", "n1", 3, "numpy-2"),
    Sorry("no α"),
    Offer("weights/α", Version(3, "n1", 2**64 - 1), ALL, 2**64 - 1),
    AskInventory("n2"),
    Inventory(tuple(Have(f"key/{i}", Version(i, "n1", 7), i, ALL) for i in range(500)), True),
)
Part = Message | wire.UnknownMessage | bytes


@pytest.fixture(scope="module", autouse=True)
def _small_chunks() -> Iterator[None]:
    """Chunks so small that every border case fits a test; one test below uses the real size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tensor, "CHUNK_BYTES", SMALL_CHUNK)
        yield


def frame(message: Message, array: np.ndarray | None = None) -> bytes:
    if array is None:
        return wire.encode(message)
    body = b"".join(piece for _, pieces in wire.body_frames(tensor.encode(array)) for piece in pieces)
    return wire.encode(message, tensor.image_nbytes(array)) + body


def bare(array: np.ndarray) -> bytes:
    return b"".join(wire.encode_bare(array))


class Receiver:
    """The other end: everything that arrives, in order, bodies as bytes."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.decoder = wire.Decoder(limits)
        self.parts: list[Part] = []
        self.ends: list[int] = []
        self.place = memoryview(b"")

    def feed(self, data: bytes, step: int = 2**20) -> "Receiver":
        """Let `data` arrive, at most `step` bytes at a time."""
        self._drain()
        while data:
            room = self.decoder.buffer()
            count = min(len(room), len(data), step)
            assert count > 0
            room[:count], data = data[:count], data[count:]
            self.decoder.filled(count)
            self._drain()
        return self

    def finish(self) -> list[Part]:
        """Let the stream end."""
        self.decoder.filled(0)
        return self.parts

    def _drain(self) -> None:
        while (part := self.decoder.next()) is not None:
            match part:
                case wire.Opened(message=message, body_nbytes=nbytes):
                    self.parts.append(message)
                    self._make_place(nbytes)
                case wire.Bare(nbytes=nbytes):
                    self._make_place(nbytes)
                case wire.Chunk(end=end, total=total):
                    assert total == len(self.place)
                    self.ends.append(end)
                    if end == total:
                        self.parts.append(bytes(self.place))

    def _make_place(self, nbytes: int) -> None:
        assert nbytes <= LIMITS.payload_max_bytes
        self.ends = []
        if nbytes:
            self.place = tensor.allocate(nbytes)
            self.decoder.body_into(self.place)


def receive(data: bytes, step: int = 2**20) -> list[Part]:
    return Receiver().feed(data, step).finish()


def refused(data: bytes, words: str, limits: Limits = LIMITS) -> None:
    with pytest.raises(RemoteProtocolError, match=words):
        Receiver(limits).feed(data)


def message_frame(header: bytes, *, version: int = 1, flags: int = 0, length: int = -1, header_nbytes: int = -1) -> bytes:
    """A DAIR frame packed by hand from the table in wire's docstring; its checksum is right."""
    prefix = struct.pack(">Q", 20 + len(header) if length < 0 else length)
    prefix += b"DAIR" + struct.pack("<BBHI", version, 0, flags, len(header) if header_nbytes < 0 else header_nbytes)
    return prefix + struct.pack("<Q", xxhash.xxh3_64_intdigest(prefix + header)) + header


def any_frame() -> st.SearchStrategy[bytes]:
    array = st.integers(0, 3 * SMALL_CHUNK + 16).map(lambda count: np.arange(count).astype(np.uint8))
    message = st.sampled_from(MESSAGES[:-1])  # the last is too long to be taken apart byte by byte
    return st.one_of(message.map(frame), st.builds(frame, message, array), array.map(bare))


PROBE_HEADER = b"\x81\xa4type\xa5probe"
PROBE_BYTES = bytes.fromhex("00000000 00000020 44414952 01000000 0c000000 afc84fda 056a7640 81a47479 7065a570 726f6265")
VALUE = Value("r", "y", 5)
VALUE_HEADER = b"\x84\xa4type\xa5value\xa3run\xa1r\xa5value\xa1y\xa8checksum\x05"
VALUE_BYTES = bytes.fromhex(
    "00000000 00000080 44414952 01000000 24000000 e3d3aedf 3c44eae1 84a47479 7065a576 616c7565 a372756e a172a576 "
    "616c7565 a179a863 6865636b 73756d05 35c59a83 d5b30ef8 54454e53 01010000 02000000 00000000 02000000 00000000 "
    "03000000 00000000 06000000 00000000 00000000 0000803f 00000040 00004040 00008040 0000a040"
)


def test_a_message_is_these_bytes() -> None:
    assert wire.encode(Probe()) == message_frame(PROBE_HEADER) == PROBE_BYTES
    assert receive(PROBE_BYTES) == [Probe()]


def test_a_message_with_a_tensor_is_these_bytes() -> None:
    body = struct.pack("<Q", xxhash.xxh3_64_intdigest(KNOWN_BYTES)) + KNOWN_BYTES
    by_hand = message_frame(VALUE_HEADER, length=20 + len(VALUE_HEADER) + len(body)) + body
    assert frame(VALUE, KNOWN_ARRAY) == by_hand == VALUE_BYTES
    assert receive(VALUE_BYTES) == [VALUE, KNOWN_BYTES]


def test_a_bare_tensor_is_its_image_after_a_big_endian_length() -> None:
    assert bare(KNOWN_ARRAY) == bytes.fromhex("0000000000000040") + KNOWN_BYTES
    assert receive(bare(KNOWN_ARRAY)) == [KNOWN_BYTES]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_every_message_comes_back_as_it_was(message: Message) -> None:
    assert receive(frame(message)) == [message]
    assert receive(frame(message, KNOWN_ARRAY)) == [message, KNOWN_BYTES]


@pytest.mark.parametrize("nbytes", range(3 * SMALL_CHUNK + 10))
def test_bodies_of_every_length_land_whole_however_the_bytes_come(nbytes: int) -> None:
    array = np.arange(nbytes).astype(np.uint8)
    data, sent = frame(VALUE, array) + bare(array) + frame(Ok()), image(array)
    for step in (1, 3, 7, 8, SMALL_CHUNK, SMALL_CHUNK + 1, SMALL_CHUNK + 8, 2**20):
        assert receive(data, step) == [VALUE, sent, sent, Ok()]


@given(st.lists(any_frame(), max_size=5), st.integers(1, 100))
def test_byte_by_byte_is_the_same_as_all_at_once(frames: list[bytes], step: int) -> None:
    data = b"".join(frames)
    assert receive(data) == receive(data, 1) == receive(data, step)


def test_a_body_of_the_real_chunk_size_is_verified_chunk_by_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensor, "CHUNK_BYTES", 256 * 1024)
    array = np.random.default_rng(1).random(100_000)
    receiver = Receiver().feed(frame(VALUE, array), 70_001)
    assert receiver.ends == [262144, 524288, 786432, 800032]
    assert_same(tensor.decode(receiver.place, max_bytes=2**20), array)
    assert receiver.decoder.body_checksum == tensor.checksum(array)


@given(st.integers(0, 4 * SMALL_CHUNK), st.booleans())
def test_the_checksum_of_a_received_body_is_the_tensors(count: int, is_bare: bool) -> None:
    array = np.arange(count).astype(np.uint8)
    receiver = Receiver().feed(bare(array) if is_bare else frame(VALUE, array), 33)
    assert receiver.decoder.body_checksum == tensor.checksum(array)


def test_a_body_is_sent_from_where_it_lies() -> None:
    array = np.arange(100, dtype=np.float32)
    pieces = [piece for _, (_, *pieces) in wire.body_frames(tensor.encode(array)) for piece in pieces]
    assert sum(np.shares_memory(np.frombuffer(piece, np.uint8), array) for piece in pieces) == len(pieces) - 1
    assert np.shares_memory(np.frombuffer(wire.encode_bare(array)[2], np.uint8), array)


def test_a_body_lands_where_it_is_to_be_and_a_chunk_and_the_next_digest_take_one_receive() -> None:
    array = np.arange(40, dtype=np.float32)
    data = frame(VALUE, array)
    receiver = Receiver().feed(data[: -(3 * SMALL_CHUNK + 3 * 8) + 8])
    room = receiver.decoder.buffer()
    assert np.shares_memory(np.frombuffer(room, np.uint8), np.frombuffer(receiver.place, np.uint8))
    assert len(room) == SMALL_CHUNK + 8


def test_the_place_of_a_body_may_be_given_late() -> None:
    decoder = wire.Decoder(LIMITS)
    data = frame(VALUE, KNOWN_ARRAY)
    decoder.buffer()[: len(data)] = data
    decoder.filled(len(data))
    assert decoder.next() == wire.Opened(VALUE, 64)
    assert not decoder.idle
    place = tensor.allocate(64)
    decoder.body_into(place)
    assert decoder.next() == wire.Chunk(64, 64)
    assert bytes(place) == KNOWN_BYTES
    assert decoder.next() is None
    assert decoder.idle


def test_damage_is_caught_within_its_chunk() -> None:
    data = bytearray(frame(VALUE, np.arange(4 * SMALL_CHUNK - 32).astype(np.uint8)))
    for chunk in range(4):
        start = len(data) - (4 - chunk) * (SMALL_CHUNK + 8)
        for at in (start, start + 7, start + 8, start + SMALL_CHUNK + 7):
            damaged = bytearray(data)
            damaged[at] ^= 1
            receiver = Receiver()
            words = f"bytes {chunk * SMALL_CHUNK} to {(chunk + 1) * SMALL_CHUNK} of a body"
            with pytest.raises(RemoteProtocolError, match=words):
                receiver.feed(bytes(damaged[: start + SMALL_CHUNK + 8]), 50)
            assert receiver.ends == [SMALL_CHUNK * (done + 1) for done in range(chunk)]


def test_any_changed_byte_of_a_message_frame_is_refused() -> None:
    data = frame(VALUE, np.arange(50).astype(np.uint8))
    for at in range(len(data)):
        for flip in (1, 2, 0x80, 0xFF):
            with pytest.raises(RemoteProtocolError):
                receive(data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :])


def test_a_stream_that_ends_anywhere_but_between_frames_is_refused() -> None:
    data = frame(VALUE, np.arange(50).astype(np.uint8))
    for length in range(1, len(data)):
        with pytest.raises(RemoteProtocolError, match="ended in the middle"):
            receive(data[:length])
    assert receive(b"") == []
    assert receive(data)[0] == VALUE


@given(st.lists(any_frame(), min_size=1, max_size=3), st.data())
def test_damaged_frames_are_refused_or_still_make_sense(frames: list[bytes], data: st.DataObject) -> None:
    damaged = bytearray(b"".join(frames))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(damaged) - 1) | st.integers(0, min(len(damaged) - 1, 40)))
        match data.draw(st.sampled_from(["change", "insert", "remove", "cut"])):
            case "change":
                damaged[at] = data.draw(st.integers(0, 255))
            case "insert":
                damaged[at:at] = data.draw(st.binary(max_size=20))
            case "remove":
                del damaged[at : at + data.draw(st.integers(1, 20))]
            case _:
                del damaged[at:]
        if not damaged:
            return
    try:
        parts = receive(bytes(damaged), data.draw(st.sampled_from([1, 50, 2**20])))
        for part in parts:
            if isinstance(part, bytes):
                tensor.decode(part, max_bytes=len(part))
    except DairtError:
        return
    assert all(isinstance(part, Message | wire.UnknownMessage | bytes) for part in parts)


@given(st.binary(max_size=200))
def test_any_header_is_a_message_or_refused(header: bytes) -> None:
    try:
        (message,) = receive(message_frame(header))
    except RemoteProtocolError:
        return
    assert isinstance(message, Message | wire.UnknownMessage)


def test_a_message_of_an_unknown_kind_is_known_by_name_and_its_body_passes() -> None:
    header = msgspec.msgpack.encode({"type": "teleport", "where": [1, 2]})
    body = struct.pack("<Q", xxhash.xxh3_64_intdigest(KNOWN_BYTES)) + KNOWN_BYTES
    data = message_frame(header, length=20 + len(header) + len(body)) + body + frame(Ok())
    assert receive(data) == [wire.UnknownMessage("teleport"), KNOWN_BYTES, Ok()]


def test_fields_a_newer_version_added_are_ignored() -> None:
    assert receive(message_frame(msgspec.msgpack.encode({"type": "ok", "mood": "good"}))) == [Ok()]


def test_each_way_to_break_the_protocol_has_its_own_sentence() -> None:
    refused(struct.pack(">Q", 3), "3 bytes cannot say what it is")
    refused(struct.pack(">Q", 4) + b"HTTP", "not with b'HTTP'")
    refused(struct.pack(">Q", 19) + b"DAIR", "19 bytes is too short for a message")
    refused(message_frame(PROBE_HEADER, version=2), "version 2; this node speaks 1")
    refused(message_frame(PROBE_HEADER, flags=0x80), "flags 0x0080")
    refused(message_frame(PROBE_HEADER, header_nbytes=13), "header of 13 bytes does not fit its frame of 32")
    refused(message_frame(PROBE_HEADER, length=20 + 12 + 8), "ends in a chunk without bytes")
    refused(message_frame(PROBE_HEADER, length=20 + 12 + SMALL_CHUNK + 8 + 5), "ends in a chunk without bytes")
    refused(message_frame(b"\xc1"), "not a message")
    refused(message_frame(b"\x81\xa4type\xa2\xff\xfe"), "not a message")
    refused(message_frame(b"\x81\xa1z" + b"\x91" * 20_000 + b"\xc0"), "not a message")
    refused(message_frame(msgspec.msgpack.encode({"type": "sorry", "reason": 5})), "'sorry' is malformed")
    refused(message_frame(msgspec.msgpack.encode({"type": "hello"})), "'hello' is malformed")


def test_sizes_above_the_limits_are_refused_before_anything_is_allocated() -> None:
    tracemalloc.start()
    refused(struct.pack(">Q", 2**20 + 1) + b"TENS", "1048577 bytes; at most 1048576")
    refused(struct.pack(">Q", 2**63) + b"TENS", "at most 1048576")
    refused(message_frame(b"", length=2**50, header_nbytes=40_001), "40001 bytes; at most 40000")
    refused(message_frame(b"", length=2**50, header_nbytes=0), "at most 1048576")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * wire.SCRATCH_BYTES


def test_lists_that_promise_more_than_they_hold_allocate_nothing() -> None:
    bomb = b"\x83\xa4type\xa9inventory\xa4more\xc2\xa4have\xdd\xff\xff\xff\xff"
    tracemalloc.start()
    refused(message_frame(bomb), "not a message: Input data was truncated")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * wire.SCRATCH_BYTES


def test_a_long_header_is_received_and_its_memory_given_back() -> None:
    receiver = Receiver().feed(frame(MESSAGES[-1]) * 3, 1000)
    assert receiver.parts == [MESSAGES[-1]] * 3
    assert len(frame(MESSAGES[-1])) > wire.SCRATCH_BYTES
    assert len(receiver.decoder.buffer()) == wire.SCRATCH_BYTES
