"""Messages and tensors over a Connection: each wait has a deadline, each size was checked before memory was taken."""

import errno
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

import numpy as np
import trio

from dairt.errors import LocalProtocolError, RemoteProtocolError
from dairt.model import tensor
from dairt.model.config import Limits
from dairt.protocol import wire
from dairt.protocol.messages import Message
from dairt.runtime.host import Connection

A = TypeVar("A")
R = TypeVar("R")

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
        while not self.take_now(nbytes):
            await self._waiting.park()

    def take_now(self, nbytes: int) -> bool:
        """Take `nbytes` if they are free; say whether they were."""
        if self._free < nbytes:
            return False
        self._free -= nbytes
        return True

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
        self._scope: trio.CancelScope | None = None  # of the conversation under way
        for traffic in traffics:
            traffic.sockets += 1

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def conversation(self) -> "_Conversation":
        """Use one cancel scope for all the waits of a task until it leaves this: one for each wait costs half a message.

        The deadline of a wait stays in force until the next one; what takes its time in between begins with `rest`.
        """
        return _Conversation(self)

    def rest(self) -> None:
        """Let nothing be due until the next wait."""
        if self._scope is not None:
            self._scope.deadline = math.inf

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
        await trio.lowlevel.checkpoint_if_cancelled()
        # What need not wait needs no deadline, nor a turn of the scheduler: that makes for a quarter more messages a second.
        if not self.connection.send_now(buffers):
            await self._by(trio.current_time() + self._limits.stall_s, self.connection.send_buffers, buffers)
        nbytes = sum(map(len, buffers))
        for traffic in self._traffics:
            traffic.tx_bytes += nbytes

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
        self.rest()
        if not self._budget.take_now(nbytes):
            with trio.fail_after(self._limits.exchange_s):
                await self._budget.take(nbytes)
        try:
            view = _allocate(nbytes)
            self._decoder.body_into(view)
            end = _end_of(self._decoder.next())
            if end < nbytes:  # a small one came along with its message, and needs no deadline
                # All of it, so that nobody holds the budget by sending a byte now and then.
                with trio.fail_after(self._limits.exchange_patience_s(nbytes)):
                    while end < nbytes:
                        end = _end_of(await self._part(self._limits.stall_s))
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
            deadline = min(trio.current_time() + patience_s, whole_by)
            count = await self._by(deadline, self.connection.receive_into, self._decoder.buffer())
            if count == 0 and self._decoder.idle:
                return None
            self._decoder.filled(count)
            for traffic in self._traffics:
                traffic.rx_bytes += count
            patience_s = self._limits.stall_s
            whole_by = min(whole_by, trio.current_time() + self._limits.exchange_s)
        return part

    async def _by(self, deadline: float, call: Callable[[A], Awaitable[R]], argument: A) -> R:
        """Await `call(argument)`; raises TooSlowError at the deadline, or where the conversation is left."""
        if self._scope is not None:
            self._scope.deadline = deadline
        elif deadline < math.inf:
            with trio.fail_at(deadline):
                return await call(argument)
        return await call(argument)


class _Conversation:
    """A `with` block; raises TooSlowError at its end when a wait in it took too long."""

    def __init__(self, line: FramedConnection) -> None:
        self._line = line
        self._scope = trio.CancelScope()

    def __enter__(self) -> None:
        self._scope.__enter__()
        self._line._scope = self._scope

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> bool:
        self._line._scope = None
        done = self._scope.__exit__(kind, error, where)
        if self._scope.cancelled_caught:
            raise trio.TooSlowError
        return done


def _end_of(part: wire.Opened | wire.Bare | wire.Chunk | None) -> int:
    """How much of a body has arrived, as its newest part says."""
    if part is None:
        return 0
    assert isinstance(part, wire.Chunk), "only chunks come inside a body"
    return part.end


def _allocate(nbytes: int) -> memoryview:
    try:
        return tensor.allocate(nbytes)
    except MemoryError as exc:
        raise OSError(errno.ENOMEM, f"no memory for a tensor of {nbytes} bytes") from exc
