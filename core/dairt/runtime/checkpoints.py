"""The checkpoint files of a node: how one is written so that it survives any crash, and how all are read at boot.

`checkpoints/<percent-encoded key>.chk` is a key's newest version (of a key too long for a file's name, its beginning and a
digest); `checkpoints/old/<key>@<version>.chk` are the generations before it; `checkpoints/aside/` holds what could not be
restored, for people to look at. Names that end in `.tmp` are writes that never ended.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from urllib.parse import quote, unquote

import msgspec
import numpy as np
import trio

from dairt.errors import TensorFormatError
from dairt.model import tensor
from dairt.model.names import wrong_with_key
from dairt.model.tensor_file import FileStamp, decode_file, encode_file, salvage_stamp
from dairt.model.version import COUNTER_MAX, Version
from dairt.protocol.messages import LOCAL
from dairt.runtime.host import Disk

FOLDER = "checkpoints"
OLD = f"{FOLDER}/old"
ASIDE = f"{FOLDER}/aside"
ENDING = ".chk"
UNFINISHED = ".tmp"
# Names of files end at 255 bytes; those in `old/` add a version: 20 digits, a node's name, another 20, and what is between.
STEM_MAX = 140

# What a file may add to its tensor's bytes: the head of 64 dimensions, a trailer with a long key and every member's name.
FRINGE_MAX_BYTES = 1 << 20
# A damaged stamp's counter beyond this is not believed: those that come after it must not run out.
CLAIM_MAX = COUNTER_MAX // 2
# Removing an unfinished file of a write that was cancelled is a courtesy: the next boot does it anyway.
TIDY_S = 1.0


class ForeignFile(TensorFormatError):
    """A file among the checkpoints that is no checkpoint of the key it is named after."""


class Found(msgspec.Struct, frozen=True):
    """A checkpoint that was read and verified."""

    array: np.ndarray
    stamp: FileStamp


class SetAside(msgspec.Struct, frozen=True):
    """A file that was moved out of the way, and why. As far as it can be told, its version's counter was `counter` or less."""

    file: str
    reason: str
    counter: int


