"""GraphRun: what may run next and where, and what a lost node makes necessary again. Pure: no clock, no I/O."""

import heapq
from collections.abc import Sequence

import msgspec

from dairt.model.graph import Op, Outline
from dairt.protocol.placement import Seat, place, work_s

ATTEMPTS_MAX = 16  # an op lost so often in a row, on one node after the other, takes them with it
QUEUE_FACTOR = 2  # ops given to a node for each it can run at a time: the next one's inputs travel while this one runs
AVOID_OUTCOMES = 16  # a node that lost an attempt is avoided until so many outcomes later


class Placed(msgspec.Struct, frozen=True):
    """Where an input of an attempt is: on a node, or with "" everywhere, as a weight."""

    value: str
    node: str


class Attempt(msgspec.Struct, frozen=True):
    """Run `op` on `node`. `number` counts the op's attempts from 1."""

    op: Op
    node: str
    number: int
    inputs: tuple[Placed, ...]


class Finished(msgspec.Struct, frozen=True):
    """The attempt's results are on its node, so many bytes each (in the order of the op's outputs)."""

    op: str
    number: int
    node: str
    nbytes: tuple[int, ...]


class AttemptLost(msgspec.Struct, frozen=True):
    """No answer came from the attempt; the node itself may be well."""

    op: str
    number: int
    node: str
    reason: str


class InputGone(msgspec.Struct, frozen=True):
    """The attempt ended because its node could not fetch `value` from `holder`.

    The coordinator settles the same (op "", number 0) when it cannot fetch an output for its caller.
    """

    op: str
    number: int
    node: str
    value: str
    holder: str
    reason: str


class Refused(msgspec.Struct, frozen=True):
    """The kernel itself refused; it would refuse elsewhere too, so the run fails."""

    op: str
    number: int
    node: str
    reason: str


class NodeLost(msgspec.Struct, frozen=True):
    """A node is gone, with its attempts and what it held."""

    node: str
    reason: str


class NodeBack(msgspec.Struct, frozen=True):
    """A node may be given ops (again); it holds nothing of the run."""

    node: str


Outcome = Finished | AttemptLost | InputGone | Refused | NodeLost | NodeBack


class RunCounts(msgspec.Struct, frozen=True):
    """How far a run is, in ops: needed in all, done, running, and lost so far (attempts and results)."""

    total: int
    done: int
    running: int
    lost: int


