"""The control server: it shows and steers a world, and whatever its clients do, the world does not notice."""

import math
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from dairt.control import frames
from dairt.control.client import ControlClient, connect, greeted
from dairt.control.conversation import ANSWERS_MAX, Client
from dairt.control.frames import Answer, Bye, Entries, Hello, Latest, Role, ServerFrame
from dairt.control.server import CLIENTS_MAX, ControlServer
from dairt.errors import PeerUnreachable, UsageError
from dairt.model.action import Heal, KillNode, RestartNode
from dairt.model.address import Address
from dairt.model.events import Entry, FaultFired, PhaseBegan
from dairt.model.views import Snapshot
from dairt.worlds.sim.clock import VirtualClock
from dairt.worlds.sim.scheduler import seeded
from toy_world import TICK_S, ToyWorld

LOOPBACK = Address("127.0.0.1", 0)


def hello(role: Role = "inject") -> Hello:
    return Hello("toy", "toy", 0, role)


@asynccontextmanager
async def watching(world: ToyWorld, role: Role = "inject") -> AsyncIterator[ControlClient]:
    """A client of a world that plays in a thread of its own, as the console is of `dairt serve`."""
    ours, theirs = socket.socketpair()
    with ControlServer(hello(role), parent=theirs, abandoned=world.stop) as server:
        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.to_thread.run_sync, world.play, server)
                async with trio.SocketStream(trio.socket.from_stdlib_socket(ours)) as stream:
                    yield (await greeted(stream, "the server"))[1]


async def until_latest(client: ControlClient) -> tuple[Snapshot, list[ServerFrame]]:
    """The next snapshot, and what came before it."""
    before: list[ServerFrame] = []
    async for frame in client:
        if isinstance(frame, Latest):
            return frame.snapshot, before
        before.append(frame)
    raise AssertionError("the stream ended")


async def until_answer(client: ControlClient, question: int, state: str) -> list[ServerFrame]:
    """All frames up to this answer, the answer the last."""
    seen: list[ServerFrame] = []
    async for frame in client:
        seen.append(frame)
        if isinstance(frame, Answer) and frame.id == question and frame.state in (state, "refused"):
            assert frame.state == state, frame
            return seen
    raise AssertionError("the stream ended")


async def until_held(client: ControlClient) -> Snapshot:
    """The first snapshot in which time stands still."""
    while (snapshot := (await until_latest(client))[0]).speed != 0:
        pass
    return snapshot


def actions_in(seen: list[ServerFrame]) -> list[str]:
    entries = [entry.event for frame in seen if isinstance(frame, Entries) for entry in frame.entries]
    return [event.text for event in entries if isinstance(event, FaultFired)]


@pytest.mark.trio
async def test_hello_comes_before_there_is_a_world() -> None:
    with ControlServer(hello(), listen=LOOPBACK) as server:
        async with connect(server.address) as (greeting, _):
            assert greeting == hello()


@pytest.mark.trio
async def test_the_first_snapshot_comes_when_the_stage_opens_with_all_that_happened_before() -> None:
    async with watching(ToyWorld(VirtualClock(speed=0))) as client:
        snapshot, before = await until_latest(client)
    assert snapshot.nodes[0].name == "n0"
    assert before == [Entries((Entry(1, 0.0, "", PhaseBegan("before the first client")),))]


@pytest.mark.trio
async def test_every_entry_arrives_once_and_in_order_and_the_last_before_bye() -> None:
    world = ToyWorld(VirtualClock(), seconds=20)
    ours, theirs = socket.socketpair()
    received: list[ServerFrame] = []
    with trio.fail_after(10):
        with ControlServer(hello(), parent=theirs) as server:
            await trio.to_thread.run_sync(world.play, server)
            server.finish(Bye(0, "over"))
        async with trio.SocketStream(trio.socket.from_stdlib_socket(ours)) as stream:
            received += [frame async for frame in ControlClient(stream)]
    entries = [entry for frame in received if isinstance(frame, Entries) for entry in frame.entries]
    assert entries == world.entries
    assert not any(frame.dropped for frame in received if isinstance(frame, Entries))
    assert received[-1] == Bye(0, "over")


