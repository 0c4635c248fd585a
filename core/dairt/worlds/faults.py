"""What is broken now: one object that all wrappers of a world consult, and the rules of how troubles add up."""

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakKeyDictionary

import trio

from dairt.model.action import (
    FRAME_MAX_BYTES,
    BlackholeLink,
    CorruptFrame,
    CutAfter,
    CutLink,
    DegradeLink,
    DuplicateFrame,
    FrameTrouble,
    HalfOpen,
    HangConnections,
    HoldLink,
    Link,
    LinkTrouble,
    RefuseConnections,
    ReplayFrame,
    ResetConnection,
    RotBit,
    SlowClose,
    TruncateFrame,
    WorldTrouble,
)
from dairt.runtime.host import Connection
from dairt.worlds.host_faults import HostFaults, Rotting, Stopper
from dairt.worlds.sim.dice import Dice
from dairt.worlds.verdicts import CLEAR, Fate, Verdict

__all__ = ["CLEAR", "Allowance", "Breakable", "Faults", "Rotting", "Stopper", "Verdict"]

LENGTH_BYTES = 8  # a frame begins with its length, big-endian


class Breakable(Protocol):
    """A connection that trouble can befall."""

    @property
    def is_open(self) -> bool:
        """True while its user has it: neither closed nor broken."""

    def refresh(self) -> None:
        """Something changed: ask for the verdicts again."""

    def break_now(self) -> None:
        """Abort the connection, whatever stands in the way."""

    def forget(self, end: str) -> None:
        """Let the end at the node `end` be gone without the other end being told."""


@dataclass
class Allowance:
    """How many bytes may still pass on a connection, in a link's directions, before the fault resets it."""

    fault: str
    link: Link
    left: int

    def take(self, nbytes: int) -> int:
        """Take what is allowed of so many bytes that want to pass."""
        taken = min(self.left, nbytes)
        self.left -= taken
        return taken


@dataclass(frozen=True)
class _Stale:
    """A frame kept by a fault, to be said again between the same two, opened by the same one, when it is due."""

    fault: str
    way: tuple[str, str, str]  # from, to, and who opened the connection
    due: float
    frame: bytes


