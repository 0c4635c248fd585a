"""The event log as it was at a moment of a recording: what was told long before is unpacked only when somebody looks."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import cast, overload

from dairt.control.frames import Entries
from dairt.errors import UsageError
from dairt.model.events import Entry, PhaseBegan
from dairt_console.event_log import KEPT, EventLog, Told
from dairt_console.recording_format import Outline
from dairt_console.reducer import for_reading

_GONE = EventLog().after([Entry(0, 0.0, "", PhaseBegan("forgotten by this recording"))])[0]


class PastLog:
    """Finds entries by their place: in the newest log there is, else in the part of the recording that told them."""

    def __init__(self, parts: Callable[[], list[tuple[int, Outline]]], entries: Callable[[int], Sequence[Entries]]) -> None:
        self.newest = EventLog()
        self._parts = parts
        self._entries = entries
        self._unpacked: dict[int, EventLog] = {}
        self._latest = EventLog()  # of those, the one looked at last: most look on from there

    def at(self, first: int, told: EventLog) -> EventLog:
        """The log that begins at place `first` and ends with what `told` has."""
        view = _Joined(first, told, self._find)
        return EventLog(first, told.last, told.dropped, cast(list[Told], view), first)

    def _find(self, place: int) -> Told:
        if self.newest.first <= place < self.newest.last:
            return self.newest[place]
        if not self._latest.first <= place < self._latest.last:
            self._latest = self._unpack(place)
        return self._latest[place] if self._latest.first <= place < self._latest.last else _GONE

    def _unpack(self, place: int) -> EventLog:
        parts = self._parts()
        index = bisect_right(parts, place, key=lambda part: part[1].first_place) - 1
        if index < 0:
            return EventLog()
        number, outline = parts[index]
        if number not in self._unpacked:
            if sum(map(len, self._unpacked.values())) > 2 * KEPT:
                self._unpacked.clear()
            self._unpacked[number] = self._read(number, outline.first_place)
        return self._unpacked[number]

    def _read(self, number: int, first: int) -> EventLog:
        log = EventLog(first, first, 0, [], first)
        try:
            for told in self._entries(number):
                log = log.after(for_reading(told.entries))
        except UsageError:
            return EventLog()  # it has made room meanwhile
        return log


class _Joined(Sequence[Told]):
    """The entries from place `first` on: what `told` has, and before it what is found elsewhere."""

    def __init__(self, first: int, told: EventLog, find: Callable[[int], Told]) -> None:
        self._first = first
        self._told = told
        self._find = find

    def __len__(self) -> int:
        return self._told.last - self._first

    @overload
    def __getitem__(self, index: int) -> Told: ...
    @overload
    def __getitem__(self, index: slice) -> list[Told]: ...
    def __getitem__(self, index: int | slice) -> Told | list[Told]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        place = self._first + index
        return self._told[place] if place >= self._told.first else self._find(place)
