"""Breaking things and healing them: the actions of a scenario or an operator, applied to a running cluster."""

from collections.abc import Callable
from typing import Protocol

import trio

from dairt.errors import UsageError
from dairt.model.action import FaultAction, KillNode, LinkTrouble, NodeTrouble, ResetConnection, RestartNode, kind_of
from dairt.model.events import Event, FaultFired, FaultHealed
from dairt.rehearsal.ledger import Ledger, Row
from dairt.runtime.cluster import Cluster


class LinkFaults(Protocol):
    """What is broken on the links now. All of it acts at once, and none of it waits."""

    def apply(self, fault_id: str, action: LinkTrouble) -> int:
        """Break something, and say how many open connections it befalls; resetting them is over at once."""

    def heal(self, fault_id: str) -> None:
        """End one fault; harmless when it is over."""

    def heal_all(self) -> None:
        """End them all."""


class Trouble:
    """The one place that breaks and heals, says so, and keeps the ledger. Every fault ends: `heal`, `mend`."""

    def __init__(
        self, faults: LinkFaults, cluster: Cluster, ledger: Ledger, emit: Callable[[str, Event], None], now: Callable[[], float]
    ) -> None:
        self.ledger = ledger
        self._faults = faults
        self._cluster = cluster
        self._emit = emit
        self._now = now
        # A node is killed, started or drained by one at a time; what comes meanwhile waits for its turn.
        self._turns = {name: trio.Lock() for name in cluster.names}

    def strike(self, fault: str, action: LinkTrouble, for_s: float | None = None) -> None:
        """Break a link now, before this returns. Raises UsageError when there is no socket to reset."""
        self._check_new(fault)
        befallen = self._faults.apply(fault, action)
        if isinstance(action, ResetConnection) and not befallen:
            raise UsageError(f"no socket is open on {action.link}")
        self._fired(fault, action, for_s)

    async def strike_node(self, fault: str, action: NodeTrouble, for_s: float | None = None) -> None:
        """Kill or restart a node; raises UsageError when there is nothing to kill, OSError when it cannot start."""
        self._check_new(fault)
        async with self._turns[action.node]:
            match action:
                case KillNode(node=node):
                    if not self._cluster.is_up(node):
                        raise UsageError(f"{node} is down already")
                    self._fired(fault, action, for_s)
                    await self._cluster.kill(node, f"killed ({fault})")
                case RestartNode(node=node):
                    self._fired(fault, action, None)
                    await self._cluster.stop(node)
                    await self._start(node)

    async def heal(self, fault: str = "") -> None:
        """End one fault, or with "" all, and start every node that is down. Raises UsageError for an unknown fault."""
        if fault and fault not in self.ledger:
            known = ", ".join(row.id for row in self.ledger.active()) or "none"
            raise UsageError(f"there is no fault {fault!r}; active: {known}")
        async with trio.open_nursery() as nursery:
            for row in self.ledger.active():
                if fault in ("", row.id):
                    nursery.start_soon(self._heal, row)
            if not fault:
                for name in self._cluster.names:
                    nursery.start_soon(self._return, name)

    def mend(self) -> None:
        """Make all links whole, now: for when the run ends or is cancelled, and nothing can be waited for."""
        self._faults.heal_all()
        for row in self.ledger.active():
            if not isinstance(row.action, KillNode):
                self._healed(row)

    async def _heal(self, row: Row) -> None:
        if isinstance(row.action, KillNode):
            await self._return(row.action.node)
        else:
            self._faults.heal(row.id)
            self._healed(row)

    async def _return(self, node: str) -> None:
        async with self._turns[node]:
            await self._start(node)

    async def _start(self, node: str) -> None:
        await self._cluster.start(node)
        for fault in self.ledger.keeps_down(node):
            self._healed(self.ledger[fault])

    def _check_new(self, fault: str) -> None:
        if fault in self.ledger and self.ledger[fault].state == "active":
            raise UsageError(f"the fault {fault!r} is still in effect; heal it first")

    def _fired(self, fault: str, action: FaultAction, for_s: float | None) -> None:
        self.ledger.fired(fault, action, None if for_s is None else self._now() + for_s)
        self._emit("", FaultFired(fault, kind_of(action), str(action)))

    def _healed(self, row: Row) -> None:
        if row.state == "active":
            self.ledger.over(row.id, "healed")
            self._emit("", FaultHealed(row.id, kind_of(row.action), str(row.action)))
