"""A disk as its node sees it while things are broken: slow, full, failing; and with its host off it answers nothing."""

import errno
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar, TypeVarTuple, Unpack, runtime_checkable

import trio

from dairt.runtime.host import Buffer, Disk, File
from dairt.worlds.faults import Faults
from dairt.worlds.host_faults import Calls
from dairt.worlds.verdicts import FINE, DiskVerdict

R = TypeVar("R")
Args = TypeVarTuple("Args")


@runtime_checkable
class LossyFile(Protocol):
    """A descriptor that can lose what it should make durable, as only a simulated one can."""

    async def lose_sync(self) -> None:
        """Take the time of a sync, and count as durable what is not and never will be."""


class FaultyDisk:
    """The disk of the host `here`, round any other. While that host is off every call raises OSError without effect.

    Of a call in flight when the host goes off the effect may stand, but nobody is told: it raises too. One that fails for
    another reason has no effect, but for a sync that loses what it should have made durable.
    """

    def __init__(self, inner: Disk, here: str, faults: Faults) -> None:
        self._inner = inner
        self._state = _State(here, faults)

    async def names(self, folder: str) -> Sequence[str]:
        """See Disk."""
        return await self._state.call("read", 0, self._inner.names, folder)

    async def size(self, name: str) -> int:
        """See Disk."""
        return await self._state.call("read", 0, self._inner.size, name)

    async def open(self, name: str) -> "FaultyFile":
        """See Disk."""
        return FaultyFile(await self._state.call("read", 0, self._inner.open, name), self._state)

    async def create(self, name: str) -> "FaultyFile":
        """See Disk."""
        return FaultyFile(await self._state.call("write", 0, self._inner.create, name), self._state)

    async def rename(self, old: str, new: str) -> None:
        """See Disk."""
        await self._state.call("names", 0, self._inner.rename, old, new)

    async def sync_names(self, folder: str) -> None:
        """See Disk."""
        await self._state.call("names", 0, self._inner.sync_names, folder)

    async def remove(self, name: str) -> None:
        """See Disk."""
        await self._state.call("names", 0, self._inner.remove, name)

    async def lock(self) -> None:
        """See Disk. Whoever else has the folder is no trouble of the disk's."""
        self._state.check_power()
        await self._inner.lock()
        self._state.check_power()


class FaultyFile:
    """An open descriptor of a FaultyDisk."""

    def __init__(self, inner: File, state: "_State") -> None:
        self._inner = inner
        self._state = state

    async def write(self, buffers: Sequence[Buffer]) -> None:
        """See File."""
        nbytes = sum(memoryview(buffer).nbytes for buffer in buffers)
        await self._state.call("write", nbytes, self._inner.write, buffers)

    async def read_into(self, view: memoryview) -> int:
        """See File."""
        return await self._state.call("read", view.nbytes, self._inner.read_into, view)

    async def sync(self) -> None:
        """See File."""
        await self._state.sync(self._inner)

    async def aclose(self) -> None:
        """Close the descriptor, as the operating system does even for the dead."""
        await self._inner.aclose()


class _State:
    """The state of the host `here` and its disk."""

    def __init__(self, here: str, faults: Faults) -> None:
        self._here = here
        self._faults = faults

    def check_power(self) -> None:
        if self._faults.is_off(self._here):
            raise OSError(errno.EIO, f"the host {self._here} is switched off")

    async def call(self, kind: Calls, nbytes: int, call: Callable[[Unpack[Args]], Awaitable[R]], *args: *Args) -> R:
        """Make one call, unless something is broken."""
        self.check_power()
        verdict = self._faults.disk_call(self._here, kind, nbytes)
        if verdict is not FINE:
            await self.suffer(verdict)
        result = await call(*args)
        self.check_power()
        return result

    async def sync(self, file: File) -> None:
        """Sync a file, or lose what it should have made durable, where a disk can."""
        self.check_power()
        verdict = self._faults.disk_call(self._here, "sync", 0)
        if verdict.lost and isinstance(file, LossyFile):
            await file.lose_sync()
        if verdict is not FINE:
            await self.suffer(verdict)
        await file.sync()
        self.check_power()

    async def suffer(self, verdict: DiskVerdict) -> None:
        """Take the trouble of a call. As with a thread that waits for a real disk, nobody can give up what is late."""
        await trio.lowlevel.checkpoint_if_cancelled()
        with trio.CancelScope(shield=True):
            await trio.sleep(verdict.delay_s)
        self.check_power()
        if verdict.error:
            raise OSError(verdict.error, os.strerror(verdict.error))
