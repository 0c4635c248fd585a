"""Trouble on a link does to the bytes of a connection what it says, and never drops one of them alone."""

import random
from functools import partial

import pytest
import trio

from conformance_network import read_all, read_exactly
from dairt.model.action import CutLink, DegradeLink, Link, ResetConnection
from dairt.runtime.host import Connection
from fault_bench import A_B, KIB, LATENCY_S, Bench, elapsed, hears_nothing, is_broken, play


def test_a_partition_holds_bytes_both_ways_and_drops_none() -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        async with near, far:
            assert bench.faults.apply("cut", CutLink(A_B)) == 1
            await near.send_all(b"question")
            await far.send_all(b"answer")
            for end in (near, far):
                await hears_nothing(end)
            bench.faults.heal("cut")
            assert await near.receive_some() == b"answer"
            assert await far.receive_some() == b"question"

    play(story)


def test_what_trouble_holds_is_not_sent_past_it() -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        async with near, far:
            bench.faults.apply("cut", CutLink(A_B))
            await near.send_all(b"held, ")
            assert not near.send_now([b"past it"])
            bench.faults.heal("cut")
            assert not near.send_now([b"past it"]), "what was held has not gone out yet"
            await near.send_all(b"behind, ")
            assert await read_exactly(far, 14) == b"held, behind, "
            assert near.send_now([b"straight"])
            assert await far.receive_some() == b"straight"

    play(story)


def test_a_cut_takes_hold_in_the_middle_of_a_send_and_of_a_receive() -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        body = random.Random(1).randbytes(4096 * KIB)
        received: list[bytes] = []

        async def receive(end: Connection) -> None:
            received.append(await read_exactly(end, len(body)))

        async with near, far, trio.open_nursery() as nursery:
            for sender, receiver in ((near, far), (far, near)):
                nursery.start_soon(sender.send_all, body)
                nursery.start_soon(receive, receiver)
            await trio.sleep(2 * LATENCY_S)
            bench.faults.apply("cut", CutLink(A_B))
            await trio.sleep(100)
            assert not received
            bench.faults.heal_all()
        assert received == [body, body]

    play(story)


def test_a_cut_one_way_lets_the_other_way_through() -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        async with near, far:
            bench.faults.apply("deaf", CutLink(Link("b", "a", one_way=True)))
            await near.send_all(b"heard")
            assert await far.receive_some() == b"heard"
            await far.send_all(b"unheard")
            await hears_nothing(near)
            bench.faults.heal("deaf")
            assert await near.receive_some() == b"unheard"

    play(story)


def test_a_close_behind_a_partition_reaches_the_other_end_when_it_heals() -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        bench.faults.apply("cut", CutLink(A_B))
        await near.send_all(b"last words")
        await near.aclose()
        await hears_nothing(far)
        assert bench.faults.sockets("a", "b") == 0
        bench.faults.heal("cut")
        assert await read_all(far) == b"last words"
        await far.aclose()

    play(story)


@pytest.mark.parametrize("closed_too", [False, True])
def test_an_abort_behind_a_partition_leaves_the_other_end_half_open(closed_too: bool) -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        bench.faults.apply("cut", CutLink(A_B))
        near.abort()
        if closed_too:
            await near.aclose()
        await hears_nothing(far)
        bench.faults.heal("cut")
        await is_broken(far.receive_some)
        await near.aclose()
        await far.aclose()

    play(story)


@pytest.mark.parametrize("how", ["closed", "reset"])
def test_the_other_ends_farewell_comes_through_when_the_partition_heals(how: str) -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        outcome: list[object] = []

        async def listen() -> None:
            try:
                outcome.append(await near.receive_some())
            except trio.BrokenResourceError:
                outcome.append("broken")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            await trio.sleep(1)
            bench.faults.apply("cut", CutLink(A_B))
            if how == "reset":
                far.abort()
            await far.aclose()
            await trio.sleep(10)
            assert not outcome
            bench.faults.heal("cut")
        assert outcome == ["broken" if how == "reset" else b""]
        await near.aclose()

    play(story)


def test_bytes_for_a_connection_closed_behind_a_slow_link_bring_a_reset() -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        bench.faults.apply("slow", DegradeLink(A_B, latency_s=20))
        await near.aclose()
        await far.send_all(b"anyone?")
        await trio.sleep(1)
        await is_broken(far.receive_some)
        await far.aclose()

    play(story)


def test_closing_with_unread_bytes_behind_a_slow_link_resets_the_other_end() -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        bench.faults.apply("slow", DegradeLink(A_B, latency_s=20))
        await far.send_all(b"unread")
        await hears_nothing(near, 5)
        await near.aclose()
        await is_broken(far.receive_some)
        await far.aclose()

    play(story)


