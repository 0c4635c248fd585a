"""Promises about what a node uses: it stays within its bounds, comes back, and leaves nothing when it ends."""

from dairt.model.action import Action, PauseNode, RestartNode, StopNode, nodes_of
from dairt.model.events import Entry, FaultFired, NodeBooted, NodeDown, NodeDrained, PhaseBegan
from dairt.model.scenario import Scenario
from dairt.model.views import NodeView, Snapshot
from dairt.rehearsal.promises.base import Promise, usual
from dairt.rehearsal.promises.trouble import ActionOf

EXCHANGES_MAX = 2  # with one peer, when no work is under way: a probe, and a comparison of what is held
END_SLACK_S = 2.0  # closing sockets politely, and a disk's last call


class EveryNodeReturns(Promise):
    """Every node is up."""

    is_state = True

    def judge(self, last: Snapshot) -> str:
        away = [f"{node.name} is {node.state}" for node in last.nodes if node.state != "up"]
        return ", ".join(away)


class NoLeakedSockets(Promise):
    """A node that is down, or has drained, has no socket open: judged when all have been stopped, too."""

    needs = ("sockets",)

    def judge(self, last: Snapshot) -> str:
        left = [
            f"{node.name} is down and has {node.sockets} open" for node in last.nodes if node.state == "down" and node.sockets
        ]
        return ", ".join(left)


class NothingIsLeftBehind(Promise):
    """A node that is down has no task that goes on; and one that has drained, no unfinished file on its disk.

    Judged when all have been stopped, too. Unfinished files of a node that was killed are for its next boot to remove.
    """

    needs = ("tasks", "files")

    def __init__(self) -> None:
        self._drained: dict[str, None] = {}

    def see(self, entry: Entry) -> str:
        match entry.event:
            case NodeDrained():
                self._drained[entry.node] = None
            case NodeBooted():
                self._drained.pop(entry.node, None)
        return ""

    def judge(self, last: Snapshot) -> str:
        left = [
            f"{node.name} is down and has left behind the {thing}"
            for node in last.nodes
            for thing in node.litter
            if node.state == "down" and (node.name in self._drained or thing.startswith("task "))
        ]
        return ", ".join(left)


class QueuesStayWithinBounds(Promise):
    """In no lane of a node do more tasks wait, or have they ever waited in this life of it, than `queue_max`.

    And of the sockets that a node opened to one peer no more are open than it may keep idle and two, for a probe and a
    comparison: this when the world is judged in the end, with all work done.
    """

    is_state = True

    def __init__(self) -> None:
        self._config = usual()

    def told(self, scenario: Scenario, action_of: ActionOf) -> None:
        self._config = usual(scenario)

    def judge(self, last: Snapshot) -> str:
        return next((reason for node in last.nodes if (reason := self._over(node))), "")

    def _over(self, node: NodeView) -> str:
        for lane in node.lanes:
            if (most := max(lane.queued, lane.peak)) > self._config.queue_max:
                return f"{most} tasks waited in the {lane.lane} lane of {node.name}, at most {self._config.queue_max} may"
        sockets_max = self._config.limits.idle_per_peer + EXCHANGES_MAX
        for peer in node.peers:
            if peer.sockets > sockets_max:
                return f"{node.name} has {peer.sockets} sockets to {peer.name} open, at most {sockets_max} may be"
        return ""


class NoCancellationIsSwallowed(Promise):
    """A node that is told to stop has ended within drain_s and two seconds.

    The time counts from a node.stop or node.restart that befalls a node that is up, and from the story's verdict, after which
    all nodes are stopped, until it has drained, or is down for any other reason. Exception: one that is paused meanwhile.
    """

    def __init__(self) -> None:
        self._action_of: ActionOf = lambda fault: None
        self._patience_s = usual().limits.drain_s + END_SLACK_S
        self._up: dict[str, None] = {}
        self._told: dict[str, float] = {}

    def told(self, scenario: Scenario, action_of: ActionOf) -> None:
        self._action_of = action_of
        self._patience_s = usual(scenario).limits.drain_s + END_SLACK_S

    def see(self, entry: Entry) -> str:
        reason = self._late(entry.time_s)
        match entry.event:
            case NodeBooted():
                self._up[entry.node] = None
            case NodeDown() | NodeDrained():
                self._up.pop(entry.node, None)
                self._told.pop(entry.node, None)
            case FaultFired(fault=fault):
                self._strike(self._action_of(fault), entry.time_s)
            case PhaseBegan(phase="verdict"):
                self._told.update({node: entry.time_s for node in self._up if node not in self._told})
        return reason

    def judge(self, last: Snapshot) -> str:
        return self._late(last.time_s)

    def _strike(self, action: Action | None, now: float) -> None:
        match action:
            case StopNode() | RestartNode():
                self._told.update({node: now for node in nodes_of(action) if node in self._up and node not in self._told})
            case PauseNode():
                self._told = {node: told_s for node, told_s in self._told.items() if node not in nodes_of(action)}

    def _late(self, now: float) -> str:
        late = [
            f"{node}, told to stop {now - told_s:g} s ago, has not ended"
            for node, told_s in self._told.items()
            if now > told_s + self._patience_s
        ]
        return "; ".join(late)
