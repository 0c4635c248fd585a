"""Processors of the real world: kernels in threads, which run at the same time because numpy lets go of the GIL."""

from collections.abc import Sequence

import numpy as np
import trio

from dairt.model.ops import Kernel
from dairt.worlds import kernels
from dairt.worlds.costs import flops_of, nbytes_of

# A trip to a thread and back takes 50 to 80 microseconds: about what so many operations take the slowest kernels (integer
# products, 1 GFLOP/s), and much more than so many bytes take. Smaller kernels run at once, on the loop.
INLINE_FLOPS = 100_000
INLINE_BYTES = 64 * 1024


class ThreadCompute:
    """Runs kernels on at most `threads` threads at a time."""

    def __init__(self, threads: int) -> None:
        self._limiter = trio.CapacityLimiter(threads)

    async def run(self, kernel: Kernel, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Apply a kernel.

        When cancelled, it returns at once: a kernel has no effect but its result, which is then dropped. The thread cannot
        be stopped, and counts against the limit until it is done.
        """
        if is_small(kernel, inputs):
            await trio.lowlevel.checkpoint()
            return kernels.apply(kernel, inputs)
        return await trio.to_thread.run_sync(kernels.apply, kernel, inputs, limiter=self._limiter, abandon_on_cancel=True)


def is_small(kernel: Kernel, inputs: Sequence[np.ndarray]) -> bool:
    """Say whether a kernel is over sooner than a thread is reached. An ONNX node never is: its first run builds a session."""
    return not kernel.onnx and nbytes_of(inputs) <= INLINE_BYTES and flops_of(kernel, inputs) <= INLINE_FLOPS