def test_latency_and_bandwidth_add_to_those_of_the_network() -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        async with near, far:
            bench.faults.apply("slow", DegradeLink(A_B, latency_s=1.0, bandwidth=1000))
            for sender, receiver in ((near, far), (far, near)):
                await sender.send_all(bytes(2000))
                assert await elapsed(partial(read_exactly, receiver, 2000)) == 2.0 + 1.0 + LATENCY_S
            bench.faults.heal("slow")
            await near.send_all(b"x")
            assert await elapsed(partial(read_exactly, far, 1)) == LATENCY_S
            bench.faults.apply("slow", DegradeLink(A_B, latency_s=1.0))
            assert await elapsed(bench.connected) == 2 * (1.0 + LATENCY_S)

    play(story)


@pytest.mark.parametrize("slow", [DegradeLink(A_B, latency_s=100), DegradeLink(A_B, bandwidth=10)], ids=["latency", "cap"])
def test_bytes_held_by_a_slow_link_come_through_when_it_heals(slow: DegradeLink) -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        async with near, far:
            bench.faults.apply("slow", slow)
            for _ in range(17):
                await near.send_all(bytes(100))
                await far.send_all(bytes(100))
            with trio.move_on_after(1):
                await near.receive_some()
            bench.faults.heal("slow")
            for receiver in (near, far):
                assert await elapsed(partial(read_exactly, receiver, 1700)) <= LATENCY_S

    play(story)


def test_bytes_held_by_a_slow_link_go_at_the_pace_that_is_left_when_one_of_two_troubles_heals() -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        async with near, far:
            bench.faults.apply("slow", DegradeLink(A_B, bandwidth=1000))
            bench.faults.apply("slower", DegradeLink(A_B, latency_s=50, bandwidth=1))
            for _ in range(2):
                await near.send_all(bytes(1000))
            await trio.sleep(10)
            bench.faults.heal("slower")
            assert await elapsed(partial(read_exactly, far, 2000)) == 2.0 + LATENCY_S

    play(story)


def test_a_slow_line_is_bounded() -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        bench.faults.apply("slow", DegradeLink(A_B, latency_s=100))
        sent = 0

        async def send() -> None:
            nonlocal sent
            while True:
                await near.send_all(bytes(64 * KIB))
                sent += 64 * KIB

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            await trio.sleep(50)
            assert sent == 1024 * KIB
            nursery.cancel_scope.cancel()
        near.abort()
        await near.aclose()
        await far.aclose()

    play(story)


@pytest.mark.parametrize("trouble", [None, DegradeLink(A_B, latency_s=50), CutLink(A_B)])
def test_a_reset_wakes_all_who_wait_and_drops_what_is_on_its_way(trouble: DegradeLink | CutLink | None) -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        if trouble:
            bench.faults.apply("first", trouble)

        async with near, far:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(is_broken, lambda: near.send_all(bytes(8192 * KIB)))
                nursery.start_soon(is_broken, near.receive_some)
                await trio.sleep(10)
                bench.faults.apply("reset", ResetConnection(A_B))
            await trio.sleep(1)
            await is_broken(far.receive_some)

    play(story)


@pytest.mark.parametrize("seed", range(25))
def test_no_byte_is_lost_or_out_of_place_whatever_troubles_come_and_go(seed: int) -> None:
    async def story(bench: Bench) -> None:
        dice = random.Random(seed)
        near, far = await bench.connected()
        bodies = [dice.randbytes(1500 * KIB) for _ in range(2)]
        received: dict[str, bytes] = {}

        async def send(end: Connection, body: bytes) -> None:
            left = memoryview(body)
            while left:
                size = dice.randrange(1, 400 * KIB)
                await end.send_buffers([left[: size // 2], left[size // 2 : size]])
                left = left[size:]
                if dice.random() < 0.3:
                    await trio.sleep(dice.random())

        async def receive(end: Connection, name: str) -> None:
            parts = bytearray()
            while len(parts) < 1500 * KIB:
                with trio.move_on_after(dice.random()):
                    parts += await end.receive_some(dice.randrange(1, 300 * KIB))
            received[name] = bytes(parts)

        async def trouble() -> None:
            while True:
                await trio.sleep(dice.random())
                link = Link("a", "b", one_way=dice.random() < 0.5)
                action = CutLink(link) if dice.random() < 0.5 else DegradeLink(link, 0.2, 0.3, 1000.0 * KIB)
                bench.faults.apply("trouble", action)
                await trio.sleep(dice.random() * 2)
                bench.faults.heal("trouble")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(trouble)
            async with trio.open_nursery() as work:
                for sender, receiver, way, body in ((near, far, "there", bodies[0]), (far, near, "back", bodies[1])):
                    work.start_soon(send, sender, body)
                    work.start_soon(receive, receiver, way)
            await near.aclose()
            nursery.cancel_scope.cancel()
        assert received == {"there": bodies[0], "back": bodies[1]}
        bench.faults.heal_all()
        assert await read_all(far) == b""
        await far.aclose()

    play(story)
