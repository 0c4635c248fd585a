"""Garbage collection by hand: a full collection in the middle of a key press is the longest stall a console has."""

import gc
import time
from collections.abc import Callable

YOUNG_EVERY_S = 2.0
FULL_EVERY_S = 30.0  # and then only when nothing moves


class Collector:
    """Turns automatic collection off and collects small when data came, everything when idle."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._middle = self._full = now()

    def mounted(self) -> None:
        """What is there now stays until the end: never look at it again."""
        gc.collect()
        gc.freeze()
        gc.disable()

    def tick(self, *, news: bool) -> None:
        """Ten times a second: the youngest after news; now and then more."""
        now = self._now()
        if not news and now - self._full >= FULL_EVERY_S:
            self._full = now
            gc.collect()
        elif now - self._middle >= YOUNG_EVERY_S:
            self._middle = now
            gc.collect(1)
        elif news:
            gc.collect(0)
