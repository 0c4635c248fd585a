"""One end of a simulated connection: segments in order, under a bounded window.

What it keeps of TCP: a full window makes the sender wait, a close lets what was sent arrive, a reset does not, and bytes for
a connection closed at the other end bring a reset back. A host that loses its power says nothing at all: only when it has it
again does it answer, with a reset, what comes for connections that it knows nothing of.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Literal

import trio

from dairt.model.address import Address
from dairt.runtime.host import Buffer, Connection
from dairt.worlds.streams import Gate, Turn, as_bytes, receive_some

BY_REFERENCE_BYTES = 4096  # read-only memory from this size on travels as it is; less is copied, which costs no more

Post = Callable[[float, Callable[[Any], None], Any], None]


class SimConnection(Connection):
    """One end of a simulated connection; `peer` is the other."""

    peer: "SimConnection"

    def __init__(
        self, remote: Address, link: "Link", draw: Callable[[int], float], window: int, post: Post, machine: "Machine"
    ) -> None:
        self.remote = remote
        self._machine = machine
        self._window = window
        self._post = post
        self._link = link
        self._draw = draw
        self._state: Literal["open", "broken", "closed", "forgotten"] = "open"
        self._segments = 0
        self._last_due = 0.0
        self._unread = 0  # bytes sent from here that the peer has not read yet: what the window bounds
        self._arrived: deque[memoryview] = deque()
        self._ended = False  # the peer will send no more
        self._readable, self._writable = Gate(), Gate()
        self._sending, self._receiving = Turn("sending on"), Turn("receiving from")

    async def send_all(self, data: Buffer) -> None:
        """Send all of `data`."""
        await self.send_buffers((data,))

    async def send_buffers(self, buffers: Sequence[Buffer]) -> None:
        """Send all of `buffers`; waits while the window is full."""
        with self._sending:
            await trio.lowlevel.checkpoint()
            self._must_be_open()
            left = deque(view for view in map(as_bytes, buffers) if view.nbytes)
            while left:
                self._send_segment(left, min(await self._room(), self._link.mtu))

    def send_now(self, buffers: Sequence[Buffer]) -> bool:
        """Send all of `buffers` if the window has room for them."""
        if self._state != "open" or self._sending.taken:
            return False
        left = deque(view for view in map(as_bytes, buffers) if view.nbytes)
        if sum(map(len, left)) > self._window - self._unread:
            return False
        while left:
            self._send_segment(left, self._link.mtu)
        return True

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the window has room."""
        with self._sending:
            await trio.lowlevel.checkpoint()
            await self._room()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Receive up to `max_bytes`; b"" at the end."""
        return await receive_some(self, max_bytes)

    async def receive_into(self, view: memoryview) -> int:
        """Receive into `view`; 0 at the end."""
        with self._receiving:
            if not self._waits_for_bytes:
                await trio.lowlevel.checkpoint()
            while self._waits_for_bytes:
                await self._readable.wait()
            self._must_be_open()
            return self._read(view)

    def abort(self) -> None:
        """Break this end now; the peer's end breaks when the reset arrives."""
        if self._state == "open":
            self.break_end(None)
            self.post(self.peer.break_end, None)

    async def aclose(self) -> None:
        """Close this end: what was sent arrives, then the end; unread bytes here mean a reset instead, as in TCP."""
        if self._state == "open":
            self.post(self.peer.break_end if self._arrived else self.peer.end, None)
        self._leave("closed")
        await trio.lowlevel.checkpoint()

    def post(self, deliver: Callable[[Any], None], what: Any, nbytes: int = 0) -> None:
        """Send `what` to the other end, after all that was sent before it."""
        now = trio.current_time()
        leaves = self._link.carry(now, nbytes)
        self._last_due = max(self._last_due, leaves + self._link.latency(self._draw(self._segments)))
        self._segments += 1
        self._post(self._last_due, deliver, what)

    def arrive(self, segment: list[memoryview]) -> None:
        """Bytes have arrived at this end."""
        if self._state == "open":
            self._arrived.extend(segment)
            self._readable.open()
        elif self._state == "closed" or (self._state == "forgotten" and self._machine.on):
            self.post(self.peer.break_end, None)
        elif self._state == "forgotten":
            self._machine.unanswered[self] = None

    def end(self, _: None) -> None:
        """The peer's end of stream has arrived."""
        self._ended = True
        self._readable.open()

    def break_end(self, _: None) -> None:
        """A reset has arrived, or was made here."""
        if self._state == "open":
            self._leave("broken")

    def forget(self) -> None:
        """This end's host has lost its power: the peer is told nothing, now or when a user closes what is left of this."""
        if self.peer.is_stuck:
            self._machine.unanswered[self] = None
        self._leave("forgotten")

    def read_by_peer(self, nbytes: int) -> None:
        """The peer has read so many bytes. This end knows at once; a window update's own way back is not modelled."""
        self._unread -= nbytes
        # Not for every byte: a sender that woke for each would send crumbs (RFC 9293, 3.8.6.2.1).
        if self._window - self._unread >= self._window // 4:
            self._writable.open()

    @property
    def is_open(self) -> bool:
        """True until closed here, broken or forgotten."""
        return self._state == "open"

    @property
    def is_stuck(self) -> bool:
        """True while the window is full, which this end's host probes now and then."""
        return self._state == "open" and self._unread >= self._window

    @property
    def _waits_for_bytes(self) -> bool:
        return self._state == "open" and not self._arrived and not self._ended

    def _read(self, view: memoryview) -> int:
        filled, size = 0, len(view)
        while self._arrived and filled < size:
            first = self._arrived[0]
            part = first[: size - filled]
            view[filled : filled + len(part)] = part
            filled += len(part)
            if len(part) < len(first):
                self._arrived[0] = first[len(part) :]
            else:
                self._arrived.popleft()
        if filled:
            self.peer.read_by_peer(filled)
        return filled

    def _send_segment(self, left: deque[memoryview], room: int) -> None:
        segment = _take_segment(left, room)
        nbytes = sum(map(len, segment))
        self._unread += nbytes
        self.post(self.peer.arrive, segment, nbytes)

    async def _room(self) -> int:
        self._must_be_open()
        while self._unread >= self._window:
            await self._writable.wait()
            self._must_be_open()
        return self._window - self._unread

    def _leave(self, state: Literal["broken", "closed", "forgotten"]) -> None:
        if self._state != "forgotten":
            self._state = state
        self._machine.ends.pop(self, None)
        self._arrived.clear()
        self._readable.open()
        self._writable.open()

    def _must_be_open(self) -> None:
        if self._state == "closed":
            raise trio.ClosedResourceError(f"the connection to {self.remote} was closed here")
        if self._state != "open":
            raise trio.BrokenResourceError(f"the connection to {self.remote} was reset")


