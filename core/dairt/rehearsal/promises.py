"""What must hold of a run: one fold a promise, fed every event at its emit, and asked about a snapshot at its time.

`see` gives the reason why an event has broken the promise for good, and "" while it has not. `judge` gives the reason why
the promise does not hold of the world as it is now. A new promise is one class and its line in PROMISES.
"""

from typing import ClassVar, Protocol

from dairt.model.events import (
    BroadcastAcked,
    BroadcastBegun,
    CheckpointDurable,
    CheckpointRestored,
    Entry,
    NodeBooted,
    NodeDown,
    NodeDrained,
    OpCommitted,
    OpLost,
    RunBegun,
    RunEnded,
    TensorStored,
)
from dairt.model.version import Version
from dairt.model.views import CheckpointView, NodeView, Snapshot


class Promise(Protocol):
    """One promise. `is_state` says that it is about how the world stands, so that it can only hold in the end."""

    is_state: ClassVar[bool] = False

    def see(self, entry: Entry) -> str:
        """The reason why this event breaks the promise, or ""."""
        return ""

    def judge(self, last: Snapshot) -> str:
        """The reason why the promise does not hold of the world as it is now, or ""."""
        return ""


class AckedBroadcastOnAllLive(Promise):
    """Every broadcast that some member acknowledged as durable is held, with the same checksum, by every live node.

    A node that holds a superseding version will do; only the nodes the broadcast was for count.
    """

    is_state = True

    def __init__(self) -> None:
        self._audiences: dict[tuple[str, Version], tuple[str, ...]] = {}
        self._acked: dict[str, tuple[Version, int, tuple[str, ...]]] = {}

    def see(self, entry: Entry) -> str:
        match entry.event:
            case BroadcastBegun(key=key, version=version, members=members):
                self._audiences[key, version] = (*members, entry.node)
            case BroadcastAcked(key=key, version=version, outcome="durable", checksum=checksum):
                newest = self._acked.get(key)
                if newest is None or newest[0] < version:
                    self._acked[key] = version, checksum, self._audiences.get((key, version), ())
        return ""

    def judge(self, last: Snapshot) -> str:
        for key, (version, checksum, audience) in self._acked.items():
            for node in last.nodes:
                held = _checkpoint(node, key)
                if node.state != "up" or node.name not in audience:
                    continue
                if held is None or held.version < version:
                    what = "nothing" if held is None else str(held.version)
                    return f"{key} {version} was acknowledged, but {node.name} holds {what}"
                if held.version == version and held.checksum != checksum:
                    return f"{node.name} holds {key} {version} with other bytes than were acknowledged"
        return ""


class NoPartialTensorVisible(Promise):
    """Whoever holds a version of a key, in memory, on disk or in a receipt, holds the same bytes."""

    def __init__(self) -> None:
        self._checksums: dict[tuple[str, Version], tuple[int, str]] = {}

    def see(self, entry: Entry) -> str:
        match entry.event:
            case TensorStored(key=key, version=version, checksum=checksum):
                return self._compare(entry.node, key, version, checksum)
            case CheckpointDurable(key=key, version=version, checksum=checksum):
                return self._compare(entry.node, key, version, checksum)
            case CheckpointRestored(key=key, version=version, checksum=checksum):
                return self._compare(entry.node, key, version, checksum)
            case BroadcastAcked(key=key, version=version, member=member, outcome="durable" | "stored", checksum=checksum):
                return self._compare(member, key, version, checksum)
        return ""

    def judge(self, last: Snapshot) -> str:
        for node in last.nodes:
            for held in node.checkpoints:
                if reason := self._compare(node.name, held.key, held.version, held.checksum):
                    return reason
        return ""

    def _compare(self, node: str, key: str, version: Version, checksum: int) -> str:
        first, holder = self._checksums.setdefault((key, version), (checksum, node))
        return "" if checksum == first else f"{node} and {holder} hold different bytes as {key} {version}"


