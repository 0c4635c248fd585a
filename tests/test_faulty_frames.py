"""Frames that are damaged, cut short, said twice or said again; all that is known of them is that they begin with a length."""

import random
from collections.abc import Awaitable, Callable
from itertools import cycle

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from conformance_network import read_exactly
from dairt.model.action import CorruptFrame, DuplicateFrame, FrameTrouble, Link, ReplayFrame, TruncateFrame
from dairt.runtime.host import Connection
from dairt.worlds.faulty_frames import End, FrameStream
from dairt.worlds.verdicts import Fate
from fault_bench import A_B, Bench, play

A_TO_B = Link("a", "b", one_way=True)


def frame(body: bytes) -> bytes:
    return len(body).to_bytes(8, "big") + body


async def all_of(connection: Connection) -> bytes:
    """What arrives until nothing more does, or the end of the stream, however it ends."""
    arrived = b""
    try:
        while True:
            with trio.move_on_after(10) as patience:
                more = await connection.receive_some()
            if patience.cancelled_caught or not more:
                return arrived
            arrived += more
    except trio.BrokenResourceError:
        return arrived


def differing_bits(a: bytes, b: bytes) -> list[int]:
    assert len(a) == len(b)
    return [8 * i + bit for i in range(len(a)) for bit in range(8) if (a[i] ^ b[i]) >> bit & 1]


def delivered(trouble: FrameTrouble, say: Callable[[Bench, Connection, Connection], Awaitable[None]]) -> bytes:
    """What arrives at b of what a says in frames while there is trouble."""
    arrived = b""

    async def story(bench: Bench) -> None:
        nonlocal arrived
        near, far = await bench.connected()
        await near.send_all(frame(b"before") + frame(b"and half a fr")[:-4])
        bench.faults.apply("trouble", trouble)
        await near.send_all(b"a fr"[:4])
        await say(bench, near, far)
        arrived = await all_of(far)
        await near.aclose()
        await far.aclose()

    play(story)
    begun = frame(b"before") + frame(b"and half a fr")[:-4] + b"a fr"
    assert arrived[: len(begun)] == begun
    return arrived[len(begun) :]


@pytest.mark.parametrize("frames", [1, 2])
def test_one_bit_of_the_next_frames_flips_but_none_of_a_length(frames: int) -> None:
    bodies = [frame(bytes(range(100))), frame(bytes(50)), frame(b"whole")]

    async def say(bench: Bench, near: Connection, far: Connection) -> None:
        for body in bodies:
            await near.send_all(body[:5])
            await near.send_all(body[5:])

    arrived = delivered(CorruptFrame(A_TO_B, frames), say)
    flipped = differing_bits(arrived, b"".join(bodies))
    assert len(flipped) == frames
    assert flipped[0] in range(8 * 8, 8 * 108)
    assert frames == 1 or flipped[1] in range(8 * 116, 8 * 166)


def test_a_frame_that_is_cut_short_ends_the_stream_and_resets_its_sender() -> None:
    async def say(bench: Bench, near: Connection, far: Connection) -> None:
        await near.send_all(frame(bytes(range(200))))
        with pytest.raises(trio.BrokenResourceError):
            await near.receive_some()

    arrived = delivered(TruncateFrame(A_B), say)
    assert 8 <= len(arrived) < 208
    assert arrived == frame(bytes(range(200)))[: len(arrived)]


def test_a_frame_is_said_twice() -> None:
    async def say(bench: Bench, near: Connection, far: Connection) -> None:
        for body in (b"once", b"more", b"never"):
            await near.send_all(frame(body))

    arrived = delivered(DuplicateFrame(A_B, 2), say)
    assert arrived == b"".join(map(frame, (b"once", b"once", b"more", b"more", b"never")))


