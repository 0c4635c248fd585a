"""A connection with trouble on its way: bytes late, slow, held or lost with the connection, but never lost one by one."""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Literal, TypeVar

import trio

from dairt.runtime.host import Buffer, Connection
from dairt.worlds.faults import CLEAR, Faults
from dairt.worlds.faulty_frames import End, FrameStream, Piece, allowed
from dairt.worlds.faulty_line import Ahead, Inside, Line, take
from dairt.worlds.streams import Turn, as_bytes, receive_some

R = TypeVar("R")

# Trouble that begins during a send takes hold after so many bytes at most.
SLICE_BYTES = 256 * 1024
READ_BYTES = 64 * 1024

_GONE = (trio.BrokenResourceError, trio.ClosedResourceError)


class FaultyConnection(Connection):
    """A connection that `here` opened to `there`.

    While nothing is wrong, calls go straight to the inner connection. Bytes out that must wait are copied into a line that
    a task empties; bytes in that must wait are read ahead by whoever waits to receive them. A direction that has swallowed
    something delivers nothing ever again.
    """

    def __init__(self, inner: Connection, here: str, there: str, faults: Faults, nursery: trio.Nursery) -> None:
        self.remote = inner.remote
        self._inner = inner
        self._here, self._there = here, there
        self._faults = faults
        self._nursery = nursery
        self._state: Literal["open", "broken", "closed"] = "open"
        self._directly = Inside(f"the connection to {inner.remote} was lost")  # the inner connection itself
        self._reset_when_whole = False
        self._sending, self._receiving = Turn("sending on"), Turn("receiving from")

        self._line = Line(self._send_on, lambda: self._out.stands, self.break_now, nursery, f"line {here} to {there}")
        self._ahead = Ahead()
        self._reading: trio.CancelScope | None = None

        self._out_gone = self._in_gone = False  # what goes out, or comes in, is swallowed
        self._nobody: Literal["", "there", "asked"] = ""  # the other end has forgotten us, and perhaps been sent something
        out, back = (here, there, here), (there, here, here)  # from, to, and who opened it
        self._out_frames = FrameStream(partial(faults.fate, *out), partial(faults.take_stale, *out))
        self._in_frames = FrameStream(partial(faults.fate, *back), partial(faults.take_stale, *back))
        self._allowance = faults.allowance(here, there)
        self._listens_on = False

        self._out = self._back = CLEAR
        faults.join(self, here, there)
        self.refresh()

    @property
    def is_open(self) -> bool:
        """True until closed, aborted or broken by trouble."""
        return self._state == "open"

    def refresh(self) -> None:
        """Ask for the verdicts of both directions again, and let whoever waits look again.

        What is held for a direction that became easier is timed as if it came now, so that healing a link releases it.
        """
        out, back = self._faults.verdict(self._here, self._there), self._faults.verdict(self._there, self._here)
        if out.eases(self._out):
            self._line.time_again(lambda piece: self._due(piece, self._here, self._there))
        if back.eases(self._back):
            self._ahead.time_again(lambda piece: self._due(piece, self._there, self._here))
        self._out, self._back = out, back
        self._see_whether_clear()
        if self._reset_when_whole and not out.stands:
            self._reset_when_whole = False
            self._reset()
        self._answer()
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
                part = take(left, SLICE_BYTES)
                if self._out_clear and not self._line.is_busy:
                    for view in part:
                        self._out_frames.watch(view)
                    await self._send_directly(part)
                else:
                    await self._put_in_line(b"".join(part))
                if not left:
                    return

    def send_now(self, buffers: Sequence[Buffer]) -> bool:
        """Send all of `buffers` if the inner connection can, and nothing is in the way."""
        free = self._state == "open" and self._out_clear and not (self._line.is_busy or self._sending.taken)
        if not (free and self._inner.send_now(buffers)):
            return False
        for buffer in buffers:
            self._out_frames.watch(as_bytes(buffer))
        return True

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the inner connection, or the line, has room."""
        with self._sending:
            self._must_be_open()
            if self._out_clear and not self._line.is_busy:
                await self._in_the_inner(self._inner.wait_send_all_might_not_block)
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
                    self._in_frames.watch(view[:received])
                    return received
                self._hold(view[:received])  # trouble began meanwhile, and this came under it
            await trio.lowlevel.checkpoint()
            while True:
                self._must_be_open()
                if self._ahead.due <= trio.current_time() and not self._back.stands:
                    self._in_gone |= self._back.lost
                    if not self._in_gone:
                        return self._take_ahead(view)
                    self._ahead.clear()
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

    def forget(self, end: str) -> None:
        """Let the end at the node `end` be gone: to the other one nothing is said, until it says something itself."""
        if self._state != "open":
            return
        if end == self._there:
            self._nobody = "there"
            self._out_gone = self._in_gone = self._ahead.has_ended = True
            self._ahead.clear()
            self._see_whether_clear()
            self._inner.abort()
            self._wake_all()
        else:
            self._leave("broken")
            self._line.clear()
            self._directly.call_back()
            self._outlive()

    async def aclose(self) -> None:
        """Close this end; what was sent, and then the end of the stream, go the way of all bytes.

        As in TCP, bytes that nobody has read, or that come later, are answered with a reset.
        """
        was_open, unread = self._state == "open", self._ahead.nbytes
        reset_is_on_its_way = self._reset_when_whole or (self._state == "broken" and self._line.is_busy)
        already_closed = self._state == "closed" or reset_is_on_its_way
        self._leave("closed")
        if was_open and not self._directly and (self._line.is_busy or not self._out_clear):
            if unread:
                self._reset()
            else:
                self._append(End.CLOSE)
                self._outlive()
        elif not already_closed:
            self._faults.leave(self)
            return await self._inner.aclose()
        await trio.lowlevel.checkpoint()

    def _see_whether_clear(self) -> None:
        """See in which directions calls may go straight to the inner connection."""
        if self._allowance is not None and not self._faults.holds(self._allowance):
            self._allowance = None
        free = self._allowance is None
        self._out_clear = free and self._out == CLEAR and not (self._out_gone or self._out_frames.meddles)
        self._in_clear = free and self._back == CLEAR and not (self._in_gone or self._in_frames.meddles)

    def _pass(self, data: memoryview, out: bool) -> list[Piece]:
        """Let bytes by whoever meddles with frames or counts bytes; return what comes out in their place."""
        frames, verdict = (self._out_frames, self._out) if out else (self._in_frames, self._back)
        pieces: list[Piece] = [data]
        if verdict.meddled or frames.meddles:
            pieces = frames.meddle(data)
        else:
            frames.watch(data)
        ends = (self._here, self._there) if out else (self._there, self._here)
        if self._allowance is not None and self._allowance.link.covers(*ends):
            pieces = allowed(pieces, self._allowance)
            if pieces[-1] is End.RESET:
                self._faults.use_up(self._allowance)
        self._see_whether_clear()
        return pieces

    def _due(self, piece: Piece, source: str, target: str) -> float:
        if isinstance(piece, End):
            return self._faults.due(source, target, 0) + self._faults.verdict(source, target).linger_s
        return self._faults.due(source, target, len(piece))

    def _reset(self) -> None:
        """Reset the other end, as far as a reset gets."""
        self._line.clear()
        if self._directly:
            self.break_now()
        elif self._out.stands:
            self._reset_when_whole = True
        elif self._out.linger_s or self._out.lost or self._out_gone:
            self._append(End.RESET)
        else:
            self.break_now()

    def _answer(self) -> None:
        """What was sent to an end that has forgotten us is answered by a reset, as far as that gets."""
        if self._nobody == "asked" and not (self._back.stands or self._back.lost):
            self.break_now()

    def _outlive(self) -> None:
        """Listen to the other end after our user has left."""
        if not self._listens_on:
            self._listens_on = True
            self._nursery.start_soon(self._listen_on, name=f"after {self._here} to {self._there}")

    async def _listen_on(self) -> None:
        """Answer what still comes with a reset; but where no answer gets out, keep the other end open until it leaves.

        It must not hear that we have left. Where it can, whoever empties the line closes this end.
        """
        while self._receiving.taken:  # by a reader that the close has just woken
            await trio.lowlevel.checkpoint()
        scratch = memoryview(bytearray(READ_BYTES))
        try:
            while (more := await self._inner.receive_into(scratch)) and (self._out_gone or self._out.lost):
                pass
        except _GONE:
            more = 0
        self._listens_on = False
        if self._out_gone:
            self.break_now()
        elif more or self._state == "broken":
            while self._back.stands:
                await self._faults.change()
            self._reset()

    async def _in_the_inner(self, call: Callable[[], Awaitable[R]]) -> R:
        """Wait in the inner connection itself, for as long as this end is there."""
        try:
            return await self._directly.wait(call)
        except trio.ClosedResourceError:
            self._must_be_open()  # tells whether our user has closed it
            raise

    async def _send_directly(self, part: Sequence[Buffer]) -> None:
        try:
            await self._in_the_inner(lambda: self._inner.send_buffers(part))
        except trio.BrokenResourceError:
            if self._state != "open" or not (self._in_gone or self._back.lost):
                raise
            self._swallow()  # it was reset, but no reset gets here

    async def _put_in_line(self, data: bytes) -> None:
        await self._room_in_line()
        for piece in self._pass(memoryview(data), out=True):
            self._append(piece)

    async def _room_in_line(self) -> None:
        await trio.lowlevel.checkpoint()
        self._must_be_open()
        while self._line.is_full:
            await self._line.change()
            self._must_be_open()

    def _append(self, piece: Piece) -> None:
        self._line.append(self._due(piece, self._here, self._there), piece)

    async def _send_on(self, piece: Piece) -> None:
        """What was in the line goes on its way, as far as anything does."""
        self._out_gone |= self._out.lost
        if not isinstance(piece, End):
            if self._out_gone:
                self._swallow()
            else:
                await self._inner.send_all(piece)
        elif self._out_gone:
            self._faults.leave(self)
            self._outlive()
        elif piece is End.CLOSE:
            if self._state == "open":  # the frame was cut short under its sender
                self._leave("broken")
            self._faults.leave(self)
            await self._inner.aclose()
        else:
            self.break_now()

    def _swallow(self) -> None:
        """Something was sent that nobody gets."""
        self._out_gone = True
        self._see_whether_clear()
        if self._nobody:
            self._nobody = "asked"
            self._answer()

    async def _receive_directly(self, view: memoryview) -> int:
        try:
            return await self._in_the_inner(lambda: self._inner.receive_into(view))
        except trio.BrokenResourceError:
            # The other side's reset comes through no sooner than its bytes would.
            until = trio.current_time() + self._back.linger_s
            while self._state == "open" and (self._back.stands or self._is_deaf or trio.current_time() < until):
                await self._wait_for_change(until)
            self._must_be_open()
            raise

    async def _read_ahead(self) -> None:
        """Read more from the inner connection, until the first bytes held are due or something changes."""
        due = float("inf") if self._back.stands else self._ahead.due
        with trio.CancelScope(deadline=due) as self._reading:
            if self._back.stands or self._ahead.has_ended or self._ahead.is_full:
                await trio.sleep_forever()
            scratch = memoryview(bytearray(READ_BYTES))
            try:
                self._hold(scratch[: await self._inner.receive_into(scratch)])
            except trio.BrokenResourceError:
                if not (self._is_deaf or self._back.linger_s):
                    raise
                self._hold_piece(End.RESET)
        self._reading = None

    @property
    def _is_deaf(self) -> bool:
        """Whether nothing of the other side gets here."""
        return self._in_gone or self._back.lost

    async def _wait_for_change(self, until: float) -> None:
        with trio.CancelScope(deadline=until if until > trio.current_time() else float("inf")) as self._reading:
            await trio.sleep_forever()
        self._reading = None

    def _hold(self, received: memoryview) -> None:
        if not received:
            self._hold_piece(End.CLOSE)
            return
        for piece in self._pass(memoryview(bytes(received)), out=False):
            self._hold_piece(piece)
            if isinstance(piece, End):
                self._inner.abort()  # whoever sent it finds a reset

    def _hold_piece(self, piece: Piece) -> None:
        self._ahead.hold(self._due(piece, self._there, self._here), piece)

    def _take_ahead(self, view: memoryview) -> int:
        """Fill `view` with the bytes that are due; 0 at the end of the stream."""
        taken = self._ahead.take(view)
        if taken is End.RESET:
            self.break_now()
            self._must_be_open()
        return 0 if isinstance(taken, End) else taken

    def _leave(self, state: Literal["broken", "closed"]) -> None:
        self._state = state
        self._ahead.clear()
        self._wake_all()

    def _wake_all(self) -> None:
        self._line.look()
        if self._reading is not None:
            self._reading.cancel()

    def _must_be_open(self) -> None:
        if self._state == "closed":
            raise trio.ClosedResourceError(f"the connection to {self.remote} was closed here")
        if self._state == "broken":
            raise trio.BrokenResourceError(f"the connection to {self.remote} was reset")
