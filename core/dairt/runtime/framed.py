"""Messages and tensors over a Connection: each wait has a deadline, each size was checked before memory was taken."""

import errno
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import trio

from dairt.errors import LocalProtocolError, RemoteProtocolError
from dairt.model import tensor
from dairt.model.config import Limits
from dairt.protocol import wire
from dairt.protocol.messages import Message
from dairt.runtime.host import Connection

# What a connection's end, a stalled sender, or a broken network card raises.
LINK_ERRORS = (OSError, trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError)


@dataclass
class Traffic:
    """Bytes sent and received, and connections open, since boot."""

    tx_bytes: int = 0
    rx_bytes: int = 0
    sockets: int = 0


class Budget:
    """So many bytes may be arriving at once; whoever wants more waits for others to finish."""

    def __init__(self, total: int) -> None:
        self._free = self._total = total
        self._waiting = trio.lowlevel.ParkingLot()

    async def take(self, nbytes: int) -> None:
        """Wait until `nbytes` are free and take them."""
        assert nbytes <= self._total, "a single body is bounded below the budget"
        while self._free < nbytes:
            await self._waiting.park()
        self._free -= nbytes

    def give_back(self, nbytes: int) -> None:
        """Return what was taken."""
        self._free += nbytes
        self._waiting.unpark_all()


@dataclass(frozen=True)
class Received:
    """One message and the read-only tensor that came with it; `checksum` is verified, 0 without a body."""

    message: Message | wire.UnknownMessage
    body: np.ndarray | None = None
    checksum: int = 0


@dataclass(frozen=True)
class ReceivedBare:
    """A bare TENS frame."""

    body: np.ndarray


class FramedConnection:
    """A connection that speaks dairt's frames. Owns the connection: `async with` closes it."""

    def __init__(self, connection: Connection, limits: Limits, budget: Budget, *traffics: Traffic) -> None:
        self.connection = connection
        self._limits = limits
        self._budget = budget
        self._traffics = traffics
        self._decoder = wire.Decoder(limits)
        self._closed = False
        for traffic in traffics:
            traffic.sockets += 1

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @property
    def quiet(self) -> bool:
        """True while no frame is half received."""
        return self._decoder.idle

    async def aclose(self) -> None:
        """Close the connection; harmless when repeated."""
        self._uncount()
        await self.connection.aclose()

    def abort(self) -> None:
        """Reset the connection; harmless when repeated."""
        self._uncount()
        self.connection.abort()

    def _uncount(self) -> None:
        if not self._closed:
            self._closed = True
            for traffic in self._traffics:
                traffic.sockets -= 1

    async def send(
        self, message: Message, body: np.ndarray | None = None, on_chunk: Callable[[int, int], None] | None = None
    ) -> None:
        """Send a message and its tensor; `on_chunk(end, total)` hears of each chunk handed over.

        Raises LINK_ERRORS, or LocalProtocolError, before anything is sent, for what the other side would not take.
        """
        if body is None:
            await self._send([self._opening(message, 0)])
            return
        total = tensor.image_nbytes(body)
        opening: list[wire.Buffer] = [self._opening(message, total)]
        for end, buffers in wire.body_frames(tensor.encode(body)):
            await self._send(opening + buffers)
            opening = []
            if on_chunk is not None:
                on_chunk(end, total)

    def _opening(self, message: Message, body_nbytes: int) -> bytes:
        opening = wire.encode(message, body_nbytes)
        for what, nbytes, most in (
            ("header", len(opening), self._limits.header_max_bytes),
            ("tensor", body_nbytes, self._limits.payload_max_bytes),
        ):
            if nbytes > most:
                kind = type(message).__name__
                raise LocalProtocolError(f"a {kind} with a {what} of {nbytes} bytes is too large: at most {most} are accepted")
        return opening

    async def _send(self, buffers: list[wire.Buffer]) -> None:
        with trio.fail_after(self._limits.stall_s):
            await self.connection.send_buffers(buffers)
        for traffic in self._traffics:
            traffic.tx_bytes += sum(len(b) for b in buffers)

    async def receive(self, idle_s: float) -> Received | ReceivedBare | None:
        """Wait at most `idle_s` for a frame to begin, then receive it whole; None at the end of the stream.

        Raises LINK_ERRORS, RemoteProtocolError, and TensorFormatError for a body that is no tensor.
        """
        match await self._part(idle_s):
            case None:
                return None
            case wire.Bare(nbytes=nbytes):
                return ReceivedBare(await self._body(nbytes))
            case wire.Opened(message=message, body_nbytes=0):
                return Received(message)
            case wire.Opened(message=message, body_nbytes=nbytes):
                return Received(message, await self._body(nbytes), self._decoder.body_checksum)
            case part:
                raise AssertionError(f"a frame opens with a message or a bare tensor, not {part!r}")

    async def wait_for_end(self) -> None:
        """Wait, between two exchanges, until the other side ends the connection; raises LINK_ERRORS where it is broken.

        Bytes end it as well: nobody was asked for any.
        """
        await self.connection.receive_into(memoryview(bytearray(1)))

    async def _body(self, nbytes: int) -> np.ndarray:
        with trio.fail_after(self._limits.exchange_s):
            await self._budget.take(nbytes)
        try:
            view = _allocate(nbytes)
            self._decoder.body_into(view)
            end = 0
            # All of it, so that nobody holds the budget by sending a byte now and then.
            with trio.fail_after(self._limits.exchange_patience_s(nbytes)):
                while end < nbytes:
                    part = await self._part(self._limits.stall_s)
                    assert isinstance(part, wire.Chunk), "only chunks come inside a body"
                    end = part.end
        finally:
            self._budget.give_back(nbytes)
        array = tensor.decode(view, max_bytes=self._limits.payload_max_bytes)
        if tensor.image_nbytes(array) != nbytes:
            raise RemoteProtocolError(
                f"a body of {nbytes} bytes holds a tensor of {tensor.image_nbytes(array)} and something else"
            )
        return array

    async def _part(self, patience_s: float) -> wire.Opened | wire.Bare | wire.Chunk | None:
        """Wait `patience_s` for the first bytes, `stall_s` between any two, and `exchange_s` for what they begin."""
        whole_by = math.inf
        while (part := self._decoder.next()) is None:
            with trio.fail_at(min(trio.current_time() + patience_s, whole_by)):
                count = await self.connection.receive_into(self._decoder.buffer())
            if count == 0 and self._decoder.idle:
                return None
            self._decoder.filled(count)
            for traffic in self._traffics:
                traffic.rx_bytes += count
            patience_s = self._limits.stall_s
            whole_by = min(whole_by, trio.current_time() + self._limits.exchange_s)
        return part


def _allocate(nbytes: int) -> memoryview:
    try:
        return tensor.allocate(nbytes)
    except MemoryError as exc:
        raise OSError(errno.ENOMEM, f"no memory for a tensor of {nbytes} bytes") from exc
