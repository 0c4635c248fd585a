"""Which entries of the long log a filter lets through, found bit by bit, so that no key press waits for 65,536 of them."""

from bisect import bisect_left, bisect_right
from collections import Counter
from itertools import pairwise

from dairt_console.event_filter import FIELDS, Filter
from dairt_console.event_log import EventLog, Told

AT_ONCE = 16_384  # older entries looked at in one go: some 10 ms


class Sieve:
    """The places of what a filter lets through, in order, and how many there are of each level, kind and node.

    Round each, `context` lines are shown as well. What `look` has not come to yet is not there yet: it goes from the
    newest back.
    """

    def __init__(self, filter: Filter, context: int = 0) -> None:
        self.filter = filter
        self.context = context
        self.log = EventLog()
        self.places: list[int] = []
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in FIELDS}
        self._from = self._to = 0  # looked at: the places from here to before there
        self._newest: Told | None = None  # at the last place looked at

    def look(self, log: EventLog, most: int = AT_ONCE) -> bool:
        """Look at what is new, and at most `most` older entries; True when all are looked at."""
        if not self._continues(log) or log.last - self._to > most:
            self._begin(log)
        self._forget(log.first)
        self.log = log
        self.places += self._sifted(range(self._to, log.last))
        older = range(max(log.first, self._from - most), self._from)
        self.places[:0] = self._sifted(older)
        self._from, self._to = older.start, log.last
        self._newest = log[log.last - 1] if len(log) else None
        return self._from == log.first

    def before(self, place: int) -> int:
        """The newest place shown before this one, or -1."""
        last = place - 1
        near = bisect_right(self.places, last + self.context)
        if near == 0 or last < self.log.first:
            return -1
        return min(last, self.places[near - 1] + self.context)

    def after(self, place: int) -> int:
        """The oldest place shown after this one, or -1."""
        first = max(place + 1, self.log.first)
        near = bisect_left(self.places, first - self.context)
        if near == len(self.places) or first >= self.log.last:
            return -1
        return max(first, self.places[near] - self.context)

    def has(self, place: int) -> bool:
        """True where the filter lets this one through; those shown round it are not its own."""
        at = bisect_left(self.places, place)
        return at < len(self.places) and self.places[at] == place

    def rates(self, buckets: int, over_s: float, now_s: float) -> tuple[int, ...]:
        """How many came in each of so many equal parts of the last `over_s` seconds, the oldest first."""
        edges = [now_s - over_s + over_s * part / buckets for part in range(buckets + 1)]
        ranks = [bisect_right(self.places, edge, key=lambda place: self.log[place].time_s) for edge in edges]
        return tuple(late - early for early, late in pairwise(ranks))

    # -- how it gets there -------------------------------------------------------------------------------------------------

    def _begin(self, log: EventLog) -> None:
        self.log = log
        self.places = []
        self.counts = {name: Counter() for name in FIELDS}
        self._from = self._to = log.last

    def _continues(self, log: EventLog) -> bool:
        """False for a log of another run, or of an earlier moment of this one."""
        if self._newest is None:
            return self._to == 0
        return log.first < self._to <= log.last and log[self._to - 1] is self._newest

    def _forget(self, first: int) -> None:
        gone = bisect_left(self.places, first)
        self._count(self.places[:gone], -1)
        del self.places[:gone]
        self._from, self._to = max(self._from, first), max(self._to, first)

    def _sifted(self, among: range) -> list[int]:
        lets, log = self.filter.lets, self.log
        found = [place for place in among if lets(log[place])]
        self._count(found, 1)
        return found

    def _count(self, places: list[int], by: int) -> None:
        for name, counter in self.counts.items():
            for value, number in Counter(getattr(self.log[place], name) for place in places).items():
                counter[value] += by * number
                if not counter[value]:
                    del counter[value]
