"""What every network promises: real sockets, simulated ones, and either of them wrapped so that trouble can be made."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Any

import numpy as np
import pytest
import trio
import trio.testing

from dairt.model.action import DegradeLink, Link
from dairt.model.address import Address
from dairt.runtime.host import Buffer, Connection, Listener, Network
from dairt.worlds.faults import Faults
from dairt.worlds.faulty_network import FaultyNetwork
from dairt.worlds.sim.dice import Dice
from dairt.worlds.sim.network import SimNetwork
from dairt.worlds.tcp import TcpNetwork, connect_socket

ARMS = ["tcp", "sim", "tcp, wrapped", "sim, wrapped", "tcp, degraded", "sim, degraded"]
MIB = 2**20


@dataclass
class Pair:
    """Two hosts, `a` and `b`: the card of each, and where `b` may open a door on a free port."""

    a: Network
    b: Network
    door: Address
    settle: Callable[[], Awaitable[None]]

    async def listen(self) -> Listener:
        return await self.b.listen(self.door)

    async def connected(self) -> tuple[Connection, Connection]:
        door = await self.listen()
        try:
            near = await self.a.connect(door.address)
            return near, await door.accept()
        finally:
            await door.aclose()


@asynccontextmanager
async def pair_of(arm: str) -> AsyncIterator[Pair]:
    kind, _, wrapping = arm.partition(", ")
    async with trio.open_nursery() as nursery:
        a, b, door, settle = await _tcp() if kind == "tcp" else await _sim(nursery)
        if wrapping:
            faults = Faults(trio.current_time, Dice(0))
            a, b = (FaultyNetwork(card, name, faults, lambda _: "b", nursery) for card, name in ((a, "a"), (b, "b")))
            if wrapping == "degraded":
                faults.apply("slow", DegradeLink(Link("a", "b"), latency_s=0.001, jitter_s=0.001, bandwidth=1024.0 * MIB))
        yield Pair(a, b, door, settle)
        nursery.cancel_scope.cancel()


async def _tcp() -> tuple[Network, Network, Address, Callable[[], Awaitable[None]]]:
    # Longer than the 40 ms by which a kernel may delay an acknowledgement, which makes room for more.
    return TcpNetwork(), TcpNetwork(), Address("127.0.0.1", 0), lambda: trio.testing.wait_all_tasks_blocked(0.06)


class Calls:
    """What a VirtualClock does for a network, under any clock."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._due: list[tuple[float, int, Callable[[Any], None], Any]] = []
        self._order = count()

    def at(self, at_s: float, call: Callable[[Any], None], what: Any) -> None:
        heappush(self._due, (at_s, next(self._order), call, what))
        self._nursery.start_soon(self._wait, at_s)

    async def _wait(self, at_s: float) -> None:
        await trio.sleep_until(at_s)
        while self._due and self._due[0][0] <= at_s:
            _, _, call, what = heappop(self._due)
            call(what)


async def _sim(nursery: trio.Nursery) -> tuple[Network, Network, Address, Callable[[], Awaitable[None]]]:
    # Trio's suite waits until all tasks are blocked, which only its own clock takes for less than the end of all deadlines.
    network = SimNetwork(Dice(1), datagram_loss=0.0, call_at=Calls(nursery).at)
    await nursery.start(network.run)
    return network.card("a"), network.card("b"), Address("b", 0), partial(trio.sleep, 5)


def play(arm: str, story: Callable[[Pair], Awaitable[None]]) -> None:
    async def main() -> None:
        with trio.fail_after(3600 if arm.startswith("sim") else 20):
            async with pair_of(arm) as pair:
                await story(pair)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0) if arm.startswith("sim") else None)


async def read_all(connection: Connection) -> bytes:
    received = bytearray()
    while data := await connection.receive_some():
        received += data
    return bytes(received)


async def read_exactly(connection: Connection, nbytes: int) -> bytes:
    buffer = memoryview(bytearray(nbytes))
    filled = 0
    while filled < nbytes:
        received = await connection.receive_into(buffer[filled:])
        assert received, "the stream ended too soon"
        filled += received
    return bytes(buffer)


async def send_for_ever(connection: Connection) -> None:
    while True:
        await connection.send_all(bytes(65536))


