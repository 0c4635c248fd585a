"""Simulated processors: a kernel takes virtual time by a model, then runs where it stands."""

from collections.abc import Sequence

import numpy as np
import trio

from dairt.model.ops import Kernel
from dairt.worlds import kernels
from dairt.worlds.costs import flops_of, nbytes_of
from dairt.worlds.sim.dice import Dice

# One core, as measured: numpy's matmul at 105 GFLOP/s at best, half of it for smaller ones; memory at 20 GB/s for a copy.
FLOPS_PER_S = 50e9
BYTES_PER_S = 10e9
CALL_S = 60e-6  # to a thread and back
JITTER = 0.2  # a fifth more at most, as caches and neighbours have it
TICK_S = 2.0**-20  # costs are whole ticks, so that virtual times add up exactly


class SimCompute:
    """The processors of the node `name`. Keeping one object through all lives of a node keeps its dice going.

    When cancelled, `run` gives its kernel up at once: until its virtual time is over nothing has been computed.
    """

    def __init__(self, name: str, dice: Dice) -> None:
        self._name = name
        self._dice = dice
        self._counts: dict[str, int] = {}

    async def run(self, kernel: Kernel, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Apply a kernel after the time it would take."""
        await trio.sleep(self._cost_s(kernel, inputs))
        return kernels.apply(kernel, inputs)

    def _cost_s(self, kernel: Kernel, inputs: Sequence[np.ndarray]) -> float:
        n = self._counts[kernel.op] = self._counts.get(kernel.op, 0) + 1
        jitter = 1 + JITTER * self._dice.draw(f"compute {self._name}", kernel.op, n)
        cost_s = CALL_S + flops_of(kernel, inputs) / FLOPS_PER_S + nbytes_of(inputs) / BYTES_PER_S
        return round(cost_s * jitter / TICK_S) * TICK_S
