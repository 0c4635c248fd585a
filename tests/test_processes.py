"""Child processes are heard, signalled and reaped, and never left behind."""

import os
import signal
import sys
from functools import partial
from pathlib import Path

import pytest
import trio

from dairt.worlds.processes import LINES_MAX, Child, ChildFailed, run_child

DEADLINE_S = 30.0
PREAMBLE = "import signal, sys\ndef say(line): print(line, file=sys.stderr, flush=True)\n"
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nsay('up')\nwhile True: signal.pause()"
LEASHED = "say('up')\nsys.stdin.read()\nsay('the leash is gone')"


def python(program: str) -> list[str]:
    return [sys.executable, "-c", PREAMBLE + program]


def is_gone(pid: int) -> bool:
    """Say whether there is no process of that number, not even a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.trio
async def test_a_cancelled_child_is_killed_and_reaped() -> None:
    with trio.fail_after(DEADLINE_S):
        async with trio.open_nursery() as nursery:
            child: Child = await nursery.start(run_child, python(STUBBORN), "up")
            assert not is_gone(child.pid)
            nursery.cancel_scope.cancel()
    assert child.returncode == -signal.SIGKILL
    assert is_gone(child.pid)


@pytest.mark.trio
async def test_a_signal_reaches_the_child_and_its_end_is_told() -> None:
    with trio.fail_after(DEADLINE_S):
        async with trio.open_nursery() as nursery:
            child: Child = await nursery.start(run_child, python("say('up')\nsignal.pause()"), "up")
            child.signal(signal.SIGTERM)
            assert await child.wait() == -signal.SIGTERM
    child.signal(signal.SIGTERM)  # to one that has ended: harmless


@pytest.mark.trio
async def test_a_child_that_ends_before_it_is_up_says_why() -> None:
    with trio.fail_after(DEADLINE_S), pytest.RaisesGroup(pytest.RaisesExc(ChildFailed, match=r"with 3 .*: the disk is full")):
        async with trio.open_nursery() as nursery:
            await nursery.start(run_child, python("say('the disk is full')\nsys.exit(3)"), "up")


@pytest.mark.trio
async def test_a_child_that_writes_much_is_never_blocked_and_only_its_last_lines_are_kept() -> None:
    heard: list[str] = []
    program = "say('up')\nfor n in range(5000): say(f'line {n} ' + 'x' * 100)\nsay('y' * 1_000_000)\nsay('end')"
    with trio.fail_after(DEADLINE_S):
        async with trio.open_nursery() as nursery:
            child: Child = await nursery.start(partial(run_child, python(program), "up", on_line=heard.append))
            assert await child.wait() == 0
    assert len(heard) == 5003
    assert len(child.lines) == LINES_MAX
    assert child.lines[-1] == "end"
    assert max(map(len, heard)) < 5000


@pytest.mark.trio
async def test_a_leashed_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    life = tmp_path / "life"  # a pipe that ends when the child does
    os.mkfifo(life)
    end = trio.lowlevel.FdStream(os.open(life, os.O_RDONLY | os.O_NONBLOCK))
    child = python(f"life = open({str(life)!r}, 'w')\n{LEASHED}")
    parent = f"""
import trio
from dairt.worlds.processes import run_child
async def main():
    async with trio.open_nursery() as nursery:
        await nursery.start(run_child, {child!r}, "up")
        say("up")
        await trio.sleep_forever()
trio.run(main)
"""
    with trio.fail_after(DEADLINE_S):
        async with end, trio.open_nursery() as nursery:
            process: Child = await nursery.start(run_child, python(parent), "up")
            process.signal(signal.SIGKILL)
            assert await end.receive_some() == b""