class Faults(HostFaults):
    """The troubles that act now, the nodes that are switched off, and the connections these befall.

    Cut beats hold beats delay; latencies and jitters add; the smallest bandwidth counts. All of it is synchronous, so that
    trouble can strike from within an event, in the middle of somebody's send.
    """

    def __init__(
        self,
        now: Callable[[], float],
        dice: Dice,
        stopper: Stopper | None = None,
        landed: Callable[[str], None] = lambda fault: None,
    ) -> None:
        super().__init__(now, dice, stopper, landed)
        self._off: dict[str, bool] = {}  # those that are switched off, and whether silently
        self._connections: dict[Breakable, tuple[str, str]] = {}  # who opened it, and to whom
        self._accepted: dict[str, WeakKeyDictionary[Connection, None]] = {}
        self._booked: dict[tuple[str, str], tuple[Verdict, float]] = {}  # until when a capped link is busy
        self._allowances: dict[str, Allowance] = {}
        self._stale: list[_Stale] = []
        self._changed = trio.Event()

    def apply(self, fault_id: str, action: WorldTrouble) -> int:
        """Let trouble begin; say how many open connections, or disks, it befalls."""
        if isinstance(action, RotBit):
            return self._rot(fault_id, action)
        befallen = self._connections_on(action.link) if isinstance(action, LinkTrouble) else []
        open_ones = sum(1 for connection in befallen if connection.is_open)
        if isinstance(action, ResetConnection):
            for connection in befallen:
                connection.break_now()
        elif isinstance(action, HalfOpen):
            for connection in befallen:
                connection.forget(_forgetful(action.link, *self._connections[connection]))
        else:
            self._forget(fault_id)
            self._active[fault_id] = action
            self._tell_all()
        return open_ones

    def heal(self, fault_id: str) -> None:
        """End one trouble; harmless when it is over already."""
        self._allowances.pop(fault_id, None)
        stale = [stale for stale in self._stale if stale.fault != fault_id]
        if self._active.pop(fault_id, None) or stale != self._stale:
            self._stale = stale
            self._tell_all()

    def heal_all(self) -> None:
        """End all troubles. Nodes that are off stay off: they come back by being started."""
        self._allowances.clear()
        if self._active or self._stale:
            self._active.clear()
            self._stale.clear()
            self._tell_all()

    # -- hosts that are off --------------------------------------------------------------------------------------------

    def switch_off(self, node: str, *, silent: bool = False) -> None:
        """Break all connections of a node; until it is on again, its calls fail and calls to it are refused.

        The other ends break too, unless it goes off in silence, as without power: then they and all callers are left to
        whatever the network tells them.
        """
        self._off[node] = silent
        for connection, ends in list(self._connections.items()):
            if node == ends[0] or (node in ends and not silent):
                connection.break_now()
        for accepted in list(self._accepted.pop(node, ())):
            accepted.abort()
        self._wake(node)
        self._tell_all()

    def switch_on(self, node: str) -> None:
        """Let a node use the world again."""
        if node in self._off:
            del self._off[node]
            self._tell_all()

    def is_off(self, node: str) -> bool:
        """Say whether a node is switched off."""
        return node in self._off

    def must_be_on(self, node: str) -> None:
        """Raise OSError where a node is switched off: its card does nothing for it."""
        if self.is_off(node):
            raise OSError(errno.ENETDOWN, f"{node} is off")

    # -- links ---------------------------------------------------------------------------------------------------------

    def verdict(self, source: str, target: str) -> Verdict:
        """What becomes of bytes from `source` to `target` now."""
        acting = self._on_way(source, target)
        dead = source in self._off or target in self._off
        if not acting and not dead and not self._stale:
            return CLEAR
        slow = [action for action in acting if isinstance(action, DegradeLink)]
        kinds = [type(action) for action in acting]
        return Verdict(
            cut=CutLink in kinds,
            held=HoldLink in kinds,
            lost=BlackholeLink in kinds,
            refused=RefuseConnections in kinds,
            hangs=HangConnections in kinds,
            meddled=any(isinstance(action, FrameTrouble) for action in acting)
            or any(stale.way[:2] == (source, target) for stale in self._stale),
            latency_s=sum(action.latency_s for action in slow),
            jitter_s=sum(action.jitter_s for action in slow),
            bandwidth=min((action.bandwidth for action in slow if action.bandwidth), default=0.0),
            linger_s=sum(action.linger_s for action in acting if isinstance(action, SlowClose)),
            dead=any(self._off.get(node) is False for node in (source, target)),
        )

    def due(self, source: str, target: str, nbytes: int) -> float:
        """When `nbytes` that `source` sends now reach `target`; all connections of a link share its bandwidth."""
        verdict, leaves = self.verdict(source, target), self._now()
        if verdict.bandwidth:
            _, free_at = self._booked.get((source, target), (verdict, 0.0))
            leaves = max(leaves, free_at) + nbytes / verdict.bandwidth
            self._booked[source, target] = (verdict, leaves)
        return leaves + verdict.latency_s + (self._jitter_s(source, target) if verdict.jitter_s else 0.0)

    def _jitter_s(self, source: str, target: str) -> float:
        return sum(
            action.jitter_s * self._draws(fault, f"{source} {target}")(0)
            for fault, action in self._active.items()
            if isinstance(action, DegradeLink) and action.jitter_s and action.link.covers(source, target)
        )

    def allowance(self, source: str, target: str) -> Allowance | None:
        """What a connection that `source` has just opened to `target` may carry; None is any number of bytes."""
        for fault, action in self._active.items():
            if not isinstance(action, CutAfter) or fault in self._allowances:
                continue
            if action.link.covers(source, target) or action.link.covers(target, source):
                self._allowances[fault] = allowance = Allowance(fault, action.link, action.after_bytes)
                return allowance
        return None

    def holds(self, allowance: Allowance) -> bool:
        """Say whether an allowance is in effect: its fault has neither been healed nor struck."""
        return self._allowances.get(allowance.fault) is allowance

    def use_up(self, allowance: Allowance) -> None:
        """The bytes allowed have passed: the fault strikes, once."""
        self.heal(allowance.fault)
        self._land(allowance.fault)

    # -- frames --------------------------------------------------------------------------------------------------------

    def fate(self, source: str, target: str, opener: str, nbytes: int) -> Fate | None:
        """What becomes of the frame of `nbytes` that begins now; None where nothing does. Each frame asks once."""
        for fault, action in self._active.items():
            if not isinstance(action, FrameTrouble) or not action.link.covers(source, target):
                continue
            if isinstance(action, DuplicateFrame | ReplayFrame) and nbytes > FRAME_MAX_BYTES:
                continue
            if self._has_a_turn(fault, "", action.frames):
                fate = self._fate(fault, action, (source, target, opener), nbytes)
                if self._used[fault, ""] == action.frames:
                    del self._active[fault]
                    self._tell_all()
                if fate.kind != "keep":  # that one has yet to be said again
                    self._land(fault)
                return fate
        return None

    def _fate(self, fault: str, action: FrameTrouble, way: tuple[str, str, str], nbytes: int) -> Fate:
        draw = self._draws(fault, " ".join(way))
        inside = LENGTH_BYTES + int(draw(0) * (nbytes - LENGTH_BYTES))
        match action:
            case CorruptFrame():
                return Fate("corrupt", inside, int(draw(1) * 8))
            case TruncateFrame():
                return Fate("truncate", inside)
            case DuplicateFrame():
                return Fate("duplicate")
            case ReplayFrame(after_s=after_s):
                due = self._now() + after_s
                return Fate("keep", keep=lambda frame: self._keep(_Stale(fault, way, due, frame)))

    def _keep(self, stale: _Stale) -> None:
        self._stale.append(stale)
        self._tell_all()

    def take_stale(self, source: str, target: str, opener: str) -> bytes:
        """The frame that is to be said once more before the one that begins now; b"" where there is none."""
        for stale in self._stale:
            if stale.way == (source, target, opener) and stale.due <= self._now():
                self._stale.remove(stale)
                self._tell_all()
                self._land(stale.fault)
                return stale.frame
        return b""

    # -- connections ---------------------------------------------------------------------------------------------------

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

    def _on_way(self, source: str, target: str) -> list[LinkTrouble]:
        """The troubles in effect on the way from `source` to `target`, oldest first."""
        return [a for a in self._active.values() if isinstance(a, LinkTrouble) and a.link.covers(source, target)]

    def _connections_on(self, link: Link) -> list[Breakable]:
        """The connections of which at least one direction is on a link."""
        covers = link.covers
        return [c for c, (source, target) in self._connections.items() if covers(source, target) or covers(target, source)]

    def _tell_all(self) -> None:
        self._stop_and_resume()
        # Whoever holds bytes for an eased link books them anew: an old booking would make them wait for themselves.
        verdicts = {link: self.verdict(*link) for link in self._booked}
        self._booked = {
            link: (verdicts[link], free_at)
            for link, (before, free_at) in self._booked.items()
            if not verdicts[link].eases(before)
        }
        for connection in list(self._connections):
            connection.refresh()
        changed, self._changed = self._changed, trio.Event()
        changed.set()


def _forgetful(link: Link, opener: str, acceptor: str) -> str:
    """Which end of a connection on a link is gone when it is left half open."""
    return opener if link.one_way and not link.covers(opener, acceptor) else acceptor
