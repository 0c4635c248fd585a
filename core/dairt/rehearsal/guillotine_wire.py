"""The blade on a wire: connections are told apart, listened to, and one of them reset at one byte."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from dairt.model.address import Address
from dairt.runtime.host import Buffer, Connection, Datagrams, Listener, Network
from dairt.worlds.streams import receive_some


@dataclass(frozen=True, order=True)
class Line:
    """The n-th connection that `source` opened to `target`."""

    source: str
    target: str
    number: int

    def __str__(self) -> str:
        return f"connection {self.number} from {self.source} to {self.target}"


class Way(StrEnum):
    """A direction of a connection: from who opened it, or back."""

    THERE = "there"
    BACK = "back"


class Wire:
    """All connections of a run. The one of `cut` is reset when its receiving end has had so many bytes that way."""

    def __init__(self, cut: tuple[Line, Way, int] | None) -> None:
        self._cut = cut
        self._counts: dict[tuple[str, str, Way], int] = {}
        self._heard: dict[tuple[Line, Way], bytearray] = {}
        self._ends: list[CutConnection] = []

    def add(self, inner: Connection, source: str, target: str, way: Way) -> "CutConnection":
        """Wrap the end of a connection that hears this way. Connections are accepted in the order of being opened."""
        key = source, target, way
        self._counts[key] = self._counts.get(key, 0) + 1
        line = Line(source, target, self._counts[key])
        cut_at = self._cut[2] if self._cut is not None and self._cut[:2] == (line, way) else None
        heard = self._heard.setdefault((line, way), bytearray()) if self._cut is None else None
        end = CutConnection(inner, f"{line}, {way}", cut_at, heard)
        self._ends.append(end)
        return end

    def lines(self) -> list[Line]:
        """Every connection, in order."""
        return sorted({line: None for line, _ in self._heard})

    def heard(self, line: Line, way: Way) -> bytes:
        """All bytes that were received, where nothing is to be cut."""
        return bytes(self._heard.get((line, way), b""))

    def left_open(self) -> str:
        """Say which end of a connection nobody closed; "" when there is none."""
        return next((f"an end of {end.name} was left open" for end in self._ends if end.is_open), "")


class CutCard:
    """A network card whose connections run over a Wire."""

    def __init__(self, inner: Network, here: str, wire: Wire) -> None:
        self._inner = inner
        self._here = here
        self._wire = wire

    async def listen(self, address: Address) -> Listener:
        """See Network."""
        return CutListener(await self._inner.listen(address), self._here, self._wire)

    async def connect(self, address: Address) -> Connection:
        """See Network."""
        return self._wire.add(await self._inner.connect(address), self._here, address.host, Way.BACK)

    async def open_datagrams(self, address: Address) -> Datagrams:
        """See Network; no blade falls on datagrams."""
        return await self._inner.open_datagrams(address)


class CutListener(Listener):
    """A door whose connections run over a Wire."""

    def __init__(self, inner: Listener, here: str, wire: Wire) -> None:
        self.address = inner.address
        self._inner = inner
        self._here = here
        self._wire = wire

    async def accept(self) -> Connection:
        """See Listener."""
        connection = await self._inner.accept()
        return self._wire.add(connection, connection.remote.host, self._here, Way.THERE)

    async def aclose(self) -> None:
        """See Listener."""
        await self._inner.aclose()


class CutConnection(Connection):
    """One end of a connection. With `cut_at`, that many bytes are received through it, and then both ends are broken."""

    def __init__(self, inner: Connection, name: str, cut_at: int | None, heard: bytearray | None) -> None:
        self.remote = inner.remote
        self.name = name
        self.is_open = True
        self._inner = inner
        self._left = cut_at
        self._heard = heard
        self._cut_if_due()

    async def send_all(self, data: Buffer) -> None:
        """See Connection."""
        await self._inner.send_all(data)

    async def send_buffers(self, buffers: Sequence[Buffer]) -> None:
        """See Connection."""
        await self._inner.send_buffers(buffers)

    async def wait_send_all_might_not_block(self) -> None:
        """See Connection."""
        await self._inner.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """See Connection."""
        return await receive_some(self, max_bytes)

    async def receive_into(self, view: memoryview) -> int:
        """Receive no further than the cut; the end that has had its last byte finds the connection broken after it."""
        received = await self._inner.receive_into(view if self._left is None else view[: self._left or 1])
        if self._heard is not None:
            self._heard += view[:received]
        if self._left is not None:
            self._left -= received
            self._cut_if_due()
        return received

    def abort(self) -> None:
        """See Connection."""
        self.is_open = False
        self._inner.abort()

    async def aclose(self) -> None:
        """See Connection."""
        self.is_open = False
        await self._inner.aclose()

    def _cut_if_due(self) -> None:
        if self._left == 0:
            self._inner.abort()
