"""Processors with trouble in them: slower than they were, or wrong without a word."""

from collections.abc import Sequence

import numpy as np
import trio

from dairt.model.ops import Kernel
from dairt.runtime.host import Compute
from dairt.worlds.faults import Faults
from dairt.worlds.verdicts import Wrong


class FaultyCompute:
    """The processors of the host `here`, round any others."""

    def __init__(self, inner: Compute, here: str, faults: Faults) -> None:
        self._inner = inner
        self._here = here
        self._faults = faults

    async def run(self, kernel: Kernel, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Apply a kernel: it may take so many times as long, and its results may be wrong."""
        verdict = self._faults.compute_trouble(self._here)
        began = trio.current_time()
        results = await self._inner.run(kernel, inputs)
        if verdict.factor > 1:
            await trio.sleep((trio.current_time() - began) * (verdict.factor - 1))
        for wrong in verdict.wrong:
            results = spoil(results, wrong)
        return results


def spoil(results: list[np.ndarray], wrong: Wrong) -> list[np.ndarray]:
    """The same results, one of them wrong in one element: NaN where its type has it, or a flipped bit."""
    fit = [n for n, array in enumerate(results) if array.size and (wrong.kind == "bitflip" or array.dtype.kind in "fc")]
    if not fit:
        return results
    which = fit[int(wrong.draw(0) * len(fit))]
    spoilt = results[which].copy(order="C")
    place = int(wrong.draw(1) * spoilt.size)
    element = spoilt.reshape(-1)[place : place + 1]
    if wrong.kind == "nan":
        element[...] = np.nan
    else:
        data = element.view(np.uint8)
        # Of a truth value's byte only one bit means anything.
        bit = 0 if spoilt.dtype == np.bool_ else int(wrong.draw(2) * 8 * data.size)
        data[bit // 8] ^= 1 << bit % 8
    return [spoilt if n == which else array for n, array in enumerate(results)]
