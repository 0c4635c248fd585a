"""Planted bugs in how graphs are run."""

from collections.abc import Iterator

import numpy as np
import trio

from dairt.errors import GraphError
from dairt.model import tensor
from dairt.model.events import OpCommitted, OpStarted
from dairt.protocol.messages import InputLost, Message, OpDone, OpFailed, RunOp
from dairt.protocol.runs import Attempt, AttemptLost, Finished, GraphRun, InputGone, NodeBack, NodeLost, Outcome
from dairt.runtime.execute import Coordinator
from dairt.runtime.operate import Operator, _Missing
from dairt.runtime.workers import Lane
from planted.garden import plant, swapped


@plant("op_computed_once_a_node", "resets")
def retry_without_dedupe() -> Iterator[None]:
    """Asked again for an op, a node computes it again."""

    async def run_op(self: Operator, ask: RunOp) -> Message:
        try:
            return await self._compute(ask, await self._gather(ask))
        except _Missing as missing:
            return InputLost(ask.run, ask.op, missing.wanted.value, missing.wanted.node, str(missing))
        except GraphError as exc:
            return OpFailed(ask.run, ask.op, str(exc))

    with swapped(Operator, "run_op", run_op):
        yield


@plant("op_committed_once", "restarts")
def duplicate_answer_committed() -> Iterator[None]:
    """An answer that comes twice is committed twice."""
    settle = Coordinator._settle

    def twice(self: Coordinator, outcome: Outcome) -> None:
        settle(self, outcome)
        if isinstance(outcome, Finished) and outcome.number > 1:
            self._host.emit(OpCommitted(self.run, outcome.op, outcome.node, outcome.number))

    with swapped(Coordinator, "_settle", twice):
        yield


@plant("runs_give_the_same_answer", "restarts")
def output_of_a_lost_attempt() -> Iterator[None]:
    """Where an attempt was lost, the next one goes on with the half of the result that is there."""
    compute = Operator._compute

    async def half(self: Operator, ask: RunOp, inputs: list[np.ndarray]) -> Message:
        answer = await compute(self, ask, inputs)
        if ask.attempt > 1:
            for value in ask.outputs:
                whole = self._values._runs[ask.run][value]
                torn = whole.copy()
                torn[whole.shape[0] // 2 :] = 0
                self._values._runs[ask.run][value] = tensor.freeze(torn)
        return answer

    with swapped(Operator, "_compute", half):
        yield


@plant("every_task_ends_once", "restarts")
def task_lost_with_its_socket() -> Iterator[None]:
    """An op that is tried again is begun and never heard of again."""
    compute = Operator._compute

    async def lose(self: Operator, ask: RunOp, inputs: list[np.ndarray]) -> Message:
        async def job(worker: str) -> list[np.ndarray]:
            self._host.emit(OpStarted(ask.run, ask.op, ask.attempt, worker))
            return await self._host.compute.run(ask.kernel, inputs)

        if ask.attempt == 1:
            return await compute(self, ask, inputs)
        results = await self._pool.submit(Lane.COMPUTE, ask.op, job)
        for value, array in zip(ask.outputs, results, strict=True):
            self._values.put(ask.run, value, tensor.freeze(array))
        return OpDone(ask.run, ask.op, tuple(tensor.image_nbytes(array) for array in results))

    with swapped(Operator, "_compute", lose):
        yield


@plant("every_run_has_one_result", "restarts")
def lost_attempt_forgotten() -> Iterator[None]:
    """That an attempt or a node is lost is noted by nobody, and its ops are waited for for ever."""
    ask = Coordinator._outcome

    async def outcome(self: Coordinator, attempt: Attempt, question: RunOp) -> Outcome:
        came = await ask(self, attempt, question)
        if isinstance(came, AttemptLost):
            await trio.sleep_forever()
        return came

    def deaf(self: Coordinator, change: NodeLost | NodeBack) -> None:
        return

    with swapped(Coordinator, "_outcome", outcome), swapped(Coordinator, "members_changed", deaf):
        yield


@plant("poison_op_is_given_up", "poison")
def poison_tried_for_ever() -> Iterator[None]:
    """An op is tried again however often it was lost."""
    with swapped(GraphRun, "_count_loss", lambda self, op, node, reason: None):
        yield


@plant("lost_result_recomputed_only_if_needed", "restarts")
def one_loss_and_all_is_computed_again() -> Iterator[None]:
    """When an attempt or a node is lost, the results that other nodes hold are thrown away too."""
    lose = GraphRun._lose

    def lose_all(self: GraphRun, outcome: AttemptLost | InputGone | NodeLost) -> tuple[str, ...]:
        for value in [value for value in self.where if value in self._makers]:
            self._forget(value, "thrown away")
            self.blame[self._ops[self._makers[value]].name] = outcome.node, outcome.reason
        return lose(self, outcome)

    with swapped(GraphRun, "_lose", lose_all):
        yield