@pytest.mark.trio
async def test_an_action_is_armed_then_taken_and_then_seen() -> None:
    async with watching(ToyWorld(None)) as client:
        question = await client.act(KillNode("n0"))
        seen = await until_answer(client, question, "armed")
        [*more, taken] = await until_answer(client, question, "taken")
        seen += more
        while not actions_in(seen):
            seen += (await until_latest(client))[1]
    assert actions_in(seen) == ["kill n0"]
    assert isinstance(taken, Answer)
    assert taken.fault == "op-1"
    assert taken.at_s >= TICK_S


@pytest.mark.trio
async def test_while_paused_an_action_waits_armed_and_a_step_lets_it_be_taken() -> None:
    async with watching(ToyWorld(VirtualClock(speed=1.0))) as client:
        await until_latest(client)
        await until_answer(client, await client.set_speed(0), "done")
        question = await client.act(KillNode("n0"))
        await until_answer(client, question, "armed")
        seen = await until_answer(client, await client.set_speed(0), "done")
        assert not any(isinstance(frame, Answer) and frame.id == question for frame in seen)
        await client.step(TICK_S)
        seen = await until_answer(client, question, "taken")
        while not actions_in(seen):
            seen += (await until_latest(client))[1]


@pytest.mark.trio
@pytest.mark.parametrize("seconds", [0.0, TICK_S, 1.0])
async def test_a_step_goes_to_the_first_event_after_its_time_and_holds_there(seconds: float) -> None:
    async with watching(ToyWorld(VirtualClock(speed=0))) as client:
        before, _ = await until_latest(client)
        await until_answer(client, await client.step(seconds), "done")
        while (after := await until_held(client)).time_s == before.time_s:
            pass
        assert seconds - 1e-9 <= after.time_s - before.time_s <= seconds + TICK_S + 1e-9
        question = await client.set_speed(0)
        await until_answer(client, question, "done")
        assert (await until_held(client)).time_s == after.time_s


@pytest.mark.trio
async def test_speed_changes_what_the_snapshots_say() -> None:
    async with watching(ToyWorld(VirtualClock(speed=1.0))) as client:
        await until_latest(client)
        await client.set_speed(250.0)
        while (await until_latest(client))[0].speed != 250.0:
            pass


@pytest.mark.trio
async def test_real_time_cannot_be_steered_and_the_refusal_says_so() -> None:
    async with watching(ToyWorld(None)) as client:
        await until_latest(client)
        for question in (await client.set_speed(0), await client.step(1.0)):
            [*_, answer] = await until_answer(client, question, "refused")
            assert isinstance(answer, Answer)
            assert "time is real" in answer.reason


@pytest.mark.trio
@pytest.mark.parametrize("speed", [-1.0, math.nan])
async def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    async with watching(ToyWorld(VirtualClock(speed=1.0))) as client:
        await until_latest(client)
        await until_answer(client, await client.set_speed(speed), "refused")


@pytest.mark.trio
async def test_time_cannot_be_steered_before_there_is_a_world() -> None:
    with ControlServer(hello(), listen=LOOPBACK) as server:
        async with connect(server.address) as (_, client):
            [answer] = await until_answer(client, await client.set_speed(2.0), "refused")
    assert isinstance(answer, Answer)
    assert "starting" in answer.reason


@pytest.mark.trio
async def test_who_may_only_look_can_do_nothing() -> None:
    async with watching(ToyWorld(VirtualClock(speed=1.0)), role="view") as client:
        await until_answer(client, await client.act(Heal()), "refused")
        await until_answer(client, await client.set_speed(0), "refused")


@pytest.mark.trio
async def test_who_operates_repairs_but_does_not_break() -> None:
    async with watching(ToyWorld(None), role="operate") as client:
        await until_answer(client, await client.act(KillNode("n0")), "refused")
        await until_answer(client, await client.act(RestartNode("n0")), "taken")