class DurableSurvivesRestart(Promise):
    """A version that a node called durable, or that it acknowledged so, is never newer than what it next boots with."""

    def __init__(self) -> None:
        self._durable: dict[str, dict[str, Version]] = {}
        self._restored: dict[str, dict[str, Version]] = {}

    def see(self, entry: Entry) -> str:
        match entry.event:
            case CheckpointDurable(key=key, version=version):
                _raise(self._durable.setdefault(entry.node, {}), key, version)
            case BroadcastAcked(key=key, version=version, member=member, outcome="durable"):
                _raise(self._durable.setdefault(member, {}), key, version)
            case CheckpointRestored(key=key, version=version):
                _raise(self._restored.setdefault(entry.node, {}), key, version)
            case NodeBooted():
                return self._boot(entry.node)
        return ""

    def _boot(self, node: str) -> str:
        restored = self._restored.pop(node, {})
        for key, version in self._durable.get(node, {}).items():
            if key not in restored or restored[key] < version:
                what = restored.get(key, "nothing")
                return f"{node} called {key} {version} durable and came back with {what}"
        return ""


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
                _raise(visible, key, version)
            case TensorStored(key=key, version=version):
                before = visible.get(key)
                visible[key] = version
                if before is not None and version <= before:
                    return f"{entry.node} went from {key} {before} to {version}"
        return ""


class EveryRunHasOneResult(Promise):
    """Every graph run that begins ends, once, and with an answer."""

    is_state = True

    def __init__(self) -> None:
        self._open: dict[str, str] = {}
        self._ended: dict[str, str] = {}

    def see(self, entry: Entry) -> str:
        match entry.event:
            case RunBegun(run=run):
                if run in self._open or run in self._ended:
                    return f"{run} began twice"
                self._open[run] = entry.node
            case RunEnded(run=run, outcome=outcome, reason=reason):
                if run in self._ended:
                    return f"{run} ended twice"
                if self._open.pop(run, None) is None:
                    return f"{run} ended without having begun"
                self._ended[run] = outcome
                if outcome != "done":
                    return f"{run} has no answer: {reason}"
        return ""

    def judge(self, last: Snapshot) -> str:
        for run, coordinator in self._open.items():
            return f"{run}, begun on {coordinator}, has not ended"
        return ""


class OpCommittedOnce(Promise):
    """Of all attempts at an op of a run one result is accepted, and another only after that one was lost."""

    def __init__(self) -> None:
        self._committed: dict[tuple[str, str], str] = {}

    def see(self, entry: Entry) -> str:
        match entry.event:
            case OpCommitted(run=run, op=op, node=node):
                if (run, op) in self._committed:
                    return f"{op} of {run} was accepted from {self._committed[run, op]} and again from {node}"
                self._committed[run, op] = node
            case OpLost(run=run, op=op):
                self._committed.pop((run, op), None)
        return ""


class RunsGiveTheSameAnswer(Promise):
    """All runs of one graph, which all get the same inputs, give the same bits."""

    def __init__(self) -> None:
        self._answers: dict[str, tuple[str, str]] = {}

    def see(self, entry: Entry) -> str:
        match entry.event:
            case RunEnded(run=run, graph=graph, outcome="done", digest=digest):
                first, of_run = self._answers.setdefault(graph, (digest, run))
                if digest != first:
                    return f"{graph} gave {first} in {of_run} and {digest} in {run}"
        return ""


class EveryNodeReturns(Promise):
    """Every node is up."""

    is_state = True

    def judge(self, last: Snapshot) -> str:
        away = [f"{node.name} is {node.state}" for node in last.nodes if node.state != "up"]
        return ", ".join(away)


class NoLeakedSockets(Promise):
    """A node that is down, or has drained, has no socket open: judged when all have been stopped, too."""

    def judge(self, last: Snapshot) -> str:
        left = [
            f"{node.name} is down and has {node.sockets} open" for node in last.nodes if node.state == "down" and node.sockets
        ]
        return ", ".join(left)


PROMISES: dict[str, type[Promise]] = {
    "acked_broadcast_on_all_live": AckedBroadcastOnAllLive,
    "no_partial_tensor_visible": NoPartialTensorVisible,
    "durable_survives_restart": DurableSurvivesRestart,
    "versions_only_rise": VersionsOnlyRise,
    "every_run_has_one_result": EveryRunHasOneResult,
    "op_committed_once": OpCommittedOnce,
    "runs_give_the_same_answer": RunsGiveTheSameAnswer,
    "every_node_returns": EveryNodeReturns,
    "no_leaked_sockets": NoLeakedSockets,
}


def _raise(versions: dict[str, Version], key: str, version: Version) -> None:
    if key not in versions or versions[key] < version:
        versions[key] = version


def _checkpoint(node: NodeView, key: str) -> CheckpointView | None:
    return next((held for held in node.checkpoints if held.key == key), None)
