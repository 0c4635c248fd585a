"""The long log: the newest entries as people read them, numbered by place. Adding costs what is added, not what is kept."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from dairt.model.events import Entry, Level, event_name
from dairt_console.draw.spans import clean
from dairt_console.draw.tail import level_of

KEPT = 65_536  # some 20 MiB; half an hour of a busy cluster


class Told(msgspec.Struct, frozen=True, gc=False):
    """One entry, with what filters and lines need of it, made once. `node` is "world" for what the world itself says."""

    entry: Entry
    node: str
    kind: str
    level: Level
    text: str

    @property
    def time_s(self) -> float:
        """When it happened, on the world's clock."""
        return self.entry.time_s


@dataclass(frozen=True)
class EventLog:
    """The entries at places `first` to `last` - 1, oldest first. `dropped` never came here.

    Logs that follow each other share one list: what stands at a place below `last` never changes.
    """

    first: int = 0
    last: int = 0
    dropped: int = 0
    _list: list[Told] = field(default_factory=list, repr=False, compare=False)
    # The place of the first in the list; those before `first` only wait to be forgotten.
    _start: int = field(default=0, compare=False)

    def __len__(self) -> int:
        return self.last - self.first

    def __getitem__(self, place: int) -> Told:
        """What stands at a place from `first` to `last` - 1."""
        assert self.first <= place < self.last
        return self._list[place - self._start]

    def after(self, entries: Iterable[Entry], dropped: int = 0) -> "EventLog":
        """The log once these were told."""
        shared, start = self._list, self._start
        if start + len(shared) != self.last or len(shared) > 2 * KEPT:
            # Another log went on from here, as in a recording that was wound back; or much is to be forgotten.
            shared, start = shared[self.first - start : self.last - start], self.first
        shared.extend(map(_told, entries))
        last = start + len(shared)
        return EventLog(max(self.first, last - KEPT), last, self.dropped + dropped, shared, start)

    def place_of(self, seq: int) -> int:
        """The newest place of the entry numbered `seq`; -1 where it is not kept."""
        for place in range(self.last - 1, self.first - 1, -1):
            found = self[place].entry.seq
            if found <= seq:
                return place if found == seq else -1
        return -1


def _told(entry: Entry) -> Told:
    return Told(entry, clean(entry.node) or "world", event_name(entry.event), level_of(entry), clean(entry.event.line))
