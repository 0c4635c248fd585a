"""Where a node listens."""

from typing import Self

import msgspec

from dairt.errors import UsageError


class Address(msgspec.Struct, frozen=True, order=True):
    """A host and a TCP port; a simulated host's name serves as its own host part."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `HOST:PORT` (an IPv6 host in brackets); raise UsageError otherwise."""
        host, colon, port = text.rpartition(":")
        if not colon or not host or not port.isdecimal() or not 0 <= int(port) <= 65535:
            raise UsageError(f"{text!r} is not an address: write HOST:PORT, such as 127.0.0.1:5001")
        return cls(host.strip("[]"), int(port))

    @property
    def is_loopback(self) -> bool:
        """True for the addresses only this machine can reach."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
