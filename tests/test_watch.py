"""A close look at one node: its configuration and its tasks, for those who watch it, and the world does not notice."""

import math
import socket
import threading

import pytest
import trio
import trio.testing

from dairt.control import frames
from dairt.control.client import ControlClient, connect
from dairt.control.frames import NAME_MAX_CHARS, WATCHED_MAX, Bye, Hello, Latest, Watch
from dairt.control.server import ControlServer
from dairt.errors import RemoteProtocolError
from dairt.model.scenario import Scenario
from dairt.model.views import NodeDetail
from dairt.rehearsal import gallery
from dairt.rehearsal.play import play
from dairt.rehearsal.stage import Setting, open_stage
from dairt.rehearsal.task_tree import TASKS_MAX, task_tree
from dairt.worlds.sim.clock import VirtualClock
from test_control import LOOPBACK, hello, until_answer, watching
from toy_world import ToyWorld


async def until_details(client: ControlClient, names: tuple[str, ...]) -> tuple[NodeDetail, ...]:
    """The details of the first snapshot that has those of just these nodes."""
    async for frame in client:
        if isinstance(frame, Latest) and tuple(detail.name for detail in frame.details) == names:
            return frame.details
    raise AssertionError("the stream ended")


@pytest.mark.trio
async def test_who_watches_a_node_sees_its_tasks_even_while_time_stands_still() -> None:
    async with watching(ToyWorld(VirtualClock(speed=0)), "view") as client:
        await until_details(client, ())
        await until_answer(client, await client.watch("n0", "nobody"), "done")
        [detail] = await until_details(client, ("n0",))
        assert (detail.config, detail.tasks[0].name, detail.tasks_total) == ((("queue_max", "64"),), "wander", 1)
        await client.watch()
        await until_details(client, ())


@pytest.mark.trio
async def test_a_node_is_watched_no_longer_than_its_watcher_stays() -> None:
    world = ToyWorld(VirtualClock())
    with ControlServer(hello(), listen=LOOPBACK) as server, trio.fail_after(10):
        async with trio.open_nursery() as nursery, connect(server.address) as (_, stays):
            nursery.start_soon(trio.to_thread.run_sync, world.play, server)
            async with connect(server.address) as (_, leaves):
                await until_answer(leaves, await leaves.watch("n0"), "done")
                await until_details(stays, ("n0",))
            await until_details(stays, ())
            world.stop()


@pytest.mark.parametrize("names", [("n",) * (WATCHED_MAX + 1), ("n" * (NAME_MAX_CHARS + 1),)])
def test_nobody_can_watch_more_than_a_screen_shows(names: tuple[str, ...]) -> None:
    with pytest.raises(RemoteProtocolError, match="malformed"):
        frames.from_client().feed(frames.encode(Watch(1, names)))


def test_a_simulation_that_is_watched_closely_takes_the_same_steps() -> None:
    story = gallery.load("kill_socket")
    ours, theirs = socket.socketpair()
    details = threading.Event()

    def look_on() -> None:
        ours.sendall(frames.encode(Watch(1, story.nodes[:WATCHED_MAX])))
        decoder = frames.from_server()
        while data := ours.recv(65536):
            for frame in decoder.feed(data):
                if isinstance(frame, Latest) and any(detail.tasks for detail in frame.details):
                    details.set()

    onlooker = threading.Thread(target=look_on)
    with ours:
        with ControlServer(Hello("sim", "kill_socket", 3, "view"), parent=theirs) as server:
            onlooker.start()
            watched = play(story, world="sim", seed=3, speed=math.inf, onlooker=server)
            server.finish(Bye(0, "over"))
        onlooker.join()
    assert details.is_set()
    assert watched.digest == play(story, world="sim", seed=3, speed=math.inf).digest


# -- the tree ------------------------------------------------------------------------------------------------------------


async def wait_for(event: trio.Event) -> None:
    await event.wait()


@pytest.mark.trio
async def test_the_tree_names_every_task_and_where_it_waits_the_same_every_time() -> None:
    async with trio.open_nursery() as nursery:
        for name in ("b", "a"):
            nursery.start_soon(wait_for, trio.Event(), name=name)
        nursery.start_soon(trio.sleep_forever, name=object())
        await trio.testing.wait_all_tasks_blocked()
        tasks, total = task_tree(trio.lowlevel.current_task())
        assert tasks == task_tree(trio.lowlevel.current_task())[0]
        nursery.cancel_scope.cancel()
    assert [task.depth for task in tasks] == [0, 1, 1, 1]
    assert total == 4
    assert [task.name for task in tasks[1:]] == ["<object object>", "a", "b"]
    assert tasks[2].place.startswith("wait_for (test_watch:")
    assert tasks[2].waits_for == "Event.wait"


@pytest.mark.trio
async def test_of_very_many_tasks_some_are_described_and_all_are_counted() -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(TASKS_MAX + 10):
            nursery.start_soon(trio.sleep_forever)
        await trio.testing.wait_all_tasks_blocked()
        tasks, total = task_tree(trio.lowlevel.current_task())
        nursery.cancel_scope.cancel()
    assert (len(tasks), total) == (TASKS_MAX, TASKS_MAX + 11)


@pytest.mark.trio
async def test_a_node_of_this_process_shows_its_workers_and_its_settings_and_one_that_is_down_says_so() -> None:
    async with open_stage(Setting(Scenario("close", ("n0", "n1")), "tcp", 0)) as stage:
        await stage.cluster.start("n0")
        up, down = stage.detail("n0"), stage.detail("n1")
    assert {"compute-0", "io-1", "runtime.pulse.Pulse.run"} <= {task.name for task in up.tasks}
    assert up.tasks_total == len(up.tasks)
    assert dict(up.config)["members"] == "2"
    assert "limits.op_s" in dict(up.config)
    assert (down.tasks, down.hidden) == ((), "n1 is down: it has no tasks")


@pytest.mark.trio
async def test_a_node_in_a_process_of_its_own_says_where_its_tasks_are() -> None:
    async with open_stage(Setting(Scenario("apart", ("n0",)), "proc", 0)) as stage:
        await stage.cluster.start("n0")
        detail = stage.detail("n0")
    assert "the tasks of n0 are in process" in detail.hidden
    assert dict(detail.config)["name"] == "n0"
