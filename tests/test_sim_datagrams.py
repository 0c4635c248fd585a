"""Simulated datagrams are lost and late by dice of their own link, and a host without power neither sends nor receives."""

import math
from collections.abc import Awaitable, Callable

import pytest
import trio

from dairt.model.address import Address
from dairt.model.scenario import Fixed, Latency, Uniform
from dairt.runtime.host import Datagrams
from dairt.worlds.sim.clock import VirtualClock
from dairt.worlds.sim.datagrams import WAITING_MAX
from dairt.worlds.sim.dice import Dice
from dairt.worlds.sim.network import SimNetwork

LATENCY_S = 0.25
STEADY = Fixed(LATENCY_S)
A, B, C = (Address(name, 1) for name in "abc")


def play(
    story: Callable[[SimNetwork], Awaitable[None]],
    seed: int = 0,
    latency: Latency = STEADY,
    bandwidth: float = math.inf,
    loss: float = 0.0,
) -> None:
    async def main() -> None:
        with trio.fail_after(1000):
            async with trio.open_nursery() as nursery:
                network = SimNetwork(Dice(seed), latency=latency, bandwidth=bandwidth, datagram_loss=loss)
                await nursery.start(network.run)
                await story(network)
                nursery.cancel_scope.cancel()

    trio.run(main, clock=VirtualClock())


async def opened(network: SimNetwork, address: Address) -> Datagrams:
    return await network.card(address.host).open_datagrams(address)


async def heard(datagrams: Datagrams, seconds: float = 10.0) -> list[tuple[bytes, float]]:
    """What arrives within some time, and when."""
    arrived: list[tuple[bytes, float]] = []
    with trio.move_on_after(seconds):
        while True:
            arrived += [(data, trio.current_time()) for data, _ in await datagrams.receive()]
    return arrived


def crossing(seed: int, loss: float, between: bool = False) -> list[tuple[bytes, float]]:
    """How a thousand datagrams come from a to b, maybe with others on other links."""
    arrived: list[tuple[bytes, float]] = []

    async def story(network: SimNetwork) -> None:
        a, b, c = [await opened(network, address) for address in (A, B, C)]
        async with a, b, c:
            for number in range(1000):
                a.send(str(number).encode(), B)
                if between:
                    b.send(b"other", A)
                    c.send(b"other", B)
                if number % 100 == 99:
                    arrived.extend(item for item in await heard(b, 1) if item[0] != b"other")

    play(story, seed, Uniform(0.001, 0.1), loss=loss)
    return arrived


def test_a_share_of_the_datagrams_is_lost_and_the_rest_come_in_any_order() -> None:
    arrived = crossing(1, 0.1)
    assert 860 < len(arrived) < 940
    numbers = [int(data) for data, _ in arrived]
    assert len({*numbers}) == len(numbers)
    assert numbers != sorted(numbers)


def test_all_datagrams_are_lost_with_certainty_and_none_without_loss() -> None:
    assert crossing(1, 1.0) == []
    assert len(crossing(1, 0.0)) == 1000


def test_the_dice_of_a_link_depend_on_the_seed_and_on_no_other_link() -> None:
    assert crossing(1, 0.1, between=True) == crossing(1, 0.1) != crossing(2, 0.1)


def test_a_new_socket_at_an_old_address_does_not_throw_the_old_dice_again() -> None:
    fates = []

    async def story(network: SimNetwork) -> None:
        b = await opened(network, B)
        for _ in range(2):
            async with await opened(network, A) as a:
                for number in range(100):
                    a.send(str(number).encode(), B)
                fates.append([data for data, _ in await heard(b, 1)])

    play(story, loss=0.5)
    assert sorted(fates[0]) != sorted(fates[1])


def test_connections_and_datagrams_of_a_link_share_its_bandwidth() -> None:
    async def story(network: SimNetwork) -> None:
        b, a = await opened(network, B), await opened(network, A)
        door = await network.card("b").listen(Address("b", 1))
        near = await network.card("a").connect(door.address)
        began = trio.current_time()
        await near.send_all(bytes(2000))
        a.send(bytes(500), B)
        a.send(bytes(500), B)
        assert [at - began for _, at in await heard(b)] == [LATENCY_S + 2.5, LATENCY_S + 3.0]

    play(story, bandwidth=1000.0)


def test_what_nobody_receives_waits_up_to_a_bound() -> None:
    async def story(network: SimNetwork) -> None:
        a, b = await opened(network, A), await opened(network, B)
        for number in range(WAITING_MAX + 10):
            a.send(number.to_bytes(2, "big"), B)
        await trio.sleep(1)
        assert [int.from_bytes(data, "big") for data, _ in await heard(b)] == [*range(WAITING_MAX)]

    play(story)


def test_a_host_without_power_forgets_its_datagrams_and_its_next_life_has_the_port() -> None:
    async def story(network: SimNetwork) -> None:
        a, old = await opened(network, A), await opened(network, B)
        network.power_off("b")
        a.send(b"lost", B)
        old.send(b"lost", A)
        assert await heard(a) == await heard(old) == []
        network.power_on("b")
        async with await opened(network, B) as new:
            await old.aclose()
            a.send(b"hello", B)
            assert [data for data, _ in await heard(new)] == [b"hello"]
            new.send(b"hello", A)
            assert [data for data, _ in await heard(a)] == [b"hello"]

    play(story)


def test_what_is_under_way_when_the_power_goes_is_lost() -> None:
    async def story(network: SimNetwork) -> None:
        a, b = await opened(network, A), await opened(network, B)
        a.send(b"lost", B)
        b.send(b"on its way already", A)
        network.power_off("b")
        assert [data for data, _ in await heard(a)] == [b"on its way already"]
        assert await heard(b) == []

    play(story)


def test_a_host_has_only_ports_of_its_own() -> None:
    async def story(network: SimNetwork) -> None:
        with pytest.raises(OSError, match="not an address of a"):
            await network.card("a").open_datagrams(B)

    play(story)
