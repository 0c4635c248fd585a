"""What became of every fault of a run: planned, active, over. Bookkeeping only; it breaks nothing."""

import math
from dataclasses import dataclass, field
from typing import Literal

from dairt.model.action import Action, DownNode, FaultAction, LinkTrouble, WaitingTrouble, kind_of, named, target_of
from dairt.model.events import Entry, FaultLanded
from dairt.model.scenario import Fault, span_text
from dairt.model.views import FaultView

State = Literal["planned", "active", "done", "healed", "skipped"]
OVER_MAX = 200  # operator's faults that are over, kept for people to look at


@dataclass
class Row:
    """One fault. `ends_s` is when it is due to be healed; None is not by itself. `due_s` are the times at which it strikes.

    `landed` is whether it has befallen anything, of one that waits for something to come by, such as a frame. `excused` is one
    that was skipped as the story itself has it, by its budget or by the seed: that it never fired is no doubt.
    """

    id: str
    action: Action
    state: State = "planned"
    ends_s: float | None = None
    fired: int = 0
    landed: bool = False
    reason: str = ""
    excused: bool = False
    when: str = ""
    due_s: list[float] = field(default_factory=list)


class Ledger:
    """The faults by id, in the order in which they were planned or given."""

    def __init__(self, planned: tuple[Fault, ...]) -> None:
        self._rows = {fault.id: Row(fault.id, fault.action, when=when_text(fault)) for fault in planned}
        self._planned = tuple(fault.id for fault in planned)
        self._given = 0

    def __contains__(self, fault: str) -> bool:
        return fault in self._rows

    def __getitem__(self, fault: str) -> Row:
        return self._rows[fault]

    @property
    def planned(self) -> tuple[Row, ...]:
        """The scenario's own faults."""
        return tuple(self._rows[fault] for fault in self._planned)

    def new_id(self) -> str:
        """An id for a fault that an operator gives."""
        while True:
            self._given += 1
            if (fault := f"op-{self._given}") not in self._rows:
                return fault

    def expect(self, fault: str, at_s: float) -> None:
        """Note that a fault is to strike at such a time of the world."""
        self._rows[fault].due_s.append(at_s)

    def came(self, fault: str) -> None:
        """Note that the first of its times is there."""
        due_s = self._rows[fault].due_s
        if due_s:
            due_s.remove(min(due_s))

    def expect_nothing(self) -> None:
        """Note that nothing strikes any more."""
        for row in self._rows.values():
            row.due_s.clear()

    def fired(self, fault: str, action: FaultAction, ends_s: float | None) -> None:
        """Note that a fault takes effect now."""
        row = self._rows.setdefault(fault, Row(fault, action))
        row.action, row.ends_s = action, ends_s
        row.state = "active" if action.lasts else "done"
        row.fired += 1
        self._forget_oldest()

    def see(self, entry: Entry) -> None:
        """Hear of an event: a journal listener."""
        if isinstance(entry.event, FaultLanded) and entry.event.fault in self._rows:
            self._rows[entry.event.fault].landed = True

    def in_vain(self) -> tuple[str, ...]:
        """The scenario's own faults that fired, waited, and never befell anything."""
        return tuple(row.id for row in self.planned if row.fired and isinstance(row.action, WaitingTrouble) and not row.landed)

    def over(self, fault: str, state: State, reason: str = "") -> None:
        """Note that a fault is healed, or was skipped."""
        row = self._rows[fault]
        row.state, row.ends_s, row.reason = state, None, reason

    def active(self) -> tuple[Row, ...]:
        """The faults in effect, oldest first."""
        return tuple(row for row in self._rows.values() if row.state == "active")

    @property
    def first_end_s(self) -> float:
        """When the first of them is due to be healed; infinity when none is."""
        return min((row.ends_s for row in self._rows.values() if row.ends_s is not None), default=math.inf)

    def take_due(self, now: float) -> tuple[str, ...]:
        """The ids of those whose time is over: each is told once, since to heal it may take a while."""
        due = tuple(row for row in self.active() if row.ends_s is not None and row.ends_s <= now)
        for row in due:
            row.ends_s = None
        return tuple(row.id for row in due)

    def keeps_down(self, node: str) -> tuple[str, ...]:
        """The ids of the faults that hold a node down."""
        return tuple(row.id for row in self.active() if isinstance(row.action, DownNode) and node in named(row.action.node))

    def views(self, now: float) -> tuple[FaultView, ...]:
        """All of it, for people."""
        return tuple(
            FaultView(
                row.id,
                kind_of(row.action),
                str(row.action),
                row.state,
                -1.0 if row.ends_s is None else max(0.0, row.ends_s - now),
                target_of(row.action),
                isinstance(row.action, LinkTrouble) and row.action.link.one_way,
                row.when,
                max(0.0, min(row.due_s) - now) if row.due_s else -1.0,
                row.fired,
                row.reason,
            )
            for row in self._rows.values()
        )

    def _forget_oldest(self) -> None:
        over = [row.id for row in self._rows.values() if row.state != "active" and row.id not in self._planned]
        for fault in over[: max(0, len(over) - OVER_MAX)]:
            del self._rows[fault]


def when_text(fault: Fault) -> str:
    """What a planned fault waits for, as people read it."""
    return f"{fault.when}, {span_text(fault.delay_s)} later" if fault.delay_s else str(fault.when)
