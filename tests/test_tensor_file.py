"""Tensor files: other programs can read them, and nothing torn or damaged is taken for whole."""

import struct

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from dairt.errors import TensorFormatError
from dairt.model import tensor, tensor_file
from dairt.model.tensor_file import FileStamp, decode_file, encode_file, salvage_stamp
from dairt.model.version import Version
from test_tensor import KNOWN_ARRAY, KNOWN_BYTES, LIMIT, arrays, assert_same

STAMP = FileStamp("weights/α", Version(7, "n1", 2**64 - 1), 1_700_000_000.25, ("n1", "n2"))


def file_bytes(array: np.ndarray = KNOWN_ARRAY, stamp: FileStamp = STAMP) -> bytes:
    return b"".join(encode_file(array, stamp))


def with_trailer(text: bytes, *, length: int | None = None) -> bytes:
    """A file whose checksum is right, whatever its stamp."""
    image = bytearray(KNOWN_BYTES)
    image[6] = 1
    body = bytes(image) + text + struct.pack("<I", len(text) if length is None else length)
    return body + struct.pack("<Q", xxhash.xxh3_64_intdigest(body)) + b"TSUM"


def read_as_other_programs_do(data: bytes) -> tuple[tuple[int, ...], list[float]]:
    """Version 1 as its table says, byte by byte: reserved bytes and whatever follows the elements are not looked at."""
    position = 0

    def take(count: int) -> bytes:
        nonlocal position
        position += count
        assert position <= len(data)
        return data[position - count : position]

    def u64() -> int:
        return sum(byte << (8 * place) for place, byte in enumerate(take(8)))

    assert [chr(byte) for byte in take(4)] == ["T", "E", "N", "S"]
    assert take(1)[0] == 1
    assert take(1)[0] == 1
    take(2)
    shape = tuple(u64() for _ in range(u64()))
    return shape, [struct.unpack("<f", take(4))[0] for _ in range(u64())]


@given(arrays(), st.text(), st.floats(allow_nan=False))
def test_a_file_gives_back_tensor_and_stamp(array: np.ndarray, key: str, written_at: float) -> None:
    stamp = FileStamp(key, Version(1, "n2", 3), written_at, ("all",))
    got, got_stamp = decode_file(file_bytes(array, stamp), max_bytes=tensor.image_nbytes(array))
    assert_same(got, array)
    assert got_stamp == stamp


def test_a_reader_of_version_1_reads_our_files() -> None:
    assert read_as_other_programs_do(file_bytes()) == ((2, 3), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0])


def test_a_file_differs_from_the_image_in_byte_6_and_the_trailer_only() -> None:
    data = file_bytes()
    assert data[:6] + b"\0" + data[7 : len(KNOWN_BYTES)] == KNOWN_BYTES
    assert data[6] == 1
    assert data[-4:] == b"TSUM"
    assert struct.unpack("<Q", data[-12:-4])[0] == xxhash.xxh3_64_intdigest(data[:-12])
    assert struct.unpack("<I", data[-16:-12])[0] == len(data) - len(KNOWN_BYTES) - 16


def test_a_file_is_written_and_read_without_copying_its_elements() -> None:
    elements = encode_file(KNOWN_ARRAY, STAMP)[1]
    assert np.shares_memory(np.frombuffer(elements, np.uint8), KNOWN_ARRAY)
    data = np.frombuffer(file_bytes(), np.uint8)
    array, _ = decode_file(data.data, max_bytes=LIMIT)
    assert np.shares_memory(array, data)
    assert not array.flags.writeable


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(tensor.EmptyImage, match="no bytes"):
        decode_file(b"", max_bytes=LIMIT)


def test_a_file_cut_anywhere_is_refused() -> None:
    data = file_bytes()
    for length in range(len(data)):
        with pytest.raises(TensorFormatError):
            decode_file(data[:length], max_bytes=LIMIT)


def test_a_file_with_a_changed_byte_anywhere_is_refused() -> None:
    data = file_bytes()
    for at in range(len(data)):
        for flip in (1, 0x80, 0xFF):
            with pytest.raises(TensorFormatError):
                decode_file(data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :], max_bytes=LIMIT)


def test_a_file_with_something_after_it_is_refused() -> None:
    with pytest.raises(tensor_file.BadTrailer, match="ends with"):
        decode_file(file_bytes() + b"junk", max_bytes=LIMIT)
    with pytest.raises(tensor_file.BadTrailer, match="should have"):
        decode_file(file_bytes() + file_bytes(), max_bytes=LIMIT)


def test_a_changed_element_does_not_match_the_checksum() -> None:
    data = bytearray(file_bytes())
    data[50] ^= 1
    with pytest.raises(tensor_file.ChecksumMismatch, match="torn or damaged"):
        decode_file(data, max_bytes=LIMIT)


def test_a_file_of_another_program_says_that_it_has_no_checksum() -> None:
    with pytest.raises(tensor_file.NoTrailer, match="without stamp and checksum"):
        decode_file(KNOWN_BYTES, max_bytes=LIMIT)


def test_a_file_larger_than_the_limit_is_refused() -> None:
    with pytest.raises(tensor.TooLarge, match="64 bytes; at most 63"):
        decode_file(file_bytes(), max_bytes=63)


def test_a_checksum_of_another_kind_is_refused_by_name() -> None:
    with pytest.raises(tensor_file.UnknownAlgorithm, match="'crc32c'"):
        decode_file(file_bytes(stamp=FileStamp("k", Version(1, "n", 1), 0.0, (), "crc32c")), max_bytes=LIMIT)


@pytest.mark.parametrize(
    "text",
    [b"", b"\xc0", b"\x80", b"\x81\xa3key\xa2\xff\xfe", b"\x81\xa1z" + b"\x91" * 100_000 + b"\xc0"],
    ids=["nothing", "nil", "no fields", "not UTF-8", "nested too deep"],
)
def test_an_unreadable_stamp_is_refused_though_its_checksum_is_right(text: bytes) -> None:
    with pytest.raises(tensor_file.BadTrailer, match="unreadable"):
        decode_file(with_trailer(text), max_bytes=LIMIT)


def test_a_stamp_longer_than_its_file_is_refused() -> None:
    with pytest.raises(tensor_file.BadTrailer, match="should have 4294967295 bytes"):
        decode_file(with_trailer(b"\x80", length=2**32 - 1), max_bytes=LIMIT)


@given(st.binary(max_size=100))
def test_any_trailer_is_refused_or_a_stamp(text: bytes) -> None:
    try:
        _, stamp = decode_file(with_trailer(text), max_bytes=LIMIT)
    except TensorFormatError:
        return
    assert isinstance(stamp, FileStamp)


@given(st.data())
def test_of_a_damaged_file_the_stamp_is_salvaged_where_it_is_still_one(data: st.DataObject) -> None:
    whole = file_bytes()
    assert salvage_stamp(whole) == STAMP
    place = data.draw(st.integers(0, len(KNOWN_BYTES) - 1))
    damaged = bytearray(whole)
    damaged[place] ^= data.draw(st.integers(1, 255))
    assert salvage_stamp(bytes(damaged)) == STAMP


@given(st.binary(max_size=200), st.integers(0, 2**32 - 1))
def test_salvaging_a_stamp_from_anything_never_fails(junk: bytes, length: int) -> None:
    assert salvage_stamp(junk) is None or junk.endswith(b"TSUM")
    assert isinstance(salvage_stamp(junk + struct.pack("<IQ4s", length, 0, b"TSUM")), FileStamp | None)
    whole = file_bytes()
    assert salvage_stamp(whole[:-1]) is None