@pytest.mark.trio
async def test_actions_the_world_never_took_are_refused_at_its_end() -> None:
    with trio.fail_after(10), ControlServer(hello(), listen=LOOPBACK) as server:
        async with connect(server.address) as (_, client):
            question = await client.act(Heal())
            await until_answer(client, question, "armed")
            await trio.to_thread.run_sync(server.finish, Bye(3, "stopped"))
            [answer, bye] = [frame async for frame in client]
    assert answer == Answer(question, "refused", "the world ended before its next tick")
    assert bye == Bye(3, "stopped")


@pytest.mark.trio
async def test_a_client_that_breaks_the_protocol_is_told_and_the_others_stay() -> None:
    with trio.fail_after(10), ControlServer(hello(), listen=LOOPBACK) as server:
        async with connect(server.address) as (_, good):
            stream = await trio.open_tcp_stream(server.address.host, server.address.port)
            async with stream:
                _, bad = await greeted(stream, "the server")
                await stream.send_all(b"\0\0\0\1\xc1")
                [bye] = [frame async for frame in bad]
            assert isinstance(bye, Bye)
            assert "malformed" in bye.reason
            await until_answer(good, await good.act(Heal()), "armed")


@pytest.mark.trio
async def test_more_clients_than_there_is_room_for_are_turned_away_with_a_reason() -> None:
    with trio.fail_after(10), ControlServer(hello(), listen=LOOPBACK) as server:
        streams = [await trio.open_tcp_stream(server.address.host, server.address.port) for _ in range(CLIENTS_MAX + 1)]
        clients = [(await greeted(stream, "the server"))[1] for stream in streams]
        frames_of_last = [frame async for frame in clients[-1]]
        for stream in streams:
            await stream.aclose()
    assert frames_of_last == [Bye(1, f"{CLIENTS_MAX} clients already watch this world")]


@pytest.mark.trio
async def test_a_client_that_does_not_read_gets_the_newest_later_and_is_told_what_it_missed() -> None:
    world = ToyWorld(VirtualClock(), seconds=20, noise=40)
    received: list[ServerFrame] = []
    with trio.fail_after(20), ControlServer(hello(), listen=LOOPBACK) as server:
        async with connect(server.address) as (_, client):
            await trio.to_thread.run_sync(world.play, server)  # meanwhile nobody reads
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.to_thread.run_sync, server.finish, Bye(0, "over"))
                received = [frame async for frame in client]
    shown = [entry for frame in received if isinstance(frame, Entries) for entry in frame.entries]
    dropped = sum(frame.dropped for frame in received if isinstance(frame, Entries))
    assert dropped > 0
    assert len(shown) + dropped == len(world.entries)
    assert shown[-1] == world.entries[-1]


@pytest.mark.trio
async def test_a_client_that_leaves_ends_only_its_own_conversation() -> None:
    with trio.fail_after(10), ControlServer(hello(), listen=LOOPBACK) as server:
        async with connect(server.address):
            pass
        async with connect(server.address) as (_, client):
            await until_answer(client, await client.act(Heal()), "armed")


def test_when_the_parent_is_gone_the_world_is_told() -> None:
    ours, theirs = socket.socketpair()
    abandoned = threading.Event()
    with ControlServer(hello(), parent=theirs, abandoned=abandoned.set):
        ours.close()
        assert abandoned.wait(5)


def test_a_parent_that_never_reads_cannot_hold_up_the_end() -> None:
    ours, theirs = socket.socketpair()
    world = ToyWorld(VirtualClock(), seconds=20, noise=40)
    with ControlServer(hello(), parent=theirs) as server:
        world.play(server)
        server.finish(Bye(0, "over"))
    ours.close()
    assert world.entries[-1].event == PhaseBegan("the end")


@pytest.mark.trio
async def test_a_stuck_client_is_given_up_when_its_patience_is_over(autojump_clock: trio.testing.MockClock) -> None:
    stuck, _ = trio.testing.lockstep_stream_pair()
    client = Client(stuck, patience_s=30.0)
    await client.talk(frames.encode(hello()), lambda client: b"news", lambda client, frame: None)
    assert trio.current_time() == pytest.approx(30.0)


