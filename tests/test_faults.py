"""What is broken now: how troubles add up, and what befalls nodes and handshakes."""

import pytest
import trio

from conformance_network import read_exactly
from dairt.model.action import CutLink, DegradeLink, Link, ResetConnection
from dairt.model.address import Address
from dairt.worlds.faults import CLEAR, Faults, Verdict
from dairt.worlds.faulty_network import FaultyNetwork
from dairt.worlds.sim.dice import Dice
from dairt.worlds.sim.network import SimNetwork
from fault_bench import A_B, LATENCY_S, Bench, play


def faults_at(now: float = 0.0) -> Faults:
    return Faults(lambda: now, Dice(0))


def test_delays_add_the_smallest_bandwidth_counts_and_a_cut_is_a_cut() -> None:
    faults = faults_at()
    assert faults.verdict("a", "b") is CLEAR
    faults.apply("1", DegradeLink(A_B, latency_s=0.25, jitter_s=0.25, bandwidth=100))
    faults.apply("2", DegradeLink(Link("any", "b"), latency_s=0.25, bandwidth=50))
    faults.apply("3", DegradeLink(Link("c", "any"), latency_s=5))
    assert faults.verdict("a", "b") == Verdict(latency_s=0.5, jitter_s=0.25, bandwidth=50)
    faults.apply("4", CutLink(Link("a", "b", one_way=True)))
    assert faults.verdict("a", "b").cut
    assert not faults.verdict("b", "a").cut
    faults.heal("4")
    faults.heal("4")
    assert not faults.verdict("a", "b").cut
    faults.heal_all()
    assert faults.verdict("a", "b") is CLEAR


def test_connections_of_a_link_share_its_bandwidth() -> None:
    faults = faults_at(10.0)
    faults.apply("slow", DegradeLink(A_B, latency_s=1, bandwidth=100))
    assert [faults.due("a", "b", 50), faults.due("a", "b", 50), faults.due("b", "a", 50)] == [11.5, 12.0, 11.5]


def test_a_cap_that_is_lifted_leaves_no_queue_behind() -> None:
    faults = faults_at(10.0)
    faults.apply("slow", DegradeLink(A_B, bandwidth=100))
    faults.apply("slower", DegradeLink(A_B, bandwidth=10))
    assert faults.due("a", "b", 50) == 15.0
    faults.heal("slower")
    assert faults.due("a", "b", 50) == 10.5
    faults.apply("slower", DegradeLink(A_B, bandwidth=10))
    assert faults.due("a", "b", 50) == 15.5, "what was booked under the wider cap is still on its way"
    faults.heal_all()
    faults.apply("slow", DegradeLink(A_B, bandwidth=100))
    assert faults.due("a", "b", 50) == 10.5


def test_a_node_that_is_off_is_dead_to_all() -> None:
    faults = faults_at()
    faults.switch_off("a")
    assert faults.is_off("a")
    assert faults.verdict("a", "b").dead
    assert faults.verdict("b", "a").dead
    assert not faults.verdict("b", "c").dead
    faults.switch_on("a")
    faults.switch_on("a")
    assert faults.verdict("b", "a") is CLEAR


@pytest.mark.parametrize("link", [A_B, Link("a", "b", one_way=True), Link("b", "a", one_way=True)], ids=str)
def test_a_new_connection_hangs_until_the_partition_heals(link: Link) -> None:
    async def story(bench: Bench) -> None:
        bench.faults.apply("cut", CutLink(link))
        with trio.move_on_after(5) as patience:
            await bench.a.connect(bench.door.address)
        assert patience.cancelled_caught
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bench.connected)
            await trio.sleep(5)
            assert bench.faults.sockets("a", "b") == 0
            bench.faults.heal("cut")
        assert bench.faults.sockets("a", "b") == 1

    play(story)


