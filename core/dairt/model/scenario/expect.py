"""What must hold: promises and when, what must happen at least once, and what may be measured."""

from typing import Literal

import msgspec

ExpectKind = Literal["always", "eventually", "finally", "sometimes", "metric"]
EXPECT_KINDS: tuple[ExpectKind, ...] = ("always", "eventually", "finally", "sometimes", "metric")
Statistic = Literal["min", "p50", "p95", "p99", "max"]
# Which of all values each is: that which so many percent do not exceed.
STATISTICS: dict[Statistic, float] = {"min": 0.0, "p50": 50.0, "p95": 95.0, "p99": 99.0, "max": 100.0}


class Bound(msgspec.Struct, frozen=True):
    """What one statistic of a metric may be; None is no bound."""

    statistic: Statistic
    least: float | None = None
    most: float | None = None

    def __str__(self) -> str:
        least = "" if self.least is None else f" ≥ {self.least:g}"
        most = "" if self.most is None else f" ≤ {self.most:g}"
        return f"{self.statistic}{least}{most}"


class Expectation(msgspec.Struct, frozen=True):
    """A promise, and when it must hold: always; within `within_s` of all being healed, and from then on; or at the end.

    For `sometimes` it is an event or a promise: it must have happened, or have held, once at least in a sweep of seeds.
    For `metric` it is the name of a measure, and `bounds` say what its values may be.
    """

    promise: str
    kind: ExpectKind
    within_s: float = 0.0
    place: str = ""
    where: tuple[tuple[str, str | float], ...] = ()
    bounds: tuple[Bound, ...] = ()

    def __str__(self) -> str:
        within = f", within {self.within_s:g} s of healing" if self.kind == "eventually" else ""
        where = "".join(f", {name} {'≥ ' if not isinstance(value, str) else ''}{value}" for name, value in self.where)
        bounds = "".join(f" {bound}" for bound in self.bounds)
        return f"{self.kind} {self.promise}{within}{where}{bounds}"
