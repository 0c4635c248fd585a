"""The versioned key-value store of a node: newest version in memory, made durable through Disk, restored at boot."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import msgspec
import numpy as np
import trio

from dairt.errors import Refused, RemoteProtocolError, UsageError
from dairt.model import tensor
from dairt.model.config import NodeConfig
from dairt.model.events import (
    CheckpointBegun,
    CheckpointDamaged,
    CheckpointDurable,
    CheckpointFailed,
    CheckpointRestored,
    CheckpointSetAside,
    CheckpointSyncBegun,
    CheckpointVerified,
    TensorStored,
)
from dairt.model.names import wrong_with_key
from dairt.model.tensor_file import FileStamp
from dairt.model.version import Version, next_version
from dairt.model.views import CheckpointState, CheckpointView
from dairt.protocol.messages import Audience, Have
from dairt.runtime.checkpoints import CheckpointFiles, Found
from dairt.runtime.host import Host
from dairt.runtime.summary import Summary
from dairt.runtime.workers import Lane, WorkerPool

CheckpointOutcome = Literal["stored", "durable", "superseded", "failed"]
# A page of an inventory stays well below the largest header; what a line has besides its key and audience.
INVENTORY_MAX_BYTES = 768 * 1024
HAVE_BYTES = 160
# Between tries at what the disk refused: soon, for what was over at once; then seldom, since each is a whole write.
AGAIN_FIRST_S, AGAIN_MAX_S = 0.5, 10.0


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
        self._limits = config.limits
        self._writes_files = config.checkpoint == "every-put"
        self._files = CheckpointFiles(
            host.disk,
            keep_generations=config.keep_generations,
            max_bytes=config.limits.payload_max_bytes,
            wall=host.wall,
        )
        self._items: dict[str, Item] = {}
        self._durable: dict[str, Version] = {}
        self._failed: dict[str, Version] = {}  # the newest write of these keys was refused, the last of them last
        self._refused = trio.Event()
        self._writes: dict[str, _Write] = {}
        self._nbytes = 0  # of all items
        self._summary = Summary()
        self.changed_at = 0.0  # when a version was last taken, by this node's clock
        self._seen = 0
        self._known: dict[str, None] = {}

    async def restore(self) -> Restored:
        """Bring back every key from disk; called once, before anything else."""
        outcomes = await self._files.restore()
        for outcome in outcomes:
            if isinstance(outcome, Found):
                self._bring_back(outcome)
            else:
                self._seen = max(self._seen, outcome.counter)
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

    def saw(self, version: Version) -> None:
        """Put every version to come above this one, which somebody holds of some key (Lamport, 1978)."""
        self._seen = max(self._seen, version.counter)

    def saw_all(self, member: str) -> None:
        """Note that this life of the node has seen the version of everything that a member holds for it."""
        self._known[member] = None

    def knows(self, member: str) -> bool:
        """Whether what a member held when this life began has been seen: what it has newer came later."""
        return member in self._known

    def offer(self, key: str, version: Version, array: np.ndarray, audience: Audience, checksum: int, source: str) -> bool:
        """Hold a version if it is newer than what is held, by one pointer swap; say whether it was.

        `array` is read-only. Raises RemoteProtocolError for what is no key, and when the version held is the same but its
        bytes are not; Refused when this node has no room for it.
        """
        assert not array.flags.writeable, f"{key}: nobody may change a tensor that is visible"
        if wrong := wrong_with_key(key):
            raise RemoteProtocolError(f"{source} offers what is no key: {wrong}")
        self.saw(version)
        held = self._items.get(key)
        if held is not None and version == held.version and checksum != held.checksum:
            raise RemoteProtocolError(f"{source} offers other bytes for {key} {version} than are held")
        if held is not None and version <= held.version:
            return False
        self._make_room(key, array.nbytes, 0 if held is None else held.array.nbytes)
        self._items[key] = Item(key, version, array, audience, checksum, self._host.wall())
        self._summary.hold(key, version, checksum, audience)
        self.changed_at = trio.current_time()
        self._host.emit(TensorStored(key, version, array.nbytes, checksum, source))
        return True

    async def checkpoint(self, key: str, version: Version) -> CheckpointOutcome:
        """Return when `version` of `key`, or a newer one, is durable, or when writing it failed.

        One write a key is under way at a time, and it takes the newest version there is when it begins; whoever waits for
        an older one shares its end. A caller that is cancelled leaves a write that has begun to its end: the wait may be as
        long as the disk's, so callers set a deadline. On a node that is configured to write no checkpoints, the answer is
        "stored", at once, or "superseded" for a version that is no longer held.
        """
        assert self._items[key].version >= version, f"{key} {version} was never offered"
        await trio.lowlevel.checkpoint()
        if not self._writes_files:
            return "stored" if self._items[key].version == version else "superseded"
        while (durable := self._durable.get(key)) is None or durable < version:
            write = self._writes.get(key)
            if write is None:
                write = await self._write_newest(key)
            else:
                await write.ended.wait()
            if write.failed and write.version >= version:
                return "failed"
        return "durable" if durable == version else "superseded"

    async def write_again(self) -> None:
        """Write what the disk has refused once more, until cancelled: a disk that recovers needs no new put for that.

        One key after the other, and each in turn. At the first that is refused again the rest waits with it, twice as long
        as before, up to a bound; once the disk takes them, all follow at once.
        """
        wait_s = AGAIN_FIRST_S
        while True:
            while not self._failed:
                self._refused = trio.Event()
                await self._refused.wait()
            await trio.sleep(wait_s)
            wait_s = AGAIN_FIRST_S if await self._took_all() else min(2 * wait_s, AGAIN_MAX_S)

    async def scrub(self, key: str = "", *, repair: bool = False) -> None:
        """Read every file of a key, or of all, back from disk, and say of each whether it is whole.

        With `repair`, what is held of a key takes the place of its newest file if that is not whole, and other files that
        are not are set aside. Raises UsageError for a key that is not held, OSError when the disk refuses.
        """
        if key and key not in self._items:
            raise UsageError(f"{self._host.name} holds no {key!r}")
        for each in [key] if key else sorted(self._items):
            while (other := self._writes.get(each)) is not None:
                await other.ended.wait()
            await self._in_turn(each, "restore" if repair else "verify", partial(self._scrub, each, repair))

    def awaits_checkpoint(self, key: str, version: Version) -> bool:
        """Whether a version is held in memory only, and nobody has tried to change that."""
        item = self._items.get(key)
        return item is not None and item.version == version and self._writes_files and self._state(item) == "memory"

    @property
    def has_unsaved(self) -> bool:
        """Whether any key awaits its checkpoint, and nobody has tried."""
        return self._writes_files and any(self._state(item) == "memory" for item in self._items.values())

    def summary(self) -> int:
        """What is held for everybody, in one number; see Summary."""
        return self._summary.value

    def inventory(self, member: str, after: str, limit: int) -> tuple[tuple[Have, ...], bool]:
        """What `member` should hold too: at most `limit` keys after `after`, in order, and whether there are more.

        At least one, if there are any; fewer than `limit` where their audiences are long.
        """
        shared = sorted(key for key, item in self._items.items() if key > after and is_for(member, item.audience))
        page: list[Have] = []
        room = INVENTORY_MAX_BYTES
        for item in (self._items[key] for key in shared[:limit]):
            room -= HAVE_BYTES + len(item.key.encode()) + sum(len(name) + 1 for name in item.audience)
            if page and room < 0:
                break
            page.append(Have(item.key, item.version, item.checksum, item.audience))
        return tuple(page), len(page) < len(shared)

    def views(self) -> tuple[CheckpointView, ...]:
        """Every key, in order, and how far it is on disk."""
        return tuple(
            CheckpointView(
                i.key, i.version, i.array.dtype.name, i.array.shape, i.array.nbytes, i.checksum, i.written_at, s,
                self._files.versions(i.key),
            )
            for i, s in ((item, self._state(item)) for _, item in sorted(self._items.items()))
        )  # fmt: skip

    async def _took_all(self) -> bool:
        """Try every key that was refused, until the disk refuses one again; say whether it took them all."""
        for key in list(self._failed):
            if await self.checkpoint(key, self._items[key].version) == "failed":
                return False
        return True

    def _make_room(self, key: str, nbytes: int, before: int) -> None:
        if key not in self._items and len(self._items) >= self._limits.keys_max:
            raise Refused(f"{self._host.name} has no room for {key!r}: it holds {len(self._items)} keys already")
        total, most = self._nbytes - before + nbytes, self._limits.store_max_bytes
        if total > most and nbytes > before:
            raise Refused(f"{self._host.name} has no room for {key!r}: with it it would hold {total} bytes of at most {most}")
        self._nbytes = total

    def _state(self, item: Item) -> CheckpointState:
        if item.durable:
            return "durable"
        if item.key in self._writes:
            return "writing"
        return "failed" if self._failed.get(item.key) == item.version else "memory"

    def _bring_back(self, found: Found) -> None:
        stamp, checksum = found.stamp, tensor.checksum(found.array)
        self.saw(stamp.version)
        self._items[stamp.key] = Item(
            stamp.key, stamp.version, found.array, stamp.audience, checksum, stamp.written_at, durable=True
        )
        self._summary.hold(stamp.key, stamp.version, checksum, stamp.audience)
        self._nbytes += found.array.nbytes  # whatever the limit: what was promised is kept
        self._durable[stamp.key] = stamp.version
        self._host.emit(CheckpointRestored(stamp.key, stamp.version, checksum))

    async def _write_newest(self, key: str) -> _Write:
        return await self._in_turn(key, "checkpoint", lambda write: self._write(write, self._items[key]))

    async def _in_turn(self, key: str, what: str, deed: Callable[[_Write], Awaitable[None]]) -> _Write:
        """Do something with a key's files, once a worker is free, and nothing else with them until it is done."""
        write = self._writes[key] = _Write(self._items[key].version)

        async def job(_worker: str) -> None:
            write.begun = True
            try:
                await deed(write)
            finally:
                self._end(key, write)

        try:
            await self._pool.submit(Lane.IO, f"{what} {key}", job)
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
            self._failed.pop(key, None)
            self._failed[key] = version
            self._refused.set()
            self._host.emit(CheckpointFailed(key, version, exc.strerror or str(exc)))
            return
        self._durable[key] = version
        self._failed.pop(key, None)
        newest = self._items[key]
        if newest.version == version:
            self._items[key] = msgspec.structs.replace(newest, durable=True)
        took_s = trio.current_time() - began
        self._host.emit(CheckpointDurable(key, version, item.array.nbytes, item.checksum, took_s))

    async def _scrub(self, key: str, repair: bool, turn: _Write) -> None:
        damaged = [version for version in self._files.versions(key) if not await self._is_whole(key, version)]
        if not repair or not damaged:
            return
        if damaged[-1] == self._files.versions(key)[-1]:
            self._durable.pop(key, None)
            self._items[key] = msgspec.structs.replace(self._items[key], durable=False)
            await self._write(turn, self._items[key])
        for version in damaged:
            if version in self._files.versions(key)[:-1]:
                file = await self._files.set_aside(key, version)
                self._host.emit(CheckpointSetAside(file, "it was found damaged"))

    async def _is_whole(self, key: str, version: Version) -> bool:
        began = trio.current_time()
        if wrong := await self._files.verify(key, version):
            self._host.emit(CheckpointDamaged(key, version, wrong))
        else:
            self._host.emit(CheckpointVerified(key, version, trio.current_time() - began))
        return not wrong


def is_for(member: str, audience: Audience) -> bool:
    """Whether a tensor with this audience is meant for `member` (what is local is for nobody else)."""
    return "all" in audience or member in audience
