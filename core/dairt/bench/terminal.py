"""A program on a terminal of its own: keys in, what it writes out, and how long that took."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
from collections.abc import Sequence
from time import monotonic
from types import TracebackType
from typing import Self

from dairt.errors import DairtError

ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[^\[])")
ALTERNATE_OFF, CURSOR_ON = b"\x1b[?1049l", b"\x1b[?25h"
KEPT_BYTES = 512 * 1024  # a redraw of a large screen, many times over
END_S = 3.0  # a program gets so long to end once asked to


class Terminal:
    """One program on one pseudo-terminal; a context manager, which ends what is left of it.

    What was written since `forget` is known as plain text, without where on the screen it stood.
    """

    def __init__(self, argv: Sequence[str], *, columns: int = 140, lines: int = 40) -> None:
        self._said = b""
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.began = monotonic()
        self.process = subprocess.Popen(
            argv,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            # Whatever becomes of us, the terminal is then hung up, and the program ends.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.send_signal(signal.SIGCONT)  # one that stands still would not hear it
            deadline = monotonic() + END_S
            while self.process.poll() is None and monotonic() < deadline:
                self._take(0.05)
            self.process.kill()
        self.process.wait()
        os.close(self._ours)

    @property
    def text(self) -> str:
        """What was written since `forget`, without escapes."""
        return ESCAPES.sub(b"", self._said).decode(errors="replace")

    @property
    def restored(self) -> bool:
        """True when since `forget` the alternate screen was left and the cursor put back."""
        return ALTERNATE_OFF in self._said and CURSOR_ON in self._said

    def forget(self) -> None:
        """From here on only what is written anew counts."""
        self._said = b""

    def press(self, keys: str) -> None:
        """Type these characters."""
        os.write(self._ours, keys.encode())

    def wait_for(self, wanted: str, within_s: float = 20.0) -> float:
        """When (on the monotonic clock) the text was written; raises DairtError when it is not."""
        deadline = monotonic() + within_s
        while wanted not in self.text:
            if not self._take(deadline - monotonic()):
                raise DairtError(f"the console ended and did not show {wanted!r}: {self._last_line}")
            if monotonic() >= deadline and wanted not in self.text:
                raise DairtError(f"the console did not show {wanted!r} within {within_s:g} s: {self._last_line}")
        return monotonic()

    def wait_end(self, within_s: float = 10.0) -> tuple[float, int]:
        """When the program had ended, and its exit code; raises DairtError when it does not."""
        deadline = monotonic() + within_s
        while self._take(deadline - monotonic()):
            if monotonic() >= deadline:
                raise DairtError(f"the console did not end within {within_s:g} s")
        code = self.process.wait(END_S)
        return monotonic(), code

    def rest(self, seconds: float) -> None:
        """Read on for a while, as a terminal that nobody types on does."""
        deadline = monotonic() + seconds
        while (left := deadline - monotonic()) > 0:
            if not self._take(left):
                raise DairtError(f"the console ended by itself: {self._last_line}")

    @property
    def _last_line(self) -> str:
        return next((line.strip() for line in reversed(self.text.splitlines()) if line.strip()), "it wrote nothing")

    def _take(self, within_s: float) -> bool:
        """Take in what has come; False when no more ever will."""
        readable, _, _ = select.select([self._ours], [], [], max(within_s, 0))
        if not readable:
            return True
        try:
            data = os.read(self._ours, 1 << 16)
        except OSError:  # Linux says EIO when the last process has closed the other end
            return False
        self._said = (self._said + data)[-KEPT_BYTES:]
        return bool(data)
