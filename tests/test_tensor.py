"""TENS images: the bytes are version 1's, the way back is a view, and nothing malformed gets through."""

import math
import struct
import tracemalloc

import hypothesis.extra.numpy as hnp
import ml_dtypes  # comes with onnx, which the tests need anyway
import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from dairt.errors import TensorFormatError
from dairt.model import tensor

KNOWN_ARRAY = np.arange(6, dtype=np.float32).reshape(2, 3)
KNOWN_BYTES = bytes.fromhex(
    "54454e53 01 01 0000 0200000000000000 0200000000000000 0300000000000000 0600000000000000"
    "00000000 0000803f 00000040 00004040 00008040 0000a040"
)
NUMPY_DTYPES = (
    "float32", "float64", "float16", "int8", "int16", "int32", "int64",
    "uint8", "uint16", "uint32", "uint64", "bool", "complex64",
)  # fmt: skip
LIMIT = 2**20


def arrays() -> st.SearchStrategy[np.ndarray]:
    """Any array that can be sent, of either byte order, 0-d and empty ones included."""
    little = [np.dtype(name).newbyteorder("<") for name in NUMPY_DTYPES]
    either = st.sampled_from(little + [dtype.newbyteorder(">") for dtype in little])
    return hnp.arrays(either, hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=5))


def image(array: np.ndarray) -> bytes:
    return b"".join(tensor.encode(array))


def head(
    code: int = 1, extents: tuple[int, ...] = (2, 3), count: int = 6, *, magic: bytes = b"TENS", version: int = 1
) -> bytes:
    return magic + bytes([version, code, 0, 0]) + struct.pack(f"<{len(extents) + 2}Q", len(extents), *extents, count)


def assert_same(got: np.ndarray, sent: np.ndarray) -> None:
    little = sent.astype(sent.dtype.newbyteorder("<"), order="C")
    assert (got.dtype, got.shape, got.tobytes()) == (little.dtype, little.shape, little.tobytes())


def test_the_known_answer_is_written_byte_for_byte() -> None:
    assert image(KNOWN_ARRAY) == KNOWN_BYTES


def test_the_known_answer_is_read_back() -> None:
    assert_same(tensor.decode(KNOWN_BYTES, max_bytes=64), KNOWN_ARRAY)


def test_the_codes_of_the_dtypes_never_change() -> None:
    assert [image(np.zeros(1, name))[5] for name in NUMPY_DTYPES] == list(range(1, 14))


@given(arrays())
def test_every_array_comes_back_as_it_was(array: np.ndarray) -> None:
    encoded = image(array)
    assert len(encoded) == tensor.image_nbytes(array)
    assert_same(tensor.decode(encoded, max_bytes=len(encoded)), array)


@given(arrays(), st.data())
def test_a_view_with_strides_is_written_in_c_order(array: np.ndarray, data: st.DataObject) -> None:
    axes = data.draw(st.permutations(range(array.ndim)))
    view = array.transpose(axes)[tuple(slice(None, None, -2) for _ in axes)]
    assert_same(tensor.decode(image(view), max_bytes=LIMIT), view)


def test_sixty_four_dimensions_are_possible() -> None:
    array = np.ones((1,) * 64, np.int8)
    assert tensor.decode(image(array), max_bytes=LIMIT).shape == array.shape


def test_bfloat16_survives_where_it_is_known_and_is_refused_by_name_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.arange(6).astype(ml_dtypes.bfloat16).reshape(2, 3)
    encoded = image(array)
    assert encoded[5] == 14
    assert_same(tensor.decode(encoded, max_bytes=LIMIT), array)
    monkeypatch.delitem(tensor._KNOWN, "bfloat16")
    tensor._wire_dtype.cache_clear()
    with pytest.raises(tensor.UnknownDtype, match="a bfloat16 tensor can be read only where the ml_dtypes package"):
        tensor.decode(encoded, max_bytes=LIMIT)
    with pytest.raises(tensor.UnknownDtype, match="dtype bfloat16 cannot be sent"):
        tensor.encode(array)


def test_encoding_copies_nothing_of_a_plain_array() -> None:
    elements = tensor.encode(KNOWN_ARRAY)[1]
    assert np.shares_memory(np.frombuffer(elements, np.uint8), KNOWN_ARRAY)


def test_decoding_gives_a_read_only_view_of_the_bytes() -> None:
    place = tensor.allocate(len(KNOWN_BYTES))
    place[:] = KNOWN_BYTES
    array = tensor.decode(place, max_bytes=64)
    assert np.shares_memory(array, np.frombuffer(place, np.uint8))
    assert not array.flags.writeable


def test_what_follows_the_elements_is_ignored() -> None:
    assert_same(tensor.decode(KNOWN_BYTES + b"anything", max_bytes=64), KNOWN_ARRAY)


