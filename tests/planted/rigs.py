"""Trouble that no fault makes, for the story of the same name."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio

from dairt.protocol.messages import RunOp
from dairt.protocol.runs import Attempt, AttemptLost, Outcome
from dairt.runtime.execute import Coordinator
from planted.garden import swapped

POISONED = "layered-3x3x16"  # the graph whose second op takes its node down, wherever it runs


@contextmanager
def poison() -> Iterator[None]:
    """Every attempt at one op of one graph is lost; other runs are as ever."""
    ask = Coordinator._outcome

    async def outcome(self: Coordinator, attempt: Attempt, question: RunOp) -> Outcome:
        if self.outline.name == POISONED and attempt.op.name == self.outline.ops[1].name:
            await trio.sleep(0.005)
            return AttemptLost(attempt.op.name, attempt.number, attempt.node, "the op is poison")
        return await ask(self, attempt, question)

    with swapped(Coordinator, "_outcome", outcome):
        yield
