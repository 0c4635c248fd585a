"""Trouble on the way of datagrams: where bytes of a connection would wait these are lost, and what is late comes late."""

from collections.abc import Awaitable, Callable

import pytest
import trio

from dairt.model.action import (
    BlackholeLink,
    CorruptFrame,
    CutLink,
    DegradeLink,
    DuplicateFrame,
    HangConnections,
    HoldLink,
    Link,
    RefuseConnections,
    TruncateFrame,
    WorldTrouble,
)
from dairt.model.address import Address
from dairt.runtime.host import Datagrams
from dairt.worlds.faulty_datagrams import LATE_MAX
from fault_bench import A_B, LATENCY_S, Bench
from fault_bench import play as play_bench
from test_sim_datagrams import heard

A, B = Address("a", 1), Address("b", 1)
A_TO_B = Link("a", "b", one_way=True)


def play(story: Callable[[Bench, Datagrams, Datagrams], Awaitable[None]]) -> None:
    async def opened(bench: Bench) -> None:
        async with await bench.a.open_datagrams(A) as a, await bench.b.open_datagrams(B) as b:
            await story(bench, a, b)

    play_bench(opened)


async def words(datagrams: Datagrams) -> list[bytes]:
    return [data for data, _ in await heard(datagrams, 100)]


@pytest.mark.parametrize("trouble", [CutLink, HoldLink, BlackholeLink])
def test_what_would_wait_or_vanish_is_lost_that_way_and_stays_lost(trouble: Callable[[Link], WorldTrouble]) -> None:
    async def story(bench: Bench, a: Datagrams, b: Datagrams) -> None:
        bench.faults.apply("f", trouble(A_TO_B))
        a.send(b"lost", B)
        b.send(b"the other way", A)
        assert await words(a) == [b"the other way"]
        bench.faults.heal("f")
        a.send(b"healed", B)
        assert await words(b) == [b"healed"]

    play(story)


@pytest.mark.parametrize(
    "trouble",
    [RefuseConnections(A_B), HangConnections(A_B), *(kind(A_B) for kind in (CorruptFrame, TruncateFrame, DuplicateFrame))],
)
def test_trouble_of_connections_and_frames_leaves_datagrams_alone(trouble: WorldTrouble) -> None:
    async def story(bench: Bench, a: Datagrams, b: Datagrams) -> None:
        bench.faults.apply("f", trouble)
        began = trio.current_time()
        a.send(b"hello", B)
        assert [(data, at - began) for data, at in await heard(b)] == [(b"hello", LATENCY_S)]

    play(story)


def test_on_a_degraded_link_they_come_later_and_no_faster_than_its_bandwidth() -> None:
    async def story(bench: Bench, a: Datagrams, b: Datagrams) -> None:
        bench.faults.apply("f", DegradeLink(A_B, latency_s=2.0, bandwidth=100.0))
        began = trio.current_time()
        a.send(bytes(50), B)
        a.send(bytes(100), B)
        assert [(len(data), at - began) for data, at in await heard(b)] == [(50, 2.5 + LATENCY_S), (100, 3.5 + LATENCY_S)]

    play(story)


def test_jitter_lets_later_ones_come_first() -> None:
    async def story(bench: Bench, a: Datagrams, b: Datagrams) -> None:
        bench.faults.apply("f", DegradeLink(A_B, jitter_s=5.0))
        for number in range(20):
            a.send(bytes([number]), B)
        arrived = await words(b)
        assert arrived != sorted(arrived)
        assert sorted(arrived) == [bytes([number]) for number in range(20)]

    play(story)


def test_a_slow_link_holds_a_bounded_number_of_them() -> None:
    async def story(bench: Bench, a: Datagrams, b: Datagrams) -> None:
        bench.faults.apply("f", DegradeLink(A_B, bandwidth=100.0))
        for number in range(LATE_MAX + 500):
            a.send(number.to_bytes(2, "big"), B)
        assert [int.from_bytes(data, "big") for data in await words(b)] == [*range(LATE_MAX)]
        bench.faults.heal("f")
        a.send(b"in time", B)
        assert await words(b) == [b"in time"]

    play(story)


def test_what_is_late_is_lost_in_trouble_that_comes_meanwhile() -> None:
    async def story(bench: Bench, a: Datagrams, b: Datagrams) -> None:
        bench.faults.apply("slow", DegradeLink(A_B, latency_s=2.0))
        a.send(b"lost", B)
        await trio.sleep(1)
        bench.faults.apply("cut", CutLink(A_TO_B))
        assert await words(b) == []

    play(story)


@pytest.mark.parametrize("silent", [False, True])
def test_a_node_that_is_off_neither_sends_nor_receives(silent: bool) -> None:
    async def story(bench: Bench, a: Datagrams, b: Datagrams) -> None:
        bench.faults.switch_off("b", silent=silent)
        a.send(b"lost", B)
        b.send(b"lost", A)
        assert await words(a) == []
        with pytest.raises(OSError, match="b is off"):
            await b.receive()
        with pytest.raises(OSError, match="b is off"):
            await bench.b.open_datagrams(Address("b", 2))
        bench.faults.switch_on("b")
        a.send(b"back", B)
        assert await words(b) == [b"back"]

    play(story)


def test_what_comes_for_a_node_that_was_switched_off_meanwhile_is_not_received() -> None:
    async def story(bench: Bench, a: Datagrams, b: Datagrams) -> None:
        a.send(b"too late", B)
        bench.faults.switch_off("b")
        bench.faults.switch_on("b")
        assert await words(b) == [b"too late"], "it was on its way, and the node is there again"

        async def is_off() -> None:
            with pytest.raises(OSError, match="b is off"):
                await b.receive()

        a.send(b"too late", B)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(is_off)
            await trio.sleep(LATENCY_S / 2)
            bench.faults.switch_off("b")

    play(story)
