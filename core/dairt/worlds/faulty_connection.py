"""A connection with trouble on its way: bytes late, slow, held or lost with the connection, but never lost one by one."""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

import trio

from dairt.runtime.host import Buffer, Connection
from dairt.worlds.faults import CLEAR, Faults
from dairt.worlds.streams import Gate, Turn, as_bytes, receive_some

# What a delayed direction holds before its sender waits: a latency of 50 ms then still lets 20 MiB/s through.
LINE_BYTES = 1024 * 1024
# Trouble that begins during a send takes hold after so many bytes at most.
SLICE_BYTES = 256 * 1024
READ_BYTES = 64 * 1024

# When it is due, and bytes, or None for the end of the stream. Who is due early waits for those before it all the same.
Held = tuple[float, memoryview | None]


class FaultyConnection(Connection):
    """A connection that `here` opened to `there`.

    While nothing is wrong, calls go straight to the inner connection. Bytes out that must wait are copied into a line that
    a task empties; bytes in that must wait are read ahead by whoever waits to receive them.
    """

    def __init__(self, inner: Connection, here: str, there: str, faults: Faults, nursery: trio.Nursery) -> None:
        self.remote = inner.remote
        self._inner = inner
        self._here, self._there = here, there
        self._faults = faults
        self._nursery = nursery
        self._state: Literal["open", "broken", "closed"] = "open"
        self._directly = 0  # tasks that wait in the inner connection itself
        self._reset_when_whole = False
        self._sending, self._receiving = Turn("sending on"), Turn("receiving from")

        self._line: deque[Held] = deque()
        self._line_bytes = 0
        self._pumping = False
        self._pump_look, self._room = Gate(), Gate()

        self._ahead: deque[Held] = deque()
        self._ahead_bytes = 0
        self._reading: trio.CancelScope | None = None

        faults.join(self, here, there)
        self.refresh()

    @property
    def is_open(self) -> bool:
        """True until closed, aborted or broken by trouble."""
        return self._state == "open"

    def refresh(self) -> None:
        """Ask for the verdicts of both directions again, and let whoever waits look again."""
        out, back = self._faults.verdict(self._here, self._there), self._faults.verdict(self._there, self._here)
        self._out_clear, self._out_cut = out == CLEAR, out.cut
        self._in_clear, self._in_cut = back == CLEAR, back.cut
        if self._reset_when_whole and not self._out_cut:
            self.break_now()
        self._wake_all()

    async def send_all(self, data: Buffer) -> None:
        """Send all of `data`."""
        await self.send_buffers((data,))

    async def send_buffers(self, buffers: Sequence[Buffer]) -> None:
        """Send all of `buffers`, or leave what must wait to the line."""
        with self._sending:
            left = deque(map(as_bytes, buffers))
            while True:
                self._must_be_open()
                part = _take(left, SLICE_BYTES)
                if self._out_clear and not self._pumping:
                    await self._send_directly(part)
                else:
                    await self._put_in_line(b"".join(part))
                if not left:
                    return

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the inner connection, or the line, has room."""
        with self._sending:
            self._must_be_open()
            if self._out_clear and not self._pumping:
                self._directly += 1
                try:
                    await self._inner.wait_send_all_might_not_block()
                finally:
                    self._directly -= 1
            else:
                await self._room_in_line()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Receive up to `max_bytes`; b"" at the end."""
        return await receive_some(self, max_bytes)

    async def receive_into(self, view: memoryview) -> int:
        """Receive into `view` what has come through; 0 at the end."""
        with self._receiving:
            self._must_be_open()
            if self._in_clear and not self._ahead:
                received = await self._receive_directly(view)
                if self._in_clear:
                    return received
                self._hold(view[:received])  # trouble began meanwhile, and this came under it
            await trio.lowlevel.checkpoint()
            while True:
                self._must_be_open()
                if self._ahead and not self._in_cut and self._ahead[0][0] <= trio.current_time():
                    return self._take_ahead(view)
                await self._read_ahead()

    def abort(self) -> None:
        """Break this end now. The reset goes no further than bytes would: a partition holds it until healed."""
        if self._state == "open":
            self._leave("broken")
        self._reset()

    def break_now(self) -> None:
        """Break both ends, whatever stands between them; bytes in the line are lost."""
        if self._state == "open":
            self._leave("broken")
        self._line.clear()
        self._faults.leave(self)
        self._inner.abort()
        self._wake_all()

    async def aclose(self) -> None:
        """Close this end; what was sent, and then the end of the stream, go the way of all bytes.

        As in TCP, bytes that nobody has read, or that come later, are answered with a reset.
        """
        was_open, unread = self._state == "open", self._ahead_bytes
        already_closed = self._state == "closed" or self._reset_when_whole
        self._leave("closed")
        if was_open and not self._directly and (self._pumping or not self._out_clear):
            if unread:
                self._reset()
            else:
                self._append(None)
                self._nursery.start_soon(self._refuse_more, name=f"closed {self._here} to {self._there}")
        elif not already_closed:
            self._faults.leave(self)
            return await self._inner.aclose()
        await trio.lowlevel.checkpoint()

    def _reset(self) -> None:
        self._line.clear()
        self._reset_when_whole = self._out_cut and not self._directly
        if not self._reset_when_whole:
            self.break_now()

    async def _refuse_more(self) -> None:
        while self._receiving.taken:  # by a reader that the close has just woken
            await trio.lowlevel.checkpoint()
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            if await self._inner.receive_into(memoryview(bytearray(READ_BYTES))):
                while self._in_cut:
                    await self._faults.change()
                self._reset()

    async def _send_directly(self, part: Sequence[Buffer]) -> None:
        self._directly += 1
        try:
            await self._inner.send_buffers(part)
        finally:
            self._directly -= 1

    async def _put_in_line(self, data: bytes) -> None:
        await self._room_in_line()
        if data:
            self._append(memoryview(data))

    async def _room_in_line(self) -> None:
        await trio.lowlevel.checkpoint()
        self._must_be_open()
        while self._line_bytes >= LINE_BYTES:
            await self._room.wait()
            self._must_be_open()

    def _append(self, data: memoryview | None) -> None:
        nbytes = len(data) if data else 0
        self._line.append((self._faults.due(self._here, self._there, nbytes), data))
        self._line_bytes += nbytes
        if not self._pumping:
            self._pumping = True
            self._nursery.start_soon(self._pump, name=f"line {self._here} to {self._there}")

    async def _pump(self) -> None:
        """Send on what is in the line as it becomes due, until the line is empty."""
        try:
            while self._line:
                due, data = self._line[0]
                if self._out_cut or due > trio.current_time():
                    with trio.move_on_at(due if not self._out_cut else float("inf")):
                        await self._pump_look.wait()
                    continue
                self._line.popleft()
                if data is None:
                    self._faults.leave(self)
                    await self._inner.aclose()
                else:
                    await self._inner.send_all(data)
                    self._line_bytes -= len(data)
                    self._room.open()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.break_now()
        except BaseException:
            self.break_now()
            raise
        finally:
            self._pumping = False

    async def _receive_directly(self, view: memoryview) -> int:
        self._directly += 1
        try:
            return await self._inner.receive_into(view)
        except trio.BrokenResourceError:
            # The other side's reset comes through no sooner than its bytes would.
            while self._in_cut and self._state == "open":
                await self._wait_for_change()
            self._must_be_open()
            raise
        finally:
            self._directly -= 1

    async def _read_ahead(self) -> None:
        """Read more from the inner connection, until the first bytes held are due or something changes."""
        ended = bool(self._ahead) and self._ahead[-1][1] is None
        due = self._ahead[0][0] if self._ahead and not self._in_cut else float("inf")
        with trio.CancelScope(deadline=due) as self._reading:
            if self._in_cut or ended or self._ahead_bytes >= LINE_BYTES:
                await trio.sleep_forever()
            scratch = memoryview(bytearray(READ_BYTES))
            self._hold(scratch[: await self._inner.receive_into(scratch)])
        self._reading = None

    async def _wait_for_change(self) -> None:
        with trio.CancelScope() as self._reading:
            await trio.sleep_forever()
        self._reading = None

    def _hold(self, received: memoryview) -> None:
        due = self._faults.due(self._there, self._here, len(received))
        self._ahead.append((due, memoryview(bytes(received)) if received else None))
        self._ahead_bytes += len(received)

    def _take_ahead(self, view: memoryview) -> int:
        """Fill `view` with the bytes that are due; the end of the stream stays where it is."""
        due, data = self._ahead[0]
        if data is None:
            return 0
        part = data[: len(view)]
        view[: len(part)] = part
        self._ahead_bytes -= len(part)
        if len(part) < len(data):
            self._ahead[0] = (due, data[len(part) :])
        else:
            self._ahead.popleft()
        return len(part)

    def _leave(self, state: Literal["broken", "closed"]) -> None:
        self._state = state
        self._ahead.clear()
        self._wake_all()

    def _wake_all(self) -> None:
        self._pump_look.open()
        self._room.open()
        if self._reading is not None:
            self._reading.cancel()

    def _must_be_open(self) -> None:
        if self._state == "closed":
            raise trio.ClosedResourceError(f"the connection to {self.remote} was closed here")
        if self._state == "broken":
            raise trio.BrokenResourceError(f"the connection to {self.remote} was reset")


def _take(left: deque[memoryview], room: int) -> list[memoryview]:
    """Take up to `room` bytes off the start."""
    part = []
    while left and room:
        view = left.popleft()
        if len(view) > room:
            left.appendleft(view[room:])
            view = view[:room]
        part.append(view)
        room -= len(view)
    return part
