"""The frames of one direction of a connection, as somebody in between sees them pass, and may meddle with them.

All that is known of the protocol is that a frame begins with its length: eight bytes, big-endian, not counting themselves.
After a frame without a byte, or one longer than any memory, nothing is taken for a frame any more.
"""

import math
from collections.abc import Callable
from enum import Enum

from dairt.worlds.faults import LENGTH_BYTES, Allowance
from dairt.worlds.verdicts import Fate

LENGTH_END = 2**48


class End(Enum):
    """How a direction ends: as when its sender closes, or with a reset."""

    CLOSE = "close"
    RESET = "reset"


Piece = memoryview | End


class FrameStream:
    """Follows the frames that go by. `fate_of` is asked, with its size, what becomes of each; `stale` is said before one."""

    def __init__(self, fate_of: Callable[[int], Fate | None], stale: Callable[[], bytes]) -> None:
        self._fate_of = fate_of
        self._stale = stale
        self._length = b""  # what has passed of the length of a frame that is beginning
        self._left = 0.0  # bytes of the frame that are still to come; infinity once these are no frames
        self._passed = 0  # of the frame, its length included; counted while it has a fate
        self._fate: Fate | None = None
        self._copy = bytearray()

    @property
    def meddles(self) -> bool:
        """Whether a frame is under way that has its fate: bytes must come through here until it has passed."""
        return self._fate is not None

    def watch(self, data: memoryview) -> None:
        """Bytes go by, untouched."""
        at, end = 0, len(data)
        while at < end:
            if self._left:
                step = int(min(self._left, end - at))
                self._left -= step
            else:
                step = min(LENGTH_BYTES - len(self._length), end - at)
                self._take_length(data[at : at + step])
            at += step

    def meddle(self, data: memoryview) -> list[Piece]:
        """Bytes go by; return what comes out in their place. After an End nothing more goes by."""
        out: list[Piece] = []
        at, end = 0, len(data)
        while at < end:
            if self._left:
                step = int(min(self._left, end - at))
                self._left -= step
                out += self._body(data[at : at + step])
                if out[-1] is End.CLOSE:
                    return out
                if not self._left:
                    out += self._finish()
            else:
                if not self._length and (stale := self._stale()):
                    out.append(memoryview(stale))
                step = min(LENGTH_BYTES - len(self._length), end - at)
                out.append(data[at : at + step])
                self._begin(data[at : at + step])
            at += step
        return out

    def _take_length(self, data: memoryview) -> bytes:
        """Read on in the length of a frame; return it once it is whole, else b""."""
        self._length += data
        if len(self._length) < LENGTH_BYTES:
            return b""
        length, self._length = self._length, b""
        nbytes = int.from_bytes(length, "big")
        self._left = nbytes if 0 < nbytes < LENGTH_END else math.inf
        return length

    def _begin(self, data: memoryview) -> None:
        length = self._take_length(data)
        if length and self._left < LENGTH_END:
            self._fate = self._fate_of(LENGTH_BYTES + int(self._left))
            self._passed = LENGTH_BYTES
            self._copy = bytearray(length)

    def _body(self, piece: memoryview) -> list[Piece]:
        fate = self._fate
        if fate is None:
            return [piece]
        at = fate.at - self._passed
        self._passed += len(piece)
        if fate.kind in ("duplicate", "keep"):
            self._copy += piece
        elif 0 <= at < len(piece):
            if fate.kind == "truncate":
                return [piece[:at], End.CLOSE]
            changed = bytearray(piece)
            changed[at] ^= 1 << fate.bit
            return [memoryview(changed)]
        return [piece]

    def _finish(self) -> list[Piece]:
        """A frame has passed."""
        fate, self._fate = self._fate, None
        copy, self._copy = bytes(self._copy), bytearray()
        if fate is not None and fate.kind == "keep":
            fate.keep(copy)
        return [memoryview(copy)] if fate is not None and fate.kind == "duplicate" else []


def allowed(pieces: list[Piece], allowance: Allowance) -> list[Piece]:
    """The pieces that an allowance lets pass, and a reset after its last byte."""
    passed: list[Piece] = []
    for piece in pieces:
        passed.append(piece if isinstance(piece, End) else piece[: allowance.take(len(piece))])
        if not allowance.left:
            return [*passed, End.RESET]
    return passed