@pytest.mark.trio
async def test_a_client_that_asks_without_reading_is_dismissed(autojump_clock: trio.testing.MockClock) -> None:
    ours, theirs = trio.testing.lockstep_stream_pair()
    client = Client(theirs, patience_s=30.0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            client.talk, frames.encode(hello()), lambda c: b"", lambda c, asked: c.answer(Answer(asked.id, "done"))
        )
        for question in range(2 * ANSWERS_MAX):
            await ours.send_all(frames.encode(frames.Step(question, 1.0)))
        _, reader = await greeted(ours, "the server")
        [bye] = [frame async for frame in reader]
    assert isinstance(bye, Bye)
    assert "read them" in bye.reason


def test_a_snapshot_that_fails_ends_the_showing_and_not_the_world() -> None:
    class Blind(ToyWorld):
        def snapshot(self) -> Snapshot:
            raise ZeroDivisionError("a bug in a view")

    ours, theirs = socket.socketpair()
    world, abandoned = Blind(VirtualClock(), seconds=5), threading.Event()

    def show() -> None:
        with ControlServer(hello(), parent=theirs, abandoned=abandoned.set) as server:
            world.play(server)
            assert abandoned.wait(5)

    with ours, pytest.raises(ZeroDivisionError):
        show()
    assert world.entries[-1].event == PhaseBegan("the end")


@pytest.mark.trio
async def test_a_world_too_large_to_be_shown_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dairt.control.frames.SERVER_FRAME_MAX_BYTES", 200)
    async with watching(ToyWorld(VirtualClock(speed=0))) as client:
        [*_, bye] = [frame async for frame in client]
    assert isinstance(bye, Bye)
    assert "too large to be shown" in bye.reason


@pytest.mark.trio
async def test_a_world_that_ends_before_its_parent_is_greeted_still_says_goodbye() -> None:
    """Whatever order the server's thread takes its first callbacks in: the parent is a client before any of them."""
    for _ in range(30):
        ours, theirs = socket.socketpair()
        with ControlServer(hello(), parent=theirs, abandoned=lambda: None) as server:
            await trio.to_thread.run_sync(server.finish, Bye(0, "over"))
        async with trio.SocketStream(trio.socket.from_stdlib_socket(ours)) as stream:
            client = (await greeted(stream, "the server"))[1]
            assert [frame async for frame in client][-1:] == [Bye(0, "over")]


@pytest.mark.parametrize("address", ["0.0.0.0:0", "192.0.2.1:5001"])
def test_it_listens_on_loopback_only(address: str) -> None:
    with pytest.raises(UsageError, match="loopback"):
        ControlServer(hello(), listen=Address.parse(address))


def test_an_address_that_is_taken_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError, match="--listen"):
        ControlServer(hello(), listen=Address("127.0.0.1", taken.getsockname()[1]))


@pytest.mark.trio
async def test_nobody_there_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = Address("127.0.0.1", gone.getsockname()[1])
    with pytest.raises(PeerUnreachable, match="nothing serves a world"):
        async with connect(address):
            pass


def steer_at_random(stream: socket.socket, stop: threading.Event) -> None:
    """Pause, step and speed a world up as a restless person would, reading nothing."""
    question = 0
    with stream:
        while not stop.wait(0.003):
            question += 1
            frame = (frames.SetSpeed(question, 0.0), frames.Step(question, 0.05), frames.SetSpeed(question, 50.0))[question % 3]
            stream.sendall(frames.encode(frame))


def test_watched_paused_and_stepped_a_simulation_takes_the_same_steps() -> None:
    def play(steered: bool) -> list[Entry]:
        world = ToyWorld(VirtualClock(), seconds=8)
        if not steered:
            with seeded(5):
                world.play(None)
            return world.entries
        ours, theirs = socket.socketpair()
        stop = threading.Event()
        hands = threading.Thread(target=steer_at_random, args=(ours, stop))
        with seeded(5), ControlServer(hello(), parent=theirs) as server:
            hands.start()
            world.play(server)
            stop.set()
            hands.join()
        return world.entries

    assert play(steered=True) == play(steered=False)