@pytest.mark.parametrize("arm", ARMS)
def test_a_connection_passes_trios_own_suite(arm: str) -> None:
    async def story(pair: Pair) -> None:
        async def clogged() -> tuple[Connection, Connection]:
            near, far = await pair.connected()
            async with trio.open_nursery() as nursery:
                for end in (near, far):
                    nursery.start_soon(end.send_all, bytes(16 * MIB))
                await pair.settle()
                nursery.cancel_scope.cancel()
            return near, far

        await trio.testing.check_two_way_stream(pair.connected, clogged)

    play(arm, story)


@pytest.mark.parametrize("arm", ARMS)
def test_buffers_arrive_in_order_whatever_they_are(arm: str) -> None:
    tensor = np.arange(300_000, dtype=np.float32)
    tensor.flags.writeable = False
    buffers: list[Buffer] = [
        b"head",
        bytearray(b"body"),
        b"",
        tensor.data,
        np.empty((0, 3)).data,
        memoryview(bytearray(70_000)),
    ]
    expected = b"headbody" + tensor.tobytes() + bytes(70_000)

    async def story(pair: Pair) -> None:
        near, far = await pair.connected()
        async with near, far, trio.open_nursery() as nursery:
            for sender, receiver in ((near, far), (far, near)):
                nursery.start_soon(sender.send_buffers, buffers)
                assert await read_exactly(receiver, len(expected)) == expected

    play(arm, story)


@pytest.mark.parametrize("arm", ARMS)
def test_what_is_sent_without_waiting_arrives_in_its_place_or_is_not_sent_at_all(arm: str) -> None:
    async def story(pair: Pair) -> None:
        near, far = await pair.connected()
        async with near, far:
            for sender, receiver in ((near, far), (far, near)):
                await sender.send_all(b"first ")
                expected = b"first second third" if sender.send_now([b"sec", bytearray(b"ond ")]) else b"first third"
                await sender.send_all(b"third")
                assert await read_exactly(receiver, len(expected)) == expected

    play(arm, story)


@pytest.mark.parametrize("arm", ARMS)
def test_what_would_have_to_wait_is_not_sent_without_waiting(arm: str) -> None:
    async def story(pair: Pair) -> None:
        near, far = await pair.connected()
        async with far:
            sent = 0
            while near.send_now([bytes(65536)]):
                sent += 65536
                assert sent <= 16 * MIB, "nobody reads"
            await near.aclose()
            assert not near.send_now([b"too late"])
            assert len(await read_all(far)) == sent

    play(arm, story)


@pytest.mark.parametrize("arm", ARMS)
def test_what_was_sent_before_a_close_arrives_and_then_the_end(arm: str) -> None:
    async def story(pair: Pair) -> None:
        for turn in (0, 1):
            ends = await pair.connected()
            sender, receiver = ends[turn], ends[1 - turn]
            async with receiver:
                await sender.send_buffers([b"last ", b"words"])
                await sender.aclose()
                assert await read_all(receiver) == b"last words"
                assert await receiver.receive_into(memoryview(bytearray(8))) == 0

    play(arm, story)


@pytest.mark.parametrize("arm", ARMS)
def test_memory_that_is_changed_after_the_send_does_not_change_what_arrives(arm: str) -> None:
    async def story(pair: Pair) -> None:
        near, far = await pair.connected()
        async with near, far:
            scratch = bytearray(b"x" * 9000)
            await near.send_buffers([scratch])
            scratch[:] = b"y" * 9000
            assert await read_exactly(far, 9000) == b"x" * 9000

    play(arm, story)


@pytest.mark.parametrize("arm", ARMS)
def test_an_abort_breaks_both_ends_and_wakes_who_waits_there(arm: str) -> None:
    async def broken(end: Connection) -> None:
        with pytest.raises(trio.BrokenResourceError):
            await end.receive_some()

    async def story(pair: Pair) -> None:
        for turn in (0, 1):
            ends = await pair.connected()
            async with ends[0], ends[1]:
                async with trio.open_nursery() as nursery:
                    for end in ends:
                        nursery.start_soon(broken, end)
                    await pair.settle()
                    ends[turn].abort()
                    ends[turn].abort()
                with pytest.raises(trio.BrokenResourceError):
                    await ends[turn].send_all(b"too late")
                with pytest.raises(trio.BrokenResourceError):
                    await send_for_ever(ends[1 - turn])
            with pytest.raises(trio.ClosedResourceError):
                await ends[turn].send_all(b"closed now")

    play(arm, story)