@pytest.mark.parametrize("slow", [DegradeLink(A_B, latency_s=100), DegradeLink(A_B, bandwidth=1)], ids=["latency", "cap"])
def test_a_new_connection_goes_through_when_a_slow_link_heals(slow: DegradeLink) -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        bench.faults.apply("slow", slow)
        await near.send_all(bytes(100))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bench.connected)
            await trio.sleep(5)
            assert bench.faults.sockets("a", "b") == 1
            bench.faults.heal("slow")
            await trio.sleep(1)
            assert bench.faults.sockets("a", "b") == 2
        await near.aclose()
        await far.aclose()

    play(story)


def test_a_partition_that_begins_during_a_handshake_holds_it_up() -> None:
    async def story(bench: Bench) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bench.connected)
            await trio.sleep(LATENCY_S)
            bench.faults.apply("cut", CutLink(A_B))
            await trio.sleep(5)
            assert bench.faults.links() == ()
            bench.faults.heal("cut")
        assert bench.faults.links() == (("a", "b", 1),)

    play(story)


def test_a_reset_from_within_an_event_breaks_the_senders_next_send() -> None:
    async def story(bench: Bench) -> None:
        near, far = await bench.connected()
        sent = 0

        def emit() -> None:
            if sent == 3:
                assert bench.faults.apply("reset", ResetConnection(Link("b", "a", one_way=True))) == 1

        async def send() -> None:
            nonlocal sent
            for _ in range(10):
                await near.send_all(b"chunk")
                sent += 1
                emit()

        async with near, far:
            with pytest.raises(trio.BrokenResourceError):
                await send()
            assert sent == 3
            with pytest.raises(trio.BrokenResourceError):
                await read_exactly(far, 5 * 10)
            assert bench.faults.links() == ()
            assert bench.faults.apply("again", ResetConnection(A_B)) == 0

    play(story)


def test_a_node_switched_off_loses_every_connection_and_can_make_no_new_ones() -> None:
    async def story(bench: Bench) -> None:
        to_b = await bench.connected()
        for node, who in (("b", bench.b), ("a", bench.a)):
            bench.faults.switch_off(node)
            for end in to_b:
                with pytest.raises(trio.BrokenResourceError):
                    await end.receive_some()
                await end.aclose()
            with pytest.raises(OSError, match=f"{node} is off"):
                await who.connect(bench.door.address)
            with pytest.raises(OSError, match=f"{node} is off"):
                await who.listen(Address(node, 2))
            if node == "b":
                with pytest.raises(ConnectionRefusedError, match="b is off"):
                    await bench.a.connect(bench.door.address)
                with pytest.raises(OSError, match="b is off"):
                    await bench.door.accept()
            bench.faults.switch_on(node)
            to_b = await bench.connected()
        for end in to_b:
            await end.aclose()

    play(story)


def test_switching_off_the_node_that_accepted_aborts_a_call_of_a_host_without_trouble() -> None:
    async def story(bench: Bench) -> None:
        network = SimNetwork(Dice(0))
        async with trio.open_nursery() as nursery:
            await nursery.start(network.run)
            b = FaultyNetwork(network.card("b"), "b", bench.faults, lambda address: address.host, nursery)
            door = await b.listen(Address("b", 1))
            near = await network.card("a").connect(door.address)
            far = await door.accept()
            bench.faults.switch_off("b")
            for end in (near, far):
                with pytest.raises(trio.BrokenResourceError):
                    await end.receive_some()
            nursery.cancel_scope.cancel()

    play(story)


def test_a_connect_that_hangs_ends_when_the_other_node_is_switched_off() -> None:
    async def story(bench: Bench) -> None:
        bench.faults.apply("cut", CutLink(A_B))
        async with trio.open_nursery() as nursery:

            async def call() -> None:
                with pytest.raises(ConnectionRefusedError):
                    await bench.a.connect(bench.door.address)

            nursery.start_soon(call)
            await trio.sleep(1)
            bench.faults.switch_off("b")

    play(story)
