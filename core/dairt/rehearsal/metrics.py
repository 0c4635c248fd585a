"""What can be measured of a run: one fold a metric, fed every event it hears at its emit, and shown snapshots now and then.

A new metric is one class, whose docstring says exactly what is counted from when to when, and its line in METRICS.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from dairt.model.events import (
    BroadcastBegun,
    BroadcastEnded,
    ChunkSent,
    Entry,
    Event,
    EventBase,
    NodeDown,
    NodeDrained,
    OpStarted,
    RunEnded,
)
from dairt.model.tensor import CHUNK_BYTES
from dairt.model.views import Snapshot
from dairt.rehearsal.losses import DetectSeconds, RecoverSeconds
from dairt.rehearsal.scene import VALUES_MAX, ActionOf, Metric, Scene


class BroadcastSeconds(Metric):
    """Seconds from a broadcast's call until every member has answered or been given up: one value a broadcast that ended."""

    hears = (BroadcastEnded,)

    def __init__(self, scene: Scene) -> None:
        self._values = deque[float](maxlen=VALUES_MAX)

    def see(self, entry: Entry) -> None:
        if isinstance(entry.event, BroadcastEnded):
            self._values.append(entry.event.seconds)

    def values(self) -> list[float]:
        return list(self._values)


class RunSeconds(Metric):
    """Seconds from the beginning of a graph run to its answer: one value a run that has one."""

    hears = (RunEnded,)

    def __init__(self, scene: Scene) -> None:
        self._values = deque[float](maxlen=VALUES_MAX)

    def see(self, entry: Entry) -> None:
        if isinstance(entry.event, RunEnded) and entry.event.outcome == "done":
            self._values.append(entry.event.seconds)

    def values(self) -> list[float]:
        return list(self._values)


class ResentBytes(Metric):
    """Bytes of tensors that a broadcast's sender handed to the network for one member more than once: one value a story.

    Counted chunk by chunk (`chunk_sent`) up to the furthest offset that the member had been sent of this broadcast; the next
    broadcast of the same key from the same node begins anew. Pulls by anti-entropy are not resent bytes.
    """

    hears = (ChunkSent, BroadcastBegun)

    def __init__(self, scene: Scene) -> None:
        self._furthest: dict[tuple[str, str], dict[str, int]] = {}
        self._total = 0

    def see(self, entry: Entry) -> None:
        match entry.event:
            case BroadcastBegun(key=key):
                self._furthest.pop((entry.node, key), None)
            case ChunkSent(peer=peer, key=key, offset=offset):
                sent = self._furthest.setdefault((entry.node, key), {})
                begin = (offset - 1) // CHUNK_BYTES * CHUNK_BYTES
                self._total += max(0, min(offset, sent.get(peer, 0)) - begin)
                sent[peer] = max(offset, sent.get(peer, 0))

    def values(self) -> list[float]:
        return [float(self._total)]


class WastedOps(Metric):
    """How often a worker took an op of a run under way that a worker had taken before (`op_started`): one value a story.

    It is the work done in vain or twice: attempts lost with a socket or a node, duplicates, and results made again.
    """

    hears = (OpStarted, RunEnded)  # what ended is forgotten: a story that runs for days has many runs

    def __init__(self, scene: Scene) -> None:
        self._taken: dict[str, dict[str, None]] = {}
        self._wasted = 0

    def see(self, entry: Entry) -> None:
        match entry.event:
            case OpStarted(run=run, op=op):
                taken = self._taken.setdefault(run, {})
                self._wasted += op in taken
                taken[op] = None
            case RunEnded(run=run):
                self._taken.pop(run, None)

    def values(self) -> list[float]:
        return [float(self._wasted)]


class QueuePeak(Metric):
    """The most tasks that ever waited in one lane of one life of one node, of those lives looked at: one value a story."""

    def __init__(self, scene: Scene) -> None:
        self._peak = 0

    def look(self, snapshot: Snapshot) -> None:
        self._peak = max([self._peak, *(lane.peak for node in snapshot.nodes for lane in node.lanes)])

    def values(self) -> list[float]:
        return [float(self._peak)]


class Events(Metric):
    """How many events were told, details included: one value a story."""

    hears = Event.__args__

    def __init__(self, scene: Scene) -> None:
        self._count = 0

    def see(self, entry: Entry) -> None:
        self._count += 1

    def values(self) -> list[float]:
        return [float(self._count)]


METRICS: dict[str, Callable[[Scene], Metric]] = {
    "detect_seconds": DetectSeconds,
    "recover_seconds": RecoverSeconds,
    "broadcast_seconds": BroadcastSeconds,
    "run_seconds": RunSeconds,
    "resent_bytes": ResentBytes,
    "wasted_ops": WastedOps,
    "queue_peak": QueuePeak,
    "events": Events,
}


class Meter:
    """All metrics of one run. `see` is a journal listener; `action_of` says what the fault of an id does, once it has fired.

    Whoever ends is looked at first, by a `snapshot`: a node that is down tells nothing any more.
    """

    def __init__(self, action_of: ActionOf, snapshot: Callable[[], Snapshot]) -> None:
        scene = Scene(action_of)
        self._snapshot = snapshot
        self._metrics = {name: make(scene) for name, make in METRICS.items()}
        # The scene first: a metric that hears of an event finds the world as the event has left it.
        heard: list[tuple[tuple[type[EventBase], ...], Callable[[Entry], None]]] = [(scene.hears, scene.see)]
        heard += [(metric.hears, metric.see) for metric in self._metrics.values()]
        self._ears = {kind: tuple(_who_hears(kind, heard)) for kind in Event.__args__}

    def see(self, entry: Entry) -> None:
        """Feed an event to the metrics that hear it: a journal listener."""
        for hear in self._ears[type(entry.event)]:
            hear(entry)
        if isinstance(entry.event, NodeDown | NodeDrained):
            self.look(self._snapshot())

    def look(self, snapshot: Snapshot) -> None:
        """Show the metrics the world as it is now."""
        for metric in self._metrics.values():
            metric.look(snapshot)

    def values(self) -> dict[str, list[float]]:
        """What every metric has measured by now, by its name."""
        self.look(self._snapshot())
        return {name: metric.values() for name, metric in self._metrics.items()}


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of `values` that at least `percent` of them do not exceed (nearest rank); there must be one."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def _who_hears(
    kind: type[EventBase], heard: list[tuple[tuple[type[EventBase], ...], Callable[[Entry], None]]]
) -> Iterator[Callable[[Entry], None]]:
    return (see for kinds, see in heard if kind in kinds)
