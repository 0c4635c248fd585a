"""A disk as its node sees it while things are broken: that of a host which is switched off answers nothing."""

import errno
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar, TypeVarTuple, Unpack

from dairt.runtime.host import Buffer, Disk, File
from dairt.worlds.faults import Faults

R = TypeVar("R")
Args = TypeVarTuple("Args")


class FaultyDisk:
    """The disk of the host `here`, round any other. While that host is off every call raises OSError without effect.

    Of a call in flight when the host goes off the effect may stand, but nobody is told: it raises too.
    """

    def __init__(self, inner: Disk, here: str, faults: Faults) -> None:
        self._inner = inner
        self._power = _Power(here, faults)

    async def names(self, folder: str) -> Sequence[str]:
        """See Disk."""
        return await self._power.needed(self._inner.names, folder)

    async def size(self, name: str) -> int:
        """See Disk."""
        return await self._power.needed(self._inner.size, name)

    async def open(self, name: str) -> "FaultyFile":
        """See Disk."""
        self._power.check()
        return FaultyFile(await self._inner.open(name), self._power)

    async def create(self, name: str) -> "FaultyFile":
        """See Disk."""
        self._power.check()
        return FaultyFile(await self._inner.create(name), self._power)

    async def rename(self, old: str, new: str) -> None:
        """See Disk."""
        await self._power.needed(self._inner.rename, old, new)

    async def sync_names(self, folder: str) -> None:
        """See Disk."""
        await self._power.needed(self._inner.sync_names, folder)

    async def remove(self, name: str) -> None:
        """See Disk."""
        await self._power.needed(self._inner.remove, name)

    async def lock(self) -> None:
        """See Disk."""
        await self._power.needed(self._inner.lock)


class FaultyFile:
    """An open descriptor of a FaultyDisk."""

    def __init__(self, inner: File, power: "_Power") -> None:
        self._inner = inner
        self._power = power

    async def write(self, buffers: Sequence[Buffer]) -> None:
        """See File."""
        await self._power.needed(self._inner.write, buffers)

    async def read_into(self, view: memoryview) -> int:
        """See File."""
        return await self._power.needed(self._inner.read_into, view)

    async def sync(self) -> None:
        """See File."""
        await self._power.needed(self._inner.sync)

    async def aclose(self) -> None:
        """Close the descriptor, as the operating system does even for the dead."""
        await self._inner.aclose()


class _Power:
    """Whether the host `here` is on."""

    def __init__(self, here: str, faults: Faults) -> None:
        self._here = here
        self._faults = faults

    def check(self) -> None:
        if self._faults.is_off(self._here):
            raise OSError(errno.EIO, f"the host {self._here} is switched off")

    async def needed(self, call: Callable[[Unpack[Args]], Awaitable[R]], *args: *Args) -> R:
        self.check()
        result = await call(*args)
        self.check()
        return result