@pytest.mark.parametrize("arm", ARMS)
def test_a_sender_that_nobody_reads_stops_soon_and_loses_nothing(arm: str) -> None:
    async def story(pair: Pair) -> None:
        for turn in (0, 1):
            ends = await pair.connected()
            sender, receiver = ends[turn], ends[1 - turn]
            sent = 0

            async def send_on(sender: Connection = sender) -> None:
                nonlocal sent
                async with sender:
                    for number in range(128):
                        await sender.send_all(bytes([number]) * 65536)
                        sent += 65536

            async with receiver, trio.open_nursery() as nursery:
                nursery.start_soon(send_on)
                await pair.settle()
                assert 0 < sent < 6 * MIB
                assert await read_all(receiver) == b"".join(bytes([number]) * 65536 for number in range(128))

    play(arm, story)


@pytest.mark.parametrize("arm", ARMS)
def test_a_cancelled_receive_loses_no_bytes(arm: str) -> None:
    async def story(pair: Pair) -> None:
        near, far = await pair.connected()
        received = bytearray()
        for sender, receiver in ((near, far), (far, near)):
            received.clear()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(sender.send_all, bytes(range(256)) * 400)
                while len(received) < 256 * 400:
                    with trio.move_on_after(0.0003):
                        received += await receiver.receive_some(1000)
            assert bytes(received) == bytes(range(256)) * 400
        async with near, far:
            pass

    play(arm, story)


@pytest.mark.parametrize("arm", ARMS)
def test_a_call_that_nobody_answers_is_refused(arm: str) -> None:
    async def story(pair: Pair) -> None:
        door = await pair.listen()
        await door.aclose()
        with pytest.raises(ConnectionRefusedError):
            await pair.a.connect(door.address)

    play(arm, story)


@pytest.mark.parametrize("arm", ARMS)
def test_a_taken_port_is_an_error_and_a_freed_one_can_be_had_again(arm: str) -> None:
    async def story(pair: Pair) -> None:
        door = await pair.listen()
        assert door.address.port
        with pytest.raises(OSError, match=r"taken|in use"):
            await pair.b.listen(door.address)
        near = await pair.a.connect(door.address)
        far = await door.accept()
        await far.aclose()
        await door.aclose()
        again = await pair.b.listen(door.address)
        assert again.address == door.address
        await again.aclose()
        await near.aclose()

    play(arm, story)


@pytest.mark.parametrize("arm", ARMS)
def test_closing_a_door_wakes_who_accepts_and_resets_who_waits(arm: str) -> None:
    async def story(pair: Pair) -> None:
        door = await pair.listen()

        async def accept() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await door.accept()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(accept)
            await pair.settle()
            await door.aclose()
        await door.aclose()
        door = await pair.listen()
        near = await pair.a.connect(door.address)
        await door.aclose()
        with pytest.raises(trio.BrokenResourceError):
            await near.receive_some()
        await near.aclose()

    play(arm, story)


@pytest.mark.parametrize("arm", ARMS)
def test_two_hundred_connections_at_once_are_all_accepted(arm: str) -> None:
    async def story(pair: Pair) -> None:
        door = await pair.listen()
        answers = []

        async def answer() -> None:
            for _ in range(200):
                async with await door.accept() as far:
                    await far.send_all(b"welcome")

        async def call() -> None:
            async with await pair.a.connect(door.address) as near:
                answers.append(await read_all(near))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            for _ in range(200):
                nursery.start_soon(call)
        assert answers == [b"welcome"] * 200
        await door.aclose()

    play(arm, story)


@pytest.mark.trio
async def test_tcp_speaks_ipv6_and_names() -> None:
    for host in ("::1", "localhost"):
        door = await TcpNetwork().listen(Address(host, 0))
        async with await TcpNetwork().connect(Address(host, door.address.port)) as near, await door.accept() as far:
            assert near.remote == door.address
            await far.send_all(b"hello")
            assert await near.receive_some() == b"hello"
        await door.aclose()


@pytest.mark.trio
async def test_tcp_takes_no_call_from_itself_for_an_answer() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        with pytest.raises(ConnectionRefusedError):
            await connect_socket(sock, sock.getsockname())
