"""The operator's hand on virtual time, in the world's own thread."""

import math
from collections.abc import Callable

import trio

from dairt.control.publisher import SteerableClock

ROUNDING_S = 1e-6  # ten steps of 10 ms are to end where one of 100 ms does


class Throttle(trio.abc.Instrument):
    """Holds a clock, lets it go, or lets it go for a while. An Instrument: a task of its own would change the run."""

    def __init__(self, clock: SteerableClock, held: Callable[[], None]) -> None:
        self._clock = clock
        self._held = held  # told when a step has ended
        self._until = math.inf
        self._stepping = False

    def set_speed(self, speed: float) -> None:
        """From now on, so many virtual seconds a real second; ends a step under way."""
        self._end_step()
        self._clock.speed = speed

    def step(self, seconds: float) -> None:
        """Let virtual time run as fast as it can, to the first event `seconds` from now or later, then hold it."""
        self._end_step()
        self._until = max(self._clock.now + seconds - ROUNDING_S, math.nextafter(self._clock.now, math.inf))
        self._clock.speed = math.inf
        self._stepping = True
        trio.lowlevel.add_instrument(self)

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """Hold the clock when the moment is there; what is due at that same moment still happens."""
        if self._clock.now >= self._until:
            self.set_speed(0.0)
            self._held()

    def _end_step(self) -> None:
        if self._stepping:
            self._stepping = False
            trio.lowlevel.remove_instrument(self)
