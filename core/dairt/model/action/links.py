"""Trouble with the way between nodes: for all connections on it, old and new. Both ends' addresses stay as they are."""

from typing import ClassVar

import msgspec

from dairt.model.action.base import Link


class CutLink(msgspec.Struct, frozen=True, tag="link.cut"):
    """Let nothing through: bytes are held, new connections hang, until healed."""

    link: Link
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"cut {self.link}"


class BlackholeLink(msgspec.Struct, frozen=True, tag="link.blackhole"):
    """Swallow whatever is sent, ends and resets too, while its sender finds nothing wrong; new connections hang.

    A connection that has lost anything delivers nothing more in that direction, ever, also when the link is healed: bytes
    after a gap would be worse than none.
    """

    link: Link
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"swallow all that goes {self.link}"


class DegradeLink(msgspec.Struct, frozen=True, tag="link.degrade"):
    """Add latency (seconds, plus up to `jitter_s`) and cap the bandwidth (bytes a second; 0 is no cap)."""

    link: Link
    latency_s: float = 0.0
    jitter_s: float = 0.0
    bandwidth: float = 0.0
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        cap = f", at most {self.bandwidth / 2**20:.3g} MiB/s" if self.bandwidth else ""
        return f"slow {self.link} by {self.latency_s * 1e3:.0f} ms{cap}"


class HoldLink(msgspec.Struct, frozen=True, tag="link.hold"):
    """Hold all bytes back and let them go on, in order, when healed. New connections open; it is what they say that waits."""

    link: Link
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"hold what is said {self.link}"
