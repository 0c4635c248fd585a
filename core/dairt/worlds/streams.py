"""What the connections and datagrams of every world share: views of buffers, one user a direction, a place to wait."""

from types import TracebackType

import trio

from dairt.runtime.host import DATAGRAM_MAX_BYTES, Buffer, Connection

RECEIVE_BYTES = 64 * 1024  # what `receive_some` asks for when its caller does not say


def as_bytes(buffer: Buffer) -> memoryview:
    """A flat view of a buffer's bytes."""
    view = memoryview(buffer)
    if view.format == "B" and view.ndim == 1:
        return view
    return view.cast("B") if view.nbytes else memoryview(b"")


def must_fit(data: bytes) -> None:
    """A datagram that is too long is a bug of its sender."""
    assert len(data) <= DATAGRAM_MAX_BYTES, f"a datagram has at most {DATAGRAM_MAX_BYTES} bytes, not {len(data)}"


async def receive_some(connection: Connection, max_bytes: int | None) -> bytes:
    """`trio.abc.ReceiveStream.receive_some` in terms of `receive_into`."""
    if max_bytes is None:
        max_bytes = RECEIVE_BYTES
    if max_bytes < 1:
        raise ValueError(f"max_bytes is at least 1, not {max_bytes}")
    buffer = bytearray(max_bytes)
    received = await connection.receive_into(memoryview(buffer))
    return bytes(memoryview(buffer)[:received])


class Turn:
    """Lets one task in; a second that comes meanwhile gets BusyResourceError."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self.taken = False

    def __enter__(self) -> None:
        if self.taken:
            raise trio.BusyResourceError(f"another task is already {self._doing} this connection")
        self.taken = True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self.taken = False


class Gate:
    """Where one task waits to be let on. Opening it for nobody does nothing, so whoever waits looks again why."""

    def __init__(self) -> None:
        self._waiting: trio.lowlevel.Task | None = None

    async def wait(self) -> None:
        """Wait until the gate is opened."""
        assert self._waiting is None, "one task at a time"
        self._waiting = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._give_up)

    def open(self) -> None:
        """Let the waiting task on, if there is one."""
        if self._waiting is not None:
            task, self._waiting = self._waiting, None
            trio.lowlevel.reschedule(task)

    def _give_up(self, _: object) -> trio.lowlevel.Abort:
        self._waiting = None
        return trio.lowlevel.Abort.SUCCEEDED
