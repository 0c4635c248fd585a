"""`dairt send`: a bare TENS frame reaches who listens, and whoever does not take it is named with the reason."""

import pickle
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import trio

from dairt.__main__ import run
from dairt.commands.send import send_to_all
from dairt.errors import DairtError, NoAnswer, PeerUnreachable, Refused
from dairt.model import tensor
from dairt.model.address import Address
from dairt.protocol import wire
from dairt.protocol.messages import Sorry

ARRAY = np.arange(6, dtype=np.float32).reshape(2, 3)
Receiver = Callable[[trio.SocketStream], Awaitable[None]]


async def outcome_of(receiver: Receiver, array: np.ndarray = ARRAY) -> DairtError | None:
    """What comes of sending to this receiver."""
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            [listener] = await nursery.start(partial(trio.serve_tcp, receiver, 0, host="127.0.0.1"))
            port = listener.socket.getsockname()[1]
            [outcome] = await send_to_all(wire.encode_bare(array), [Address("127.0.0.1", port)])
            nursery.cancel_scope.cancel()
    return outcome


async def read_to_end(stream: trio.SocketStream) -> bytes:
    return b"".join([bytes(data) async for data in stream])


@pytest.mark.trio
async def test_a_receiver_gets_one_whole_frame_and_its_end() -> None:
    received: list[bytes] = []

    async def receive(stream: trio.SocketStream) -> None:
        received.append(await read_to_end(stream))

    assert await outcome_of(receive) is None
    [frame] = received
    assert struct.unpack(">Q", frame[:8]) == (len(frame) - 8,)
    np.testing.assert_array_equal(tensor.decode(frame[8:], max_bytes=1000), ARRAY)


@pytest.mark.trio
async def test_a_receiver_that_resets_has_refused() -> None:
    async def reset(stream: trio.SocketStream) -> None:
        await stream.receive_some(8)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await stream.aclose()

    outcome = await outcome_of(reset, np.zeros(2_000_000))
    assert isinstance(outcome, Refused)
    assert "reset" in str(outcome)


@pytest.mark.trio
async def test_a_node_that_says_sorry_is_quoted() -> None:
    async def refuse(stream: trio.SocketStream) -> None:
        await read_to_end(stream)
        await stream.send_all(wire.encode(Sorry("the store is full")))

    assert str(await outcome_of(refuse)) == "refused: the store is full"


@pytest.mark.trio
@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 8], ids=["another protocol", "an empty frame"])
async def test_a_receiver_that_answers_anything_else_has_refused(answer: bytes) -> None:
    async def answer_oddly(stream: trio.SocketStream) -> None:
        await read_to_end(stream)
        await stream.send_all(answer)

    assert isinstance(await outcome_of(answer_oddly), Refused)


@pytest.mark.trio
async def test_a_receiver_that_does_not_close_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dairt.commands.send.ANSWER_S", 0.05)

    async def hang(stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    outcome = await outcome_of(hang)
    assert isinstance(outcome, NoAnswer)
    assert "may have arrived" in str(outcome)


@pytest.mark.trio
async def test_one_dead_target_does_not_keep_the_tensor_from_the_others() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        dead = Address("127.0.0.1", gone.getsockname()[1])
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:

            async def receive(stream: trio.SocketStream) -> None:
                await read_to_end(stream)

            [listener] = await nursery.start(partial(trio.serve_tcp, receive, 0, host="127.0.0.1"))
            alive = Address("127.0.0.1", listener.socket.getsockname()[1])
            first, second, third = await send_to_all(wire.encode_bare(ARRAY), [alive, dead, alive])
            nursery.cancel_scope.cancel()
    assert (first, third) == (None, None)
    assert isinstance(second, PeerUnreachable)


@contextmanager
def nobody() -> Iterator[str]:
    """An address nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = f"127.0.0.1:{gone.getsockname()[1]}"
    yield address


def test_a_target_that_is_not_there_makes_the_exit_code_1_and_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "x.npy", ARRAY)
    with nobody() as address:
        assert run(["send", str(tmp_path / "x.npy"), "--to", address]) == 1
    assert capsys.readouterr().out.startswith(f"{address}: not sent: nobody listens there")


class Trap:
    """Says so when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (Path("unpickled"),)


def object_array(path: Path) -> None:
    np.save(path, np.array([Trap()], dtype=object), allow_pickle=True)


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps(Trap()))


def text_array(path: Path) -> None:
    np.save(path, np.array(["a", "b"]))


def cut_short(path: Path) -> None:
    np.save(path, ARRAY)
    path.write_bytes(path.read_bytes()[:-4])


def several(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, a=ARRAY, b=ARRAY)


def bad_header(path: Path) -> None:
    path.write_bytes(b"\x93NUMPY\x01\x00\x10\x00{'descr': 'x(\n  ")


def empty(path: Path) -> None:
    path.touch()


def missing(path: Path) -> None:
    pass


@pytest.mark.parametrize(
    "make", [object_array, pickled, text_array, cut_short, several, bad_header, empty, missing], ids=lambda make: make.__name__
)
def test_what_is_not_an_array_of_numbers_is_one_sentence_and_never_unpickled(
    make: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "x.npy")
    with nobody() as address:
        assert run(["send", "x.npy", "--to", address]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("dairt: x.npy: ")
    assert errors.count("\n") == 1
    assert not (tmp_path / "unpickled").exists()


@pytest.mark.parametrize(
    "arguments", [[], ["--to", "nowhere"], ["--to", "127.0.0.1:99999"]], ids=["no target", "no port", "too high"]
)
def test_a_bad_target_is_one_sentence(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "x.npy", ARRAY)
    assert run(["send", str(tmp_path / "x.npy"), *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "array", [np.float32(3), np.zeros((0, 4)), np.arange(9, dtype=">i4")[::2]], ids=["0-d", "no elements", "big-endian"]
)
def test_odd_arrays_of_numbers_are_sent_too(array: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "x.npy", array)
    with nobody() as address:
        assert run(["send", str(tmp_path / "x.npy"), "--to", address]) == 1  # read and encoded; nobody was there
    assert "not sent" in capsys.readouterr().out
