"""Promises about versions: what is visible only gets newer, all come to agree, and what was acknowledged is never gone."""

from dairt.model.action import Action, RotBit, WipeNode, nodes_of
from dairt.model.events import (
    BroadcastAcked,
    BroadcastBegun,
    CheckpointDurable,
    CheckpointRestored,
    Entry,
    FaultFired,
    NodeDown,
    NodeDrained,
    TensorStored,
)
from dairt.model.scenario import Scenario
from dairt.model.version import Version
from dairt.model.views import Snapshot
from dairt.rehearsal.promises.base import Promise, held_by, rise
from dairt.rehearsal.promises.trouble import ActionOf


class VersionsOnlyRise(Promise):
    """Within one life of a node, each version of a key that becomes visible is above the one before."""

    def __init__(self) -> None:
        self._visible: dict[str, dict[str, Version]] = {}

    def see(self, entry: Entry) -> str:
        visible = self._visible.setdefault(entry.node, {})
        match entry.event:
            case NodeDown() | NodeDrained():
                visible.clear()
            case CheckpointRestored(key=key, version=version):
                rise(visible, key, version)
            case TensorStored(key=key, version=version):
                before = visible.get(key)
                visible[key] = version
                if before is not None and version <= before:
                    return f"{entry.node} went from {key} {before} to {version}"
        return ""


class LiveNodesAgree(Promise):
    """Of each key all live nodes hold the same version, acknowledged or not: the one that the last of them knows of.

    Over the keys that were broadcast to every node, each time. It takes a while after the last broadcast to come true.
    """

    is_state = True

    def __init__(self) -> None:
        self._audiences: dict[str, tuple[str, ...]] = {}

    def see(self, entry: Entry) -> str:
        match entry.event:
            case BroadcastBegun(key=key, members=members):
                reached = self._audiences.get(key, (*members, entry.node))
                self._audiences[key] = tuple(name for name in reached if name in (*members, entry.node))
        return ""

    def judge(self, last: Snapshot) -> str:
        for key, audience in self._audiences.items():
            if any(node.name not in audience for node in last.nodes):
                continue
            live = [(node.name, held_by(node, key)) for node in last.nodes if node.state == "up"]
            says = {name: "nothing" if held is None else f"{held.version}" for name, held in live}
            if len(dict.fromkeys(says.values())) > 1:
                return f"of {key} " + ", ".join(f"{name} holds {what}" for name, what in says.items())
        return ""


class AckedWriteIsNotLost(Promise):
    """Of each key some live node holds the newest version that any member acknowledged as durable, or a newer one.

    Also after all nodes were down at once, and for puts too, which one node alone has. Exception: an acknowledgement stands
    for nothing any more when that member's disk was wiped, or a bit of it flipped, after it was given, until that member
    writes the version anew.
    """

    is_state = True

    def __init__(self) -> None:
        self._acked: dict[str, dict[str, Version]] = {}
        self._destroyed: dict[str, dict[str, Version]] = {}
        self._action_of: ActionOf = lambda fault: None

    def told(self, scenario: Scenario, action_of: ActionOf) -> None:
        self._action_of = action_of

    def see(self, entry: Entry) -> str:
        match entry.event:
            case BroadcastAcked(key=key, version=version, member=member, outcome="durable"):
                if self._destroyed.get(member, {}).get(key) != version:
                    rise(self._acked.setdefault(member, {}), key, version)
            case CheckpointDurable(key=key):
                self._destroyed.get(entry.node, {}).pop(key, None)
            case FaultFired(fault=fault) if destroys(action := self._action_of(fault)):
                assert action is not None, "it destroys something"
                for node in nodes_of(action):
                    self._destroyed.setdefault(node, {}).update(self._acked.pop(node, {}))
        return ""

    def judge(self, last: Snapshot) -> str:
        newest: dict[str, Version] = {}
        for acked in self._acked.values():
            for key, version in acked.items():
                rise(newest, key, version)
        for key, version in newest.items():
            held = [view.version for node in last.nodes if node.state == "up" and (view := held_by(node, key))]
            if not held or max(held) < version:
                return f"{key} {version} was acknowledged; the newest that a live node holds is {max(held, default='none')}"
        return ""


def destroys(action: Action | None) -> bool:
    """Whether trouble may destroy what had been durable."""
    return isinstance(action, WipeNode | RotBit)
