"""A simulated disk with no more guarantees than POSIX gives: what was not synced may be lost, torn, or undone.

Bytes and names are separate. Everyone sees at once what was written and renamed, as through a page cache, and it survives
the end of the process. A power cut keeps for certain only what was synced:

- Bytes of a file become durable by `File.sync`. Of those after the last sync each 512-byte sector may be missing (zeros),
  and the file may be shorter; bytes before it are never touched again, since files are only appended to. A sync that fails
  leaves its bytes in the cache, marked clean: later syncs pass them over, and so they stay at stake (Rebello et al., 2020).
- Names become durable by `sync_names(folder)`: all changes so far that touch the folder, and those before them on the same
  names. A rename is one change, also between two folders: after a power cut it has happened or not. Of the changes that
  were not synced, any may have happened and any not, whatever their order.
- Folders are durable as soon as something is put into them.
- A name and the bytes behind it are independent: a synced rename of a file that was not synced may leave a torn file.

A call in flight when the power goes raises OSError without effect; so do all later ones on files opened before.
"""

import errno
import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Literal

import trio

from dairt.runtime.host import Buffer
from dairt.worlds.disk_names import check_name, folder_of
from dairt.worlds.sim.changes import Changes
from dairt.worlds.sim.clock import hold
from dairt.worlds.sim.dice import Dice
from dairt.worlds.streams import as_bytes

Unsynced = Literal["keep", "lose", "torn"]
Keeps = Callable[[int], bool]
"""Whether a power cut keeps the n-th thing of those at stake."""

SECTOR_BYTES = 512  # what a disk writes whole or not at all
TICK_S = 2.0**-20  # costs are whole ticks, so that virtual times add up exactly
P99_Z = NormalDist().inv_cdf(0.99)


@dataclass(frozen=True)
class DiskSpeed:
    """How long calls take. Syncs are drawn from the lognormal distribution with these two quantiles."""

    call_s: float = 20e-6
    bytes_per_s: float = 1e9
    sync_p50_s: float = 1e-3
    sync_p99_s: float = 30e-3


@dataclass(eq=False)
class _Inode:
    """The bytes of a file, wherever its names are; the first `synced` of them are durable, but for the `doubtful` ranges."""

    data: bytearray = field(default_factory=bytearray)
    synced: int = 0
    doubtful: list[tuple[int, int]] = field(default_factory=list)

    def sectors(self) -> Iterator[tuple[int, int]]:
        """Where the pieces lie of which a power cut keeps each or not: what of each sector is not durable."""
        for start, end in [*self.doubtful, (self.synced, len(self.data))]:
            while start < end:
                cut = min(end, start - start % SECTOR_BYTES + SECTOR_BYTES)
                yield start, cut
                start = cut

    def tear(self, keeps: Callable[[], bool]) -> None:
        """Lose what is not kept: sectors read as zeros, and the file ends with its last one, unless its length is kept."""
        sectors = list(self.sectors())
        if not sectors:
            return
        keeps_length, end = keeps(), self.synced
        for first, last in sectors:
            if keeps():
                end = max(end, last)
            else:
                self.data[first:last] = bytes(last - first)
        if not keeps_length:
            del self.data[end:]
        self.synced, self.doubtful = len(self.data), []


