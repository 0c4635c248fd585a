"""What is wrong although nobody asked for it, and since when: one fold for the header's count, the Overview and the Events."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from dairt.model.events import CheckpointFailed, Entry
from dairt.model.views import NodeView, Snapshot
from dairt_console.draw.units import age

OVER_KEPT = 100  # of those that are over, the latest
REASONS_KEPT = 1_000  # one a node


@dataclass(frozen=True)
class Alert:
    """One thing that is wrong, or was. `state` is its word; `key` stays the same while it lasts; `over_s` is when it ended."""

    key: str
    state: str
    text: str
    note: str = ""
    nodes: tuple[str, ...] = ()
    since_s: float = 0.0
    over_s: float | None = None


@dataclass(frozen=True)
class Alerts:
    """What is wrong now, by key, and what was, the latest last."""

    now: Mapping[str, Alert] = field(default_factory=dict)
    over: tuple[Alert, ...] = ()
    disks: Mapping[str, str] = field(default_factory=dict)  # what a node's disk said last when it refused


def heard(alerts: Alerts, entries: Iterable[Entry]) -> Alerts:
    """The alerts, knowing why disks refused; the same object when nothing is new."""
    said = {entry.node: entry.event.reason for entry in entries if isinstance(entry.event, CheckpointFailed)}
    if not said:
        return alerts
    disks = {**alerts.disks, **said}
    return replace(alerts, disks={node: disks[node] for node in list(disks)[-REASONS_KEPT:]})


def follow_alerts(alerts: Alerts, snapshot: Snapshot) -> Alerts:
    """The alerts once the world looks like this. In a world that is over, nothing is wrong with what was stopped."""
    now: dict[str, Alert] = {}
    for found in _wrong(snapshot, alerts.disks):
        before = alerts.now.get(found.key)
        now[found.key] = replace(found, since_s=snapshot.time_s if before is None else before.since_s)
    ended = [replace(alert, over_s=snapshot.time_s) for key, alert in alerts.now.items() if key not in now]
    over = (*alerts.over, *ended)[-OVER_KEPT:] if ended else alerts.over
    return Alerts(now, over, alerts.disks)


def _wrong(snapshot: Snapshot, disks: Mapping[str, str]) -> Iterable[Alert]:
    for node in snapshot.nodes:
        if node.state == "paused":
            yield Alert(f"node {node.name}", "paused", f"{node.name} is paused", nodes=(node.name,))
    yield from _silences(snapshot.nodes)
    for node in snapshot.nodes:
        if failed := [item.key for item in node.checkpoints if item.state == "failed"]:
            text = f"{node.name} could not write {_some(failed)}"
            yield Alert(f"disk {node.name}", "failed", text, disks.get(node.name, ""), (node.name,))
    for node in snapshot.nodes:
        for lane in node.lanes:
            if node.state != "down" and lane.queued >= lane.capacity > 0:
                text = f"{node.name}: {lane.lane} queue is full"
                yield Alert(f"queue {node.name} {lane.lane}", "full", text, f"{lane.queued} wait", (node.name,))
    for promise in snapshot.promises:
        if promise.state == "broken":
            yield Alert(f"promise {promise.promise}", "broken", f"{promise.promise}: {promise.reason}")


def _silences(nodes: tuple[NodeView, ...]) -> Iterable[Alert]:
    """Nodes that are up and yet do not hear each other, one a pair."""
    up = {node.name for node in nodes if node.state == "up"}
    pairs: dict[tuple[str, str], list[tuple[str, str, float]]] = {}
    for node in nodes:
        if node.state != "up":
            continue
        for peer in node.peers:
            if peer.state != "alive" and peer.name in up:
                pair = (min(node.name, peer.name), max(node.name, peer.name))
                pairs.setdefault(pair, []).append((node.name, peer.state, peer.silent_s))
    for (one, other), silences in pairs.items():
        deaf = silences[0][0]
        hears = f"{one} and {other} do not hear each other"
        text = hears if len(silences) == 2 else f"{deaf} does not hear {other if deaf == one else one}"
        worst = "dead" if any(word == "dead" for _, word, _ in silences) else "suspect"
        silent = age(max(seconds for _, _, seconds in silences))
        yield Alert(f"link {one}↔{other}", worst, text, f"silent for {silent}", (one, other))


def _some(keys: list[str]) -> str:
    """A few of the names, and how many more."""
    few = ", ".join(islice(keys, 3))
    return few if len(keys) <= 3 else f"{few} and {len(keys) - 3} more"
