"""A host without power says nothing: who talks to it learns by silence, and once it has power again, by a reset."""

from collections.abc import Awaitable, Callable

import pytest
import trio

from dairt.model.address import Address
from dairt.model.scenario import Fixed
from dairt.worlds.sim.clock import VirtualClock
from dairt.worlds.sim.dice import Dice
from dairt.worlds.sim.network import WINDOW_BYTES, SimNetwork

LATENCY_S = 0.25
DOOR = Address("b", 1)


def play(story: Callable[[SimNetwork], Awaitable[None]]) -> None:
    async def main() -> None:
        with trio.fail_after(1000):
            async with trio.open_nursery() as nursery:
                network = SimNetwork(Dice(0), latency=Fixed(LATENCY_S), bandwidth=float("inf"))
                await nursery.start(network.run)
                await story(network)
                nursery.cancel_scope.cancel()

    trio.run(main, clock=VirtualClock())


def test_who_waits_for_a_host_without_power_hears_nothing_at_all() -> None:
    async def story(network: SimNetwork) -> None:
        door = await network.card("b").listen(DOOR)
        near = await network.card("a").connect(DOOR)
        far = await door.accept()
        network.power_off("b")
        far.abort()
        await far.aclose()
        await near.send_all(b"hello?")
        with trio.move_on_after(100) as patience:
            await near.receive_some()
        assert patience.cancelled_caught

    play(story)


def test_what_was_sent_into_the_silence_is_answered_by_a_reset_when_power_is_back() -> None:
    async def story(network: SimNetwork) -> None:
        door = await network.card("b").listen(DOOR)
        near, idle = [await network.card("a").connect(DOOR) for _ in range(2)]
        for _ in range(2):
            await door.accept()
        network.power_off("b")
        await near.send_all(b"hello?")
        await trio.sleep(10)
        network.power_on("b")
        began = trio.current_time()
        with pytest.raises(trio.BrokenResourceError):
            await near.receive_some()
        assert trio.current_time() - began == LATENCY_S
        await idle.send_all(b"are you well?")
        with pytest.raises(trio.BrokenResourceError):
            await idle.receive_some()
        assert trio.current_time() - began == 3 * LATENCY_S, "one that said nothing hears of it when it does"

    play(story)


def test_a_sender_whose_window_is_full_learns_of_it_when_power_is_back() -> None:
    async def story(network: SimNetwork) -> None:
        door = await network.card("b").listen(DOOR)
        near = await network.card("a").connect(DOOR)
        await door.accept()
        async with trio.open_nursery() as nursery:

            async def send() -> None:
                with pytest.raises(trio.BrokenResourceError):
                    await near.send_all(bytes(2 * WINDOW_BYTES))

            nursery.start_soon(send)
            await trio.sleep(10)
            network.power_off("b")
            await trio.sleep(10)
            network.power_on("b")

    play(story)


def test_the_host_itself_finds_its_connections_broken() -> None:
    async def story(network: SimNetwork) -> None:
        await network.card("b").listen(DOOR)
        near = await network.card("a").connect(DOOR)
        network.power_off("a")
        with pytest.raises(trio.BrokenResourceError):
            await near.send_all(b"x")

    play(story)


def test_a_call_to_a_host_without_power_gets_no_answer_until_it_has_it_again() -> None:
    async def story(network: SimNetwork) -> None:
        door = await network.card("b").listen(DOOR)
        network.power_off("b")
        with trio.move_on_after(100) as patience:
            await network.card("a").connect(DOOR)
        assert patience.cancelled_caught
        async with trio.open_nursery() as nursery:
            nursery.start_soon(network.card("a").connect, DOOR)
            await trio.sleep(1)
            network.power_on("b")
            await door.accept()

    play(story)


def test_power_that_was_never_gone_comes_back_without_effect() -> None:
    async def story(network: SimNetwork) -> None:
        door = await network.card("b").listen(DOOR)
        near = await network.card("a").connect(DOOR)
        far = await door.accept()
        network.power_on("b")
        await near.send_all(b"x")
        assert await far.receive_some() == b"x"

    play(story)


def test_a_special_link_has_a_latency_of_its_own_one_way() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            network = SimNetwork(
                Dice(0), latency=Fixed(LATENCY_S), bandwidth=float("inf"), special={("a", "b"): (Fixed(4.0), float("inf"))}
            )
            await nursery.start(network.run)
            await network.card("b").listen(DOOR)
            began = trio.current_time()
            await network.card("a").connect(DOOR)
            assert trio.current_time() - began == 4.0 + LATENCY_S
            nursery.cancel_scope.cancel()

    trio.run(main, clock=VirtualClock())
