"""What `Faults` answers to those who ask: what becomes of bytes, of a disk's calls, of results. Values only."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Verdict:
    """What becomes of bytes from one node to another. Times in seconds, bandwidth in bytes a second (0 is no cap).

    A cut and a hold make them wait; else a loss swallows them; else they are late. `refused` and `hangs` are about new
    connections. `meddled`: somebody wants to see every frame. `linger_s` is what the end of a connection takes longer.
    """

    cut: bool = False
    held: bool = False
    lost: bool = False
    refused: bool = False
    hangs: bool = False
    meddled: bool = False
    latency_s: float = 0.0
    jitter_s: float = 0.0
    bandwidth: float = 0.0
    linger_s: float = 0.0
    dead: bool = False

    @property
    def stands(self) -> bool:
        """Whether bytes wait where they are."""
        return self.cut or self.held

    def eases(self, before: "Verdict") -> bool:
        """Say whether bytes get through sooner than under the verdict `before`, so that what is held must be timed again."""
        wider = before.bandwidth > 0 and not 0 < self.bandwidth <= before.bandwidth
        return wider or self.latency_s < before.latency_s or self.jitter_s < before.jitter_s or self.linger_s < before.linger_s


CLEAR = Verdict()


@dataclass(frozen=True)
class Fate:
    """What becomes of one frame; `at` is an offset in it, its length included, and `bit` (0 to 7) one of that byte's."""

    kind: Literal["corrupt", "truncate", "duplicate", "keep"]
    at: int = 0
    bit: int = 0
    keep: Callable[[bytes], None] = lambda frame: None


@dataclass(frozen=True)
class DiskVerdict:
    """What becomes of one call to a disk: `delay_s` later than usual, with the errno `error` or, at 0, as it should.

    `lost`: a sync that fails leaves what it should have made durable clean, and not durable.
    """

    error: int = 0
    delay_s: float = 0.0
    lost: bool = False


FINE = DiskVerdict()


@dataclass(frozen=True)
class Wrong:
    """How one kernel's results are wrong. `draw(n)`, uniform in [0, 1), chooses the result, the element and the bit."""

    kind: Literal["nan", "bitflip"]
    draw: Callable[[int], float]


@dataclass(frozen=True)
class ComputeVerdict:
    """What becomes of one kernel: it takes `factor` times as long, and its results are `wrong` in these ways."""

    factor: int = 1
    wrong: tuple[Wrong, ...] = ()


WELL = ComputeVerdict()
