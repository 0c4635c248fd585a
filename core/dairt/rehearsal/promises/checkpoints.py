"""Promises about what is on disk: durable means durable, whatever the disk does, and what has rotted is never believed."""

from dairt.model.action import Action, DiskError, FsyncError, NodeTrouble, nodes_of
from dairt.model.events import (
    BroadcastAcked,
    CheckpointBegun,
    CheckpointDurable,
    CheckpointFailed,
    CheckpointRestored,
    CheckpointSyncBegun,
    Entry,
    FaultFired,
    FaultHealed,
    NodeBooted,
    NodeDown,
    NodeDrained,
    TensorStored,
)
from dairt.model.scenario import Scenario
from dairt.model.version import Version
from dairt.model.views import Snapshot
from dairt.rehearsal.promises.base import Promise, rise
from dairt.rehearsal.promises.trouble import ActionOf
from dairt.rehearsal.promises.versions import destroys

Write = tuple[str, str, Version]  # the node, the key, and what is written


class DurableSurvivesRestart(Promise):
    """A version that a node called durable, or that it acknowledged so, is never newer than what it next boots with.

    Whatever ended the node before, a power cut at any point included. Exceptions: what was durable before the disk was wiped
    or a bit of it flipped, until it is written anew, and a boot during which the disk cannot be read.
    """

    def __init__(self) -> None:
        self._durable: dict[str, dict[str, Version]] = {}
        self._destroyed: dict[str, dict[str, Version]] = {}  # acknowledged again without a new write, it is no more there
        self._restored: dict[str, dict[str, Version]] = {}
        self._unreadable: dict[str, tuple[str, ...]] = {}
        self._action_of: ActionOf = lambda fault: None

    def told(self, scenario: Scenario, action_of: ActionOf) -> None:
        self._action_of = action_of

    def see(self, entry: Entry) -> str:
        match entry.event:
            case CheckpointDurable(key=key, version=version):
                rise(self._durable.setdefault(entry.node, {}), key, version)
                self._destroyed.get(entry.node, {}).pop(key, None)
            case BroadcastAcked(key=key, version=version, member=member, outcome="durable"):
                if self._destroyed.get(member, {}).get(key) != version:
                    rise(self._durable.setdefault(member, {}), key, version)
            case CheckpointRestored(key=key, version=version):
                rise(self._restored.setdefault(entry.node, {}), key, version)
            case NodeBooted():
                return self._boot(entry.node)
            case FaultFired(fault=fault):
                self._strike(fault, self._action_of(fault))
            case FaultHealed(fault=fault):
                self._unreadable.pop(fault, None)
        return ""

    def _strike(self, fault: str, action: Action | None) -> None:
        if action is None:
            return
        if destroys(action):
            for node in nodes_of(action):
                self._destroyed.setdefault(node, {}).update(self._durable.pop(node, {}))
        if isinstance(action, DiskError) and action.calls in ("any", "read"):
            self._unreadable[fault] = nodes_of(action)

    def _boot(self, node: str) -> str:
        restored = self._restored.pop(node, {})
        if any(node in nodes for nodes in self._unreadable.values()):
            return ""
        for key, version in self._durable.get(node, {}).items():
            if key not in restored or restored[key] < version:
                what = restored.get(key, "nothing")
                return f"{node} called {key} {version} durable and came back with {what}"
        return ""


class AckedOnlyWhenDurable(Promise):
    """A member says `durable` to a broadcast only after that version became durable on it, or was restored from its disk.

    After, by the clock of the world, which all nodes share; over every member, the origin among them. The answers of members
    whose own events nobody hears are judged in the end.
    """

    def __init__(self) -> None:
        self._durable: dict[Write, float] = {}
        self._acked: dict[Write, float] = {}

    def see(self, entry: Entry) -> str:
        match entry.event:
            case CheckpointDurable(key=key, version=version) | CheckpointRestored(key=key, version=version):
                self._durable.setdefault((entry.node, key, version), entry.time_s)
                acked_s = self._acked.pop((entry.node, key, version), entry.time_s)
                if acked_s < entry.time_s:
                    return f"{entry.node} acknowledged {key} {version} {entry.time_s - acked_s:.6f} s before it was durable"
            case BroadcastAcked(key=key, version=version, member=member, outcome="durable"):
                if (member, key, version) not in self._durable:
                    self._acked.setdefault((member, key, version), entry.time_s)
        return ""

    def judge(self, last: Snapshot) -> str:
        for member, key, version in self._acked:
            return f"{member} acknowledged {key} {version} as durable, and it never was"
        return ""


