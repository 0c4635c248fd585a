"""A folder for a world that is given none: gone with it, and if its process was killed, when the next such world begins."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "dairt-scratch-"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new folder among the system's temporary ones, removed on leaving.

    Whoever has one holds a lock on it, which ends with the process however that ends. Those of this user that nobody holds
    any more are removed first.
    """
    there = Path(tempfile.gettempdir())
    for left in there.glob(f"{PREFIX}*"):
        _remove_if_left(left)
    made = Path(tempfile.mkdtemp(prefix=".dairt-", dir=there))
    lock = os.open(made, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    # Only now under the name that others look for: they find it locked.
    folder = made.rename(there / f"{PREFIX}{made.name.removeprefix('.dairt-')}")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _remove_if_left(folder: Path) -> None:
    with suppress(OSError):  # another user's, no folder, held by somebody, or gone meanwhile
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(lock).st_uid == os.geteuid():
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)
