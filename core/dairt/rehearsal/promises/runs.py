"""Promises about graph runs: one result and the same, whatever was tried how often; and no work is lost or done for nothing."""

from dataclasses import dataclass

from dairt.model.action import RestartNode, StopNode, nodes_of
from dairt.model.events import (
    Entry,
    FaultFired,
    NodeBooted,
    NodeDown,
    NodeDrained,
    OpCommitted,
    OpFinished,
    OpLost,
    OpStarted,
    PeerDied,
    PeerSuspected,
    RunBegun,
    RunEnded,
    TaskFailed,
)
from dairt.model.scenario import Scenario
from dairt.model.views import Snapshot
from dairt.protocol.runs import ATTEMPTS_MAX
from dairt.rehearsal.promises.base import Promise
from dairt.rehearsal.promises.trouble import ActionOf

EXCUSED_SHOWN = 3  # runs named beside the verdict; there may be thousands


class EveryRunHasOneResult(Promise):
    """Every graph run that begins ends, once, and with an answer.

    Exception: a run that has not ended when its coordinator goes down (`node_down`, `node_drained`), or that ends while its
    coordinator is being stopped by a fault, is excused, by name. Whoever asked for it hears that there is no answer.
    """

    is_state = True

    def __init__(self) -> None:
        self._open: dict[str, str] = {}
        self._ended: dict[str, None] = {}
        self._leaving: dict[str, None] = {}
        self._excused: dict[str, str] = {}
        self._action_of: ActionOf = lambda fault: None

    def told(self, scenario: Scenario, action_of: ActionOf) -> None:
        self._action_of = action_of

    def see(self, entry: Entry) -> str:
        match entry.event:
            case RunBegun(run=run):
                if run in self._open or run in self._ended:
                    return f"{run} began twice"
                self._open[run] = entry.node
            case RunEnded(run=run, outcome=outcome, reason=reason):
                return self._end(run, outcome, reason)
            case FaultFired(fault=fault) if isinstance(action := self._action_of(fault), StopNode | RestartNode):
                self._leaving.update(dict.fromkeys(nodes_of(action)))
            case NodeBooted():
                self._leaving.pop(entry.node, None)
            case NodeDown() | NodeDrained():
                for run in [run for run, coordinator in self._open.items() if coordinator == entry.node]:
                    self._excuse(run, f"is {entry.event.line}" if isinstance(entry.event, NodeDown) else "has stopped")
        return ""

    def judge(self, last: Snapshot) -> str:
        for run, coordinator in self._open.items():
            return f"{run}, begun on {coordinator}, has not ended, and {coordinator} is up"
        return ""

    def note(self) -> str:
        """The runs that are excused."""
        shown = list(self._excused.values())[:EXCUSED_SHOWN]
        more = [f"and {len(self._excused) - EXCUSED_SHOWN} more"] if len(self._excused) > EXCUSED_SHOWN else []
        return "; ".join([*shown, *more])

    def _end(self, run: str, outcome: str, reason: str) -> str:
        if run in self._ended:
            return f"{run} ended twice"
        if run not in self._open:
            return f"{run} ended without having begun"
        if outcome != "done" and self._open[run] in self._leaving:
            self._excuse(run, "is being stopped")
        elif outcome != "done":
            return f"{run} has no answer: {reason}"
        self._open.pop(run, None)
        self._ended[run] = None
        return ""

    def _excuse(self, run: str, why: str) -> None:
        coordinator = self._open.pop(run)
        self._ended[run] = None
        self._excused[run] = f"{run} is excused: {coordinator}, its coordinator, {why}"


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


class OpComputedOnceANode(Promise):
    """Within one life a node computes an op of a run to its end once, however often it is asked to.

    So attempts may be many and their effect is one: whoever asks again gets the result that is there.
    """

    def __init__(self) -> None:
        self._computed: dict[str, dict[tuple[str, str], None]] = {}

    def see(self, entry: Entry) -> str:
        computed = self._computed.setdefault(entry.node, {})
        match entry.event:
            case NodeDown() | NodeDrained():
                computed.clear()
            case OpFinished(run=run, op=op):
                if (run, op) in computed:
                    return f"{entry.node} computed {op} of {run} twice"
                computed[run, op] = None
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


class EveryTaskEndsOnce(Promise):
    """Every op that a worker takes ends in one way: it finishes, it fails, or its node ends. None is lost with a socket.

    Over every worker of every node: it takes no op before the one before has ended, it ends only what it took, and when the
    world is judged, in the end, it is not at an op of a run that has ended.
    """

    is_state = True

    def __init__(self) -> None:
        self._busy: dict[tuple[str, str], tuple[str, str]] = {}
        self._ended: dict[str, None] = {}

    def see(self, entry: Entry) -> str:
        node = entry.node
        match entry.event:
            case OpStarted(run=run, op=op, worker=worker):
                before = self._busy.get((node, worker))
                self._busy[node, worker] = run, op
                if before is not None:
                    return f"{worker} of {node} took {op} of {run}, and {before[1]} of {before[0]} never ended"
            case OpFinished(run=run, op=op, worker=worker):
                if self._busy.pop((node, worker), None) != (run, op):
                    return f"{worker} of {node} finished {op} of {run}, which it had not taken"
            case TaskFailed(worker=worker):
                self._busy.pop((node, worker), None)
            case NodeDown() | NodeDrained():
                self._busy = {place: task for place, task in self._busy.items() if place[0] != node}
            case RunEnded(run=run):
                self._ended[run] = None
        return ""

    def judge(self, last: Snapshot) -> str:
        for (node, worker), (run, op) in self._busy.items():
            if run in self._ended:
                return f"{worker} of {node} is still at {op} of {run}, which has ended"
        return ""


