"""Bugs planted on purpose: each patches the runtime as a careless hand would, and some promise must catch it.

    with planted("ack_before_durable"):
        report = play(scenario, seed=seed)

A new plant is one function, a context manager, under `@plant(promise, story)`: its docstring says what is wrong in one
sentence, `promise` is what must catch it, and `story` (a file of `stories/`) is where, with one of the seeds 0 to 9.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from planted import disk, links, resources, runs, versions  # noqa: F401  # each registers its plants
from planted.garden import PLANTS, SEEDS, Plant
from planted.telling import STORIES, story

__all__ = ["PLANTS", "SEEDS", "STORIES", "Plant", "planted", "story"]


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Have the bug of this name, until the block is left."""
    with PLANTS[name].patch():
        yield
