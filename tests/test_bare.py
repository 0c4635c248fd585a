"""Bare TENS frames over real sockets, written byte by byte as the C++ program's clients write them."""

import struct
from pathlib import Path

import numpy as np
import pytest
import trio

from dairt.model.events import BareTensorReceived, CheckpointDurable, NodeBooted, ProtocolBroken, TensorStored, TensorSummed
from loopback_world import LoopbackWorld, loopback_world

KNOWN_ANSWER = bytes.fromhex(
    "54454e53 01 01 0000 0200000000000000 0200000000000000 0300000000000000 0600000000000000"
    "00000000 0000803f 00000040 00004040 00008040 0000a040"
)


def frame_of(values: list[float]) -> bytes:
    """What the C++ program puts on the wire for a one-dimensional float32 tensor: u64 BE length, then TENS version 1."""
    tens = b"TENS" + bytes([1, 1, 0, 0]) + struct.pack("<QQQ", 1, len(values), len(values))
    tens += struct.pack(f"<{len(values)}f", *values)
    return struct.pack(">Q", len(tens)) + tens


async def send_as_cpp(world: LoopbackWorld, node: str, data: bytes) -> None:
    """Connect, send one frame, close."""
    async with await trio.open_tcp_stream("127.0.0.1", world.address(node).port) as stream:
        await stream.send_all(data)


async def test_a_bare_tensor_is_stored_checkpointed_and_summed_by_a_named_worker(tmp_path: Path) -> None:
    async with loopback_world(tmp_path, nodes=1) as world:
        await send_as_cpp(world, "n0", struct.pack(">Q", len(KNOWN_ANSWER)) + KNOWN_ANSWER)
        await world.until(lambda: bool(world.events(TensorSummed)) and bool(world.events(CheckpointDurable)))
        [received] = world.events(BareTensorReceived)
        assert (received.dtype, received.shape) == ("float32", (2, 3))
        [summed] = world.events(TensorSummed)
        assert summed.total == 15.0
        assert summed.worker.startswith("compute-")


async def test_the_checkpoint_of_a_bare_tensor_reads_as_the_bytes_sent(tmp_path: Path) -> None:
    async with loopback_world(tmp_path, nodes=1) as world:
        await send_as_cpp(world, "n0", struct.pack(">Q", len(KNOWN_ANSWER)) + KNOWN_ANSWER)
        await world.until(lambda: bool(world.events(CheckpointDurable)))
    on_disk = (tmp_path / "n0" / "checkpoints" / "latest_tensor.chk").read_bytes()
    same = bytearray(on_disk[: len(KNOWN_ANSWER)])
    assert same[6] == 1
    same[6] = 0
    assert bytes(same) == KNOWN_ANSWER


async def test_five_clients_at_once_are_all_heard_and_the_last_one_stays(tmp_path: Path) -> None:
    async with loopback_world(tmp_path, nodes=1) as world:
        async with trio.open_nursery() as nursery:
            for client in range(5):
                nursery.start_soon(send_as_cpp, world, "n0", frame_of([float(client)] * 1000))
        await world.until(lambda: len(world.events(TensorSummed)) == 5)
        assert sorted(event.total for event in world.events(TensorSummed)) == [0.0, 1000.0, 2000.0, 3000.0, 4000.0]
        stored = world.events(TensorStored)
        assert len(stored) == 5
        assert world.held("latest_tensor") == {"n0": stored[-1].checksum}
        assert not world.events(ProtocolBroken)


async def test_a_client_that_dies_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    async with loopback_world(tmp_path, nodes=1) as world:
        await send_as_cpp(world, "n0", frame_of([1.0] * 1_000_000)[:100_000])
        await world.until(lambda: bool(world.events(ProtocolBroken)))
        assert world.held("latest_tensor") == {}
        assert not world.events(TensorStored)
        await send_as_cpp(world, "n0", frame_of([1.0, 2.0]))
        await world.until(lambda: [event.total for event in world.events(TensorSummed)] == [3.0])
        await world.cluster.stop("n0")
        assert world.cluster.node_views()[0].sockets == 0
    assert [path.name for path in (tmp_path / "n0" / "checkpoints").iterdir() if path.is_file()] == ["latest_tensor.chk"]


async def test_a_bare_tensor_outlives_its_node(tmp_path: Path) -> None:
    async with loopback_world(tmp_path, nodes=1) as world:
        await send_as_cpp(world, "n0", frame_of([1.0, 2.0, 3.0]))
        await world.until(lambda: bool(world.events(CheckpointDurable)))
        checksum = world.held("latest_tensor")["n0"]
    async with loopback_world(tmp_path, nodes=1) as world:
        assert world.events(NodeBooted)[0].restored == 1
        assert world.held("latest_tensor") == {"n0": checksum}


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        struct.pack(">Q", 2**63) + b"TENS",
        struct.pack(">Q", 64) + b"TENS" + b"\xff" * 60,
        struct.pack(">Q", 40) + b"DAIR" + b"\x01\x00\x00\x00" + b"\xff" * 32,
        struct.pack(">Q", 3) + b"TEN",
        frame_of([1.0])[:-4] + b"\x00",
    ],
    ids=["http", "2^63 bytes", "bad TENS", "bad DAIR", "too short", "truncated"],
)
async def test_garbage_gets_one_sentence_and_the_node_goes_on_serving(tmp_path: Path, garbage: bytes) -> None:
    async with loopback_world(tmp_path, nodes=1) as world:
        await send_as_cpp(world, "n0", garbage)
        await world.until(lambda: bool(world.events(ProtocolBroken)))
        assert "\n" not in world.events(ProtocolBroken)[0].reason
        receipt = await world.cluster.broadcast("still", np.ones(3, np.float32))
        assert receipt.durable == ("n0",)
