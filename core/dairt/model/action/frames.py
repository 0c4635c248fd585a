"""Trouble with single frames on their way, as a bad card, or something in between that meddles, makes it.

A frame is a length of eight bytes and what follows. Each of these waits for the next frame that begins on its link, in either
of the link's directions, and befalls `frames` of them, one trouble a frame; healing it first means never. A frame longer than
`FRAME_MAX_BYTES` cannot be kept, and so is not said twice.
"""

from typing import ClassVar

import msgspec

from dairt.model.action.base import Link

FRAME_MAX_BYTES = 16 * 2**20  # what is kept of a frame to say it twice


class CorruptFrame(msgspec.Struct, frozen=True, tag="frame.corrupt"):
    """Flip one drawn bit in each of the next frames, anywhere but in its length; what TCP's checksum overlooks."""

    link: Link
    frames: int = 1
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"flip a bit in the next {_count(self.frames)} {self.link}"


class TruncateFrame(msgspec.Struct, frozen=True, tag="frame.truncate"):
    """Let a drawn part of the next frame through, at least its length and not all of it, and then end the stream there.

    Its receiver finds the end of the stream inside a frame, its sender a reset.
    """

    link: Link
    frames: int = 1
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"end the stream inside the next {_count(self.frames)} {self.link}"


class DuplicateFrame(msgspec.Struct, frozen=True, tag="frame.duplicate"):
    """Deliver each of the next frames twice, one right after the other."""

    link: Link
    frames: int = 1
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"say the next {_count(self.frames)} {self.link} twice"


class ReplayFrame(msgspec.Struct, frozen=True, tag="frame.replay_stale"):
    """Keep a copy of the next frame, and once `after_s` seconds have gone by deliver it again, in front of another frame.

    That one goes the same way between the same two nodes, on whichever connection: the copy comes into a fresh exchange.
    """

    link: Link
    after_s: float = 1.0
    frames: int = 1
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"say the next {_count(self.frames)} {self.link} again {self.after_s:g} s later"


def _count(frames: int) -> str:
    return "frame" if frames == 1 else f"{frames} frames"
