"""What a story gives and what operators did, but for faults: planned, under way, done. Bookkeeping only; it does nothing."""

from collections import deque
from dataclasses import dataclass
from typing import Literal

from dairt.model.action import Action, FaultAction, kind_of
from dairt.model.scenario import Do, Scenario
from dairt.model.views import StepView

KEPT = 200  # of what operators did, the latest; as many as of their faults

Source = Literal["work", "do", "operator"]


@dataclass
class Step:
    """One entry of the story, or one thing an operator did. Times are the world's; `due_s` is None where none is to come."""

    id: str
    source: Source
    action: Action
    when: str = ""
    due_s: float | None = None
    at_s: float = -1.0
    times: int = 0
    under_way: int = 0
    failed: int = 0
    reason: str = ""

    @property
    def state(self) -> Literal["planned", "active", "done", "refused"]:
        """Where it stands: of work given again and again, as long as more is to come, planned or active."""
        if self.under_way:
            return "active"
        if not self.times:
            return "planned"
        return "refused" if self.failed == self.times else "planned" if self.due_s is not None else "done"

    def begin(self, at_s: float) -> None:
        """Note that it is given, once."""
        self.at_s = at_s
        self.times += 1
        self.under_way += 1

    def end(self, reason: str = "") -> None:
        """Note that one of it is over; a reason says why it could not be done."""
        self.under_way -= 1
        if reason:
            self.failed += 1
            self.reason = reason


class Steps:
    """Those of a story in its order, and those of operators, the latest last. Faults that have fired are in the ledger."""

    def __init__(self, story: Scenario) -> None:
        self._work = {work.id: Step(work.id, "work", work.action, _rhythm(work.every_s, work.at_s)) for work in story.work}
        saved = sorted(story.actions, key=lambda do: do.at_s)
        self._to_come = deque((do, Step(do.id, "do", do.action, f"at {do.at_s:g} s")) for do in saved)
        self._taken: list[Step] = []

    def plan(self, begun_s: float) -> None:
        """Note when what is to come is due, now that the story's time has begun."""
        for do, step in self._to_come:
            step.due_s = begun_s + do.at_s

    def work(self, name: str) -> Step:
        """The step of an entry of work."""
        return self._work[name]

    def taken(self, do: Do, at_s: float) -> Step:
        """The step of what is done now: the next that was saved, or a new one of an operator's."""
        was_saved = bool(self._to_come) and self._to_come[0][0] is do
        step = self._to_come.popleft()[1] if was_saved else Step(do.id, "operator", do.action)
        step.due_s = None
        step.begin(at_s)
        if not isinstance(do.action, FaultAction):
            self._taken = [*self._taken, step][-KEPT:]
        return step

    def views(self, now: float) -> tuple[StepView, ...]:
        """All of them, for people."""
        return tuple(
            StepView(
                step.id,
                step.source,
                kind_of(step.action),
                str(step.action),
                step.state,
                step.when,
                -1.0 if step.due_s is None else max(0.0, step.due_s - now),
                step.at_s,
                step.times,
                step.under_way,
                step.failed,
                step.reason,
            )
            for step in (*self._work.values(), *(step for _, step in self._to_come), *self._taken)
        )


def _rhythm(every_s: float | None, at_s: float) -> str:
    return f"at {at_s:g} s" if every_s is None else f"every {every_s:g} s from {at_s:g} s"
