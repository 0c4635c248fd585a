"""The versioned key-value store of a node: newest version in memory, made durable through Disk, restored at boot."""

from dataclasses import dataclass, field
from typing import Literal

import msgspec
import numpy as np
import trio

from dairt.errors import RemoteProtocolError
from dairt.model import tensor
from dairt.model.config import NodeConfig
from dairt.model.events import (
    CheckpointBegun,
    CheckpointDurable,
    CheckpointFailed,
    CheckpointRestored,
    CheckpointSetAside,
    CheckpointSyncBegun,
    TensorStored,
)
from dairt.model.tensor_file import FileStamp
from dairt.model.version import Version, next_version
from dairt.model.views import CheckpointState, CheckpointView
from dairt.protocol.messages import Audience, Have
from dairt.runtime.checkpoints import CheckpointFiles, Found
from dairt.runtime.host import Host
from dairt.runtime.workers import Lane, WorkerPool

CheckpointOutcome = Literal["stored", "durable", "superseded", "failed"]


class Item(msgspec.Struct, frozen=True):
    """A key's newest version on this node. `array` is read-only; `durable` says that this version is on disk."""

    key: str
    version: Version
    array: np.ndarray
    audience: Audience
    checksum: int
    written_at: float
    durable: bool = False


class Restored(msgspec.Struct, frozen=True):
    """What a boot found: keys restored, files set aside."""

    count: int
    set_aside: int


@dataclass(eq=False)
class _Write:
    """One checkpoint write of a key, from its place in the queue to its end. Until it begins, `version` may still rise."""

    version: Version
    begun: bool = False
    failed: bool = False
    ended: trio.Event = field(default_factory=trio.Event)


