"""What can only be a bug: a simulation in which nothing will ever happen again, or in which time stands still."""

from collections.abc import Iterator

import trio

from dairt.errors import DairtError
from dairt.worlds.sim.clock import VirtualClock
from dairt.worlds.sim.scheduler import NODE, Controller

# Batches at one virtual moment. A burst of ten thousand messages at once takes far fewer; a task that spins never stops.
BATCHES_MAX = 100_000


class SimDeadlock(DairtError):
    """Nothing can run, nothing has a deadline and nothing is on its way; the text says where each task waits."""


class SimLivelock(DairtError):
    """Tasks keep running and time does not move; the text says where each task is."""


class Guard(trio.abc.Instrument):
    """Ends a simulated run that is stuck; runs as a task of the stage: `nursery.start_soon(Guard(clock, controller).run)`."""

    def __init__(self, clock: VirtualClock, controller: Controller, batches_max: int = BATCHES_MAX) -> None:
        self._clock = clock
        self._controller = controller
        self._batches_max = batches_max
        self._batches = 0
        self._moment = -1.0
        self._verdict: type[DairtError] | None = None
        self._woken = trio.Event()

    async def run(self) -> None:
        """Watch until cancelled; raise SimDeadlock or SimLivelock."""
        self._clock.when_stuck = self._nothing_left
        trio.lowlevel.add_instrument(self)
        try:
            await self._woken.wait()
        finally:
            self._clock.when_stuck = None
            trio.lowlevel.remove_instrument(self)
        assert self._verdict
        raise self._verdict(f"at {self._clock.now:g} s: " + "; ".join(whereabouts()))

    def before_io_wait(self, timeout: float) -> None:
        """Count the batches of one moment, as trio comes by."""
        self._batches = self._batches + 1 if self._clock.now == self._moment else 0
        self._moment = self._clock.now
        if self._batches == self._batches_max and timeout == 0:
            self._end(SimLivelock)

    def _nothing_left(self) -> None:
        if not self._controller.release_slow():
            self._end(SimDeadlock)

    def _end(self, verdict: type[DairtError]) -> None:
        self._verdict = verdict
        self._woken.set()


def whereabouts() -> Iterator[str]:
    """Every task but trio's own, by name, with the place in its own code where it waits."""
    root = trio.lowlevel.current_root_task()
    assert root
    for task in _tasks_under(root):
        places = [(frame.f_globals["__name__"], frame.f_code.co_name, line) for frame, line in task.iter_await_frames()]
        own = [place for place in places if not place[0].startswith("trio.")]
        if own:
            module, function, line = own[-1]
            yield f"{task.name} in {function} ({module}:{line})"


def tasks_of(node: str) -> tuple[str, ...]:
    """The names of the tasks of a node that have not ended."""
    root = trio.lowlevel.current_root_task()
    assert root
    return tuple(task.name for task in _tasks_under(root) if task.context.get(NODE, "") == node)


def _tasks_under(task: trio.lowlevel.Task) -> Iterator[trio.lowlevel.Task]:
    for nursery in task.child_nurseries:
        # A nursery keeps its tasks in a set: sorted, or the text would differ from run to run.
        for child in sorted(nursery.child_tasks, key=lambda child: child.name):
            yield child
            yield from _tasks_under(child)
