"""Which fault an event most likely came of, and what a fault led to: as far as time, names and kinds tell."""

from collections.abc import Iterator, Mapping
from itertools import islice

from dairt.model.action import ANY, named
from dairt.model.events import (
    BroadcastEnded,
    CheckpointFailed,
    Entry,
    NodeBooted,
    NodeDown,
    NodeDrained,
    OpLost,
    PeerDied,
    PeerReturned,
    PeerSuspected,
    ProtocolBroken,
    ReconnectDelayed,
    RunEnded,
    SocketOpened,
    SocketRemoved,
    TaskFailed,
)
from dairt_console.aftermath import BETWEEN_TWO, Aftermath
from dairt_console.event_log import EventLog, Told

LINGERS_S = 5.0  # how long after its end a fault is still found out: as long as silence takes to count as death
LOOKED_AT = 2_000  # entries after a fault
# What goes wrong, or comes right again; a thing done on purpose has no fault for its cause.
_EFFECTS = (
    SocketRemoved, SocketOpened, ReconnectDelayed, PeerSuspected, PeerDied, PeerReturned, NodeDown, NodeBooted, NodeDrained,
    ProtocolBroken, CheckpointFailed, TaskFailed, OpLost, BroadcastEnded, RunEnded,
)  # fmt: skip


def peer_of(entry: Entry) -> str:
    """The other node an event tells of, or ""."""
    return str(getattr(entry.event, "peer", ""))


def cause_of(entry: Entry, aftermaths: Mapping[str, Aftermath]) -> str:
    """The id of the fault this most likely came of: that it names, or the latest that befell those concerned; or ""."""
    return Causes(aftermaths).of(entry)


class Causes:
    """The same for many events: no event is held against faults of other nodes, or of another time."""

    def __init__(self, aftermaths: Mapping[str, Aftermath]) -> None:
        self._known = aftermaths
        self._befell: dict[str, list[tuple[int, float, Aftermath]]] = {}  # by name: in which order they fired, felt until when
        for order, aftermath in enumerate(aftermaths.values()):
            felt = (order, _felt_until(aftermath), aftermath)
            for name in dict.fromkeys(name for side in aftermath.target for name in named(side)):
                self._befell.setdefault(name, []).append(felt)

    def of(self, entry: Entry) -> str:
        """The id of the fault; or ""."""
        told = str(getattr(entry.event, "fault", ""))
        if told:
            return told if told in self._known else ""
        if not isinstance(entry.event, _EFFECTS):
            return ""
        names = (entry.node, peer_of(entry), ANY)
        felt = [
            (order, aftermath)
            for name in names
            for order, until_s, aftermath in self._befell.get(name, ())
            if aftermath.fired_s <= entry.time_s <= until_s
        ]
        felt.sort(key=lambda each: each[0], reverse=True)
        return next((aftermath.fault for _, aftermath in felt if _concerns(aftermath, entry)), "")


def _felt_until(aftermath: Aftermath) -> float:
    if aftermath.over_s is not None:
        return aftermath.over_s + LINGERS_S
    lasts = not aftermath.kind.startswith("conn.")
    return float("inf") if lasts or aftermath.missing else aftermath.fired_s + LINGERS_S


def _concerns(aftermath: Aftermath, entry: Entry) -> bool:
    ends = [name for name in (entry.node, peer_of(entry)) if name]
    struck = sum(aftermath.befell(name) for name in ends)
    if aftermath.kind.startswith(BETWEEN_TWO):  # they explain nothing about one of two nodes and a third
        return struck + aftermath.befell(ANY) >= 2
    return struck >= 1


def fired_at(log: EventLog, fault: str) -> int:
    """The newest place where this fault is told to have fired; -1 where it is not kept."""
    for place in range(log.last - 1, log.first - 1, -1):
        told = log[place]
        if told.kind == "fault_fired" and getattr(told.entry.event, "fault", "") == fault:
            return place
    return -1


def effects_of(log: EventLog, place: int, aftermaths: Mapping[str, Aftermath]) -> list[Told]:
    """What most likely came of the fault that fired at this place, the first first."""
    fault = str(getattr(log[place].entry.event, "fault", ""))
    causes = Causes(aftermaths)
    return [told for told in _next(log, place) if causes.of(told.entry) == fault]


def _next(log: EventLog, place: int) -> Iterator[Told]:
    return (log[at] for at in islice(range(place + 1, log.last), LOOKED_AT))