def test_a_stale_frame_comes_again_in_a_later_exchange_on_any_connection() -> None:
    async def story(bench: Bench) -> None:
        bench.faults.apply("stale", ReplayFrame(A_TO_B, after_s=5))
        near, far = await bench.connected()
        await near.send_all(frame(b"question"))
        await far.send_all(frame(b"answer"))
        await trio.sleep(1)
        await near.send_all(frame(b"too soon"))
        assert await all_of(far) == frame(b"question") + frame(b"too soon")
        assert await all_of(near) == frame(b"answer")
        await near.aclose()
        fresh, heard = await bench.connected()
        await heard.send_all(frame(b"the other way"))
        assert await all_of(fresh) == frame(b"the other way")
        await fresh.send_all(frame(b"new") + frame(b"newer"))
        assert await all_of(heard) == frame(b"question") + frame(b"new") + frame(b"newer")
        for end in (far, fresh, heard):
            await end.aclose()

    play(story)


def test_what_is_healed_first_never_happens() -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        bench.faults.apply("stale", ReplayFrame(A_B, after_s=5))
        await near.send_all(frame(b"kept"))
        for trouble in (CorruptFrame(A_B), TruncateFrame(A_B), DuplicateFrame(A_B)):
            bench.faults.apply("trouble", trouble)
            bench.faults.heal("trouble")
        await trio.sleep(10)
        bench.faults.heal("stale")
        await near.send_all(frame(b"plain"))
        assert await all_of(far) == frame(b"kept") + frame(b"plain")
        await near.aclose()
        await far.aclose()

    play(story)


def test_what_comes_back_is_meddled_with_as_well() -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        bench.faults.apply("twice", DuplicateFrame(Link("b", "a", one_way=True)))
        await near.send_all(frame(b"question"))
        await far.send_all(frame(b"answer"))
        assert await read_exactly(near, 28) == 2 * frame(b"answer")
        bench.faults.apply("short", TruncateFrame(Link("b", "a", one_way=True)))
        await far.send_all(frame(bytes(100)))
        arrived = await all_of(near)
        assert 8 <= len(arrived) < 108
        assert await near.receive_some() == b""
        assert await all_of(far) == frame(b"question")
        await near.aclose()
        await far.aclose()

    play(story)


@given(
    bodies=st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    cuts=st.lists(st.integers(1, 30), min_size=1),
    meddled=st.lists(st.booleans(), min_size=1),
)
def test_frames_are_found_however_the_bytes_come(bodies: list[bytes], cuts: list[int], meddled: list[bool]) -> None:
    asked: list[int] = []

    def fate_of(nbytes: int) -> Fate:
        asked.append(nbytes)
        return Fate("duplicate")

    frames = [frame(bytes([number]) + body) for number, body in enumerate(bodies)]
    stream, data, out = FrameStream(fate_of, lambda: b""), memoryview(b"".join(frames)), b""
    for cut, meddles in zip(cycle(cuts), cycle(meddled)):
        piece, data = data[:cut], data[cut:]
        if meddles or stream.meddles:
            out += b"".join(bytes(part) for part in stream.meddle(piece) if not isinstance(part, End))
        else:
            stream.watch(piece)
            out += piece
        if not data:
            break
    times = []
    for whole in frames:
        times.append(2 if out.startswith(2 * whole) else 1)
        assert out.startswith(whole)
        out = out[times[-1] * len(whole) :]
    assert out == b""
    assert asked == [len(whole) for whole, said in zip(frames, times, strict=True) if said == 2]
    if all(meddled):
        assert times == [2] * len(frames)


@pytest.mark.parametrize("start", [bytes(8), b"\xff" * 8])
def test_what_are_no_frames_is_let_through(start: bytes) -> None:
    stream = FrameStream(lambda nbytes: Fate("duplicate"), lambda: b"")
    data = start + random.Random(0).randbytes(1000)
    assert b"".join(bytes(part) for part in stream.meddle(memoryview(data)) if not isinstance(part, End)) == data