class _Node:
    """A node that may be given ops: what runs there (op -> seconds of work), and until which outcome it is avoided."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.running: dict[str, float] = {}
        self.given_s = 0.0
        self.avoided_until = 0

    def seat(self, missing_bytes: int) -> Seat:
        return Seat(self.name, missing_bytes, sum(self.running.values()), self.given_s)


class GraphRun:
    """One run of one graph, as its coordinator decides it.

    `where` says which node holds a value now (a feed: the coordinator; a weight: "", which is every node). `failed` says
    why the run cannot have an answer, or is "". `blame` says of each op that was lost on which node, and why: its attempt, or
    its result, maybe long before that was missed. Ask `ready` after every `settle`. An op has at most one running attempt;
    whatever comes from an attempt that was given up is dropped, so that a result is committed once.
    """

    def __init__(
        self,
        outline: Outline,
        *,
        coordinator: str,
        nodes: Sequence[str],
        slots: int = 2,
        attempts_max: int = ATTEMPTS_MAX,
    ) -> None:
        self.where = dict.fromkeys(outline.inputs, coordinator) | dict.fromkeys(outline.constants, "")
        self.failed = ""
        self.blame: dict[str, tuple[str, str]] = {}
        self._coordinator = coordinator
        self._outputs = outline.outputs
        self._slots = slots
        self._attempts_max = attempts_max
        self._nodes = {name: _Node(name) for name in sorted(nodes)}
        self._ops = outline.ops
        self._makers = {value: at for at, op in enumerate(outline.ops) for value in op.outputs}
        self._takers = _takers(outline.ops)
        self._nbytes = {name: spec.nbytes for name, spec in outline.inputs.items()}
        self._running: dict[str, Attempt] = {}
        self._attempts: dict[str, int] = {}  # of an op, so far
        self._losses: dict[str, int] = {}  # of an op's attempts, since its last result
        self._gone: dict[str, int] = {}  # how often a value was not to be had, in all
        self._settled = 0
        self._lost = 0
        self._plan()
        self._total = len(self._todo)

    @property
    def done(self) -> bool:
        """True while every output is held somewhere (losing its holder before it is fetched makes it false again)."""
        return all(value in self.where for value in self._outputs)

    @property
    def counts(self) -> RunCounts:
        """How far the run is."""
        return RunCounts(self._total, self._total - len(self._todo), len(self._running), self._lost)

    def ready(self) -> list[Attempt]:
        """Start what can start now, and say where; [] while everything waits for an outcome."""
        started: list[Attempt] = []
        while self._free and not self.failed:
            op = self._ops[self._free[0][1]]
            if op.name in self._running or op.name not in self._todo:  # entered again when one of its makers ran again
                heapq.heappop(self._free)
                continue
            seats = [node.seat(self._missing_bytes(op, node.name)) for node in self._candidates()]
            if not seats:
                break
            heapq.heappop(self._free)
            started.append(self._start(op, place(seats, self._slots)))
        return started

    def settle(self, outcome: Outcome) -> tuple[str, ...]:
        """Take in what happened; answer the names of the ops that have to run again for it, in the graph's order."""
        self._settled += 1
        match outcome:
            case Finished(op, number, node, nbytes):
                if attempt := self._stop(op, number, node):
                    self._commit(attempt, nbytes)
                return ()
            case Refused(op, _, node, reason):
                if op in self._todo:
                    self._fail(f"op {op!r} was refused by {node}: {reason}")
                return ()
            case NodeBack(node):
                self._nodes.setdefault(node, _Node(node)).avoided_until = 0
                return ()
            case AttemptLost() | InputGone() | NodeLost():
                return self._lose(outcome)

    def _lose(self, outcome: AttemptLost | InputGone | NodeLost) -> tuple[str, ...]:
        """Take a loss, plan anew, and see which ops are to run again: their attempt ended, or their result is missed."""
        needed, running = self._todo, dict(self._running)
        match outcome:
            case AttemptLost(op, number, node, reason):
                if self._stop(op, number, node):
                    self._avoid(node)
                    self.blame[op] = node, reason
                    self._count_loss(op, node, reason)
            case InputGone(op, number, node, value, holder, reason):
                if self._stop(op, number, node):
                    self.blame[op] = holder, reason
                    self._count_loss(op, node, reason)
                self._lose_value(value, holder, reason)
                if holder == self._coordinator:  # we have it: the way from here to there is what is broken
                    self._avoid(node)
            case NodeLost(node, reason):
                self._lose_node(node, reason)
        self._plan()
        again = tuple(op for op in self._todo if op not in needed or (op in running and op not in self._running))
        self._lost += len(again)
        return again

    def _plan(self) -> None:
        """Find the ops still needed, from the outputs back, and those that can start.

        Not back through a running op: it may well have its inputs already. Should it miss one, it says so and we plan again.
        """
        needed: dict[int, None] = {}
        missing = [value for value in self._outputs if value not in self.where]
        while missing:
            at = self._makers[missing.pop()]
            if at not in needed:
                needed[at] = None
                if self._ops[at].name not in self._running:
                    missing += [value for value in self._ops[at].inputs if value not in self.where]
        self._todo = {self._ops[at].name: at for at in sorted(needed)}
        # The costliest first: it stays beside its inputs, and the light ones travel.
        self._free = [(-self._ops[at].cost, at) for at in self._todo.values() if self._can_start(at)]
        heapq.heapify(self._free)

    def _can_start(self, at: int) -> bool:
        op = self._ops[at]
        return op.name not in self._running and all(value in self.where for value in op.inputs)

    def _candidates(self) -> list[_Node]:
        """The nodes with room; where all are in trouble, the one with room whose trouble is longest ago."""
        calm = [node for node in self._nodes.values() if node.avoided_until <= self._settled]
        room = [node for node in calm or self._nodes.values() if len(node.running) < self._slots * QUEUE_FACTOR]
        return room if calm else sorted(room, key=lambda node: (node.avoided_until, node.name))[:1]

    def _missing_bytes(self, op: Op, node: str) -> int:
        return sum(self._nbytes[value] for value in dict.fromkeys(op.inputs) if self.where[value] not in ("", node))

    def _start(self, op: Op, node: str) -> Attempt:
        number = self._attempts[op.name] = self._attempts.get(op.name, 0) + 1
        attempt = Attempt(op, node, number, tuple(Placed(value, self.where[value]) for value in op.inputs))
        self._running[op.name] = attempt
        self._nodes[node].running[op.name] = work_s(op.cost)
        self._nodes[node].given_s += work_s(op.cost)
        return attempt

    def _stop(self, op: str, number: int, node: str) -> Attempt | None:
        """End the attempt if it is the one that runs; None for one that was given up before."""
        attempt = self._running.get(op)
        if attempt is None or (attempt.number, attempt.node) != (number, node):
            return None
        del self._running[op], self._nodes[node].running[op]
        return attempt

    def _commit(self, attempt: Attempt, nbytes: Sequence[int]) -> None:
        for value, size in zip(attempt.op.outputs, nbytes, strict=True):
            self.where[value] = attempt.node
            self._nbytes[value] = size
        self._losses.pop(attempt.op.name, None)
        self.blame.pop(attempt.op.name, None)
        del self._todo[attempt.op.name]
        for at in self._takers[attempt.op.name]:
            if self._ops[at].name in self._todo and self._can_start(at):
                heapq.heappush(self._free, (-self._ops[at].cost, at))

    def _lose_value(self, value: str, holder: str, reason: str) -> None:
        """Forget that `holder` has `value`, unless we know better: a feed is ours, a weight is everywhere."""
        ours = value not in self._makers or holder == self._coordinator
        if ours or self.where.get(value) != holder:
            return
        self._forget(value, reason)
        self._avoid(holder)
        self._gone[value] = self._gone.get(value, 0) + 1
        if self._gone[value] == self._attempts_max:
            self._fail(f"value {value!r} could not be had {self._attempts_max} times, the last time from {holder}: {reason}")

    def _lose_node(self, node: str, reason: str) -> None:
        assert node != self._coordinator, "a coordinator that is lost decides nothing"
        gone = self._nodes.pop(node, None)
        if gone is None:
            return
        for op in gone.running:
            del self._running[op]
            self.blame[op] = node, reason
            self._count_loss(op, node, reason)
        for value in [value for value, holder in self.where.items() if holder == node]:
            self._forget(value, reason)

    def _forget(self, value: str, reason: str) -> None:
        self.blame[self._ops[self._makers[value]].name] = self.where.pop(value), reason

    def _count_loss(self, op: str, node: str, reason: str) -> None:
        self._losses[op] = self._losses.get(op, 0) + 1
        if self._losses[op] == self._attempts_max:
            self._fail(f"op {op!r} was lost {self._attempts_max} times in a row, the last time on {node}: {reason}")

    def _avoid(self, node: str) -> None:
        if node in self._nodes:
            self._nodes[node].avoided_until = self._settled + AVOID_OUTCOMES

    def _fail(self, sentence: str) -> None:
        self.failed = self.failed or sentence


def _takers(ops: Sequence[Op]) -> dict[str, tuple[int, ...]]:
    """Which ops (by place) take any of an op's results."""
    makers = {value: op.name for op in ops for value in op.outputs}
    takers: dict[str, dict[int, None]] = {op.name: {} for op in ops}
    for at, op in enumerate(ops):
        for value in op.inputs:
            if value in makers:
                takers[makers[value]][at] = None
    return {name: tuple(places) for name, places in takers.items()}
