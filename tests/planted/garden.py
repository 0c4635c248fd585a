"""What a planted bug is, and how one comes into the catalogue."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

Patch = Callable[[], AbstractContextManager[None]]
SEEDS = range(10)  # where a plant must be found; one that takes more is too well hidden for a test


@dataclass(frozen=True)
class Plant:
    """One planted bug: what is wrong, how it comes about, which promise catches it, and in which story."""

    name: str
    what: str
    patch: Patch
    promise: str
    story: str


PLANTS: dict[str, Plant] = {}


def plant(promise: str, story: str) -> Callable[[Callable[[], Iterator[None]]], Patch]:
    """Enter a patch into the catalogue, under its function's name."""

    def enter(patch: Callable[[], Iterator[None]]) -> Patch:
        assert patch.__name__ not in PLANTS, f"there is a plant {patch.__name__} already"
        assert patch.__doc__, f"{patch.__name__} does not say what is wrong"
        made = contextmanager(patch)
        PLANTS[patch.__name__] = Plant(patch.__name__, patch.__doc__, made, promise, story)
        return made

    return enter


@contextmanager
def swapped(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Have `owner.name` be something else."""
    before = getattr(owner, name)
    assert before is not value
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
