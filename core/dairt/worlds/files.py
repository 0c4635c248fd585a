"""A node's disk as a folder of the real one: every call that may block runs in a thread, and is never left behind there."""

import errno
import fcntl
import os
import random
import shutil
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TypeVar, TypeVarTuple, Unpack

import trio

from dairt.runtime.host import Buffer
from dairt.worlds.disk_names import check_name
from dairt.worlds.streams import as_bytes

R = TypeVar("R")
Args = TypeVarTuple("Args")

# Calls of one disk at a time: its node's IO workers, and a few for names. Kernels have threads of their own.
DISK_THREADS = 8
BUFFERS_A_CALL = 1024  # the most that writev takes on Linux (IOV_MAX)
LOCK_NAME = ".lock"


class FileDisk:
    """The folder `root`, made if missing. One FileDisk serves all lives of its node; close it after the last.

    A call that has begun runs to its end whatever becomes of the caller, and only then lets a cancellation through: nobody
    has to reckon with a write that goes on after its writer is gone.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._root = root
        self._limiter = trio.CapacityLimiter(DISK_THREADS)
        self._lock: int | None = None
        self._folders = {root: None}  # known to be there, durably

    async def names(self, folder: str) -> Sequence[str]:
        """The names of the files in `folder`; the lock's is not one of them."""
        return await in_thread(self._limiter, _names, self._path(folder) if folder else self._root)

    async def size(self, name: str) -> int:
        """The length of a file."""
        return (await in_thread(self._limiter, os.stat, self._path(name))).st_size

    async def open(self, name: str) -> "OpenFile":
        """Open a file for reading."""
        return OpenFile(await in_thread(self._limiter, os.open, self._path(name), os.O_RDONLY | os.O_CLOEXEC), self._limiter)

    async def create(self, name: str) -> "OpenFile":
        """Open a new file for writing; one of that name is unlinked, not truncated, so that its readers keep it whole."""
        return OpenFile(await in_thread(self._limiter, self._create, self._path(name)), self._limiter)

    async def rename(self, old: str, new: str) -> None:
        """Replace `new` by `old`; makes the folder of `new`."""
        await in_thread(self._limiter, self._rename, self._path(old), self._path(new))

    async def sync_names(self, folder: str) -> None:
        """Sync a folder."""
        await in_thread(self._limiter, _sync_folder, self._path(folder) if folder else self._root)

    async def remove(self, name: str) -> None:
        """Unlink a file, if it is there."""
        await in_thread(self._limiter, _unlink, self._path(name))

    async def lock(self) -> None:
        """Take the advisory lock on the folder; this process keeps it, through all lives of the node, until `close`."""
        if self._lock is None:
            self._lock = await in_thread(self._limiter, _flock, self._root / LOCK_NAME)

    async def wipe(self) -> None:
        """Remove every file but the lock's, as if the disk were a new one; no node may be using it."""
        await in_thread(self._limiter, _wipe, self._root)
        self._folders = {self._root: None}

    def listing(self) -> tuple[str, ...]:
        """The names of all files but the lock's, in order, as they are now; it blocks for a few small system calls."""
        return tuple(sorted(_sizes(self._root)))

    def flip_bit(self, dice: random.Random, among: str = "") -> str:
        """Flip one drawn bit of one of the files whose names begin with `among`; return the name, "" where there is none.

        It blocks for a few small system calls, since it has to have happened when this returns.
        """
        sizes = {name: nbytes for name, nbytes in _sizes(self._root).items() if name.startswith(among) and nbytes}
        if not sizes:
            return ""
        name = dice.choice(sorted(sizes))
        place, bit = dice.randrange(sizes[name]), dice.randrange(8)
        with suppress(FileNotFoundError), open(self._root / name, "r+b", buffering=0) as file:
            file.seek(place)
            byte = file.read(1)
            file.seek(place)
            file.write(bytes(part ^ 1 << bit for part in byte))
            return name
        return ""

    def close(self) -> None:
        """Give up the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _path(self, name: str) -> Path:
        check_name(name)
        return self._root / name

    def _create(self, path: Path) -> int:
        self._make_folder(path.parent)
        _unlink(path)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)

    def _rename(self, old: Path, new: Path) -> None:
        self._make_folder(new.parent)
        os.replace(old, new)

    def _make_folder(self, folder: Path) -> None:
        """Make a folder, durably at once. One that is there may have been made just before a crash: it is synced as well."""
        if folder not in self._folders:
            self._make_folder(folder.parent)
            folder.mkdir(exist_ok=True)
            _sync_folder(folder.parent)
            self._folders[folder] = None


class OpenFile:
    """One open descriptor of a FileDisk."""

    def __init__(self, descriptor: int, limiter: trio.CapacityLimiter) -> None:
        self._descriptor = descriptor
        self._limiter = limiter

    async def write(self, buffers: Sequence[Buffer]) -> None:
        """Append all of `buffers`, in one visit to a thread."""
        await in_thread(self._limiter, _write_all, self._descriptor, buffers)

    async def read_into(self, view: memoryview) -> int:
        """Read once; 0 at the end."""
        return await in_thread(self._limiter, os.readv, self._descriptor, [view])

    async def sync(self) -> None:
        """Sync the file's bytes and length."""
        await in_thread(self._limiter, os.fsync, self._descriptor)

    async def aclose(self) -> None:
        """Close the descriptor, also when cancelled."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with trio.CancelScope(shield=True):
                await in_thread(self._limiter, os.close, descriptor)
        await trio.lowlevel.checkpoint_if_cancelled()


async def in_thread(limiter: trio.CapacityLimiter, function: Callable[[Unpack[Args]], R], *args: *Args) -> R:
    """Call `function` in a thread; not abandoned on cancel, so that whoever is told of its end can rely on it."""
    return await trio.to_thread.run_sync(function, *args, limiter=limiter)


def _write_all(descriptor: int, buffers: Sequence[Buffer]) -> None:
    left = deque(view for buffer in buffers if (view := as_bytes(buffer)))
    while left:
        written = os.writev(descriptor, list(islice(left, BUFFERS_A_CALL)))
        while left and written >= len(left[0]):
            written -= len(left.popleft())
        if written:
            left[0] = left[0][written:]


def _names(folder: Path) -> tuple[str, ...]:
    try:
        with os.scandir(folder) as entries:
            return tuple(sorted(entry.name for entry in entries if entry.is_file() and entry.name != LOCK_NAME))
    except FileNotFoundError:
        return ()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sizes(root: Path) -> dict[str, int]:
    """The length of every file, by its name; threads may be renaming and removing some of them."""
    sizes = {}
    for path in root.rglob("*"):
        with suppress(FileNotFoundError):
            if path.is_file():
                sizes[path.relative_to(root).as_posix()] = path.stat().st_size
    return sizes


def _wipe(root: Path) -> None:
    for path in root.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK_NAME:
            path.unlink()


def _unlink(path: Path) -> None:
    path.unlink(missing_ok=True)


def _flock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise OSError(errno.EBUSY, f"{path.parent} is in use by another node; give each node a folder of its own") from None
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
