"""Silent trouble with processors: wrong results that nothing announces. `node` is whose, or those of several as `n0+n1`."""

from typing import ClassVar

import msgspec


class NanResult(msgspec.Struct, frozen=True, tag="tensor.nan"):
    """Put NaN in place of one drawn element of each floating result: of the next `times` kernels, or with 0 until healed."""

    node: str
    times: int = 0
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"let {self.node} compute NaN{_times(self.times)}"


class FlipResult(msgspec.Struct, frozen=True, tag="tensor.bitflip"):
    """Flip one drawn bit of each result: of the next `times` kernels, or with 0 of all until healed."""

    node: str
    times: int = 0
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"let {self.node} compute with a flipped bit{_times(self.times)}"


def _times(times: int) -> str:
    return "" if not times else " once" if times == 1 else f" {times} times"
