"""When trouble comes: at a time, again and again, on an event, when something is so, or after other trouble."""

import msgspec

from dairt.model.scenario.spans import Span, span_text
from dairt.model.scenario.who import Pick


class At(msgspec.Struct, frozen=True, tag="at"):
    """When: at one moment, in seconds from the start."""

    at_s: Span

    def __str__(self) -> str:
        return f"at {span_text(self.at_s)}"


class On(msgspec.Struct, frozen=True, tag="on"):
    """When: at the `nth` such event that one node emits: the `node` named, one of those picked, or any.

    `where` compares the event's fields: a text must be equal, a number must have been reached.
    """

    event: str
    node: str = ""
    where: tuple[tuple[str, str | float], ...] = ()
    nth: int = 1
    pick: Pick | None = None

    def __str__(self) -> str:
        which = "".join(f", {name} {'≥ ' if not isinstance(value, str) else ''}{value}" for name, value in self.where)
        return f"on {self.event} #{self.nth} of {self.pick or self.node or 'any node'}{which}"


class Every(msgspec.Struct, frozen=True, tag="every"):
    """When: again and again, after exponential gaps of `mean_s` on average, at most `max_times`."""

    mean_s: float
    max_times: int

    def __str__(self) -> str:
        return f"about every {self.mean_s:g} s, at most {self.max_times} times"


class When(msgspec.Struct, frozen=True, tag="when"):
    """When: at the first tick at which a condition over counters and gauges holds; see `dairt.model.condition`."""

    condition: str

    def __str__(self) -> str:
        return f"when {self.condition}"


class After(msgspec.Struct, frozen=True, tag="after"):
    """When: each time another fault of the story has struck."""

    fault: str

    def __str__(self) -> str:
        return f"after {self.fault}"


Trigger = At | On | Every | When | After
