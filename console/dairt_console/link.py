"""The link to a cluster in a process of its own: `dairt serve` at the other end of a socket pair.

The process is given a session of its own, so that the terminal's signals reach the console only, and it ends by itself when
its end of the pair reports the end of the stream: whatever becomes of the console, no cluster is left behind.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Protocol

from dairt.control.frames import ClientFrame, ServerFrame, encode, from_server
from dairt.errors import RemoteProtocolError
from dairt_console.reducer import LinkChanged

READ_BYTES = 256 * 1024
LAST_WORDS_BYTES = 4096  # of the child's stderr, to find its last line in
END_S = 0.5  # a cluster gets so long to drain once its console is gone
TERM_S = 0.2  # and so long more once asked by a signal
EXIT_S = 2.0  # after the end of its stream a child is about to exit; past that it hangs

Deliver = Callable[[ServerFrame | LinkChanged], None]


class Link(Protocol):
    """Where frames come from and go to."""

    @property
    def last_line(self) -> str:
        """The last words of what is at the other end."""

    async def open(self) -> None:
        """Begin; what comes is passed on by `run`."""

    async def run(self, deliver: Deliver) -> None:
        """Pass every frame on as it comes, until there are no more."""

    def send(self, frame: ClientFrame) -> None:
        """Send a frame, or drop it when there is nobody to take it."""

    async def close(self) -> None:
        """End it, and leave nothing behind."""


def serve_command(arguments: Sequence[str], fd: int) -> list[str]:
    """The command line of the child."""
    return [sys.executable, "-m", "dairt", "serve", *arguments, "--control-fd", str(fd)]


class ChildLink:
    """One child and the stream to it: `open`, then `run` until the end, then `close`, whatever happened between."""

    def __init__(self, arguments: Sequence[str], command: Callable[[Sequence[str], int], list[str]] = serve_command) -> None:
        self._arguments = arguments
        self._command = command
        self._process: asyncio.subprocess.Process
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._last_words = b""

    async def open(self) -> None:
        """Start the child. Returns at once: what it says comes through `run`."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(self._arguments, theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        self._reader, self._writer = await asyncio.open_connection(sock=ours)

    async def run(self, deliver: Deliver) -> None:
        """Pass every frame on as it comes, and at the end say how the child ended."""
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(self._keep_last_words())
            reason = await self._read(deliver)
            deliver(await self._ending(reason))
            listening.cancel()

    def send(self, frame: ClientFrame) -> None:
        """Queue a frame; one for a child that is gone is dropped, as the view already says that it is gone."""
        if not self._writer.is_closing():
            self._writer.write(encode(frame))

    async def close(self) -> None:
        """End the child: by the end of its stream, else by SIGTERM, else with its whole session by SIGKILL."""
        self._writer.close()
        for patience_s, stronger in ((END_S, signal.SIGTERM), (TERM_S, signal.SIGKILL)):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), patience_s)
                return
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, stronger)
        await self._process.wait()

    @property
    def last_line(self) -> str:
        """The last line the child wrote to its stderr."""
        lines = self._last_words.decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else ""

    async def _read(self, deliver: Deliver) -> str:
        """Deliver frames until there are no more; says why, or "" for a plain end of the stream."""
        decoder = from_server()
        try:
            while data := await self._reader.read(READ_BYTES):
                for frame in decoder.feed(data):
                    deliver(frame)
        except RemoteProtocolError as exc:
            return str(exc)
        except ConnectionError:
            return ""  # a killed child resets the stream instead of ending it
        return ""

    async def _ending(self, reason: str) -> LinkChanged:
        if reason:
            return LinkChanged("lost", reason)
        try:
            code = await asyncio.wait_for(self._process.wait(), EXIT_S)
        except TimeoutError:
            return LinkChanged("lost", "the cluster process closed its control stream and does not exit")
        await asyncio.sleep(0)  # its last words are in the pipe by now: let them be read
        words = f": {self.last_line}" if self.last_line else ""
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return LinkChanged("lost", f"the cluster process {how}{words}", code)

    async def _keep_last_words(self) -> None:
        assert self._process.stderr is not None
        while data := await self._process.stderr.read(LAST_WORDS_BYTES):
            self._last_words = (self._last_words + data)[-LAST_WORDS_BYTES:]
