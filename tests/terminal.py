"""A real terminal for tests: a program on a pty, its screen kept by pyte. Waits for what appears, never for a while."""

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyte

ALTERNATE_ON, ALTERNATE_OFF = b"\x1b[?1049h", b"\x1b[?1049l"
CURSOR_ON = b"\x1b[?25h"


class Terminal:
    """One program on one pty; a context manager, which kills what is left of it."""

    def __init__(
        self, argv: Sequence[str], *, columns: int = 100, lines: int = 30, env: Mapping[str, str] | None = None
    ) -> None:
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = subprocess.Popen(
            argv,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that closing our end hangs it up
            env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(env or {})},
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.hang_up()

    def hang_up(self) -> None:
        """Close the terminal, as a dropped connection does."""
        if self._ours >= 0:
            os.close(self._ours)
            self._ours = -1

    @property
    def text(self) -> str:
        """What a person sees."""
        return "\n".join(line.rstrip() for line in self._screen.display)

    def press(self, keys: str) -> None:
        """Type these characters."""
        os.write(self._ours, keys.encode())

    def wait_for(self, *wanted: str, within_s: float = 20.0) -> str:
        """The screen once all the `wanted` texts are on it."""
        self._until(lambda: all(piece in self.text for piece in wanted), f"{wanted} to appear", within_s)
        return self.text

    def wait_gone(self, unwanted: str, within_s: float = 20.0) -> None:
        """Return once the text is no longer there."""
        self._until(lambda: unwanted not in self.text, f"{unwanted!r} to go", within_s)

    def exit_code(self, within_s: float = 10.0) -> int:
        """Take in all there is to the end, and the exit code."""
        deadline = time.monotonic() + within_s
        while self._take(deadline - time.monotonic()):
            assert time.monotonic() < deadline, f"it did not end within {within_s} s:\n{self.text}"
        return self.process.wait(max(deadline - time.monotonic(), 0.1))

    @property
    def left_clean(self) -> bool:
        """True when the program left the alternate screen and put the cursor back."""
        return self.raw.rfind(ALTERNATE_OFF) > self.raw.rfind(ALTERNATE_ON) and self.raw.rfind(CURSOR_ON) > 0

    @property
    def after(self) -> str:
        """What was printed once the alternate screen was left."""
        return self.raw.rpartition(ALTERNATE_OFF)[2].decode(errors="replace")

    def children(self) -> list[int]:
        """The processes the program has started and not yet collected."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def _until(self, met: Callable[[], bool], what: str, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while not met():
            more = self._take(deadline - time.monotonic())
            assert more or met(), f"the program ended while waiting for {what}:\n{self.text}\n{self.after}"
            assert time.monotonic() < deadline, f"waited {within_s} s for {what}:\n{self.text}"

    def _take(self, within_s: float) -> bool:
        """Feed the screen what has come; False when no more ever will."""
        readable, _, _ = select.select([self._ours], [], [], max(within_s, 0))
        if not readable:
            return True
        data = b""
        with contextlib.suppress(OSError):  # Linux says EIO when the last process has closed the other end
            data = os.read(self._ours, 1 << 16)
        self.raw += data
        self._stream.feed(data)
        return bool(data)


def is_gone(pid: int) -> bool:
    """True when no process of that number runs any more (one nobody has collected yet does not run)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
