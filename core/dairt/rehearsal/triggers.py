"""Faults that wait for an event: a journal listener that counts, and fires at exactly the nth one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from dairt.model.action import named
from dairt.model.events import EVENT_TYPES, Entry, EventBase
from dairt.model.scenario import Fault, On

Conditions = tuple[tuple[str, str | float], ...]


@dataclass
class _Armed:
    fault: Fault
    on: On
    # How many each node has emitted: nodes in processes of their own count alike, and nobody needs a common order.
    counts: dict[str, int] = field(default_factory=dict)

    def reached_by(self, entry: Entry) -> bool:
        if self.on.node and entry.node not in named(self.on.node):
            return False
        if not matches(entry.event, self.on.where):
            return False
        self.counts[entry.node] = self.counts.get(entry.node, 0) + 1
        return self.counts[entry.node] >= self.on.nth


def matches(event: EventBase, where: Conditions) -> bool:
    """Say whether an event's fields are as they must be: a text equal, a number reached."""
    return all(_holds(event, name, wanted) for name, wanted in where)


def _holds(event: EventBase, name: str, wanted: str | float) -> bool:
    value = getattr(event, name)
    return bool(str(value) == wanted if isinstance(wanted, str) else value >= wanted)


class Triggers:
    """Calls `fire(fault, node)` inside the emit, by this node, of the event that a fault waits for; each fault once."""

    def __init__(self, faults: Iterable[Fault], fire: Callable[[Fault, str], None]) -> None:
        self._fire = fire
        self._armed: dict[type[EventBase], list[_Armed]] = {}
        for fault in faults:
            if isinstance(fault.when, On):
                self._armed.setdefault(EVENT_TYPES[fault.when.event], []).append(_Armed(fault, fault.when))

    def __call__(self, entry: Entry) -> None:
        """Hear of an event: a journal listener."""
        armed = self._armed.get(type(entry.event))
        if armed is None:
            return
        for trigger in [trigger for trigger in armed if trigger.reached_by(entry)]:
            armed.remove(trigger)
            self._fire(trigger.fault, entry.node)

    def disarm(self) -> None:
        """Fire nothing from now on: the time of trouble is over."""
        self._armed.clear()
