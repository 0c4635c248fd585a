"""Trouble with disks. `node` is whose disk, or those of several as `n0+n1`."""

from typing import ClassVar, Literal

import msgspec

DiskCalls = Literal["any", "read", "write", "sync", "names"]


class DiskError(msgspec.Struct, frozen=True, tag="disk.error"):
    """Fail calls with EIO, without effect: the next `times`, or with 0 all until healed.

    `calls` says which: read (open, read_into, size, and the listing of names), write (create, write), sync (of a file),
    names (rename, remove, and the sync of names), or any.
    """

    node: str
    calls: DiskCalls = "any"
    times: int = 0
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        calls = "calls" if self.calls == "any" else f"{self.calls} calls"
        return f"fail {f'{self.times} ' if self.times else ''}{calls} to the disk of {self.node}"


class DiskFull(msgspec.Struct, frozen=True, tag="disk.full"):
    """Fail with ENOSPC every create and write that is more than `after_bytes` away from now, until healed.

    The write that does not fit writes nothing. Renames, removals, syncs and reads go on, and removals give no room back.
    """

    node: str
    after_bytes: int = 0
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"fill the disk of {self.node}{f' but for {self.after_bytes} bytes' if self.after_bytes else ''}"


class SlowDisk(msgspec.Struct, frozen=True, tag="disk.slow"):
    """Let every call take `latency_s` seconds longer, and all reads and writes share `bandwidth` bytes a second (0: no cap)."""

    node: str
    latency_s: float = 0.0
    bandwidth: float = 0.0
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        cap = f", at most {self.bandwidth / 2**20:.3g} MiB/s" if self.bandwidth else ""
        return f"slow the disk of {self.node} by {self.latency_s * 1e3:.0f} ms a call{cap}"


class FsyncError(msgspec.Struct, frozen=True, tag="disk.fsync_error"):
    """Fail syncs of files with EIO: the next `times`, or with 0 all until healed.

    What such a sync should have made durable counts as clean from then on, and is not written by any later one: a retry
    succeeds and makes nothing good (as Linux has it; Rebello et al., 2020).
    """

    node: str
    times: int = 1
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        which = "every" if not self.times else "the next" if self.times == 1 else f"the next {self.times}"
        return f"fail {which} fsync of {self.node}"


class TornWrites(msgspec.Struct, frozen=True, tag="disk.torn"):
    """While it lasts, a node that ends by any cause leaves of what was not synced only drawn sectors of 512 bytes.

    And of the changes of names that were not synced only some: as a power cut does, for kills too.
    """

    node: str
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"let the disk of {self.node} tear what is not synced"


class LoseUnsynced(msgspec.Struct, frozen=True, tag="disk.lose_unsynced"):
    """While it lasts, a node that ends by any cause leaves nothing of what was not synced, bytes and names alike."""

    node: str
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"let the disk of {self.node} lose what is not synced"


class RotBit(msgspec.Struct, frozen=True, tag="disk.bitflip"):
    """Flip one drawn bit of one stored file, now, where it lies: a drawn one, or one whose name begins with `file`.

    Nobody is told; it stays flipped until the file is written anew. There must be such a file.
    """

    node: str
    file: str = ""
    lasts: ClassVar[bool] = False

    def __str__(self) -> str:
        return f"flip a bit in {f'a file {self.file}' if self.file else 'a file'} of {self.node}"
