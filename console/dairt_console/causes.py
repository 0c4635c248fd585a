"""Which fault an event most likely came of, and what a fault led to: as far as time, names and kinds tell."""

from collections.abc import Iterator, Mapping
from itertools import islice

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
from dairt_console.aftermath import Aftermath
from dairt_console.event_log import EventLog, Told

LINGERS_S = 5.0  # how long after its end a fault is still found out: as long as silence takes to count as death
LOOKED_AT = 2_000  # entries after a fault
# What goes wrong, or comes right again; a thing done on purpose has no fault for its cause.
_EFFECTS = (
    SocketRemoved, SocketOpened, ReconnectDelayed, PeerSuspected, PeerDied, PeerReturned, NodeDown, NodeBooted, NodeDrained,
    ProtocolBroken, CheckpointFailed, TaskFailed, OpLost, BroadcastEnded, RunEnded,
)  # fmt: skip
_BETWEEN_TWO = ("link.", "conn.", "frame.")  # faults between two nodes: they explain nothing about one of them and a third


def peer_of(entry: Entry) -> str:
    """The other node an event tells of, or ""."""
    return str(getattr(entry.event, "peer", ""))


def cause_of(entry: Entry, aftermaths: Mapping[str, Aftermath]) -> str:
    """The id of the fault this most likely came of: that it names, or the latest that befell those concerned; or ""."""
    named = str(getattr(entry.event, "fault", ""))
    if named:
        return named if named in aftermaths else ""
    if not isinstance(entry.event, _EFFECTS):
        return ""
    for aftermath in reversed([*aftermaths.values()]):
        if aftermath.fired_s <= entry.time_s <= _felt_until(aftermath) and _concerns(aftermath, entry):
            return aftermath.fault
    return ""


def _felt_until(aftermath: Aftermath) -> float:
    if aftermath.over_s is not None:
        return aftermath.over_s + LINGERS_S
    lasts = not aftermath.kind.startswith("conn.")
    return float("inf") if lasts or aftermath.missing else aftermath.fired_s + LINGERS_S


def _concerns(aftermath: Aftermath, entry: Entry) -> bool:
    ends = [name for name in (entry.node, peer_of(entry)) if name]
    struck = sum(aftermath.befell(name) for name in ends)
    if aftermath.kind.startswith(_BETWEEN_TWO):
        return struck + aftermath.befell("any") >= 2
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
    return [told for told in _next(log, place) if cause_of(told.entry, aftermaths) == fault]


def _next(log: EventLog, place: int) -> Iterator[Told]:
    return (log[at] for at in islice(range(place + 1, log.last), LOOKED_AT))
