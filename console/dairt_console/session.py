"""The session as a scenario file: what the cluster told of it is written under a name that was free."""

import shlex
from pathlib import Path

from dairt.control.frames import Story
from dairt.errors import UsageError
from dairt_console.export import free_path, write_new
from dairt_console.reducer import Seen

SUFFIX = ".toml"
DIGITS = 12  # of a digest, to compare by eye; the file has all of them
OWN_NAME = "THIS_FILE"  # as the told scenario calls the file it will be in


def session_path(word: str, seen: Seen) -> Path:
    """The file that a person named, or one that is free where nobody did. Raises UsageError for what is no scenario file."""
    if not word:
        scenario = Path(seen.hello.scenario).stem if seen.hello is not None else "session"
        return free_path(f"{scenario.removesuffix('-session')}-session", SUFFIX)
    path = Path(word).expanduser()
    if path.suffix != SUFFIX:
        raise UsageError(f"save {word}: a scenario file ends with {SUFFIX}")
    if path.exists():
        raise UsageError(f"{path}: there is such a file already; name another")
    return path


def write_session(path: Path, story: Story) -> None:
    """Write what was told. Raises UsageError."""
    write_new(path, story.text.replace(OWN_NAME, shlex.quote(str(path)), 1))


def saved_line(path: Path, story: Story, seen: Seen) -> str:
    """What to say of it: the command that plays it, and the digest that it ends with where that is known."""
    seed = seen.hello.seed if seen.hello is not None else 0
    command = f"dairt play {shlex.quote(str(path))} --world sim --seed {seed}"
    if story.digest:
        return f"saved · {command} gives {story.digest[:DIGITS]}…"
    return f"saved · {command}{' · its digest is known once time goes on' if seen.world == 'sim' else ''}"


class Saving:
    """Sessions being saved: each waits, under the question that asked for it, for the cluster to tell it."""

    def __init__(self) -> None:
        self._paths: dict[int, Path] = {}

    def ask(self, question: int, word: str, seen: Seen) -> None:
        """Note where the answer to this question goes. Raises UsageError for what is no scenario file that is free."""
        self._paths[question] = session_path(word, seen)

    def refused(self, question: int) -> None:
        """This one will not be told."""
        self._paths.pop(question, None)

    def over(self, word: str, seen: Seen) -> str:
        """Save a session that is told already, as its cluster is over; what to say of it. Raises UsageError."""
        if seen.story is None:
            raise UsageError("there is no session to save: the cluster has told none")
        return self._write(session_path(word, seen), seen.story, seen)

    def told(self, story: Story, seen: Seen) -> str:
        """Write what was asked for; what to say of it, "" where nobody asked. Raises UsageError."""
        path = self._paths.pop(story.id, None)
        return self._write(path, story, seen) if path is not None else ""

    def _write(self, path: Path, story: Story, seen: Seen) -> str:
        write_session(path, story)
        return saved_line(path, story, seen)