class PoisonOpIsGivenUp(Promise):
    """An op that is lost again and again is given up in time, and takes only its own run with it.

    No op of a run is lost more than 17 times in a row, without a result in between: once its result, then 16 attempts. A run
    fails only if an op of its own was lost 16 times in all, or a worker said that one failed. In the end every run has ended
    whose coordinator stayed up.
    """

    is_state = True

    def __init__(self) -> None:
        self._in_a_row: dict[str, dict[str, int]] = {}
        self._in_all: dict[str, dict[str, int]] = {}
        self._taken: dict[str, dict[str, None]] = {}
        self._failed: dict[str, None] = {}
        self._open: dict[str, str] = {}

    def see(self, entry: Entry) -> str:
        match entry.event:
            case RunBegun(run=run):
                self._open[run] = entry.node
            case OpStarted(run=run, op=op):
                self._taken.setdefault(run, {})[op] = None
            case TaskFailed(task=task):
                self._failed[task] = None
            case OpCommitted(run=run, op=op):
                self._in_a_row.setdefault(run, {})[op] = 0
            case OpLost(run=run, op=op):
                for losses in (self._in_a_row.setdefault(run, {}), self._in_all.setdefault(run, {})):
                    losses[op] = losses.get(op, 0) + 1
                if self._in_a_row[run][op] > ATTEMPTS_MAX + 1:
                    return f"{op} of {run} was lost {self._in_a_row[run][op]} times in a row, and is tried still"
            case RunEnded(run=run, outcome=outcome, reason=reason):
                return self._end(run, outcome, reason)
            case NodeDown() | NodeDrained():
                self._open = {run: node for run, node in self._open.items() if node != entry.node}
        return ""

    def judge(self, last: Snapshot) -> str:
        for run, coordinator in self._open.items():
            return f"{run} has neither an answer nor been given up, and {coordinator} is up"
        return ""

    def _end(self, run: str, outcome: str, reason: str) -> str:
        self._open.pop(run, None)
        self._in_a_row.pop(run, None)
        losses, taken = self._in_all.pop(run, {}), self._taken.pop(run, {})
        if outcome == "done" or max(losses.values(), default=0) >= ATTEMPTS_MAX or any(op in self._failed for op in taken):
            return ""
        return f"{run} failed though none of its ops had been lost so often: {reason}"


@dataclass
class _Result:
    """A result that was accepted: from whom, in which attempt, and whether its holder has been in doubt since."""

    node: str
    attempt: int
    doubtful: bool = False


class LostResultRecomputedOnlyIfNeeded(Promise):
    """A result that was accepted is computed again only if it was lost with its holder.

    Lost with its holder means: said to be lost (`op_lost`) on the node that it was accepted from, or, when the loss of another
    op brings it to light, after the coordinator had suspected that node or had met a loss on it since. And no worker takes a
    later attempt at an accepted op before that was said.
    """

    def __init__(self) -> None:
        self._results: dict[tuple[str, str], _Result] = {}
        self._coordinators: dict[str, str] = {}

    def see(self, entry: Entry) -> str:
        match entry.event:
            case RunBegun(run=run):
                self._coordinators[run] = entry.node
            case RunEnded(run=run):
                self._coordinators.pop(run, None)
                self._results = {task: result for task, result in self._results.items() if task[0] != run}
            case OpCommitted(run=run, op=op, node=node, attempt=attempt):
                self._results[run, op] = _Result(node, attempt)
            case PeerSuspected(peer=peer) | PeerDied(peer=peer):
                for (run, _), result in self._results.items():
                    if result.node == peer and self._coordinators.get(run) == entry.node:
                        result.doubtful = True
            case OpLost(run=run, op=op, node=node):
                return self._lose(run, op, node)
            case OpStarted(run=run, op=op, attempt=attempt):
                accepted = self._results.get((run, op))
                if accepted is not None and attempt > accepted.attempt:
                    return f"{entry.node} computes {op} of {run} again, and {accepted.node} has not lost it"
        return ""

    def _lose(self, run: str, op: str, node: str) -> str:
        lost = self._results.pop((run, op), None)
        for (other, _), result in self._results.items():
            if other == run and result.node == node:
                result.doubtful = True
        if lost is not None and lost.node != node and not lost.doubtful:
            return f"{op} of {run} is to run again for a loss on {node}, and {lost.node} has its result"
        return ""
