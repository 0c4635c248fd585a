"""`dairt serve` as a process: it greets at once, shows its world, and whatever ends it leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import trio

from dairt.control.client import ControlClient, connect, greeted
from dairt.control.frames import Answer, Bye, Entries, Hello, Latest, ServerFrame
from dairt.model.action import KillNode
from dairt.model.address import Address
from dairt.model.events import FaultFired, NodeBooted
from dairt.model.views import Snapshot

DEADLINE_S = 20.0  # for a machine that is busy with other tests; what must be quick is asserted where it is
END_S = 1.0


@contextmanager
def serving(tmp_path: Path, *arguments: str, fds: tuple[int, ...] = ()) -> Iterator[subprocess.Popen[str]]:
    """The command, with a folder of its own for temporary files, which must be empty in the end."""
    command = [sys.executable, "-m", "dairt", "serve", *arguments]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=environment, pass_fds=fds, start_new_session=True
    ) as child:
        try:
            yield child
        finally:
            if child.poll() is None:
                child.kill()


def end(child: subprocess.Popen[str]) -> tuple[float, str]:
    """How long it took to end, and its last line on stderr."""
    began = time.perf_counter()
    _, errors = child.communicate(timeout=DEADLINE_S)
    return time.perf_counter() - began, errors.strip().splitlines()[-1]


def address_of(child: subprocess.Popen[str]) -> Address:
    assert child.stderr is not None
    line = child.stderr.readline()
    assert line.startswith("serving first_look at "), line
    return Address.parse(line.split()[-1])


@asynccontextmanager
async def first_look(tmp_path: Path, *arguments: str) -> AsyncIterator[tuple[subprocess.Popen[str], ControlClient]]:
    """A child with a client on its control fd, as the console has it."""
    ours, theirs = socket.socketpair()
    with (
        trio.fail_after(DEADLINE_S),
        serving(tmp_path, *arguments, "--control-fd", str(theirs.fileno()), fds=(theirs.fileno(),)) as child,
    ):
        theirs.close()
        async with trio.SocketStream(trio.socket.from_stdlib_socket(ours)) as stream:
            yield child, (await greeted(stream, "dairt serve", hello_s=DEADLINE_S))[1]


async def until(client: ControlClient, kind: type) -> list[ServerFrame]:
    """All frames up to the first whose entries hold an event of this kind."""
    seen = []
    async for frame in client:
        seen.append(frame)
        if isinstance(frame, Entries) and any(isinstance(entry.event, kind) for entry in frame.entries):
            return seen
    raise AssertionError(f"the stream ended without {kind.__name__}: {seen[-1:]}")


async def newest(client: ControlClient) -> Snapshot:
    async for frame in client:
        if isinstance(frame, Latest):
            return frame.snapshot
    raise AssertionError("the stream ended")


def left_behind(session: int, tmp_path: Path) -> list[str]:
    """Processes of that session that still run, and files it left."""
    return [*running(session), *(str(path) for path in tmp_path.rglob("*"))]


def running(session: int) -> list[str]:
    """The processes of a session, by their command line."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, ProcessLookupError):  # it ended while we looked
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
    return found


@pytest.mark.trio
@pytest.mark.parametrize("world", ["sim", "tcp"])
async def test_it_greets_shows_its_nodes_and_lets_an_operator_break_one(world: str, tmp_path: Path) -> None:
    async with first_look(tmp_path, "--world", world) as (child, client):
        await until(client, NodeBooted)
        snapshot = await newest(client)
        assert snapshot.world == world
        question = await client.act(KillNode(snapshot.nodes[0].name))
        seen = await until(client, FaultFired)
        states = [frame.state for frame in seen if isinstance(frame, Answer) and frame.id == question]
        assert states == ["armed", "taken"]
        child.terminate()


