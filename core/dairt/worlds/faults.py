"""What is broken now: one object that all wrappers of a world consult, and the rules of how troubles add up."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakKeyDictionary

import trio

from dairt.model.action import CutLink, DegradeLink, LinkTrouble, ResetConnection
from dairt.runtime.host import Connection


@dataclass(frozen=True)
class Verdict:
    """What becomes of bytes from one node to another. Times in seconds, bandwidth in bytes a second (0 is no cap)."""

    cut: bool = False
    latency_s: float = 0.0
    jitter_s: float = 0.0
    bandwidth: float = 0.0
    dead: bool = False


CLEAR = Verdict()


class Breakable(Protocol):
    """A connection that trouble can befall."""

    @property
    def is_open(self) -> bool:
        """True while its user has it: neither closed nor broken."""

    def refresh(self) -> None:
        """Something changed: ask for the verdicts again."""

    def break_now(self) -> None:
        """Abort the connection, whatever stands in the way."""


class Faults:
    """The troubles that act now, the nodes that are switched off, and the connections these befall.

    Cut beats delay; latencies and jitters add; the smallest bandwidth counts. All of it is synchronous, so that trouble
    can strike from within an event, in the middle of somebody's send.
    """

    def __init__(self, now: Callable[[], float], dice: random.Random) -> None:
        self._now = now
        self._dice = dice
        self._active: dict[str, CutLink | DegradeLink] = {}
        self._off: dict[str, None] = {}
        self._connections: dict[Breakable, tuple[str, str]] = {}  # who opened it, and to whom
        self._accepted: dict[str, WeakKeyDictionary[Connection, None]] = {}
        self._free_at: dict[tuple[str, str], float] = {}
        self._changed = trio.Event()

    def apply(self, fault_id: str, action: LinkTrouble) -> int:
        """Let trouble begin; say how many open connections it befalls."""
        befallen = self._connections_on(action)
        open_ones = sum(1 for connection in befallen if connection.is_open)
        if isinstance(action, ResetConnection):
            for connection in befallen:
                connection.break_now()
        else:
            self._active[fault_id] = action
            self._tell_all()
        return open_ones

    def heal(self, fault_id: str) -> None:
        """End one trouble; harmless when it is over already."""
        if self._active.pop(fault_id, None):
            self._tell_all()

    def heal_all(self) -> None:
        """Make all links whole. Nodes that are off stay off: they come back by being started."""
        if self._active:
            self._active.clear()
            self._tell_all()

    def switch_off(self, node: str) -> None:
        """Break all connections of a node, at both ends; until it is on again, its calls fail and calls to it are refused."""
        self._off[node] = None
        for connection in [c for c, ends in self._connections.items() if node in ends]:
            connection.break_now()
        for accepted in list(self._accepted.pop(node, ())):
            accepted.abort()
        self._tell_all()

    def switch_on(self, node: str) -> None:
        """Let a node use the world again."""
        if node in self._off:
            del self._off[node]
            self._tell_all()

    def is_off(self, node: str) -> bool:
        """Say whether a node is switched off."""
        return node in self._off

    def verdict(self, source: str, target: str) -> Verdict:
        """What becomes of bytes from `source` to `target` now."""
        acting = [action for action in self._active.values() if action.link.covers(source, target)]
        dead = source in self._off or target in self._off
        if not acting and not dead:
            return CLEAR
        slow = [action for action in acting if isinstance(action, DegradeLink)]
        return Verdict(
            cut=any(isinstance(action, CutLink) for action in acting),
            latency_s=sum(action.latency_s for action in slow),
            jitter_s=sum(action.jitter_s for action in slow),
            bandwidth=min((action.bandwidth for action in slow if action.bandwidth), default=0.0),
            dead=dead,
        )

    def due(self, source: str, target: str, nbytes: int) -> float:
        """When `nbytes` that `source` sends now reach `target`; all connections of a link share its bandwidth."""
        verdict, leaves = self.verdict(source, target), self._now()
        if verdict.bandwidth:
            leaves = max(leaves, self._free_at.get((source, target), 0.0)) + nbytes / verdict.bandwidth
            self._free_at[source, target] = leaves
        jitter_s = verdict.jitter_s * self._dice.random() if verdict.jitter_s else 0.0
        return leaves + verdict.latency_s + jitter_s

    def sockets(self, source: str, target: str) -> int:
        """How many connections that `source` opened to `target` are open."""
        return sum(1 for connection, ends in self._connections.items() if ends == (source, target) and connection.is_open)

    def links(self) -> tuple[tuple[str, str, int], ...]:
        """(source, target, open connections) of every pair that has any, sorted."""
        counts: dict[tuple[str, str], int] = {}
        for connection, ends in self._connections.items():
            if connection.is_open:
                counts[ends] = counts.get(ends, 0) + 1
        return tuple((*ends, counts[ends]) for ends in sorted(counts))

    def join(self, connection: Breakable, source: str, target: str) -> None:
        """Let troubles between `source`, who opened it, and `target` befall a connection, until it leaves."""
        self._connections[connection] = (source, target)

    def leave(self, connection: Breakable) -> None:
        """Forget a connection that is over."""
        self._connections.pop(connection, None)

    def accepted(self, node: str, connection: Connection) -> None:
        """Abort a connection that `node` accepted when the node is switched off; its owner need not report its end."""
        self._accepted.setdefault(node, WeakKeyDictionary())[connection] = None

    async def change(self) -> None:
        """Wait until something is broken or mended."""
        await self._changed.wait()

    def _connections_on(self, action: LinkTrouble) -> list[Breakable]:
        """The connections of which at least one direction is on the action's link."""
        covers = action.link.covers
        return [c for c, (source, target) in self._connections.items() if covers(source, target) or covers(target, source)]

    def _tell_all(self) -> None:
        for connection in list(self._connections):
            connection.refresh()
        changed, self._changed = self._changed, trio.Event()
        changed.set()
