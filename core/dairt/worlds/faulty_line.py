"""What waits on a connection with trouble on its way, to go out or to be read: pieces in order, each due at its time."""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from dairt.worlds.faulty_frames import End, Piece
from dairt.worlds.streams import Gate

R = TypeVar("R")

# What a delayed direction holds before its sender waits: a latency of 50 ms then still lets 20 MiB/s through.
LINE_BYTES = 1024 * 1024

# When it is due, and bytes or how the stream ends. Who is due early waits for those before it all the same.
Held = tuple[float, Piece]


class Ahead:
    """What has been read ahead and is not due yet. `has_ended` when there will be no more of it, for its end is here."""

    def __init__(self) -> None:
        self.has_ended = False
        self.nbytes = 0
        self._pieces: deque[Held] = deque()

    def __bool__(self) -> bool:
        return bool(self._pieces)

    @property
    def is_full(self) -> bool:
        """Whether no more is to be read ahead."""
        return self.nbytes >= LINE_BYTES

    @property
    def due(self) -> float:
        """When the first of it is due; infinity when there is nothing."""
        return self._pieces[0][0] if self._pieces else float("inf")

    def hold(self, due: float, piece: Piece) -> None:
        """Keep a piece until it is due, and those before it are."""
        self._pieces.append((due, piece))
        self.nbytes += _size(piece)
        self.has_ended |= isinstance(piece, End)

    def take(self, view: memoryview) -> int | End:
        """Fill `view` with what comes first and return how much that is; an end is returned, and stays where it is."""
        due, piece = self._pieces[0]
        if isinstance(piece, End):
            return piece
        part = piece[: len(view)]
        view[: len(part)] = part
        self.nbytes -= len(part)
        if len(part) < len(piece):
            self._pieces[0] = (due, piece[len(part) :])
        else:
            self._pieces.popleft()
        return len(part)

    def clear(self) -> None:
        """Drop all of it."""
        self._pieces.clear()
        self.nbytes = 0

    def time_again(self, due_of: Callable[[Piece], float]) -> None:
        """Let everything be due as if it came now, if that is sooner."""
        self._pieces = _time_again(self._pieces, due_of)


class Inside:
    """The tasks that wait inside another connection. Who is called back from there finds it broken: `lost` says how."""

    def __init__(self, lost: str) -> None:
        self._lost = lost
        self._scopes: dict[trio.CancelScope, None] = {}

    def __bool__(self) -> bool:
        return bool(self._scopes)

    async def wait(self, call: Callable[[], Awaitable[R]]) -> R:
        """Await `call()`."""
        with trio.CancelScope() as scope:
            self._scopes[scope] = None
            try:
                return await call()
            finally:
                del self._scopes[scope]
        raise trio.BrokenResourceError(self._lost)

    def call_back(self) -> None:
        """Let nobody wait there any longer."""
        for scope in self._scopes:
            scope.cancel()


class Line:
    """A bounded line that a task empties by `send_on`, while it does not stand still.

    `broken` is called when that finds the connection gone, and when the task is cancelled with something left to say.
    """

    def __init__(
        self,
        send_on: Callable[[Piece], Awaitable[None]],
        stands: Callable[[], bool],
        broken: Callable[[], None],
        nursery: trio.Nursery,
        name: str,
    ) -> None:
        self.is_busy = False
        self._send_on = send_on
        self._stands = stands
        self._broken = broken
        self._nursery = nursery
        self._name = name
        self._pieces: deque[Held] = deque()
        self._nbytes = 0
        self._look, self._room = Gate(), Gate()

    @property
    def is_full(self) -> bool:
        """Whether the sender has to wait."""
        return self._nbytes >= LINE_BYTES

    async def change(self) -> None:
        """Wait until there may be room, or something else has changed."""
        await self._room.wait()

    def append(self, due: float, piece: Piece) -> None:
        """Let a piece go out when it is due, after those before it."""
        self._pieces.append((due, piece))
        self._nbytes += _size(piece)
        if not self.is_busy:
            self.is_busy = True
            self._nursery.start_soon(self._empty, name=self._name)

    def clear(self) -> None:
        """Drop all that waits."""
        self._pieces.clear()
        self._nbytes = 0

    def time_again(self, due_of: Callable[[Piece], float]) -> None:
        """Let everything go out as if it came now, if that is sooner."""
        self._pieces = _time_again(self._pieces, due_of)

    def look(self) -> None:
        """Something changed: whoever waits looks again."""
        self._look.open()
        self._room.open()

    async def _empty(self) -> None:
        try:
            while self._pieces:
                due, piece = self._pieces[0]
                if self._stands() or due > trio.current_time():
                    with trio.move_on_at(due if not self._stands() else float("inf")):
                        await self._look.wait()
                    continue
                self._pieces.popleft()
                await self._send_on(piece)
                self._nbytes = max(0, self._nbytes - _size(piece))
                self._room.open()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._broken()
        except BaseException:
            self._broken()
            raise
        finally:
            self.is_busy = False


def take(left: deque[memoryview], room: int) -> list[memoryview]:
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


def _size(piece: Piece) -> int:
    return 0 if isinstance(piece, End) else len(piece)


def _time_again(pieces: deque[Held], due_of: Callable[[Piece], float]) -> deque[Held]:
    return deque((min(due, due_of(piece)), piece) for due, piece in pieces)