class SimDisk:
    """The disk of the node `name`; it outlives the node's lives, so the stage keeps it.

    A call that has begun runs to its end, as a thread's would: a cancellation comes through after it. `calls` counts them.
    """

    def __init__(self, name: str, dice: Dice, speed: DiskSpeed = DiskSpeed()) -> None:
        self.calls = 0
        self._name = name
        self._dice = dice
        self._speed = speed
        self._names: dict[str, _Inode] = {}
        self._folders: dict[str, None] = {"": None}
        self._durable: dict[str, _Inode] = {}
        self._pending: Changes[_Inode] = Changes()
        self._power_cuts = 0
        self._syncs: dict[str, int] = {}

    async def names(self, folder: str) -> Sequence[str]:
        """The names of the files in `folder`."""
        if folder:
            check_name(folder)
        await self.spend()
        return sorted(name.rpartition("/")[2] for name in self._names if folder_of(name) == folder)

    async def size(self, name: str) -> int:
        """The length of a file."""
        await self.spend()
        return len(self._find(name).data)

    async def open(self, name: str) -> "SimFile":
        """Open a file for reading."""
        await self.spend()
        return SimFile(self, name, self._find(name), writes=False)

    async def create(self, name: str) -> "SimFile":
        """Open a new file for writing."""
        check_name(name)
        await self.spend()
        inode = _Inode()
        self._change((name, self._names.get(name), inode))
        return SimFile(self, name, inode, writes=True)

    async def rename(self, old: str, new: str) -> None:
        """Replace `new` by `old`."""
        check_name(new)
        await self.spend()
        inode = self._find(old)
        self._change((old, inode, None), (new, self._names.get(new), inode))

    async def sync_names(self, folder: str) -> None:
        """Make the changes of names that touch `folder` durable."""
        if folder not in self._folders:
            raise FileNotFoundError(errno.ENOENT, "no such folder", folder)
        await self.spend(self.sync_s(folder))
        self._settle(folder)

    async def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        check_name(name)
        await self.spend()
        if name in self._names:
            self._change((name, self._names[name], None))

    async def lock(self) -> None:
        """Nobody else can reach this disk."""
        await self.spend()

    def at_stake(self) -> tuple[str, ...]:
        """What a power cut now would keep or lose one by one: changes of names, and of files their lengths and sectors."""
        things = [str(change) for change in self._pending]
        for name, inode in self._files():
            sectors = [f"sector {first // SECTOR_BYTES} of {name}" for first, _ in inode.sectors()]
            things += [f"length of {name}", *sectors] if sectors else []
        return tuple(things)

    def power_cut(self, unsynced: Unsynced | Keeps = "torn") -> None:
        """Lose the power, now, and have it back: of what is at stake keep all, lose all, or draw or be told what is kept."""
        self._power_cuts += 1
        dice, count = self._dice.stream("power cut", self._name, str(self._power_cuts)), itertools.count()

        def keeps() -> bool:
            if callable(unsynced):
                return unsynced(next(count))
            return unsynced == "keep" or (unsynced == "torn" and dice.random() < 0.5)

        files = [inode for _, inode in self._files()]
        for change in self._pending:
            if keeps():
                change.apply(self._durable)
        for inode in files:
            inode.tear(keeps)
        self._pending.clear()
        self._names = dict(self._durable)

    async def wipe(self) -> None:
        """Be a new, empty disk, for the node's next life."""
        await trio.lowlevel.checkpoint()
        self._power_cuts += 1
        self._names, self._durable, self._folders = {}, {}, {"": None}
        self._pending.clear()

    def listing(self) -> tuple[str, ...]:
        """The names of all files, in order, as they are now."""
        return tuple(sorted(self._names))

    def flip_bit(self, dice: random.Random, among: str = "") -> str:
        """Flip one drawn bit of one of the files whose names begin with `among`; return the name, "" where there is none."""
        rotting = sorted(name for name, inode in self._names.items() if name.startswith(among) and inode.data)
        if not rotting:
            return ""
        name = dice.choice(rotting)
        data = self._names[name].data
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        return name

    async def spend(self, seconds: float = 0.0, *, since: int | None = None) -> None:
        """Let a call take its time; raises OSError if the power went meanwhile, or after cut number `since`."""
        await trio.lowlevel.checkpoint_if_cancelled()
        self.calls += 1
        since = self._power_cuts if since is None else since
        takes_s = round((self._speed.call_s + seconds) / TICK_S) * TICK_S
        await hold(takes_s)
        if since != self._power_cuts:
            raise OSError(errno.EIO, "the power was cut")

    def sync_s(self, name: str) -> float:
        """How long the next sync of a file or folder takes."""
        n = self._syncs[name] = self._syncs.get(name, 0) + 1
        draw = max(self._dice.draw(f"sync {self._name}", name, n), 2.0**-53)
        sigma = math.log(self._speed.sync_p99_s / self._speed.sync_p50_s) / P99_Z
        return self._speed.sync_p50_s * math.exp(sigma * NormalDist().inv_cdf(draw))

    def transfer_s(self, nbytes: int) -> float:
        """How long so many bytes take to copy."""
        return nbytes / self._speed.bytes_per_s

    @property
    def power_cuts(self) -> int:
        """How often the power has been cut."""
        return self._power_cuts

    def _files(self) -> list[tuple[str, _Inode]]:
        """Every file that has a name, or may have one after a power cut, once, by a name of it."""
        changed = [(name, inode) for change in self._pending for name, *ends in change.parts for inode in ends if inode]
        names: dict[_Inode, str] = {}
        for name, inode in [*self._names.items(), *self._durable.items(), *changed]:
            names.setdefault(inode, name)
        return [(name, inode) for inode, name in names.items()]

    def _find(self, name: str) -> _Inode:
        check_name(name)
        if name not in self._names:
            raise FileNotFoundError(errno.ENOENT, "no such file", name)
        return self._names[name]

    def _change(self, *parts: tuple[str, _Inode | None, _Inode | None]) -> None:
        self._pending.add(*parts).apply(self._names)
        for name, _, _ in parts:
            self._folders[folder_of(name)] = None

    def _settle(self, folder: str) -> None:
        for change in self._pending.settle(folder):
            change.apply(self._durable)


class SimFile:
    """One open descriptor of a SimDisk."""

    def __init__(self, disk: SimDisk, name: str, inode: _Inode, *, writes: bool) -> None:
        self._disk = disk
        self._name = name
        self._inode = inode
        self._writes = writes
        self._position = 0
        self._opened = disk.power_cuts
        self._closed = False

    async def write(self, buffers: Sequence[Buffer]) -> None:
        """Append to the page cache."""
        self._check(writes=True)
        data = b"".join(as_bytes(buffer) for buffer in buffers)
        await self._disk.spend(self._disk.transfer_s(len(data)), since=self._opened)
        self._inode.data += data

    async def read_into(self, view: memoryview) -> int:
        """Read from the page cache."""
        self._check(writes=False)
        await self._disk.spend(self._disk.transfer_s(len(view)), since=self._opened)
        piece = self._inode.data[self._position : self._position + len(view)]
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    async def sync(self) -> None:
        """Make the bytes written so far durable."""
        self._check()
        length = len(self._inode.data)
        await self._disk.spend(self._disk.sync_s(self._name), since=self._opened)
        self._inode.synced = max(self._inode.synced, length)

    async def lose_sync(self) -> None:
        """Fail to make the bytes written so far durable, in such a way that no later sync tries these again."""
        self._check()
        await self._disk.spend(self._disk.sync_s(self._name), since=self._opened)
        inode = self._inode
        if inode.synced < len(inode.data):
            inode.doubtful.append((inode.synced, len(inode.data)))
            inode.synced = len(inode.data)

    async def aclose(self) -> None:
        """Close the descriptor."""
        self._closed = True
        await trio.lowlevel.checkpoint()

    def _check(self, writes: bool | None = None) -> None:
        if self._closed or writes not in (None, self._writes):
            raise OSError(errno.EBADF, "the descriptor is closed, or not open for this", self._name)
