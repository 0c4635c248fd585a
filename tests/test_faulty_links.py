"""Connections that end, or begin, as they should not; links that hold, swallow, refuse and hang."""

from collections.abc import Awaitable, Callable

import pytest
import trio

from conformance_network import read_all, read_exactly
from dairt.model.action import (
    BlackholeLink,
    CutAfter,
    CutLink,
    DegradeLink,
    HalfOpen,
    HangConnections,
    HoldLink,
    Link,
    RefuseConnections,
    ResetConnection,
    SlowClose,
)
from dairt.runtime.host import Connection
from fault_bench import A_B, LATENCY_S, Bench, elapsed, hears_nothing, is_broken, play

A_TO_B, B_TO_A = Link("a", "b", one_way=True), Link("b", "a", one_way=True)


# ------------------------------------------------------------------------------------------------ half open


@pytest.mark.parametrize(("link", "forgetful"), [(A_B, "b"), (A_TO_B, "b"), (B_TO_A, "a")], ids=str)
def test_one_end_of_a_half_open_connection_is_told_nothing_until_it_sends(link: Link, forgetful: str) -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        gone, believer = (far, near) if forgetful == "b" else (near, far)
        assert bench.faults.apply("forget", HalfOpen(link)) == 1
        await is_broken(gone.receive_some)
        await hears_nothing(believer, 100)
        await believer.send_all(b"anyone?")
        await is_broken(believer.receive_some)
        await near.aclose()
        await far.aclose()

    play(story)


def test_whoever_waits_at_both_ends_of_a_half_open_connection_learns_what_its_end_knows() -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        outcome: list[str] = []

        async def wait(name: str, end: Connection) -> None:
            try:
                await end.receive_some()
            except trio.BrokenResourceError:
                outcome.append(name)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, "near", near)
            nursery.start_soon(wait, "far", far)
            await trio.sleep(1)
            bench.faults.apply("forget", HalfOpen(B_TO_A))
            await trio.sleep(10)
            assert outcome == ["near"]
            await far.send_all(b"still there?")
            await trio.sleep(1)
            assert outcome == ["near", "far"]
        await near.aclose()
        await far.aclose()

    play(story)


def test_the_answer_to_a_half_open_connection_comes_no_sooner_than_the_link_is_whole() -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        bench.faults.apply("forget", HalfOpen(A_B))
        bench.faults.apply("cut", CutLink(B_TO_A))
        await near.send_all(b"anyone?")
        await hears_nothing(near)
        bench.faults.heal("cut")
        await is_broken(near.receive_some)
        await near.aclose()
        await far.aclose()

    play(story)


# ------------------------------------------------------------------------------------------------ slow close, refuse, hang


@pytest.mark.parametrize("how", ["closed", "reset"])
@pytest.mark.parametrize("who", ["a", "b"])
def test_the_end_of_a_connection_lingers(how: str, who: str) -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        leaver, stayer = (near, far) if who == "a" else (far, near)
        bench.faults.apply("slow", SlowClose(A_B, 30))

        async def hear_the_end() -> None:
            try:
                assert await stayer.receive_some() == b""
                assert how == "closed"
            except trio.BrokenResourceError:
                assert how == "reset"

        if how == "reset":
            leaver.abort()
        await leaver.aclose()
        assert await elapsed(hear_the_end) == pytest.approx(30 + LATENCY_S)
        await stayer.aclose()

    play(story)


def test_what_was_said_before_a_slow_close_is_not_late() -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        bench.faults.apply("slow", SlowClose(A_B, 30))
        await near.send_all(b"last words")
        await near.aclose()
        assert await elapsed(lambda: read_exactly(far, 10)) == LATENCY_S
        bench.faults.heal("slow")
        assert await elapsed(lambda: read_all(far)) == LATENCY_S
        await far.aclose()

    play(story)


def test_new_connections_are_refused_one_way_and_open_ones_stay() -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        bench.faults.apply("refuse", RefuseConnections(A_TO_B))
        with pytest.raises(ConnectionRefusedError, match="from a to b is refused"):
            await bench.a.connect(bench.door.address)
        await near.send_all(b"still here")
        assert await far.receive_some() == b"still here"
        bench.faults.heal("refuse")
        bench.faults.apply("other way", RefuseConnections(B_TO_A))
        for end in (near, far, *await bench.connected()):
            await end.aclose()

    play(story)


@pytest.mark.parametrize("trouble", [HangConnections(A_TO_B), BlackholeLink(A_TO_B), BlackholeLink(B_TO_A)], ids=str)
def test_new_connections_hang_until_healed(trouble: HangConnections | BlackholeLink) -> None:
    async def story(bench: Bench) -> None:
        bench.faults.apply("hang", trouble)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bench.connected)
            await trio.sleep(100)
            assert bench.faults.sockets("a", "b") == 0
            bench.faults.heal("hang")
        assert bench.faults.sockets("a", "b") == 1

    play(story)


# ------------------------------------------------------------------------------------------------ cut after so many bytes


