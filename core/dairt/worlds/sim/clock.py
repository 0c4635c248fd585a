"""Virtual time: it stands still while anything can run, then steps exactly to the next deadline."""

import math
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from time import perf_counter
from typing import Any

import trio

# How far a paced run may fall behind and still catch up, in real seconds; past that the time is lost, not made up in a rush.
LAG_MAX_S = 0.1


async def hold(seconds: float) -> None:
    """Let the calling task wait, whoever cancels it. In virtual time the clock itself wakes it, at a third of the cost."""
    clock = trio.lowlevel.current_clock()
    if not isinstance(clock, VirtualClock):
        with trio.CancelScope(shield=True, deadline=trio.current_time() + seconds):
            await trio.sleep_forever()
        return
    clock.call_at(clock.now + seconds, trio.lowlevel.reschedule, trio.lowlevel.current_task())
    await trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.FAILED)


class VirtualClock(trio.abc.Clock):
    """A clock for `trio.run` that moves only when every task waits, `speed` virtual seconds a real one.

    Speed 0 is paused and inf does not wait at all; at every speed the virtual times are the same, because time only ever
    takes the values of deadlines. Change the speed, or step, from within the run; from another thread go through
    `run_sync_soon`, which also ends the wait at hand. `now` may be read from anywhere.

    What the world itself does at its times (`call_at`) the clock does: a task woken by a deadline costs several times as
    much. When nothing can run and nothing is due, `when_stuck` is called: it makes a task runnable, or the run waits for the
    world outside. (So `wait_all_tasks_blocked` lets all deadlines pass first, other than under trio's MockClock.)
    """

    def __init__(self, speed: float = math.inf) -> None:
        self.now = 0.0
        self.when_stuck: Callable[[], None] | None = None
        self._calls: list[tuple[float, int, Callable[[Any], None], Any]] = []
        self._order = count()
        self._steps = 0
        self._next: float | None = None  # the deadline at which the wait at hand ends
        self._due = -math.inf  # in real time, when that is
        self._since = perf_counter()  # in real time, when `now` was reached
        self._speed = speed
        self.speed = speed

    @property
    def speed(self) -> float:
        """Virtual seconds a real second."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        if not speed >= 0:
            raise ValueError(f"a speed is 0 or more, not {speed}")
        self._speed = speed
        self._steps = 0
        self._since = perf_counter()

    def step(self) -> None:
        """When paused, move to the next deadline and stop there."""
        if self._speed == 0:
            self._steps += 1

    def call_at(self, at_s: float, call: Callable[[Any], None], what: Any) -> None:
        """Call `call(what)` when it is `at_s`, or as soon as nothing can run; what is due together, in the order of asking.

        Tasks that it wakes run with those whose deadline comes then. It is no task, and nobody hears what it raises but the
        whole run.
        """
        heappush(self._calls, (at_s, next(self._order), call, what))

    def start_clock(self) -> None:
        """Begin pacing where the run begins."""
        self._since = perf_counter()

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Plan the next step; say how long to wait for it in real seconds."""
        self._next = None
        if self._calls:
            deadline = min(deadline, self._calls[0][0])
        if deadline == math.inf:
            return self._report_stuck()
        if self._speed == 0 and not self._steps:
            return math.inf
        self._next = max(deadline, self.now)
        if self._speed in (0, math.inf):
            self._due = -math.inf
            return 0.0
        self._due = self._since + (self._next - self.now) / self._speed
        return max(0.0, self._due - perf_counter())

    def current_time(self) -> float:
        """Take the planned step if its wait is over; the time."""
        if self._next is not None:
            self._step_if_due(self._next)
            self._next = None
            self._call_what_is_due()
        return self.now

    def _step_if_due(self, target: float) -> None:
        if self._due == -math.inf:
            self.now = target
            self._steps = max(0, self._steps - 1)
        elif (real_now := perf_counter()) >= self._due:
            self.now = target
            # Counted from when the wait should have ended, so that what the waits overshoot does not add up.
            self._since = max(self._due, real_now - LAG_MAX_S)

    def _call_what_is_due(self) -> None:
        while self._calls and self._calls[0][0] <= self.now:
            _, _, call, what = heappop(self._calls)
            call(what)

    def _report_stuck(self) -> float:
        if self.when_stuck is None:
            return math.inf
        self.when_stuck()
        return 0.0
