"""Changes of a disk's names that are not durable yet, found by what they touch: there may be many, and a sync settles few."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from dairt.worlds.disk_names import folder_of

F = TypeVar("F")  # what a name stands for


@dataclass(frozen=True, eq=False)
class Change(Generic[F]):
    """One change of names, the `number`-th: each name with what it stands for before and after (None: nothing)."""

    number: int
    parts: tuple[tuple[str, F | None, F | None], ...]

    def apply(self, names: dict[str, F]) -> None:
        """Let it happen to `names`."""
        for name, before, after in self.parts:
            if after is not None:
                names[name] = after
            elif names.get(name) is before:
                names.pop(name, None)

    def __str__(self) -> str:
        return "names " + ", ".join(name for name, _, _ in self.parts)


class Changes(Generic[F]):
    """What a power cut may undo, oldest first."""

    def __init__(self) -> None:
        self._made = 0
        self._pending: dict[Change[F], None] = {}
        self._of_name: dict[str, dict[Change[F], None]] = {}
        self._in_folder: dict[str, dict[Change[F], None]] = {}

    def __iter__(self) -> Iterator[Change[F]]:
        return iter(self._pending)

    def add(self, *parts: tuple[str, F | None, F | None]) -> Change[F]:
        """Make a change, after all others."""
        self._made += 1
        change = Change(self._made, parts)
        self._pending[change] = None
        for name, _, _ in parts:
            self._of_name.setdefault(name, {})[change] = None
            self._in_folder.setdefault(folder_of(name), {})[change] = None
        return change

    def settle(self, folder: str) -> list[Change[F]]:
        """Take out what touches `folder`, and whatever came before it on the same names; oldest first."""
        todo = list(self._in_folder.get(folder, ()))
        settled = dict.fromkeys(todo)
        while todo:
            for earlier in self._before(todo.pop()):
                if earlier not in settled:
                    settled[earlier] = None
                    todo.append(earlier)
        for change in settled:
            self._take_out(change)
        return sorted(settled, key=lambda change: change.number)

    def clear(self) -> None:
        """Forget all of them."""
        self._pending.clear()
        self._of_name.clear()
        self._in_folder.clear()

    def _before(self, change: Change[F]) -> Iterator[Change[F]]:
        for name, _, _ in change.parts:
            for earlier in self._of_name[name]:
                if earlier.number >= change.number:
                    break
                yield earlier

    def _take_out(self, change: Change[F]) -> None:
        del self._pending[change]
        for name, _, _ in change.parts:
            self._drop(self._of_name, name, change)
            self._drop(self._in_folder, folder_of(name), change)

    def _drop(self, index: dict[str, dict[Change[F], None]], place: str, change: Change[F]) -> None:
        changes = index.get(place, {})
        changes.pop(change, None)
        if not changes:
            index.pop(place, None)