MALFORMED = {
    "nothing": (b"", tensor.EmptyImage, "no bytes"),
    "not TENS": (head(magic=b"TENT") + bytes(24), tensor.WrongMagic, "b'TENT'"),
    "a piece of the magic": (b"TEN", tensor.WrongMagic, "b'TEN'"),
    "another version": (head(version=2) + bytes(24), tensor.WrongFormatVersion, "version 2"),
    "dtype 0": (head(code=0) + bytes(24), tensor.UnknownDtype, "code 0"),
    "dtype 15": (head(code=15) + bytes(24), tensor.UnknownDtype, "code 15"),
    "65 dimensions": (head(extents=(1,) * 65, count=1) + bytes(4), tensor.TooManyDimensions, "65 dimensions"),
    "2**64 - 1 dimensions": (b"TENS\1\1\0\0" + b"\xff" * 8, tensor.TooManyDimensions, "18446744073709551615 dimensions"),
    "an overflow to 0": (head(extents=(2**32, 2**32), count=0), tensor.ExtentsOverflow, "more than can be addressed"),
    "an overflow behind a 0": (head(extents=(0, 2**62), count=0), tensor.ExtentsOverflow, "more than can be addressed"),
    "a count too small": (head(count=5) + bytes(24), tensor.CountMismatch, "make 6 elements; the head says 5"),
    "more than the limit": (head(extents=(LIMIT,), count=LIMIT), tensor.TooLarge, "at most 1048576"),
    "only the magic": (b"TENS", tensor.Truncated, "at least 24 bytes; here are 4"),
    "half an extent": (KNOWN_BYTES[:20], tensor.Truncated, "2 dimensions has 40 bytes; here are 20"),
    "one byte too few": (KNOWN_BYTES[:-1], tensor.Truncated, "64 bytes; here are 63"),
    "a bool of 2": (head(code=12, extents=(2,), count=2) + b"\1\2", tensor.NotBoolean, "0 and 1"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_each_way_to_be_malformed_has_its_own_error(name: str) -> None:
    data, error, words = MALFORMED[name]
    with pytest.raises(error, match=words.replace("*", r"\*")):
        tensor.decode(data, max_bytes=LIMIT)


def test_a_promise_of_terabytes_allocates_nothing() -> None:
    data = head(code=8, extents=(2**40,), count=2**40)
    tracemalloc.start()
    with pytest.raises(tensor.Truncated):
        tensor.decode(data, max_bytes=2**50)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**16


@given(arrays(), st.data())
def test_a_damaged_image_is_refused_or_still_a_tensor(array: np.ndarray, data: st.DataObject) -> None:
    damaged = bytearray(image(array))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(damaged) - 1) | st.integers(0, min(63, len(damaged) - 1)))
        damaged[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.just(len(damaged)) | st.integers(0, len(damaged)))
    try:
        decoded = tensor.decode(bytes(damaged[:cut]), max_bytes=LIMIT)
    except TensorFormatError:
        return
    assert tensor.image_nbytes(decoded) <= cut


@given(st.binary(max_size=200) | st.binary(max_size=80).map(lambda tail: b"TENS\1\1\0\0" + tail))
def test_any_bytes_are_refused_or_a_tensor(data: bytes) -> None:
    try:
        decoded = tensor.decode(data, max_bytes=LIMIT)
    except TensorFormatError:
        return
    assert tensor.image_nbytes(decoded) <= len(data)


@pytest.mark.parametrize("dtype", ["complex128", "datetime64[s]", "U3", "object", "i4,f4"])
def test_a_dtype_without_a_code_is_refused_by_name(dtype: str) -> None:
    with pytest.raises(tensor.UnknownDtype, match="cannot be sent or stored; these can: float32, "):
        tensor.encode(np.zeros(2, dtype))


@given(st.lists(st.integers(0, 3 * 64), max_size=5))
def test_chunks_are_the_same_bytes_cut_evenly(sizes: list[int]) -> None:
    buffers = [bytes([place % 256]) * size for place, size in enumerate(sizes)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tensor, "CHUNK_BYTES", 64)
        cut = [b"".join(chunk) for chunk in tensor.chunks(buffers)]
    assert b"".join(cut) == b"".join(buffers)
    assert all(len(chunk) == 64 for chunk in cut[:-1])
    assert len(cut) == math.ceil(sum(sizes) / 64)


def test_the_checksum_is_over_the_digests_of_the_chunks() -> None:
    array = np.arange(200_000, dtype=np.float32)
    whole, size = image(array), 256 * 1024
    digests = [xxhash.xxh3_64_intdigest(whole[start : start + size]) for start in range(0, len(whole), size)]
    assert len(digests) == 4
    assert tensor.checksum(array) == xxhash.xxh3_64_intdigest(struct.pack("<4Q", *digests))


def test_the_checksum_sees_shape_and_dtype_as_well_as_bytes() -> None:
    zeros = [np.zeros(6, np.float32), np.zeros((2, 3), np.float32), np.zeros(6, np.int32), np.zeros(0, np.int32)]
    assert len({tensor.checksum(array) for array in zeros}) == 4


@given(arrays())
def test_freezing_changes_nothing_but_the_right_to_write(array: np.ndarray) -> None:
    frozen = tensor.freeze(array)
    assert_same(frozen, array)
    assert frozen.flags.c_contiguous
    assert not frozen.flags.writeable
    assert tensor.checksum(frozen) == tensor.checksum(array)


def test_freezing_takes_no_copy_of_what_nobody_can_change() -> None:
    owned = np.arange(6)
    owned.flags.writeable = False
    received = tensor.decode(memoryview(bytearray(KNOWN_BYTES)), max_bytes=64)
    from_bytes = np.frombuffer(KNOWN_BYTES, np.uint8)
    for array in (owned, owned.reshape(2, 3)[1], received, received[1], from_bytes):
        assert tensor.freeze(array) is array


def test_a_frozen_tensor_is_safe_from_its_maker() -> None:
    mine = np.arange(6)
    read_only_view = mine.view()
    read_only_view.flags.writeable = False
    frozen = [tensor.freeze(mine), tensor.freeze(read_only_view), tensor.freeze(np.broadcast_to(mine, (2, 6)))]
    mine[:] = 9
    assert all((array == np.arange(6)).all() for array in frozen)
