"""A file that recordings are in: written as a ring of bounded size, in which the oldest parts make room; or only read."""

import mmap
import os
import tempfile
from collections import deque
from pathlib import Path
from threading import Lock

from dairt.control.frames import Entries
from dairt.errors import UsageError
from dairt_console.recording_format import (
    FILE_HEAD,
    MAGIC,
    VERSION,
    Outline,
    Place,
    Stamped,
    find_parts,
    pack_part,
    unpack_entries,
    unpack_part,
)
from dairt_console.reducer import Seen

UNNAMED_MAX_BYTES = 256 * 2**20  # some hours of a small cluster, and no more than anyone would miss on a disk
NAMED_MAX_BYTES = 2**30  # of a recording that was asked for
COPY_BYTES = 2**20


class RecordingFile:
    """Parts by number, in one file. One other thread than all else may call `add`. Closing forgets a file without a name."""

    def __init__(self, descriptor: int, limit_bytes: int, places: list[Place] | None = None) -> None:
        self._descriptor = descriptor
        self._limit = limit_bytes
        self._lock = Lock()  # held over what must not see a part that is being overwritten
        self._places = deque(places or [])
        self._end = FILE_HEAD.size  # where the next part goes
        if places is None:
            _write(descriptor, FILE_HEAD.pack(MAGIC, VERSION), 0)

    @classmethod
    def unnamed(cls, limit_bytes: int = UNNAMED_MAX_BYTES) -> "RecordingFile":
        """A new file that no folder lists: however this process ends, nothing is left of it. Raises OSError."""
        folder = state_folder()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            return cls(os.dup(file.fileno()), limit_bytes)

    @classmethod
    def named(cls, path: Path, limit_bytes: int = NAMED_MAX_BYTES) -> "RecordingFile":
        """A new file at a path; raises UsageError where there is one already, or can be none."""
        try:
            return cls(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), limit_bytes)
        except FileExistsError as exc:
            raise UsageError(f"{path}: there is such a file already; name another, or remove it") from exc
        except OSError as exc:
            raise UsageError(f"{path}: cannot record there: {exc.strerror}") from exc

    @classmethod
    def read(cls, path: Path) -> "RecordingFile":
        """A file that is there, to be read; raises UsageError for what is no recording."""
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError as exc:
            raise UsageError(f"{path}: cannot be read: {exc.strerror}") from exc
        try:
            with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as data:
                places = find_parts(data)
            if not places:
                raise UsageError("nothing was recorded in it")
        except (UsageError, OSError, ValueError) as exc:
            os.close(descriptor)
            why = str(exc) if isinstance(exc, UsageError) else "it is no file with anything in it"
            raise UsageError(f"{path}: {why}") from exc
        return cls(descriptor, 0, places)

    @property
    def outlines(self) -> list[tuple[int, Outline]]:
        """The numbers and outlines of the parts that are there, oldest first."""
        with self._lock:
            return [(place.number, place.outline) for place in self._places]

    @property
    def first(self) -> int:
        """The number of the oldest part that is there; 0 when there is none."""
        with self._lock:
            return self._places[0].number if self._places else 0

    def add(self, number: int, outline: Outline, seen: Seen, frames: list[Stamped]) -> None:
        """Write the next part, where the oldest are as needed. Raises OSError."""
        data, place = pack_part(number, outline, seen, frames)
        at = self._end if self._end + len(data) <= self._limit else FILE_HEAD.size
        with self._lock:
            while any(old.begin < at + len(data) and at < old.end for old in self._places):
                self._places.popleft()
        _write(self._descriptor, data, at)
        with self._lock:
            self._places.append(Place(number, outline, at, at + place.at, place.entries_bytes, place.body_bytes))
            self._end = at + len(data)

    def part(self, number: int) -> tuple[Seen, list[Stamped]]:
        """What was known when a part began, and its frames. Raises UsageError when it is not, or no more, to be read."""
        with self._lock:
            place = self._find(number)
            entries = os.pread(self._descriptor, place.entries_bytes, place.at)
            body = os.pread(self._descriptor, place.body_bytes, place.at + place.entries_bytes)
        return unpack_part(entries, body)

    def entries(self, number: int) -> tuple[Entries, ...]:
        """What was told in a part. Raises UsageError like `part`."""
        with self._lock:
            place = self._find(number)
            packed = os.pread(self._descriptor, place.entries_bytes, place.at)
        return unpack_entries(packed)

    def copy_to(self, path: Path) -> None:
        """Write all parts to a new file, in order. Raises UsageError."""
        copy = RecordingFile.named(path)
        try:
            with self._lock:
                at = FILE_HEAD.size
                for place in self._places:
                    at = self._copy(copy._descriptor, place.begin, place.end, at)
        except OSError as exc:
            raise UsageError(f"{path}: cannot be written: {exc.strerror}") from exc
        finally:
            copy.close()

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _copy(self, target: int, begin: int, end: int, at: int) -> int:
        while begin < end:
            data = os.pread(self._descriptor, min(COPY_BYTES, end - begin), begin)
            _write(target, data, at)
            begin, at = begin + len(data), at + len(data)
        return at

    def _find(self, number: int) -> Place:
        index = number - self._places[0].number if self._places else -1
        if not 0 <= index < len(self._places):
            raise UsageError("this part of the recording has made room for newer ones")
        return self._places[index]


def state_folder() -> Path:
    """Where programs keep what they would rather not lose (XDG Base Directory Specification)."""
    given = os.environ.get("XDG_STATE_HOME", "")
    return (Path(given) if Path(given).is_absolute() else Path.home() / ".local" / "state") / "dairt"


def _write(descriptor: int, data: bytes, at: int) -> None:
    left = memoryview(data)
    while left:
        written = os.pwrite(descriptor, left, at)
        left, at = left[written:], at + written
