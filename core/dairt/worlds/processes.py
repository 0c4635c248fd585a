"""One OS process a node: start it, signal it, hear its last words, and never leave it behind.

The child's standard input is a pipe that we hold: its leash. When we are gone, however that came, the pipe ends, and a
child that watches it ends too; this needs no supervisor and no call of one operating system.
"""

import signal
from collections import deque
from collections.abc import Callable, Sequence
from subprocess import DEVNULL, PIPE

import trio

LINES_MAX = 50  # of stderr, kept to say why a child ended
LINE_MAX_BYTES = 4096  # what is kept of one line


class ChildFailed(OSError):
    """A child process ended before it was up."""


class Child:
    """One process; `run_child` makes it, and has reaped it when it returns."""

    def __init__(self, process: trio.Process) -> None:
        self.pid = process.pid
        self._process = process
        self._lines: deque[str] = deque(maxlen=LINES_MAX)

    @property
    def returncode(self) -> int | None:
        """None while it runs; the negative number of the signal that ended it."""
        return self._process.returncode

    @property
    def lines(self) -> tuple[str, ...]:
        """The last lines it wrote to stderr."""
        return tuple(self._lines)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; harmless when the process has ended."""
        self._process.send_signal(number)

    async def wait(self) -> int:
        """Wait for the end and return how it came."""
        return await self._process.wait()

    async def _brief(self, first_words: bytes) -> None:
        assert self._process.stdin is not None, "started with a pipe"
        try:
            await self._process.stdin.send_all(first_words)
        except trio.BrokenResourceError:
            return  # it has ended, and its end will say why

    async def _listen(self, on_line: Callable[[str], None]) -> None:
        """Read stderr until it closes, so that the child never blocks on a full pipe."""
        assert self._process.stderr is not None, "started with a pipe"
        rest = b""
        async for data in self._process.stderr:
            *lines, rest = (rest + data).split(b"\n")
            rest = rest[:LINE_MAX_BYTES]
            for line in lines:
                text = line[:LINE_MAX_BYTES].decode(errors="replace")
                self._lines.append(text)
                on_line(text)


async def run_child(
    command: Sequence[str],
    ready: str,
    *,
    first_words: bytes = b"",
    stdout: int = DEVNULL,
    on_line: Callable[[str], None] = lambda line: None,
    task_status: trio.TaskStatus[Child] = trio.TASK_STATUS_IGNORED,
) -> int:
    """Run a process to its end and return its exit code; it has started when it writes a line that begins with `ready`.

    The line is one of stderr. `first_words` go to its standard input, which then stays open. When cancelled, the process
    is killed; it is reaped in any case. Raises ChildFailed when it ends before it is ready.
    """
    process = await trio.lowlevel.open_process(command, stdin=PIPE, stdout=stdout, stderr=PIPE, start_new_session=True)
    child = Child(process)
    is_ready = False

    def hear(line: str) -> None:
        nonlocal is_ready
        if not is_ready and line.startswith(ready):
            is_ready = True
            task_status.started(child)
        on_line(line)

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child._listen, hear)
            nursery.start_soon(child._brief, first_words)
            await process.wait()
    finally:
        with trio.CancelScope(shield=True):
            await _reap(process)
    if not is_ready:
        last = child.lines[-1] if child.lines else "it said nothing"
        raise ChildFailed(f"the process ended with {process.returncode} before it was up: {last}")
    return await process.wait()


async def _reap(process: trio.Process) -> None:
    process.kill()  # harmless when it has ended
    await process.wait()
    for pipe in (process.stdin, process.stderr):
        if pipe is not None:
            await pipe.aclose()
