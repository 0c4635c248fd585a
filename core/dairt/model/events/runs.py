"""What happens to tasks and graph runs."""

from typing import Literal

from dairt.model.events.base import EventBase


class TaskFailed(EventBase, frozen=True, tag="task_failed"):
    """A task's kernel refused its input; the worker goes on."""

    task: str
    worker: str
    reason: str
    level = "warn"

    @property
    def line(self) -> str:
        return f"{self.task} failed on {self.worker}: {self.reason}"


class RunBegun(EventBase, frozen=True, tag="run_begun"):
    """A graph run starts; this node coordinates it."""

    run: str
    graph: str
    ops: int

    @property
    def line(self) -> str:
        return f"runs {self.graph}, {self.ops} ops ({self.run})"


class OpStarted(EventBase, frozen=True, tag="op_started"):
    """A worker of this node takes an op."""

    run: str
    op: str
    attempt: int
    worker: str
    detail = True

    @property
    def line(self) -> str:
        return f"{self.worker} starts {self.op}, attempt {self.attempt}"


class OpFinished(EventBase, frozen=True, tag="op_finished"):
    """A worker of this node has an op's results."""

    run: str
    op: str
    attempt: int
    worker: str
    seconds: float
    detail = True

    @property
    def line(self) -> str:
        return f"{self.worker} finished {self.op} in {self.seconds * 1e3:.2f} ms"


class OpCommitted(EventBase, frozen=True, tag="op_committed"):
    """The coordinator accepted the first result of an op; later ones are dropped."""

    run: str
    op: str
    node: str
    attempt: int
    detail = True

    @property
    def line(self) -> str:
        return f"{self.op} committed from {self.node}"


class OpLost(EventBase, frozen=True, tag="op_lost"):
    """An op's attempt, or its result, was lost with a socket or a node; it runs again if still needed."""

    run: str
    op: str
    node: str
    reason: str
    level = "warn"

    @property
    def line(self) -> str:
        return f"{self.op} lost on {self.node}, runs again: {self.reason}"


class RunEnded(EventBase, frozen=True, tag="run_ended"):
    """A run has its one result (`digest` over the outputs), or failed saying why."""

    run: str
    graph: str
    outcome: Literal["done", "failed"]
    digest: str
    seconds: float
    reason: str = ""

    @property
    def line(self) -> str:
        how = f"answer {self.digest}" if self.outcome == "done" else f"failed: {self.reason}"
        return f"{self.graph} {self.outcome} in {self.seconds * 1e3:.0f} ms, {how} ({self.run})"
