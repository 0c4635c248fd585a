"""What conditions ask for, as it is now: counts of events, kept at their emit, and gauges, looked up when asked for."""

from collections import Counter
from collections.abc import Callable

from dairt.model.events import BroadcastAcked, Entry, event_name
from dairt.model.views import NodeView, Snapshot


class Gauges:
    """Looks up the names of `dairt.model.gauges`. One snapshot serves all that is asked for within a tick."""

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._take = snapshot
        self._snapshot: Snapshot | None = None
        self._counts: Counter[str] = Counter()
        self._time_s = 0.0

    def see(self, entry: Entry) -> None:
        """Count an event: a journal listener."""
        name = event_name(entry.event)
        self._counts[f"events.{name}"] += 1
        self._counts[f"events.{entry.node}.{name}"] += 1
        if isinstance(entry.event, BroadcastAcked) and entry.event.outcome == "durable":
            self._counts["broadcasts.acked"] += 1

    def begin_tick(self, time_s: float) -> None:
        """Look anew at what is asked for from now on; `time_s` is the story's time."""
        self._time_s, self._snapshot = time_s, None

    def value_of(self, name: str) -> float:
        """What a name stands for now."""
        group, _, rest = name.partition(".")
        match group, rest:
            case "time", _:
                return self._time_s
            case "broadcasts", "acked":
                return self._counts[name]
            case "broadcasts", _:
                return self._counts[f"events.broadcast_{rest}"]
            case "events", _:
                return self._counts[name]
            case "faults", "fired":
                return self._counts["events.fault_fired"]
            case "faults", _:
                return sum(fault.state == "active" for fault in self._now.faults)
            case "runs", _:
                return sum(run.state == rest for run in self._now.runs)
            case "nodes", _:
                return self._nodes(rest)
            case _:
                return self._of_node(group, rest)

    @property
    def _now(self) -> Snapshot:
        if self._snapshot is None:
            self._snapshot = self._take()
        return self._snapshot

    def _nodes(self, how: str) -> float:
        up = [view for view in self._now.nodes if view.state == "up"]
        if how == "suspected":
            return len({peer.name for view in up for peer in view.peers if peer.state != "alive"})
        return len(up) if how == "up" else len(self._now.nodes) - len(up)

    def _of_node(self, group: str, rest: str) -> float:
        node, _, lane = rest.rpartition(".") if group in ("queue", "busy") else (rest, "", "")
        view = next(view for view in self._now.nodes if view.name == node)
        return _LOOK_UP[group](view, lane)


_LOOK_UP: dict[str, Callable[[NodeView, str], float]] = {
    "queue": lambda view, lane: sum(each.queued for each in view.lanes if each.lane == lane),
    "busy": lambda view, lane: sum(each.busy for each in view.lanes if each.lane == lane),
    "sockets": lambda view, _: view.sockets,
    "restarts": lambda view, _: view.restarts,
    "keys": lambda view, _: len(view.checkpoints),
}
