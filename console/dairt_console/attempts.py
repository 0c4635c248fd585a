"""What was told of the ops of each run: which worker took which op, when, and what came of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from dairt.model.events import Entry, NodeDown, OpCommitted, OpFinished, OpLost, OpStarted, RunBegun, RunEnded

RUNS_KEPT = 30  # the latest; as many as a person goes back to
ATTEMPTS_KEPT = 4_000  # of one run, the latest; twice the ops that are drawn one by one

Fate = Literal["running", "done", "lost", "left"]


@dataclass(frozen=True)
class Attempt:
    """One worker's time with one op. `left` is one whose run ended first: nobody waits for it."""

    op: str
    number: int
    node: str
    worker: str
    started_s: float
    ended_s: float | None = None
    fate: Fate = "running"


@dataclass(frozen=True)
class OpNews:
    """How one op stands: what is known last of it, where, and how often an attempt or its result was lost."""

    state: Literal["running", "done", "lost"]
    node: str
    number: int = 0
    losses: int = 0
    seconds: float = 0.0  # of the attempt that was committed
    reason: str = ""  # of the last loss


@dataclass(frozen=True)
class Work:
    """One run's attempts in the order they were started, and its ops by name. `forgotten` attempts came before these."""

    run: str
    attempts: tuple[Attempt, ...] = ()
    ops: Mapping[str, OpNews] = field(default_factory=dict)
    forgotten: int = 0
    begun_s: float | None = None
    ended_s: float | None = None

    def of(self, op: str) -> tuple[Attempt, ...]:
        """The attempts at one op, oldest first."""
        return tuple(attempt for attempt in self.attempts if attempt.op == op)


def follow_work(known: Mapping[str, Work], entries: Iterable[Entry]) -> Mapping[str, Work]:
    """What is known of the runs, the latest last, once `entries` are told; the same object when nothing is new."""
    drafts: dict[str, _Draft] = {}

    def draft(run: str) -> _Draft:
        if run not in drafts:
            drafts[run] = _Draft(known.get(run, Work(run)))
        return drafts[run]

    for entry in entries:
        match entry.event:
            case NodeDown():
                for run in {**known, **drafts}:
                    draft(run).node_down(entry)
            case RunBegun(run=run) | RunEnded(run=run) | OpStarted(run=run) | OpFinished(run=run) | OpCommitted(run=run):
                draft(run).see(entry)
            case OpLost(run=run):
                draft(run).see(entry)
    if not drafts:
        return known
    now = {**known, **{run: draft.frozen() for run, draft in drafts.items()}}
    return {run: now[run] for run in list(now)[-RUNS_KEPT:]}


class _Draft:
    """One run's work while a batch of entries is taken in."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._attempts = list(work.attempts)
        self._ops = dict(work.ops)

    def frozen(self) -> Work:
        over = max(len(self._attempts) - ATTEMPTS_KEPT, 0)
        forgotten = self._work.forgotten + over
        return replace(self._work, attempts=tuple(self._attempts[over:]), ops=self._ops, forgotten=forgotten)

    def see(self, entry: Entry) -> None:
        match entry.event:
            case RunBegun():
                self._work = replace(self._work, begun_s=entry.time_s)
            case OpStarted(op=op, attempt=number, worker=worker):
                self._attempts.append(Attempt(op, number, entry.node, worker, entry.time_s))
                before = self._ops.get(op, OpNews("running", entry.node))
                if before.state != "done":  # else a late one: the first result wins
                    self._ops[op] = replace(before, state="running", node=entry.node, number=number)
            case OpFinished(op=op, attempt=number):
                self._end(op, entry.node, number, "done", entry.time_s)
            case OpCommitted(op=op, node=node, attempt=number):
                self._commit(op, node, number)
            case OpLost(op=op, node=node, reason=reason):
                self._end(op, node, None, "lost", entry.time_s)
                losses = self._ops[op].losses + 1 if op in self._ops else 1
                self._ops[op] = OpNews("lost", node, self._number(op), losses, 0.0, reason)
            case RunEnded():
                self._work = replace(self._work, ended_s=entry.time_s)
                self._leave(entry.time_s)

    def node_down(self, entry: Entry) -> None:
        """What a node that is down was at is lost, whether or not its coordinator knows already."""
        for at, attempt in self._running():
            if attempt.node == entry.node:
                self._attempts[at] = replace(attempt, ended_s=entry.time_s, fate="lost")

    def _leave(self, time_s: float) -> None:
        for at, attempt in self._running():
            self._attempts[at] = replace(attempt, ended_s=time_s, fate="left")

    def _running(self) -> list[tuple[int, Attempt]]:
        return [(at, attempt) for at, attempt in enumerate(self._attempts) if attempt.ended_s is None]

    def _commit(self, op: str, node: str, number: int) -> None:
        at = self._find(op, node, number)
        attempt = self._attempts[at] if at is not None else None
        seconds = attempt.ended_s - attempt.started_s if attempt is not None and attempt.ended_s is not None else 0.0
        before = self._ops.get(op, OpNews("done", node))
        self._ops[op] = replace(before, state="done", node=node, number=number, seconds=seconds)

    def _end(self, op: str, node: str, number: int | None, fate: Fate, time_s: float) -> None:
        at = self._find(op, node, number)
        if at is not None:
            attempt = self._attempts[at]
            ended_s = time_s if attempt.ended_s is None else attempt.ended_s
            self._attempts[at] = replace(attempt, ended_s=ended_s, fate=fate)

    def _number(self, op: str) -> int:
        return self._ops[op].number if op in self._ops else 0

    def _find(self, op: str, node: str, number: int | None) -> int | None:
        """Where the latest such attempt is; it is nearly always among the last."""
        for at in range(len(self._attempts) - 1, -1, -1):
            attempt = self._attempts[at]
            if attempt.op == op and attempt.node == node and number in (None, attempt.number):
                return at
        return None
