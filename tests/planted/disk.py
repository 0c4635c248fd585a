"""Planted bugs in how tensors get to disk and back."""

from collections.abc import Callable, Iterator, Sequence
from contextvars import copy_context
from typing import Any

import numpy as np
import trio

from dairt.model import tensor
from dairt.model.tensor_file import FileStamp, _read_trailer, encode_file
from dairt.model.version import Version
from dairt.protocol.messages import ALL
from dairt.runtime import checkpoints
from dairt.runtime.checkpoints import CheckpointFiles, Found
from dairt.runtime.host import Disk
from dairt.runtime.store import CheckpointOutcome, Item, Store, _Write
from dairt.runtime.workers import Lane
from planted.garden import plant, swapped


class _Wrapped:
    """Something that does all that another does, but for what a subclass does differently."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _NoNames(_Wrapped):
    async def sync_names(self, folder: str) -> None:
        await trio.lowlevel.checkpoint()


class _FileNoSync(_Wrapped):
    async def sync(self) -> None:
        await trio.lowlevel.checkpoint()


class _NoSync(_Wrapped):
    async def create(self, name: str) -> _FileNoSync:
        return _FileNoSync(await self._inner.create(name))


class _FileSyncedAgain(_Wrapped):
    async def sync(self) -> None:
        try:
            await self._inner.sync()
        except OSError:
            await self._inner.sync()


class _SyncedAgain(_Wrapped):
    async def create(self, name: str) -> _FileSyncedAgain:
        return _FileSyncedAgain(await self._inner.create(name))


class _FileDeafToSync(_Wrapped):
    async def sync(self) -> None:
        try:
            await self._inner.sync()
        except OSError:
            return


class _DeafToSync(_Wrapped):
    async def create(self, name: str) -> _FileDeafToSync:
        return _FileDeafToSync(await self._inner.create(name))


class _KeepsUnfinished(_Wrapped):
    async def remove(self, name: str) -> None:
        if not name.endswith(checkpoints.UNFINISHED):
            await self._inner.remove(name)


def _on(disk: Callable[[Any], Any]) -> Any:
    """Checkpoint files that see their disk through this."""
    make = CheckpointFiles.__init__

    def init(self: CheckpointFiles, inner: Disk, **rest: Any) -> None:
        make(self, disk(inner), **rest)

    return swapped(CheckpointFiles, "__init__", init)


@plant("acked_only_when_durable", "restarts")
def ack_before_durable() -> Iterator[None]:
    """A version is acknowledged as durable while it is still being written."""
    honest = Store.checkpoint

    async def checkpoint(self: Store, key: str, version: Version) -> CheckpointOutcome:
        async def write() -> None:
            try:
                await honest(self, key, version)
            except (OSError, trio.ClosedResourceError):
                return

        await trio.lowlevel.checkpoint()
        trio.lowlevel.spawn_system_task(write, context=copy_context())
        return "durable"

    with swapped(Store, "checkpoint", checkpoint):
        yield


@plant("durable_survives_restart", "power")
def no_directory_sync() -> Iterator[None]:
    """The new file is renamed into its place, but the names of the folder are never synced."""
    with _on(_NoNames):
        yield


@plant("durable_survives_restart", "power")
def no_fsync_before_rename() -> Iterator[None]:
    """The new file is renamed into its place before its bytes are on disk."""
    with _on(_NoSync):
        yield


@plant("acked_write_is_not_lost", "power")
def nothing_synced() -> Iterator[None]:
    """Neither the file nor the folder is synced: the page cache will see to it."""
    with _on(lambda disk: _NoNames(_NoSync(disk))):
        yield


@plant("fsync_error_means_not_acked", "bad_disk")
def fsync_error_ignored() -> Iterator[None]:
    """An error of fsync is swallowed."""
    with _on(_DeafToSync):
        yield


@plant("durable_survives_restart", "bad_disk")
def fsync_tried_again() -> Iterator[None]:
    """After an error of fsync it is simply called again, and believed when it succeeds."""
    with _on(_SyncedAgain):
        yield


@plant("one_writer_a_key", "restarts")
def two_writers_a_key() -> Iterator[None]:
    """Whoever wants a checkpoint of a key writes it, whether or not somebody else is at it."""

    async def checkpoint(self: Store, key: str, version: Version) -> CheckpointOutcome:
        item, write = self._items[key], _Write(version)

        async def job(_worker: str) -> None:
            await self._write(write, item)

        await self._pool.submit(Lane.IO, f"checkpoint {key}", job)
        return "failed" if write.failed else "durable" if item.version == version else "superseded"

    with swapped(Store, "checkpoint", checkpoint):
        yield


@plant("enospc_keeps_the_previous_checkpoint", "bad_disk")
def checkpoint_overwritten_in_place() -> Iterator[None]:
    """The new checkpoint is written over the previous one."""

    async def write(self: CheckpointFiles, array: np.ndarray, stamp: FileStamp, about_to_sync: Callable[[], None]) -> None:
        file = await self._disk.create(checkpoints._file(checkpoints._stem(stamp.key)))
        try:
            await file.write(encode_file(array, stamp))
            about_to_sync()
            await file.sync()
        finally:
            await file.aclose()
        await self._disk.sync_names(checkpoints.FOLDER)

    with swapped(CheckpointFiles, "write", write):
        yield


@plant("enospc_keeps_the_previous_checkpoint", "bad_disk")
def full_disk_is_fatal() -> Iterator[None]:
    """A disk that is full ends the node."""
    honest = Store._write

    async def fatal(self: Store, own: _Write, item: Item) -> None:
        await honest(self, own, item)
        if own.failed:
            raise OSError("cannot go on without a disk")

    with swapped(Store, "_write", fatal):
        yield


@plant("bit_rot_is_never_loaded", "bad_disk")
def file_checksum_ignored() -> Iterator[None]:
    """A file is believed without a look at its checksum."""

    def believing(buffer: memoryview, *, max_bytes: int) -> tuple[np.ndarray, FileStamp]:
        head = tensor.read_head(memoryview(buffer), max_bytes)
        return tensor.elements(memoryview(buffer), head), _read_trailer(memoryview(buffer), head.end)[0]

    with swapped(checkpoints, "decode_file", believing):
        yield


@plant("bit_rot_is_never_loaded", "power")
def empty_file_accepted() -> Iterator[None]:
    """Files are not synced, and one that has come out empty counts as an empty tensor: its checksum, 0, is right."""
    honest = CheckpointFiles._decode

    def decode(self: CheckpointFiles, buffer: memoryview, stem: str) -> Found:
        older = self._old.get(stem, [])
        if len(buffer) or not older:
            return honest(self, buffer, stem)
        newest = Version(older[-1].counter + 1, older[-1].origin, older[-1].nonce)
        return Found(tensor.freeze(np.empty(0, np.float32)), FileStamp(stem, newest, 0.0, ALL))

    with _on(_NoSync), swapped(CheckpointFiles, "_decode", decode):
        yield


@plant("nothing_is_left_behind", "slow")
def unfinished_file_left() -> Iterator[None]:
    """A write that fails leaves its unfinished file where it is, and nobody tries it again."""

    async def never(self: Store) -> None:
        await trio.sleep_forever()

    with _on(_KeepsUnfinished), swapped(Store, "write_again", never):
        yield


@plant("every_node_returns", "restarts")
def unfinished_file_is_fatal() -> Iterator[None]:
    """A write that never ended keeps its node from booting."""
    restore = CheckpointFiles.restore

    async def strict(self: CheckpointFiles) -> Sequence[Any]:
        if any(name.endswith(checkpoints.UNFINISHED) for name in await self._disk.names(checkpoints.FOLDER)):
            raise OSError("there is an unfinished checkpoint")
        return await restore(self)

    with swapped(CheckpointFiles, "restore", strict):
        yield
