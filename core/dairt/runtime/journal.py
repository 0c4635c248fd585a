"""The bounded log of what happened: every event is stamped here, told to all listeners, and kept a while for people."""

from collections import deque
from collections.abc import Callable
from itertools import islice

import trio

from dairt.model.events import Entry, Event

Listener = Callable[[Entry], None]


class Journal:
    """What happened lately. `now` gives the world's time in seconds; the newest `keep` entries stay readable.

    Entries that are kept are numbered 1, 2, 3 ... without gaps, so that a reader knows exactly what it missed. An entry of
    a detail event is not kept and takes no number of its own: it carries that of the last kept one before it.
    """

    def __init__(self, now: Callable[[], float], keep: int) -> None:
        self.listeners: list[Listener] = []
        self._now = now
        self._kept: deque[Entry] = deque(maxlen=keep)
        self._last_seq = 0
        self._untold: deque[Entry] = deque()
        self._telling = False
        self._readers = trio.lowlevel.ParkingLot()

    @property
    def last_seq(self) -> int:
        """The number of the newest kept entry; 0 before the first."""
        return self._last_seq

    def emit(self, node: str, event: Event) -> None:
        """Stamp an event and tell every listener, in order, before returning.

        What a listener emits in turn is told to all after the event that caused it, so that everyone hears causes first;
        only then does the outermost `emit` return.
        """
        if not event.detail:
            self._last_seq += 1
        entry = Entry(self._last_seq, self._now(), node, event)
        if not event.detail:
            self._kept.append(entry)
            self._readers.unpark_all()
        self._untold.append(entry)
        if not self._telling:
            self._tell()

    def since(self, seq: int, limit: int) -> tuple[tuple[Entry, ...], int]:
        """The kept entries after number `seq`, oldest first and at most `limit`, and how many before them are forgotten."""
        oldest = self._last_seq - len(self._kept) + 1
        dropped = max(0, oldest - 1 - seq)
        start = max(0, seq + 1 - oldest)
        return tuple(islice(self._kept, start, start + limit)), dropped

    async def wait(self, seq: int) -> None:
        """Wait until there is an entry after number `seq`; a reader's cursor is the last number it has read."""
        await trio.lowlevel.checkpoint()
        while self._last_seq <= seq:
            await self._readers.park()

    def _tell(self) -> None:
        self._telling = True
        try:
            while self._untold:
                entry = self._untold.popleft()
                for listener in self.listeners:
                    listener(entry)
        finally:
            self._telling = False
            self._untold.clear()
