"""How each fault was found out, and what it led to: counted as events tell it, for as long as they point to it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from dairt.model.events import (
    CheckpointDamaged,
    CheckpointFailed,
    Entry,
    OpLost,
    PeerDied,
    PeerSuspected,
    ProtocolBroken,
    ReconnectDelayed,
    SocketRemoved,
    TaskFailed,
    event_name,
)
from dairt_console.aftermath import Aftermath
from dairt_console.causes import Causes

# Somebody other than the world itself has noticed.
_NOTICED = (
    SocketRemoved, PeerSuspected, PeerDied, ReconnectDelayed, ProtocolBroken, CheckpointFailed, CheckpointDamaged, TaskFailed,
    OpLost,
)  # fmt: skip


@dataclass(frozen=True)
class Effects:
    """What came of a fault's latest strike, at `fired_s`. `found` is who noticed first, and how; counts are by event."""

    fired_s: float
    found_s: float | None = None
    found: str = ""
    counts: tuple[tuple[str, int], ...] = ()

    def after(self, entry: Entry) -> "Effects":
        """The same, with one more event that came of it."""
        counts = dict(self.counts)
        name = event_name(entry.event)
        counts[name] = counts.get(name, 0) + 1
        told = replace(self, counts=tuple(counts.items()))
        if self.found_s is None and isinstance(entry.event, _NOTICED):
            return replace(told, found_s=entry.time_s, found=f"{entry.node}: {entry.event.line}")
        return told


def follow_effects(
    known: Mapping[str, Effects], aftermaths: Mapping[str, Aftermath], entries: Iterable[Entry]
) -> Mapping[str, Effects]:
    """The effects of all faults by id, once `entries` are told; the same object when nothing is new."""
    if not aftermaths:
        return known
    new: dict[str, Effects] = {}
    causes = Causes(aftermaths)
    for entry in entries:
        fault = "" if getattr(entry.event, "fault", "") else causes.of(entry)
        if fault:
            fired_s = aftermaths[fault].fired_s
            before = new.get(fault, known.get(fault))
            new[fault] = (before if before is not None and before.fired_s == fired_s else Effects(fired_s)).after(entry)
    if not new:
        return known
    return {fault: effects for fault, effects in {**known, **new}.items() if fault in aftermaths}
