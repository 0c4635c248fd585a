"""A store on a disk that can be in trouble, and all it reports."""

import errno
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec
import trio

from dairt.model import tensor
from dairt.model.events import Event
from dairt.model.version import Version
from dairt.protocol.messages import ALL, Audience
from dairt.runtime.host import Disk, File
from dairt.runtime.store import Store
from dairt.runtime.workers import WorkerPool
from dairt.worlds.sim.dice import Dice
from dairt.worlds.sim.disk import SimDisk
from small_host import filled, small_config, small_host

D = TypeVar("D", bound=Disk)


class TroubledDisk(SimDisk):
    """A disk that can be full, or wait at a gate before it creates a file."""

    def __init__(self) -> None:
        super().__init__("n0", Dice(0))
        self.refuses: Sequence[str] = ()
        self.gate = trio.Event()
        self.gate.set()
        self.created = 0

    async def create(self, name: str) -> File:  # type: ignore[override]  # any File will do
        self.created += 1
        await self.gate.wait()
        self._refuse("create")
        return _TroubledFile(self, await super().create(name))

    async def rename(self, old: str, new: str) -> None:
        self._refuse(f"rename {old}")
        await super().rename(old, new)

    async def sync_names(self, folder: str) -> None:
        self._refuse("sync names")
        await super().sync_names(folder)

    def _refuse(self, call: str) -> None:
        if call in self.refuses:
            raise OSError(errno.ENOSPC, "No space left on device")


class _TroubledFile:
    def __init__(self, disk: TroubledDisk, inner: File) -> None:
        self._disk, self._inner = disk, inner
        self.read_into, self.aclose = inner.read_into, inner.aclose

    async def write(self, buffers: Sequence[bytes | bytearray | memoryview]) -> None:
        self._disk._refuse("write")
        await self._inner.write(buffers)

    async def sync(self) -> None:
        self._disk._refuse("sync")
        await self._inner.sync()


@dataclass
class Bench(Generic[D]):
    """A store, its pool and its disk, and all it reported."""

    pool: WorkerPool
    store: Store
    disk: D
    events: list[Event]
    more: trio.Event = field(default_factory=trio.Event)

    def emit(self, event: Event) -> None:
        self.events.append(event)
        self.more.set()
        self.more = trio.Event()

    def put(self, key: str, value: float, audience: Audience = ALL) -> Version:
        version, array = self.store.make_version(), filled(value)
        assert self.store.offer(key, version, array, audience, tensor.checksum(array), "n0")
        return version

    def names_of(self, *kinds: type[Event]) -> list[str]:
        return [type(event).__name__ for event in self.events if isinstance(event, kinds)]

    async def until(self, holds: Callable[[], bool], within_s: float = 60.0) -> None:
        """Wait until some event makes `holds` true; fails after so many virtual seconds."""
        with trio.fail_after(within_s):
            while not holds():
                await self.more.wait()

    def state(self, key: str) -> str:
        [state] = [view.state for view in self.store.views() if view.key == key]
        return state


@asynccontextmanager
async def bench_on(disk: D, *, workers: int = 2, checkpoint: str = "every-put", within_s: float = 5) -> AsyncIterator[Bench[D]]:
    """A store that has restored what is on `disk`; the test has `within_s` seconds for it."""
    events = list[Event]()
    host = small_host(disk, lambda event: made.emit(event))
    config = msgspec.structs.replace(small_config(workers=workers), checkpoint=checkpoint)
    async with WorkerPool(host, config) as pool:
        store = Store(host, config, pool, nonce=7)
        made = Bench(pool, store, disk, events)
        await store.restore()
        with trio.fail_after(within_s):
            yield made


def bench(
    disk: TroubledDisk | None = None, *, workers: int = 2, checkpoint: str = "every-put"
) -> AbstractAsyncContextManager[Bench[TroubledDisk]]:
    """A store on a troubled disk."""
    return bench_on(disk or TroubledDisk(), workers=workers, checkpoint=checkpoint)