class CheckpointFiles:
    """The checkpoints on one disk. At most one `write` a key may be under way at a time."""

    def __init__(self, disk: Disk, *, keep_generations: int, max_bytes: int, wall: Callable[[], float]) -> None:
        self._disk = disk
        self._keep = keep_generations
        self._max_bytes = max_bytes
        self._wall = wall
        self._current: dict[str, Version] = {}  # by stem: the version in `checkpoints/<stem>.chk`
        self._old: dict[str, list[Version]] = {}  # by stem: the versions in `old/`, rising

    async def write(self, array: np.ndarray, stamp: FileStamp, about_to_sync: Callable[[], None]) -> None:
        """Make a version durable; when this returns, it will be found at every boot to come.

        Raises OSError when the disk refuses: then the previous file stands.
        """
        stem = _stem(stamp.key)
        unfinished = f"{FOLDER}/{stem}{UNFINISHED}"
        try:
            file = await self._disk.create(unfinished)
            try:
                await file.write(encode_file(array, stamp))
                about_to_sync()
                await file.sync()
            finally:
                await file.aclose()
            # A replace once begun is ended, so that a stop in its middle does not leave the key in `old/` only.
            with trio.CancelScope(shield=True):
                await self._replace(stem, unfinished, stamp.version)
        except BaseException:
            with suppress(OSError), trio.move_on_after(TIDY_S, shield=True):
                await self._disk.remove(unfinished)
            raise

    async def _replace(self, stem: str, unfinished: str, version: Version) -> None:
        """Move the current file to the older generations and the finished one to its place, durably."""
        current, previous = _file(stem), self._current.get(stem)
        if previous is not None and previous != version and self._keep:
            await self._disk.rename(current, _old_file(stem, previous))
            del self._current[stem]
            self._old.setdefault(stem, []).append(previous)
            try:
                await self._disk.rename(unfinished, current)
            except OSError:
                await self._disk.rename(_old_file(stem, previous), current)
                self._current[stem] = self._old[stem].pop()
                raise
        else:
            await self._disk.rename(unfinished, current)
        self._current[stem] = version
        # Both renames touch this folder, so that one sync settles both.
        await self._disk.sync_names(FOLDER)
        await self._prune(stem)

    async def _prune(self, stem: str) -> None:
        generations = self._old.get(stem, [])
        while len(generations) > self._keep:
            with suppress(OSError):  # a generation too many does no harm
                await self._disk.remove(_old_file(stem, generations[0]))
            del generations[0]

    def versions(self, key: str) -> tuple[Version, ...]:
        """The versions of a key that have a file, rising."""
        stem = _stem(key)
        return (*self._old.get(stem, ()), *([self._current[stem]] if stem in self._current else []))

    async def verify(self, key: str, version: Version) -> str:
        """Read a version's file back; what is wrong with it in half a sentence, "" when it is whole."""
        stem = _stem(key)
        try:
            found = self._decode(await self._load(self._path(stem, version)), stem)
        except OSError as exc:
            return f"it cannot be read: {exc.strerror or exc}"
        except TensorFormatError as exc:
            return str(exc)
        return "" if found.stamp.version == version else f"it holds {found.stamp.version}"

    async def set_aside(self, key: str, version: Version) -> str:
        """Move an older generation's file out of the way, and give its name; raises OSError when the disk refuses."""
        stem = _stem(key)
        path = _old_file(stem, version)
        await self._disk.rename(path, await self._free_name(path.rpartition("/")[2]))
        self._old[stem].remove(version)
        return path

    def _path(self, stem: str, version: Version) -> str:
        return _file(stem) if self._current.get(stem) == version else _old_file(stem, version)

    async def restore(self) -> list[Found | SetAside]:
        """Read every key's newest good checkpoint, once, at boot; move aside what is not one, remove what never ended.

        Where a key's newest file is bad or missing, its newest good generation takes that place.
        """
        outcomes: list[Found | SetAside] = []
        await self._list_generations()
        for name in await self._disk.names(FOLDER):
            if name.endswith(UNFINISHED):
                await self._disk.remove(f"{FOLDER}/{name}")
                continue
            stem = name.removesuffix(ENDING)
            older = self._old.get(stem)
            at_least = older[-1].counter + 1 if older else 0
            outcomes.append(await self._read(f"{FOLDER}/{name}", stem if name.endswith(ENDING) else None, at_least))
        for stem in sorted(self._old.keys() - self._current.keys()):
            outcomes.extend(await self._fall_back(stem))
        return outcomes

    async def _list_generations(self) -> None:
        for name in await self._disk.names(OLD):
            match name.removesuffix(ENDING).split("@"):
                case [stem, counter, origin, nonce] if counter.isdecimal() and nonce.isdecimal():
                    self._old.setdefault(stem, []).append(Version(int(counter), unquote(origin), int(nonce)))
        for versions in self._old.values():
            versions.sort()

    async def _fall_back(self, stem: str) -> list[Found | SetAside]:
        """Put the newest good generation of a key back into its place."""
        outcomes: list[Found | SetAside] = []
        while self._old[stem]:
            version = self._old[stem].pop()
            old = _old_file(stem, version)
            outcome = await self._read(old, stem, version.counter)
            outcomes.append(outcome)
            if isinstance(outcome, Found):
                await self._disk.rename(old, _file(stem))
                break
        return outcomes

    async def _read(self, path: str, stem: str | None, at_least: int) -> Found | SetAside:
        """Read one file; `stem` is its key's, None for a file that is not named as a checkpoint is.

        Its version's counter was `at_least` that much, as names tell.
        """
        buffer = memoryview(b"")
        try:
            if stem is None:
                raise ForeignFile(f"its name does not end in {ENDING}")
            buffer = await self._load(path)
            found = self._decode(buffer, stem)
        except OSError as exc:
            reason = f"it cannot be read: {exc.strerror or exc}"
        except TensorFormatError as exc:
            reason = str(exc)
        else:
            self._current[stem] = found.stamp.version
            return found
        await self._disk.rename(path, await self._free_name(path.rpartition("/")[2]))
        # A name that is no text would be one in nobody's log.
        return SetAside(path.encode(errors="backslashreplace").decode(), reason, max(at_least, _claimed_counter(buffer)))

    async def _load(self, path: str) -> memoryview:
        size = await self._disk.size(path)
        if size > self._max_bytes + FRINGE_MAX_BYTES:
            raise ForeignFile(f"{size} bytes are more than the limit of {self._max_bytes}")
        buffer = tensor.allocate(size)
        file = await self._disk.open(path)
        try:
            filled = 0
            while filled < size and (got := await file.read_into(buffer[filled:])):
                filled += got
        finally:
            await file.aclose()
        return buffer[:filled]

    def _decode(self, buffer: memoryview, stem: str) -> Found:
        """Verify a file's bytes.

        A plain TENS v1 file, without dairt's mark and trailer, is what the C++ program writes: it counts as version 0 of
        no origin, local to this node, and has no checksum to verify. Any put supersedes it.
        """
        if len(buffer) > 6 and not buffer[6] & 1:
            array = tensor.decode(buffer, max_bytes=self._max_bytes)
            if tensor.image_nbytes(array) != len(buffer):
                raise ForeignFile("there are bytes after the tensor, but no mark of a trailer")
            stamp = FileStamp(unquote(stem), Version(0, "", 0), self._wall(), LOCAL)
        else:
            array, stamp = decode_file(buffer, max_bytes=self._max_bytes)
        if wrong := wrong_with_key(stamp.key):
            raise ForeignFile(f"it cannot hold that key: {wrong}")
        if _stem(stamp.key) != stem:
            raise ForeignFile(f"it holds the key {stamp.key!r}, which is not the one it is named after")
        return Found(array, stamp)

    async def _free_name(self, name: str) -> str:
        """A name in `aside/` that hides nothing set aside before."""
        taken = await self._disk.names(ASIDE)
        count, free = 0, name
        while free in taken:
            count += 1
            free = f"{name}.{count}"
        return f"{ASIDE}/{free}"


def _claimed_counter(buffer: memoryview) -> int:
    """The counter in a damaged file's stamp; 0 where it cannot be read, or is one that a flipped bit has made."""
    stamp = salvage_stamp(buffer)
    return stamp.version.counter if stamp is not None and stamp.version.counter <= CLAIM_MAX else 0


@lru_cache(maxsize=4096)
def _stem(key: str) -> str:
    """What the names of a key's files begin with; no other key has the same."""
    encoded = quote(key, safe="")
    if len(encoded) <= STEM_MAX:
        return encoded
    digest = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
    # Percent-encoding leaves no "+" in a key, so that no short one is taken for a long one.
    return f"{encoded[: STEM_MAX - len(digest) - 1]}+{digest}"


def _file(stem: str) -> str:
    return f"{FOLDER}/{stem}{ENDING}"


def _old_file(stem: str, version: Version) -> str:
    # Percent-encoding leaves no "@" in a key or an origin, so the name reads back unambiguously.
    return f"{OLD}/{stem}@{version.counter:020}@{quote(version.origin, safe='')}@{version.nonce}{ENDING}"
