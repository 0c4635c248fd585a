"""What is told of graphs and of what tensors hold, to those who watch; and the world does not notice."""

import contextlib
import math
import socket
import threading

import pytest
import trio

from dairt.control import frames
from dairt.control.client import ControlClient, connect
from dairt.control.frames import Bye, Graphs, Hello, Latest, Peek, Peeked, ServerFrame
from dairt.control.peeks import WAITING_MAX
from dairt.control.server import ControlServer
from dairt.errors import UsageError
from dairt.model.views import GraphView
from dairt.rehearsal import gallery
from dairt.rehearsal.play import play
from dairt.rehearsal.stage import Setting, open_stage
from dairt.worlds.sim.clock import VirtualClock
from test_control import LOOPBACK, hello, until_latest, watching
from toy_world import ToyWorld


async def until_peeked(client: ControlClient, question: int) -> Peeked:
    async for frame in client:
        if isinstance(frame, Peeked) and frame.id == question:
            return frame
    raise AssertionError("the stream ended")


@pytest.mark.trio
async def test_a_look_into_a_tensor_is_answered_with_what_is_in_it() -> None:
    async with watching(ToyWorld(VirtualClock(speed=0)), role="view") as client:
        await until_latest(client)
        peeked = await until_peeked(client, await client.peek("n0", "w"))
        assert peeked.tensor is not None
        assert (peeked.node, peeked.key, peeked.reason) == ("n0", "w", "")
        assert (peeked.tensor.shape, peeked.tensor.nans, peeked.tensor.most) == ((2, 2), 1, 3.0)
        peeked = await until_peeked(client, await client.peek("n0", "nosuch"))
        assert (peeked.tensor, peeked.reason) == (None, "n0 holds no 'nosuch'")


@pytest.mark.trio
async def test_more_looks_than_can_wait_are_refused_and_each_question_has_its_answer() -> None:
    async with watching(ToyWorld(VirtualClock(speed=0))) as client:
        await until_latest(client)
        questions = [await client.peek("n0", "w") for _ in range(3 * WAITING_MAX)]
        answers: list[Peeked] = []
        async for frame in client:
            if isinstance(frame, Peeked):
                answers.append(frame)
            if len(answers) == len(questions):
                break
        assert sorted(answer.id for answer in answers) == questions
        assert all(answer.tensor is not None or "already wait" in answer.reason for answer in answers)


@pytest.mark.trio
async def test_the_shape_of_a_graph_is_told_once() -> None:
    world = ToyWorld(VirtualClock(speed=0))
    first, second = (GraphView(digest, digest, (), (), ()) for digest in ("d1", "d2"))
    world.graphs = {"d1": first}
    async with watching(world) as client:
        _, before = await until_latest(client)
        assert Graphs((first,)) in before
        world.graphs = {"d1": first, "d2": second}
        await client.set_speed(0)  # which hurries the next look
        async for frame in client:
            if isinstance(frame, Graphs):
                assert frame == Graphs((second,))
                break


@pytest.mark.trio
async def test_a_look_into_a_tensor_of_a_world_that_is_not_there_yet_is_refused() -> None:
    with ControlServer(hello(), listen=LOOPBACK) as server:
        async with connect(server.address) as (_, client):
            peeked = await until_peeked(client, await client.peek("n0", "w"))
    assert "still starting" in peeked.reason


@pytest.mark.trio
async def test_who_comes_late_is_told_the_shapes_too() -> None:
    world = ToyWorld(VirtualClock())
    world.graphs = {"d1": GraphView("d1", "g", (), (), ())}
    with ControlServer(hello(), listen=LOOPBACK) as server, trio.fail_after(10):
        async with trio.open_nursery() as nursery, connect(server.address) as (_, early):
            nursery.start_soon(trio.to_thread.run_sync, world.play, server)
            await until_latest(early)
            async with connect(server.address) as (_, late):
                _, before = await until_latest(late)
            assert Graphs((world.graphs["d1"],)) in before
            world.stop()


class Curious:
    """Looks into every tensor that a world shows, and keeps what it is told."""

    def __init__(self, end: socket.socket) -> None:
        self.peeked: list[Peeked] = []
        self.graphs: list[GraphView] = []
        self.unknown: list[str] = []  # runs of graphs whose shape was not told before
        self._end = end

    def look_on(self) -> None:
        """Until the world is over; questions it has not read then make it hang up on us."""
        with contextlib.suppress(OSError):
            decoder = frames.from_server()
            while data := self._end.recv(65536):
                for frame in decoder.feed(data):
                    self._see(frame)

    def _see(self, frame: ServerFrame) -> None:
        match frame:
            case Peeked():
                self.peeked.append(frame)
            case Graphs(graphs):
                self.graphs += graphs
            case Latest(snapshot):
                known = {graph.digest for graph in self.graphs}
                self.unknown += [run.run for run in snapshot.runs if run.graph_digest not in known]
                self._ask([(node.name, item.key) for node in snapshot.nodes for item in node.checkpoints])

    def _ask(self, tensors: list[tuple[str, str]]) -> None:
        for node, key in tensors[:2]:
            self._end.sendall(frames.encode(Peek(1, node, key)))


def test_a_simulation_whose_tensors_are_looked_into_takes_the_same_steps() -> None:
    story = gallery.load("kill_socket")
    ours, theirs = socket.socketpair()
    curious = Curious(ours)
    onlooker = threading.Thread(target=curious.look_on)
    with ours:
        with ControlServer(Hello("sim", "kill_socket", 3, "view"), parent=theirs) as server:
            onlooker.start()
            watched = play(story, world="sim", seed=3, speed=math.inf, onlooker=server)
            server.finish(Bye(0, "over"))
        onlooker.join()
    assert any(frame.tensor is not None for frame in curious.peeked)
    assert watched.digest == play(story, world="sim", seed=3, speed=math.inf).digest


def test_no_run_is_shown_before_the_shape_of_its_graph_and_no_shape_twice() -> None:
    story = gallery.load("lost_results")
    ours, theirs = socket.socketpair()
    curious = Curious(ours)
    onlooker = threading.Thread(target=curious.look_on)
    with ours:
        with ControlServer(Hello("sim", "lost_results", 3, "view"), parent=theirs) as server:
            onlooker.start()
            play(story, world="sim", seed=3, speed=20.0, onlooker=server)
            server.finish(Bye(0, "over"))
        onlooker.join()
    digests = [graph.digest for graph in curious.graphs]
    assert digests
    assert len(digests) == len(set(digests))
    assert curious.unknown == []


@pytest.mark.trio
async def test_a_tensor_in_a_process_of_its_own_is_said_not_to_be_looked_into() -> None:
    async with open_stage(Setting(gallery.load("kill_socket"), "proc", 0)) as stage:
        name = stage.cluster.names[0]
        await stage.cluster.start(name)
        with pytest.raises(UsageError, match="in the process of"):
            stage.look_into(name, "w")
