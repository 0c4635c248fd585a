"""What comes before the screen: a cluster that never comes to be is one sentence on the terminal, and no screen at all."""

import asyncio
from collections.abc import Callable

from dairt.control.frames import Hello, ServerFrame
from dairt_console.reducer import LinkChanged

Frame = ServerFrame | LinkChanged


class Overture:
    """Stands where the app will stand, until it does: keeps frames for it, and a signal that ends all before it begins."""

    def __init__(self) -> None:
        self.signal = 0
        self._kept: list[Frame] = []
        self._news = asyncio.Event()
        self._deliver: Callable[[Frame], None] = self._keep
        self._end: Callable[[int], None] = self._note

    def deliver(self, frame: Frame) -> None:
        """Take in one frame of the cluster's."""
        self._deliver(frame)

    def end(self, number: int) -> None:
        """Leave because of a signal."""
        self._end(number)

    async def wait(self, at_most_s: float) -> None:
        """Return once the cluster is there, or will never be, or a signal came, or the time is over."""
        try:
            await asyncio.wait_for(self._news.wait(), at_most_s)
        except TimeoutError:
            return

    def hand_over(self, deliver: Callable[[Frame], None], end: Callable[[int], None]) -> None:
        """From now on the app is told, beginning with what was kept for it."""
        self._deliver, self._end = deliver, end
        for frame in self._kept:
            deliver(frame)

    def _keep(self, frame: Frame) -> None:
        self._kept.append(frame)
        if not isinstance(frame, Hello):  # which comes before the cluster's story was even read
            self._news.set()

    def _note(self, number: int) -> None:
        self.signal = number
        self._news.set()