@pytest.mark.parametrize("nbytes", [0, 1, 8, 999, 1000])
@pytest.mark.parametrize("link", [A_TO_B, B_TO_A], ids=str)
def test_the_next_connection_is_reset_after_just_so_many_bytes(link: Link, nbytes: int) -> None:
    async def story(bench: Bench) -> None:
        old = await bench.connected()
        bench.faults.apply("cut", CutAfter(link, nbytes))
        near, far = await bench.connected()
        sender, receiver = (near, far) if link.a == "a" else (far, near)
        arrived = bytearray()

        async def receive() -> None:
            while True:
                arrived.extend(await receiver.receive_some())

        async def send() -> None:
            for _ in range(20):
                await receiver.send_all(b"does not count")
                await sender.send_all(bytes(100))
                await trio.sleep(1)

        async def broken(call: Callable[[], Awaitable[None]]) -> None:
            with pytest.raises(trio.BrokenResourceError):
                await call()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(is_broken, receive)
            nursery.start_soon(is_broken, send)
        assert len(arrived) <= nbytes
        assert nbytes - len(arrived) <= 100
        third = await bench.connected()
        await old[0].send_all(b"others live")
        assert await old[1].receive_some() == b"others live"
        for end in (*old, near, far, *third):
            await end.aclose()

    play(story)


def test_a_cut_after_so_many_bytes_is_off_when_it_was_healed_before() -> None:
    async def story(bench: Bench) -> None:
        bench.faults.apply("cut", CutAfter(A_B, 3))
        near, far = await bench.connected()
        await near.send_all(b"ab")
        bench.faults.heal("cut")
        bench.faults.heal("cut")
        await near.send_all(b"cdef")
        assert await read_exactly(far, 6) == b"abcdef"
        await near.aclose()
        await far.aclose()

    play(story)


# ------------------------------------------------------------------------------------------------ blackhole and hold


@pytest.mark.parametrize("link", [A_TO_B, B_TO_A], ids=str)
def test_a_direction_that_has_swallowed_something_delivers_nothing_ever_again(link: Link) -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        sender, receiver = (near, far) if link.a == "a" else (far, near)
        bench.faults.apply("hole", BlackholeLink(link))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hears_nothing, receiver, 500)
            await sender.send_all(b"lost")
            await receiver.send_all(b"the other way is whole")
            assert await sender.receive_some() == b"the other way is whole"
            await trio.sleep(10)
            bench.faults.heal("hole")
            await sender.send_all(b"after the gap")
            await sender.aclose()
        await receiver.aclose()

    play(story)


def test_a_connection_that_lost_nothing_in_a_blackhole_goes_on_when_it_heals() -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        async with near, far:
            bench.faults.apply("hole", BlackholeLink(A_B))
            await trio.sleep(10)
            bench.faults.heal("hole")
            for sender, receiver in ((near, far), (far, near)):
                await sender.send_all(b"as before")
                assert await receiver.receive_some() == b"as before"

    play(story)


@pytest.mark.parametrize("how", ["closed", "reset"])
def test_an_end_that_is_swallowed_leaves_the_other_one_open(how: str) -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        bench.faults.apply("hole", BlackholeLink(A_B))
        if how == "reset":
            near.abort()
        await near.aclose()
        assert bench.faults.sockets("a", "b") == 0
        await trio.sleep(1)
        bench.faults.heal("hole")
        await hears_nothing(far, 100)
        await far.send_all(b"nobody hears this")
        await far.aclose()

    play(story)


def test_a_cut_beats_a_blackhole() -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        async with near, far:
            bench.faults.apply("hole", BlackholeLink(A_B))
            bench.faults.apply("cut", CutLink(A_B))
            await near.send_all(b"waits")
            bench.faults.heal("hole")
            await hears_nothing(far)
            bench.faults.heal("cut")
            assert await far.receive_some() == b"waits"

    play(story)


def test_a_hold_lets_connections_open_and_what_they_say_wait() -> None:
    async def story(bench: Bench) -> None:
        bench.faults.apply("hold", HoldLink(A_TO_B))
        bench.faults.apply("slow", DegradeLink(A_B, latency_s=1))
        near, far = await bench.connected()
        async with near, far:
            await near.send_all(b"first ")
            await far.send_all(b"unhindered")
            assert await near.receive_some() == b"unhindered"
            await hears_nothing(far, 100)
            await near.send_all(b"second")
            bench.faults.heal("hold")
            assert await read_exactly(far, 12) == b"first second"

    play(story)


@pytest.mark.parametrize(
    "trouble", [SlowClose(A_B, 5), HoldLink(A_B), BlackholeLink(A_B), CutAfter(A_B, 10**9), HangConnections(A_B)], ids=str
)
def test_a_reset_comes_through_whatever_else_is_wrong_and_healing_twice_is_harmless(
    trouble: SlowClose | HoldLink | BlackholeLink | CutAfter | HangConnections,
) -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        bench.faults.apply("first", trouble)

        async with near, far:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(is_broken, near.receive_some)
                await trio.sleep(1)
                assert bench.faults.apply("reset", ResetConnection(A_B)) == 1
            await is_broken(far.receive_some)
        for _ in range(2):
            bench.faults.heal("first")
            bench.faults.heal_all()
        ends = await bench.connected()
        for end in ends:
            await end.aclose()

    play(story)
