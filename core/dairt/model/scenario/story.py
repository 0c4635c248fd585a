"""The story itself: the cluster, the work, the trouble, and what must hold."""

from typing import Any, Literal

import msgspec

from dairt.model.action import Action, FaultAction, WorkAction
from dairt.model.address import Address
from dairt.model.config import Limits, NodeConfig
from dairt.model.scenario.expect import Expectation
from dairt.model.scenario.models import DiskModel, NetworkModel
from dairt.model.scenario.spans import Seeds, Span, span_text
from dairt.model.scenario.when import Trigger
from dairt.model.scenario.who import Pick

World = Literal["sim", "tcp", "proc"]
WORLDS: tuple[World, ...] = ("sim", "tcp", "proc")


class Fault(msgspec.Struct, frozen=True):
    """One planned trouble. `for_s` is how long it lasts; None is until all is healed. It strikes `delay_s` after its moment.

    Where `action` has one of the texts of `picks` in place of a node, the nodes are picked when it strikes.
    """

    id: str
    action: FaultAction
    when: Trigger
    for_s: Span | None = None
    place: str = ""
    delay_s: Span = 0.0
    picks: tuple[tuple[str, Pick], ...] = ()

    def __str__(self) -> str:
        how_long = "" if not self.action.lasts else " until healed" if self.for_s is None else f" for {span_text(self.for_s)}"
        delay = f", {span_text(self.delay_s)} later" if self.delay_s else ""
        return f"{self.action}{how_long}, {self.when}{delay}"


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


class Timing(msgspec.Struct, frozen=True):
    """How long: trouble, then calm to converge in; and a guard in real seconds that is no part of the verdict."""

    trouble_until_s: float
    settle_s: float
    wall_limit_s: float | None = None

    @property
    def end_s(self) -> float:
        """When the verdict is taken."""
        return self.trouble_until_s + self.settle_s


class Budget(msgspec.Struct, frozen=True):
    """How much trouble at once a story stays survivable with; what would exceed it is skipped. None is no bound.

    Paused nodes count as down: others cannot tell.
    """

    max_down: int | None = None
    max_active: int | None = None

    def __str__(self) -> str:
        down = [] if self.max_down is None else [f"at most {self.max_down} down"]
        active = [] if self.max_active is None else [f"at most {self.max_active} faults in effect"]
        return ", ".join(down + active)


class Scenario(msgspec.Struct, frozen=True):
    """One story. `time` is None for one that runs until it is stopped; `source` is the file it came from.

    `stop_at_s` stops such a one by itself, at a whole tick and before anything of that tick: nothing is healed first.
    """

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
    zones: dict[str, tuple[str, ...]] = {}
    disk: DiskModel = DiskModel()
    budget: Budget = Budget()
    seeds: dict[str, Seeds] = {}
    stop_at_s: float | None = None

    @property
    def ends(self) -> bool:
        """True when it comes to an end by itself."""
        return self.time is not None or self.stop_at_s is not None

    def node_config(self, name: str, members: dict[str, Address]) -> NodeConfig:
        """The configuration of one node of this story."""
        chosen = {"limits": Limits(), **self.config}
        return NodeConfig(name=name, address=members[name], members=members, rehearsal=True, **chosen)

    def members_of(self, word: str) -> tuple[str, ...]:
        """The nodes that a name, `zone:…` or `any` stands for, whatever happens."""
        if word == "any":
            return self.nodes
        return self.zones[word.removeprefix("zone:")] if word.startswith("zone:") else (word,)
