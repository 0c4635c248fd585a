"""What is on the screen, as a file that was not there before: a picture, its text, or what stands behind it as JSON."""

from itertools import count
from pathlib import Path
from typing import Literal, get_args

import msgspec

from dairt.errors import UsageError
from dairt_console.reducer import Seen

Format = Literal["svg", "text", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)
SUFFIXES: dict[Format, str] = {"svg": ".svg", "text": ".txt", "json": ".json"}


def read_format(word: str) -> Format:
    """The format a person named; raises UsageError for what is none."""
    for known in FORMATS:
        if word == known:
            return known
    raise UsageError(f"export {word}: an export is {', '.join(FORMATS)}")


def snapshot_json(seen: Seen) -> str:
    """The world as it was seen last, for programs. Raises UsageError while there is nothing to be seen."""
    if seen.snapshot is None:
        raise UsageError("there is nothing to export yet: the cluster has not been seen")
    return msgspec.json.format(msgspec.json.encode(seen.snapshot), indent=1).decode() + "\n"


def free_path(stem: str, suffix: str, folder: Path | None = None) -> Path:
    """The first of `stem`, `stem-2`, `stem-3` … that is no file yet, with the suffix."""
    folder = folder or Path()
    numbered = (folder / f"{stem}{f'-{number}' if number > 1 else ''}{suffix}" for number in count(1))
    return next(path for path in numbered if not path.exists())


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet. Raises UsageError where it is, or cannot be written."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as exc:
        raise UsageError(f"{path}: there is such a file already; name another") from exc
    except (OSError, UnicodeEncodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it has a name that is no text"
        raise UsageError(f"{path}: cannot be written: {reason}") from exc
