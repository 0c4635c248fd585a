"""What the simulated world is made of: the latency and bandwidth of its wires, the patience of its disks."""

from typing import Literal

import msgspec

SEGMENT_BYTES = 64 * 1024  # travels as one: small enough to interleave, large enough to be few


class Fixed(msgspec.Struct, frozen=True, tag="fixed"):
    """The same latency for every segment, in seconds."""

    value_s: float

    def __str__(self) -> str:
        return f"{self.value_s * 1e3:g} ms"


class Uniform(msgspec.Struct, frozen=True, tag="uniform"):
    """Latency between two bounds, in seconds."""

    min_s: float
    max_s: float

    def __str__(self) -> str:
        return f"{self.min_s * 1e3:g} to {self.max_s * 1e3:g} ms"


class LogNormal(msgspec.Struct, frozen=True, tag="lognormal"):
    """Latency with a long tail: its median, its 99th percentile, and a cap, in seconds."""

    p50_s: float
    p99_s: float
    max_s: float

    def __str__(self) -> str:
        return f"{self.p50_s * 1e3:g} ms, p99 {self.p99_s * 1e3:g} ms, at most {self.max_s * 1e3:g} ms"


Latency = Fixed | Uniform | LogNormal


class LinkModel(msgspec.Struct, frozen=True):
    """How the directed links from some nodes to others differ from the default; None is no difference.

    The ends are names, `zone:…` or `any`.
    """

    source: str
    target: str
    one_way: bool = True
    latency: Latency | None = None
    bandwidth: float | None = None

    def __str__(self) -> str:
        latency = "" if self.latency is None else f", latency {self.latency}"
        bandwidth = "" if self.bandwidth is None else f", {self.bandwidth / 2**20:.3g} MiB/s"
        return f"{self.source}{'→' if self.one_way else '↔'}{self.target}{latency}{bandwidth}"


class NetworkModel(msgspec.Struct, frozen=True):
    """Every directed link of the simulated network; `bandwidth` in bytes a second. Real worlds have their own.

    `mtu` is the most bytes that travel as one segment; `datagram_loss` is the probability that a datagram is lost. Of several
    `links` that fit, the later wins what it sets.
    """

    latency: Latency = LogNormal(0.0005, 0.002, 0.01)
    bandwidth: float = 1024.0 * 2**20
    mtu: int = SEGMENT_BYTES
    links: tuple[LinkModel, ...] = ()
    datagram_loss: float = 0.001


class DiskModel(msgspec.Struct, frozen=True):
    """Every disk of the simulated world: quantiles of a sync in seconds, and what a power cut makes of bytes not synced."""

    sync_p50_s: float = 1e-3
    sync_p99_s: float = 30e-3
    unsynced: Literal["keep", "lose", "torn"] = "torn"