class Machine:
    """What a host knows of its connections, while it has power; `unanswered` are those it forgot and a peer goes on trying."""

    def __init__(self) -> None:
        self.on = True
        self.ends: dict[SimConnection, None] = {}
        self.unanswered: dict[SimConnection, None] = {}

    def power_off(self) -> None:
        """Lose the power: forget every connection."""
        self.on = False
        for end in list(self.ends):
            end.forget()

    def power_on(self) -> None:
        """Have it back; whatever the peers have been sending again and again is now answered with resets."""
        self.on = True
        unanswered, self.unanswered = self.unanswered, {}
        for end in unanswered:
            end.post(end.peer.break_end, None)


class Link:
    """One direction between two hosts; `mtu` is the most bytes that travel as one segment."""

    def __init__(self, latency: Callable[[float], float], bandwidth: float, mtu: int) -> None:
        self.latency = latency
        self.mtu = mtu
        self.connections = 0
        self._bandwidth = bandwidth
        self._free_at = 0.0

    def carry(self, now: float, nbytes: int) -> float:
        """Put so many bytes on the wire, after those that are on it; say when the last one leaves."""
        self._free_at = max(self._free_at, now) + nbytes / self._bandwidth
        return self._free_at


def _take_segment(left: deque[memoryview], room: int) -> list[memoryview]:
    """Take up to `room` bytes off the start; small or changeable memory is copied, since its owner may have it back."""
    segment = []
    while left and room:
        view = left.popleft()
        part = view[:room]
        if len(part) < len(view):
            left.appendleft(view[room:])
        room -= len(part)
        by_reference = part.readonly and len(part) >= BY_REFERENCE_BYTES
        segment.append(part if by_reference else memoryview(bytes(part)))
    return segment