class FsyncErrorMeansNotAcked(Promise):
    """While every fsync of a node's disk fails, no checkpoint that began to sync meanwhile becomes durable there.

    And after a checkpoint failed, for whatever reason, that version becomes durable, or is acknowledged as such, only by a
    write that began after the failure: trying the sync again makes nothing good.
    """

    def __init__(self) -> None:
        self._action_of: ActionOf = lambda fault: None
        self._failing: dict[str, tuple[str, ...]] = {}
        self._doomed: dict[Write, None] = {}
        self._failed: dict[Write, None] = {}

    def told(self, scenario: Scenario, action_of: ActionOf) -> None:
        self._action_of = action_of

    def see(self, entry: Entry) -> str:
        node = entry.node
        match entry.event:
            case FaultFired(fault=fault):
                action = self._action_of(fault)
                if isinstance(action, FsyncError) and action.times == 0:
                    self._failing[fault] = nodes_of(action)
            case FaultHealed(fault=fault):
                for name in self._failing.pop(fault, ()):
                    # What began in the fault's time may sync in the next instant, when nothing is wrong any more.
                    self._doomed = {write: None for write in self._doomed if write[0] != name}
            case CheckpointBegun(key=key, version=version):
                self._failed.pop((node, key, version), None)
            case CheckpointSyncBegun(key=key, version=version):
                if any(node in nodes for nodes in self._failing.values()):
                    self._doomed[node, key, version] = None
            case CheckpointFailed(key=key, version=version):
                self._doomed.pop((node, key, version), None)
                self._failed[node, key, version] = None
            case NodeDown() | NodeDrained():
                self._doomed = {write: None for write in self._doomed if write[0] != node}
            case CheckpointDurable(key=key, version=version):
                return self._check(node, key, version)
            case BroadcastAcked(key=key, version=version, member=member, outcome="durable"):
                return self._check(member, key, version)
        return ""

    def _check(self, node: str, key: str, version: Version) -> str:
        if (node, key, version) in self._doomed:
            return f"{node} says that {key} {version} is durable, and every fsync of its disk fails"
        if (node, key, version) in self._failed:
            return f"{node} says that {key} {version} is durable after its checkpoint had failed, and wrote no new one"
        return ""


class OneWriterAKey(Promise):
    """On every node at most one checkpoint of a key is being written at a time."""

    def __init__(self) -> None:
        self._writing: dict[tuple[str, str], Version] = {}

    def see(self, entry: Entry) -> str:
        node = entry.node
        match entry.event:
            case CheckpointBegun(key=key, version=version):
                before = self._writing.get((node, key))
                self._writing[node, key] = version
                if before is not None:
                    return f"{node} writes {key} {version} while {before} is being written"
            case CheckpointDurable(key=key) | CheckpointFailed(key=key):
                self._writing.pop((node, key), None)
            case NodeDown() | NodeDrained():
                self._writing = {place: version for place, version in self._writing.items() if place[0] != node}
        return ""


class EnospcKeepsThePreviousCheckpoint(Promise):
    """A checkpoint that fails, on a full disk as on a broken one, costs its node neither its life nor what it had before.

    From the failure on the node goes down only by a fault or by being stopped, and the version of that key that was durable
    then, or a newer one, is what the next boot finds. Exceptions as for durable_survives_restart.
    """

    def __init__(self) -> None:
        self._kept = DurableSurvivesRestart()
        self._failed: dict[str, str] = {}
        self._struck: dict[str, None] = {}
        self._action_of: ActionOf = lambda fault: None

    def told(self, scenario: Scenario, action_of: ActionOf) -> None:
        self._action_of = action_of
        self._kept.told(scenario, action_of)

    def see(self, entry: Entry) -> str:
        node = entry.node
        lost = self._kept.see(entry)
        match entry.event:
            case FaultFired(fault=fault):
                if isinstance(action := self._action_of(fault), NodeTrouble):
                    self._struck.update(dict.fromkeys(nodes_of(action)))
            case CheckpointFailed(key=key):
                self._failed[node] = key
            case NodeDown(reason=reason) if node in self._failed and node not in self._struck:
                return f"{node} went down by itself after the checkpoint of {self._failed[node]} had failed: {reason}"
            case NodeBooted():
                self._struck.pop(node, None)
                return lost if self._failed.pop(node, "") else ""
        return ""


class BitRotIsNeverLoaded(Promise):
    """Whatever a node restores from disk is what some node once stored under that key and version, bit for bit.

    Over every version that was ever stored in this run; of others, such as files put there by hand, nothing is known.
    """

    def __init__(self) -> None:
        self._stored: dict[tuple[str, Version], int] = {}

    def see(self, entry: Entry) -> str:
        match entry.event:
            case TensorStored(key=key, version=version, checksum=checksum):
                self._stored.setdefault((key, version), checksum)
            case CheckpointRestored(key=key, version=version, checksum=checksum):
                if self._stored.get((key, version), checksum) != checksum:
                    return f"{entry.node} restored other bytes as {key} {version} than were stored"
        return ""
