"""A story of trouble: the cluster, the work, the trouble, and what must hold. Values only; TOML in `scenario_toml`."""

from typing import Any, Literal

import msgspec

from dairt.model.action import Action, FaultAction, WorkAction
from dairt.model.address import Address
from dairt.model.config import Limits, NodeConfig

SCHEMA = "dairt.scenario/1"
TICK_S = 0.01  # the timeline acts on multiples of it, so that an operator's session can be written down and replayed

World = Literal["sim", "tcp", "proc"]
WORLDS: tuple[World, ...] = ("sim", "tcp", "proc")
ExpectKind = Literal["always", "eventually", "finally"]


class Fixed(msgspec.Struct, frozen=True, tag="fixed"):
    """The same latency for every segment, in seconds."""

    value_s: float


class Uniform(msgspec.Struct, frozen=True, tag="uniform"):
    """Latency between two bounds, in seconds."""

    min_s: float
    max_s: float


class LogNormal(msgspec.Struct, frozen=True, tag="lognormal"):
    """Latency with a long tail: its median, its 99th percentile, and a cap, in seconds."""

    p50_s: float
    p99_s: float
    max_s: float


Latency = Fixed | Uniform | LogNormal


class NetworkModel(msgspec.Struct, frozen=True):
    """Every directed link of the simulated network; `bandwidth` in bytes a second. Real worlds have their own."""

    latency: Latency = LogNormal(0.0005, 0.002, 0.01)
    bandwidth: float = 1024.0 * 2**20


class At(msgspec.Struct, frozen=True, tag="at"):
    """When: at one moment, in seconds from the start."""

    at_s: float

    def __str__(self) -> str:
        return f"at {self.at_s:g} s"


class On(msgspec.Struct, frozen=True, tag="on"):
    """When: at the `nth` such event that one node emits.

    `where` compares the event's fields: a text must be equal, a number must have been reached.
    """

    event: str
    node: str = ""
    where: tuple[tuple[str, str | float], ...] = ()
    nth: int = 1

    def __str__(self) -> str:
        which = "".join(f", {name} {'≥ ' if not isinstance(value, str) else ''}{value}" for name, value in self.where)
        return f"on {self.event} #{self.nth} of {self.node or 'any node'}{which}"


class Every(msgspec.Struct, frozen=True, tag="every"):
    """When: again and again, after exponential gaps of `mean_s` on average, at most `max_times`."""

    mean_s: float
    max_times: int

    def __str__(self) -> str:
        return f"about every {self.mean_s:g} s, at most {self.max_times} times"


class Fault(msgspec.Struct, frozen=True):
    """One planned trouble. `for_s` is how long it lasts; None is until all is healed."""

    id: str
    action: FaultAction
    when: At | On | Every
    for_s: float | None = None
    place: str = ""

    def __str__(self) -> str:
        how_long = "" if not self.action.lasts else " until healed" if self.for_s is None else f" for {self.for_s:g} s"
        return f"{self.action}{how_long}, {self.when}"


class Work(msgspec.Struct, frozen=True):
    """Work to give the cluster: once at `at_s`, or every `every_s` from then on and before `until_s`, `copies` at a time."""

    id: str
    action: WorkAction
    at_s: float = 0.0
    every_s: float | None = None
    until_s: float | None = None
    copies: int = 1
    place: str = ""

    def __str__(self) -> str:
        copies = f"{self.copies} times " if self.copies > 1 else ""
        if self.every_s is None:
            return f"{copies}{self.action}, at {self.at_s:g} s"
        until = "" if self.until_s is None else f" until {self.until_s:g} s"
        return f"{copies}{self.action}, every {self.every_s:g} s from {self.at_s:g} s{until}"


class Do(msgspec.Struct, frozen=True):
    """An operator's action as it was taken: at a whole tick, under the id its fault had then."""

    at_s: float
    action: Action
    id: str = ""
    for_s: float | None = None
    place: str = ""


class Expectation(msgspec.Struct, frozen=True):
    """A promise, and when it must hold: always; within `within_s` of all being healed, and from then on; or at the end."""

    promise: str
    kind: ExpectKind
    within_s: float = 0.0
    place: str = ""

    def __str__(self) -> str:
        within = f", within {self.within_s:g} s of healing" if self.kind == "eventually" else ""
        return f"{self.kind} {self.promise}{within}"


class Timing(msgspec.Struct, frozen=True):
    """How long: trouble, then calm to converge in; and a guard in real seconds that is no part of the verdict."""

    trouble_until_s: float
    settle_s: float
    wall_limit_s: float | None = None

    @property
    def end_s(self) -> float:
        """When the verdict is taken."""
        return self.trouble_until_s + self.settle_s


class Scenario(msgspec.Struct, frozen=True):
    """One story. `time` is None for one that runs until it is stopped; `source` is the file it came from."""

    name: str
    nodes: tuple[str, ...]
    summary: str = ""
    tags: tuple[str, ...] = ()
    worlds: tuple[World, ...] = WORLDS
    time: Timing | None = None
    config: dict[str, Any] = {}
    network: NetworkModel = NetworkModel()
    work: tuple[Work, ...] = ()
    faults: tuple[Fault, ...] = ()
    actions: tuple[Do, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    source: str = ""

    def node_config(self, name: str, members: dict[str, Address]) -> NodeConfig:
        """The configuration of one node of this story."""
        chosen = {"limits": Limits(), **self.config}
        return NodeConfig(name=name, address=members[name], members=members, rehearsal=True, **chosen)
