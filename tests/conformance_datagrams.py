"""What datagrams promise on every network, and all they promise: what arrives is whole, and nothing ends for what does not."""

import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
import trio

from conformance_network import ARMS, Pair, play
from dairt.model.address import Address
from dairt.runtime.host import DATAGRAM_MAX_BYTES, Datagrams
from dairt.worlds.tcp import TcpNetwork
from dairt.worlds.udp import UdpDatagrams

Story = Callable[[Pair, Datagrams, Datagrams], Awaitable[None]]


def play_datagrams(arm: str, story: Story) -> None:
    """Play a story with the datagrams of `a` and of `b`."""

    async def opened(pair: Pair) -> None:
        home = Address("a" if pair.door.host == "b" else pair.door.host, 0)
        async with AsyncExitStack() as stack:
            a = await stack.enter_async_context(await pair.a.open_datagrams(home))
            b = await stack.enter_async_context(await pair.b.open_datagrams(pair.door))
            await story(pair, a, b)

    play(arm, opened)


@pytest.mark.parametrize("arm", ARMS)
def test_what_is_sent_arrives_whole_and_tells_who_sent_it(arm: str) -> None:
    said = [b"", b"x", bytes(range(256)), b"y" * DATAGRAM_MAX_BYTES]

    async def story(pair: Pair, a: Datagrams, b: Datagrams) -> None:
        for sender, receiver in ((a, b), (b, a)):
            for data in said:
                sender.send(data, receiver.address)
            heard: list[tuple[bytes, Address]] = []
            while len(heard) < len(said):
                heard += await receiver.receive()
            assert sorted(data for data, _ in heard) == sorted(said)
            assert {source for _, source in heard} == {sender.address}

    play_datagrams(arm, story)


@pytest.mark.parametrize("arm", ARMS)
def test_a_datagram_that_is_too_long_is_a_bug(arm: str) -> None:
    async def story(pair: Pair, a: Datagrams, b: Datagrams) -> None:
        with pytest.raises(AssertionError, match="at most 1400 bytes, not 1401"):
            a.send(bytes(DATAGRAM_MAX_BYTES + 1), b.address)

    play_datagrams(arm, story)


@pytest.mark.parametrize("arm", ARMS)
def test_what_is_sent_to_nobody_is_lost_and_nothing_ends(arm: str) -> None:
    async def story(pair: Pair, a: Datagrams, b: Datagrams) -> None:
        gone = await pair.b.open_datagrams(pair.door)
        await gone.aclose()
        for _ in range(3):
            a.send(b"anyone?", gone.address)
            await pair.settle()
        b.send(b"here", a.address)
        assert await a.receive() == [(b"here", b.address)]

    play_datagrams(arm, story)


@pytest.mark.parametrize("arm", ARMS)
def test_a_flood_that_nobody_receives_is_lost_past_a_bound(arm: str) -> None:
    async def story(pair: Pair, a: Datagrams, b: Datagrams) -> None:
        for _ in range(5000):
            a.send(b"flood", b.address)
        await pair.settle()
        heard = 0
        while b"end" not in (arrived := [data for data, _ in await b.receive()]):
            heard += len(arrived)
            a.send(b"end", b.address)
        assert 0 < heard < 3000

    play_datagrams(arm, story)


@pytest.mark.parametrize("arm", ARMS)
def test_a_cancelled_receive_loses_nothing(arm: str) -> None:
    said = [number.to_bytes(2, "big") for number in range(200)]

    async def story(pair: Pair, a: Datagrams, b: Datagrams) -> None:
        heard: list[bytes] = []
        for data in said:
            a.send(data, b.address)
        while len(heard) < len(said):
            with trio.move_on_after(0.0003):
                heard += [data for data, _ in await b.receive()]
        assert sorted(heard) == said

    play_datagrams(arm, story)


@pytest.mark.parametrize("arm", ARMS)
def test_closing_wakes_who_receives_and_what_is_sent_later_is_lost(arm: str) -> None:
    async def story(pair: Pair, a: Datagrams, b: Datagrams) -> None:
        async def receive() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await b.receive()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive)
            await pair.settle()
            with pytest.raises(trio.BusyResourceError):
                await b.receive()
            await b.aclose()
        await b.aclose()
        await receive()
        a.send(b"too late", b.address)
        b.send(b"too late", a.address)
        await pair.settle()
        async with await pair.b.open_datagrams(b.address) as again:
            again.send(b"first", a.address)
            assert await a.receive() == [(b"first", b.address)]
            a.send(b"second", again.address)
            assert await again.receive() == [(b"second", a.address)]

    play_datagrams(arm, story)


@pytest.mark.parametrize("arm", ARMS)
def test_a_port_is_taken_by_one_for_datagrams_and_by_one_for_connections(arm: str) -> None:
    async def story(pair: Pair, a: Datagrams, b: Datagrams) -> None:
        assert b.address.port
        with pytest.raises(OSError, match=r"taken|in use"):
            await pair.b.open_datagrams(b.address)
        async with await pair.b.listen(b.address) as door:
            assert door.address == b.address

    play_datagrams(arm, story)


@pytest.mark.trio
async def test_udp_speaks_ipv6() -> None:
    async with await TcpNetwork().open_datagrams(Address("::1", 0)) as a:
        a.send(b"hello", a.address)
        with trio.fail_after(10):
            assert await a.receive() == [(b"hello", a.address)]
        a.send(b"of another family", Address("127.0.0.1", a.address.port))


@pytest.mark.trio
async def test_a_name_is_looked_up_aside_and_what_is_sent_meanwhile_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    known = trio.Event()
    look_up = UdpDatagrams._look_up

    async def looked_up(self: UdpDatagrams, to: Address) -> None:
        await look_up(self, to)
        known.set()

    monkeypatch.setattr(UdpDatagrams, "_look_up", looked_up)
    async with await TcpNetwork().open_datagrams(Address("localhost", 0)) as a:
        named = Address("localhost", a.address.port)
        a.send(b"lost", named)
        with trio.fail_after(10):
            await known.wait()
            a.send(b"found", named)
            assert await a.receive() == [(b"found", a.address)]


@pytest.mark.trio
async def test_a_name_that_nobody_has_loses_what_is_sent_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = trio.Event()

    async def getaddrinfo(*args: object, **options: object) -> None:
        asked.set()
        raise socket.gaierror(socket.EAI_NONAME, "no such host")

    async with await TcpNetwork().open_datagrams(Address("127.0.0.1", 0)) as a:
        with monkeypatch.context() as patched, trio.fail_after(10):
            patched.setattr(trio.socket, "getaddrinfo", getaddrinfo)
            a.send(b"lost", Address("nowhere.invalid", 1))
            await asked.wait()
        a.send(b"hello", a.address)
        with trio.fail_after(10):
            assert await a.receive() == [(b"hello", a.address)]


@pytest.mark.trio
async def test_neither_a_refusal_nor_an_overlong_stranger_ends_a_receive() -> None:
    async with await TcpNetwork().open_datagrams(Address("127.0.0.1", 0)) as a:
        assert isinstance(a, UdpDatagrams)
        if sys.platform == "linux":
            a._sock.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR: what other systems tell of themselves
        with socket.socket(type=socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.1", 0))
            nobody = Address(*stranger.getsockname())
            stranger.sendto(bytes(DATAGRAM_MAX_BYTES + 1), (a.address.host, a.address.port))
        a.send(b"anyone?", nobody)
        a.send(b"lost to the refusal, which the kernel tells first", a.address)
        a.send(b"hello", a.address)
        with trio.fail_after(10):
            assert await a.receive() == [(b"hello", a.address)]