class Store:
    """The newest version of every key of one node. `nonce` marks the versions made in this life of it."""

    def __init__(self, host: Host, config: NodeConfig, pool: WorkerPool, nonce: int) -> None:
        self._host = host
        self._pool = pool
        self._nonce = nonce
        self._writes_files = config.checkpoint == "every-put"
        self._files = CheckpointFiles(
            host.disk,
            keep_generations=config.keep_generations,
            max_bytes=config.limits.payload_max_bytes,
            wall=host.wall,
        )
        self._items: dict[str, Item] = {}
        self._durable: dict[str, Version] = {}
        self._failed: dict[str, Version] = {}
        self._writes: dict[str, _Write] = {}
        self._seen = 0

    async def restore(self) -> Restored:
        """Bring back every key from disk; called once, before anything else."""
        outcomes = await self._files.restore()
        for outcome in outcomes:
            if isinstance(outcome, Found):
                self._bring_back(outcome)
            else:
                self._host.emit(CheckpointSetAside(outcome.file, outcome.reason))
        return Restored(len(self._items), len(outcomes) - len(self._items))

    def get(self, key: str) -> Item | None:
        """The newest version of a key, whole; None where there is none."""
        return self._items.get(key)

    def make_version(self) -> Version:
        """A version for a new put: its counter is above everything this node has seen, and never given out twice."""
        version = next_version(self._seen, self._host.name, self._nonce)
        self._seen = version.counter
        return version

    def offer(self, key: str, version: Version, array: np.ndarray, audience: Audience, checksum: int, source: str) -> bool:
        """Hold a version if it is newer than what is held, by one pointer swap; say whether it was.

        `array` is read-only. Raises RemoteProtocolError when the version held is the same but its bytes are not.
        """
        assert not array.flags.writeable, f"{key}: nobody may change a tensor that is visible"
        self._seen = max(self._seen, version.counter)
        held = self._items.get(key)
        if held is not None and version == held.version and checksum != held.checksum:
            raise RemoteProtocolError(f"{source} offers other bytes for {key} {version} than are held")
        if held is not None and version <= held.version:
            return False
        self._items[key] = Item(key, version, array, audience, checksum, self._host.wall())
        self._host.emit(TensorStored(key, version, array.nbytes, checksum, source))
        return True

    async def checkpoint(self, key: str, version: Version) -> CheckpointOutcome:
        """Return when `version` of `key`, or a newer one, is durable, or when writing it failed.

        One write a key is under way at a time, and it takes the newest version there is when it begins; whoever waits for
        an older one shares its end. A caller that is cancelled leaves a write that has begun to its end. On a node that is
        configured to write no checkpoints, the answer is "stored", at once.
        """
        assert self._items[key].version >= version, f"{key} {version} was never offered"
        await trio.lowlevel.checkpoint()
        if not self._writes_files:
            return "stored"
        while (durable := self._durable.get(key)) is None or durable < version:
            write = self._writes.get(key)
            if write is None:
                write = await self._write_newest(key)
            else:
                await write.ended.wait()
            if write.failed and write.version >= version:
                return "failed"
        return "durable" if durable == version else "superseded"

    def inventory(self, member: str, after: str, limit: int) -> tuple[tuple[Have, ...], bool]:
        """What `member` should hold too: at most `limit` keys after `after`, in order, and whether there are more."""
        shared = sorted(
            key for key, item in self._items.items() if key > after and ("all" in item.audience or member in item.audience)
        )
        items = [self._items[key] for key in shared[:limit]]
        return tuple(Have(i.key, i.version, i.checksum, i.audience) for i in items), len(shared) > limit

    def views(self) -> tuple[CheckpointView, ...]:
        """Every key, in order, and how far it is on disk."""
        return tuple(
            CheckpointView(i.key, i.version, i.array.dtype.name, i.array.shape, i.array.nbytes, i.checksum, i.written_at, s)
            for i, s in ((item, self._state(item)) for _, item in sorted(self._items.items()))
        )

    def _state(self, item: Item) -> CheckpointState:
        if item.durable:
            return "durable"
        if item.key in self._writes:
            return "writing"
        return "failed" if self._failed.get(item.key) == item.version else "memory"

    def _bring_back(self, found: Found) -> None:
        stamp, checksum = found.stamp, tensor.checksum(found.array)
        self._seen = max(self._seen, stamp.version.counter)
        self._items[stamp.key] = Item(
            stamp.key, stamp.version, found.array, stamp.audience, checksum, stamp.written_at, durable=True
        )
        self._durable[stamp.key] = stamp.version
        self._host.emit(CheckpointRestored(stamp.key, stamp.version, checksum))

    async def _write_newest(self, key: str) -> _Write:
        write = self._writes[key] = _Write(self._items[key].version)

        async def job(_worker: str) -> None:
            write.begun = True
            try:
                await self._write(write, self._items[key])
            finally:
                self._end(key, write)

        try:
            await self._pool.submit(Lane.IO, f"checkpoint {key}", job)
        finally:
            if not write.begun:  # cancelled in the queue: the next one who waits takes over
                self._end(key, write)
        return write

    def _end(self, key: str, write: _Write) -> None:
        del self._writes[key]
        write.ended.set()

    async def _write(self, write: _Write, item: Item) -> None:
        key, version = item.key, item.version
        write.version = version
        began = trio.current_time()
        self._host.emit(CheckpointBegun(key, version))
        stamp = FileStamp(key, version, item.written_at, item.audience)
        try:
            await self._files.write(item.array, stamp, lambda: self._host.emit(CheckpointSyncBegun(key, version)))
        except OSError as exc:
            write.failed = True
            self._failed[key] = version
            self._host.emit(CheckpointFailed(key, version, exc.strerror or str(exc)))
            return
        self._durable[key] = version
        newest = self._items[key]
        if newest.version == version:
            self._items[key] = msgspec.structs.replace(newest, durable=True)
        took_s = trio.current_time() - began
        self._host.emit(CheckpointDurable(key, version, item.array.nbytes, item.checksum, took_s))
