"""The end of a log in few lines: what is of note stays, and the routine between is left out and counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from dairt.model.events import BroadcastEnded, Entry, FaultFired, FaultHealed, Level, NodeDown, PromiseBroken, RunEnded

HEADLINES = (FaultFired, FaultHealed, NodeDown, PromiseBroken)
KEPT_MAX = 8  # lines of note above the newest ones, in the tallest terminal


@dataclass(frozen=True)
class TailLine:
    """One entry, and how many after it are left out before the next line."""

    entry: Entry
    hidden: int = 0


def level_of(entry: Entry) -> Level:
    """How bad it is to people: an event that succeeds only in part is a warning."""
    match entry.event:
        case BroadcastEnded(missing=missing) if missing:
            return "warn"
        case RunEnded(outcome="failed"):
            return "bad"
    return entry.event.level


def tail(entries: Sequence[Entry], height: int) -> list[TailLine]:
    """At most `height` lines: the newest entries, and above them the latest of note that would have scrolled away."""
    total = len(entries)
    kept_max = min(height // 2, KEPT_MAX)
    kept = _of_note(entries[: max(total - height + kept_max, 0)], kept_max) if total > height else []
    newest = max(total - height, 0)  # from here on everything is shown, and of what is before it, what is kept
    while total - newest + sum(index < newest for index in kept) > height:
        newest += 1
    shown = [*(index for index in kept if index < newest), *range(newest, total)]
    return [TailLine(entries[index], after - index - 1) for index, after in pairwise([*shown, total])]


def _of_note(entries: Sequence[Entry], most: int) -> list[int]:
    """Where the latest things of note are: a headline before all else, and of what repeats itself only the newest."""
    if most == 0:
        return []
    headline: list[int] = []
    others: list[int] = []
    told: set[tuple[str, ...]] = set()
    for index in range(len(entries) - 1, -1, -1):
        if len(headline) + len(others) >= most and headline:
            break
        entry = entries[index]
        about = (entry.node, type(entry.event).__name__, str(getattr(entry.event, "fault", "")))
        if about in told or not _notable(entry):
            continue
        told.add(about)
        if isinstance(entry.event, HEADLINES) and not headline:
            headline.append(index)
        elif len(others) < most:
            others.append(index)
    return sorted([*headline, *others][:most])


def _notable(entry: Entry) -> bool:
    return isinstance(entry.event, HEADLINES) or level_of(entry) in ("warn", "bad")
