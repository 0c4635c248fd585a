"""Trouble with single connections: how they end, and how they do not begin."""

from typing import ClassVar

import msgspec

from dairt.model.action.base import Link


class ResetConnection(msgspec.Struct, frozen=True, tag="conn.reset"):
    """Reset every connection open on a link, now; both ends find a dead socket."""

    link: Link
    lasts: ClassVar[bool] = False

    def __str__(self) -> str:
        return f"reset the sockets {self.link}"


class HalfOpen(msgspec.Struct, frozen=True, tag="conn.half_open"):
    """Let one end forget every connection open on a link, now, while the other believes in it.

    The end that forgets is at `b`: of a link both ways, the end that accepted. Its owner finds the connection broken; the
    other end is told nothing, neither end of stream nor reset, until what it sends next is answered by a reset.
    """

    link: Link
    lasts: ClassVar[bool] = False

    def __str__(self) -> str:
        return f"leave the sockets {self.link} half open"


class SlowClose(msgspec.Struct, frozen=True, tag="conn.slow_close"):
    """Let the news that a connection has ended, by a close or a reset, take `linger_s` seconds longer to the other end."""

    link: Link
    linger_s: float
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"let closes {self.link} linger for {self.linger_s * 1e3:.0f} ms"


class RefuseConnections(msgspec.Struct, frozen=True, tag="conn.refuse"):
    """Refuse new connections, at once and until healed; those that are open stay as they are."""

    link: Link
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"refuse new sockets {self.link}"


class HangConnections(msgspec.Struct, frozen=True, tag="conn.hang"):
    """Leave whoever opens a connection without an answer until healed; those that are open stay as they are."""

    link: Link
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"let new sockets {self.link} hang"


class CutAfter(msgspec.Struct, frozen=True, tag="conn.cut_after"):
    """Reset the next connection that is opened on a link, when `after_bytes` have passed on it in the link's directions.

    No byte after those arrives. Once only; healing it first means never.
    """

    link: Link
    after_bytes: int
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"reset the next socket {self.link} after {self.after_bytes} bytes"