@pytest.mark.trio
@pytest.mark.parametrize(
    "arguments", [("--world", "sim"), ("--world", "sim", "--speed", "0"), ("--world", "tcp")], ids=" ".join
)
@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "the client leaves"])
async def test_however_it_is_stopped_it_ends_soon_and_leaves_nothing(
    how: str, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    async with first_look(tmp_path, *arguments) as (child, client):
        await (newest(client) if "0" in arguments else until(client, NodeBooted))
        if how == "the client leaves":
            await client.aclose()
        else:
            child.send_signal(signal.Signals[how])
        seconds, last_line = await trio.to_thread.run_sync(end, child)
    assert seconds < END_S
    assert child.returncode == 130
    assert last_line == f"first_look stopped: by {how if how == 'SIGINT' else 'SIGTERM'}"
    assert left_behind(child.pid, tmp_path) == []


@pytest.mark.trio
async def test_several_clients_watch_one_world_and_may_come_and_go(tmp_path: Path) -> None:
    with trio.fail_after(DEADLINE_S), serving(tmp_path, "--world", "sim", "--listen", "127.0.0.1:0") as child:
        address = await trio.to_thread.run_sync(address_of, child)
        async with connect(address) as (hello, first):
            assert hello == Hello("sim", "first_look", 0, "inject")
            await until(first, NodeBooted)
            async with connect(address) as (_, second):
                await until(second, NodeBooted)
            await newest(first)
            child.terminate()
            frames = [frame async for frame in first]
        seconds, _ = await trio.to_thread.run_sync(end, child)
    assert frames[-1] == Bye(130, "first_look stopped: by SIGTERM")
    assert seconds < END_S


@pytest.mark.trio
async def test_a_story_that_ends_says_its_verdict_and_exits_with_it(tmp_path: Path) -> None:
    with trio.fail_after(DEADLINE_S):
        ours, theirs = socket.socketpair()
        arguments = ("kill_socket", "--world", "sim", "--speed", "inf", "--control-fd", str(theirs.fileno()))
        with serving(tmp_path, *arguments, fds=(theirs.fileno(),)) as child:
            theirs.close()
            async with trio.SocketStream(trio.socket.from_stdlib_socket(ours)) as stream:
                frames = [frame async for frame in ControlClient(stream)]
            _, last_line = await trio.to_thread.run_sync(end, child)
    bye = frames[-1]
    assert isinstance(bye, Bye)
    assert (bye.exit, bye.reason) == (0, "kill_socket held")
    assert len(bye.digest) == 32
    assert (child.returncode, last_line) == (0, "kill_socket held")
    last = [frame.snapshot for frame in frames if isinstance(frame, Latest)][-1]
    assert {promise.state for promise in last.promises} == {"holds"}


@pytest.mark.trio
async def test_what_the_user_did_wrong_is_said_on_both_streams(tmp_path: Path) -> None:
    with trio.fail_after(DEADLINE_S):
        ours, theirs = socket.socketpair()
        with serving(tmp_path, "frist_look", "--control-fd", str(theirs.fileno()), fds=(theirs.fileno(),)) as child:
            theirs.close()
            async with trio.SocketStream(trio.socket.from_stdlib_socket(ours)) as stream:
                [hello, bye] = [frame async for frame in ControlClient(stream)]
            _, last_line = await trio.to_thread.run_sync(end, child)
    assert isinstance(hello, Hello)
    assert isinstance(bye, Bye)
    assert bye.exit == child.returncode == 2
    assert last_line == f"dairt: {bye.reason}"
    assert "frist_look" in bye.reason


@pytest.mark.parametrize(
    "arguments, words",
    [
        ((), "--listen"),
        (("--listen", "127.0.0.1:0", "--control-fd", "0"), "one of"),
        (("--listen", "here"), "HOST:PORT"),
        (("--listen", "0.0.0.0:0"), "loopback"),
        (("--control-fd", "77"), "--control-fd 77"),
        (("--listen", "127.0.0.1:0", "--speed", "2"), "time is real"),
        (("--listen", "127.0.0.1:0", "--world", "sim", "--speed", "-1"), "0 (paused) or more"),
        (("--listen", "127.0.0.1:0", "--world", "moon"), "moon"),
        (("--listen", "127.0.0.1:0", "--seed", str(2**70)), "63 bits"),
    ],
    ids=" ".join,
)
def test_bad_arguments_are_one_sentence_each(arguments: tuple[str, ...], words: str, capfd: pytest.CaptureFixture[str]) -> None:
    from dairt.__main__ import run

    before = signal.getsignal(signal.SIGTERM)
    try:
        assert run(["serve", *arguments]) == 2
    finally:
        signal.signal(signal.SIGTERM, before)
    last_line = capfd.readouterr().err.strip().splitlines()[-1]
    assert last_line.startswith("dairt: ")
    assert words in last_line
