"""The order of tasks, decided by a seed: the one place that touches private names of trio.

Trio can sort each batch of runnable tasks by creation and hand it to a `shuffle` (it does so for Hypothesis). The controller
is that `shuffle`: it orders a batch from the seed, and holds back the tasks of a node that is paused, slow or dead. It works
without any help from the node, as SIGSTOP does.
"""

import importlib
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from typing import Any

import trio

from dairt.errors import UsageError
from dairt.worlds.sim.dice import Dice

NODE: ContextVar[str] = ContextVar("NODE", default="")
"""The node a task belongs to: set in the node's first task, inherited by its children. "" is the stage itself."""

# Trio's own task that runs what `run_sync_soon` was given, by its name.
ENTRY_TASK = "<TrioToken.run_sync_soon task>"


class Controller:
    """Decides which runnable tasks run in this batch, and in which order.

    Nothing runs of a node that is paused; of one that is slow by k, its tasks in one batch of k. Whoever holds nodes back
    resumes them before the run ends, or the run cannot end.
    """

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._paused: dict[str, None] = {}
        self._slow: dict[str, int] = {}
        self._held: dict[str, list[trio.lowlevel.Task]] = {}
        self._batches = 0
        self._thread = threading.get_ident()

    @property
    def paused(self) -> tuple[str, ...]:
        """The nodes that do not run at all, in the order of being paused."""
        return tuple(self._paused)

    def pause(self, node: str) -> None:
        """Run nothing of `node` until it is resumed: SIGSTOP, or a power cut whose cleanup code must not cheat."""
        self._paused[node] = None

    def slow(self, node: str, one_in: int) -> None:
        """Run tasks of `node` in one batch of `one_in` only."""
        self._slow[node] = one_in

    def resume(self, node: str) -> None:
        """Let `node` run as others do; what was held back runs in the next batch, before time moves on."""
        self._paused.pop(node, None)
        self._slow.pop(node, None)
        if self._held.get(node):
            _ask_for_a_batch()

    def resume_all(self) -> None:
        """Let every node run as others do."""
        for node in [*self._paused, *self._slow]:
            self.resume(node)

    def release_slow(self) -> bool:
        """Let the slow nodes run now, because nobody else wants to; say whether that helps."""
        waiting = any(self._held.get(node) for node in self._slow if node not in self._paused)
        if waiting:
            self._batches = -1  # every slow node's turn comes with the next batch
            _ask_for_a_batch()
        return waiting

    def shuffle(self, batch: list[trio.lowlevel.Task]) -> None:
        """Order a batch in place, as trio asks; trio runs it from the end.

        Trio asks for every run of the process: one in another thread, such as a server's, keeps its order and draws no dice.
        """
        if threading.get_ident() != self._thread:
            return
        if len(batch) == 1 and not (self._paused or self._slow or self._held):  # most batches: nothing to decide
            self._batches += batch[0].name != ENTRY_TASK
            return
        entry: list[trio.lowlevel.Task] = []
        tasks: list[trio.lowlevel.Task] = []
        for task in batch:
            (entry if task.name == ENTRY_TASK else tasks).append(task)
        if tasks:
            # Only such batches count and draw: when someone outside calls `run_sync_soon`, the order stays what it was.
            self._batches += 1
            tasks = self._choose(tasks)
            self._dice.shuffle(tasks)
        batch[:] = tasks + entry

    def _choose(self, tasks: list[trio.lowlevel.Task]) -> list[trio.lowlevel.Task]:
        """The tasks that may run now, those held back until now among them; hold back the others."""
        if not (self._paused or self._slow or self._held):
            return tasks
        held, self._held = self._held, {}
        chosen = []
        for task in [*(task for tasks_of_node in held.values() for task in tasks_of_node), *tasks]:
            node = task.context.get(NODE, "")
            if node in self._paused or self._batches % self._slow.get(node, 1):
                self._held.setdefault(node, []).append(task)
            else:
                chosen.append(task)
        return chosen

    def uniform(self, low: float, high: float) -> float:
        """Where trio's real clock starts from; the simulation does not use that clock, so any number will do."""
        return (low + high) / 2


@contextmanager
def seeded(seed: int) -> Iterator[Controller]:
    """Let every `trio.run` inside decide the order of tasks from `seed`; put trio back as it was afterwards."""
    _test_trio()
    controller = Controller(Dice(seed).stream("scheduler"))
    with _scheduled_by(controller):
        yield controller


@contextmanager
def _scheduled_by(controller: Any) -> Iterator[None]:
    run: Any = importlib.import_module("trio._core._run")
    before = run._ALLOW_DETERMINISTIC_SCHEDULING, run._r
    run._ALLOW_DETERMINISTIC_SCHEDULING, run._r = True, controller
    try:
        yield
    finally:
        run._ALLOW_DETERMINISTIC_SCHEDULING, run._r = before


def _ask_for_a_batch() -> None:
    """Make one task runnable, so that trio comes round once more before it looks at the clock."""
    trio.lowlevel.spawn_system_task(_nothing, name="held back no more")


async def _nothing() -> None:
    pass


class _Witness(Controller):
    """A controller that notes what trio does with it."""

    def __init__(self) -> None:
        super().__init__(random.Random(0))
        self.seen: list[str] = []

    def shuffle(self, batch: list[trio.lowlevel.Task]) -> None:
        self.seen += [task.name for task in batch]
        batch.sort(key=lambda task: task.name, reverse=True)


@cache
def _test_trio() -> None:
    """See once that this trio schedules as the controller expects; a new version may not."""
    witness, created, ran = _Witness(), ["c", "a", "d", "b"], list[str]()

    async def note(name: str) -> None:
        ran.append(name)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for name in created:
                nursery.start_soon(note, name, name=name)

    with suppress(AttributeError), _scheduled_by(witness):
        trio.run(main)
    in_order_of_creation = [name for name in witness.seen if name in created] == created
    if not (in_order_of_creation and ran == sorted(created) and ENTRY_TASK in witness.seen):
        raise UsageError(
            f"trio {trio.__version__} orders its tasks in a way the simulated world does not know: install trio 0.35, "
            "or use the tcp or the proc world"
        )
