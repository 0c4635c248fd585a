"""Breaking things and healing them: the actions of a scenario or an operator, applied to a running cluster."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Protocol

import trio

from dairt.errors import UsageError
from dairt.model.action import (
    DownNode,
    FaultAction,
    HalfOpen,
    KillNode,
    NodeTrouble,
    PowerCut,
    ResetConnection,
    RestartNode,
    RotBit,
    StopNode,
    Unsynced,
    WipeNode,
    WorldTrouble,
    kind_of,
    named,
    target_of,
)
from dairt.model.events import Event, FaultFired, FaultHealed
from dairt.rehearsal.ledger import Ledger, Row
from dairt.runtime.cluster import Cluster


class WorldFaults(Protocol):
    """What is broken now of links and hosts. All of it acts at once, and none of it waits."""

    def apply(self, fault_id: str, action: WorldTrouble) -> int:
        """Break something, and say how many open connections, or disks, it befalls."""

    def heal(self, fault_id: str) -> None:
        """End one fault; harmless when it is over."""

    def heal_all(self) -> None:
        """End them all."""


class Hosts(Protocol):
    """What can be done to hosts that nodes would not do by themselves."""

    @property
    def power_cut(self) -> Callable[[str, Unsynced], None]:
        """Switch a host off in silence, just before its node is killed. Raises UsageError where that cannot be done."""

    @property
    def wipe(self) -> Callable[[str], Awaitable[None]]:
        """Empty the disk of a node that is down."""


class Trouble:
    """The one place that breaks and heals, says so, and keeps the ledger. Every fault ends: `heal`, `mend`."""

    def __init__(
        self,
        faults: WorldFaults,
        hosts: Hosts,
        cluster: Cluster,
        ledger: Ledger,
        emit: Callable[[str, Event], None],
        now: Callable[[], float],
    ) -> None:
        self.ledger = ledger
        self._faults = faults
        self._hosts = hosts
        self._cluster = cluster
        self._emit = emit
        self._now = now
        # A node is killed, started or drained by one at a time; what comes meanwhile waits for its turn.
        self._turns = {name: trio.Lock() for name in cluster.names}

    def strike(self, fault: str, action: WorldTrouble, for_s: float | None = None) -> None:
        """Break a link or something of a host now, before this returns. Raises UsageError when there is nothing to break."""
        self._check_new(fault)
        befallen = self._faults.apply(fault, action)
        if isinstance(action, ResetConnection | HalfOpen) and not befallen:
            raise UsageError(f"no socket is open on {action.link}")
        if isinstance(action, RotBit) and not befallen:
            raise UsageError(f"{action.node} has no such file that could rot")
        self._fired(fault, action, for_s)

    async def strike_node(self, fault: str, action: NodeTrouble, for_s: float | None = None) -> None:
        """End or restart nodes; raises UsageError when there is nothing to end, OSError when one cannot start."""
        self._check_new(fault)
        nodes = named(action.node)
        async with AsyncExitStack() as turns:
            for node in self._cluster.names:  # always in this order, so that two never wait for each other
                if node in nodes:
                    await turns.enter_async_context(self._turns[node])
            up = tuple(node for node in nodes if self._cluster.is_up(node))
            if not up and isinstance(action, StopNode | KillNode | PowerCut):
                raise UsageError(f"{' and '.join(nodes)} {'is' if len(nodes) == 1 else 'are'} down already")
            if isinstance(action, PowerCut):
                for node in up:
                    self._hosts.power_cut(node, action.unsynced)
            self._fired(fault, action, for_s if action.lasts else None)
            await self._befall(fault, action, nodes, up)

    async def _befall(self, fault: str, action: NodeTrouble, nodes: tuple[str, ...], up: tuple[str, ...]) -> None:
        match action:
            case RestartNode():
                await _each(nodes, self._restart)
            case StopNode():
                await _each(up, self._cluster.stop)
            case KillNode():
                await _each(up, lambda node: self._cluster.kill(node, f"killed ({fault})"))
            case PowerCut():
                await _each(up, lambda node: self._cluster.kill(node, f"without power ({fault})"))
            case WipeNode():
                await _each(up, lambda node: self._cluster.kill(node, f"wiped ({fault})"))
                await _each(nodes, self._hosts.wipe)

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
            if not isinstance(row.action, DownNode):
                self._healed(row)

    async def _heal(self, row: Row) -> None:
        if isinstance(row.action, DownNode):
            await _each(named(row.action.node), self._return)
        else:
            self._faults.heal(row.id)
            self._healed(row)

    async def _return(self, node: str) -> None:
        async with self._turns[node]:
            await self._start(node)

    async def _restart(self, node: str) -> None:
        await self._cluster.stop(node)
        await self._start(node)

    async def _start(self, node: str) -> None:
        await self._cluster.start(node)
        for fault in self.ledger.keeps_down(node):
            row = self.ledger[fault]
            if isinstance(row.action, DownNode) and all(map(self._cluster.is_up, named(row.action.node))):
                self._healed(row)

    def _check_new(self, fault: str) -> None:
        if fault in self.ledger and self.ledger[fault].state == "active":
            raise UsageError(f"the fault {fault!r} is still in effect; heal it first")

    def _fired(self, fault: str, action: FaultAction, for_s: float | None) -> None:
        self.ledger.fired(fault, action, None if for_s is None else self._now() + for_s)
        self._emit("", FaultFired(fault, kind_of(action), str(action), target_of(action)))

    def _healed(self, row: Row) -> None:
        if row.state == "active":
            self.ledger.over(row.id, "healed")
            self._emit("", FaultHealed(row.id, kind_of(row.action), str(row.action), target_of(row.action)))


async def _each(nodes: tuple[str, ...], do: Callable[[str], Awaitable[None]]) -> None:
    """Do something to each of some nodes, all at once."""
    if len(nodes) == 1:
        return await do(nodes[0])
    async with trio.open_nursery() as nursery:
        for node in nodes:
            nursery.start_soon(do, node)
