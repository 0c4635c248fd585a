"""The troubles in effect, and what they mean for hosts: their disks, processors, clocks, and whether they run at all."""

import errno
from collections.abc import Callable
from random import Random
from typing import Literal, Protocol, get_args

from dairt.model.action import (
    DiskError,
    DiskFull,
    FlipResult,
    FsyncError,
    HostTrouble,
    LoseUnsynced,
    NanResult,
    PauseNode,
    RotBit,
    SkewClock,
    SlowDisk,
    SlowNode,
    TornWrites,
    WorldTrouble,
    named,
)
from dairt.worlds.sim.dice import Dice, DrawOf
from dairt.worlds.verdicts import FINE, WELL, ComputeVerdict, DiskVerdict, Wrong

Calls = Literal["read", "write", "sync", "names"]


class Stopper(Protocol):
    """Whoever can hold a node's tasks back, as the simulation's scheduler does."""

    def pause(self, node: str) -> None:
        """Run nothing of a node."""

    def slow(self, node: str, one_in: int) -> None:
        """Run a node's tasks only now and then."""

    def resume(self, node: str) -> None:
        """Run a node as others."""


class Rotting(Protocol):
    """What has bits that can flip: a disk."""

    def flip_bit(self, dice: Random, among: str = "") -> str:
        """Flip a drawn bit of a file whose name begins with `among`; say which, or "" where there is none."""


class HostFaults:
    """Keeps what is in effect, and throws the dice of each fault by its own id: without one, the others fall as before.

    Delays add, the smallest bandwidth counts, and of two factors the larger. `landed` is told, with its id, when a fault that
    waits for something has befallen the first.
    """

    def __init__(
        self,
        now: Callable[[], float],
        dice: Dice,
        stopper: Stopper | None = None,
        landed: Callable[[str], None] = lambda fault: None,
    ) -> None:
        self._now = now
        self._dice = dice
        self._stopper = stopper
        self._active: dict[str, WorldTrouble] = {}
        self._used: dict[tuple[str, str], int] = {}  # how often, or for how many bytes, by fault and whom it befell
        self._thrown: dict[tuple[str, str], int] = {}  # how often dice were thrown for them; never starts anew
        self._tell_landed = landed
        self._landed: dict[str, None] = {}
        self._disks: dict[str, Rotting] = {}
        self._disk_free_at: dict[str, float] = {}
        self._woken: dict[tuple[str, str], None] = {}  # whom a pause no longer stops: a new life runs
        self._stopped: dict[str, int] = {}  # what the stopper was told: 0 is a pause, else one batch in so many

    def join_disk(self, node: str, disk: Rotting) -> None:
        """Let rot befall a disk."""
        self._disks[node] = disk

    def disk_call(self, node: str, call: Calls, nbytes: int = 0) -> DiskVerdict:
        """What becomes of one call to a disk; each asks once, since some troubles befall only so many."""
        if not self._active:
            return FINE
        error, lost = 0, False
        for fault, action in self._acting(node, (DiskError, FsyncError, DiskFull)):
            if isinstance(action, DiskFull):
                full = call == "write" and self._used.get((fault, node), 0) + max(nbytes, 1) > action.after_bytes
                if not full and call == "write":
                    self._use(fault, node, nbytes)
                error = error or (errno.ENOSPC if full else 0)
                if full:
                    self._land(fault)
            elif error or not isinstance(action, DiskError | FsyncError):
                continue
            elif call in _calls_of(action) and self._has_a_turn(fault, node, action.times):
                error, lost = errno.EIO, isinstance(action, FsyncError)
                self._land(fault)
        delay_s = self._disk_delay_s(node, call, nbytes)
        return DiskVerdict(error, delay_s, lost) if error or delay_s else FINE

    def disk_after(self, node: str) -> Literal["", "lose", "torn"]:
        """What becomes of bytes and names that are not synced when a life of the node ends by any cause; "" is nothing."""
        ends: Literal["", "lose", "torn"] = ""
        for _, action in self._acting(node, (TornWrites, LoseUnsynced)):
            ends = "torn" if isinstance(action, TornWrites) else "lose"  # the later one counts
        return ends

    def compute_trouble(self, node: str) -> ComputeVerdict:
        """What becomes of one kernel; each asks once."""
        if not self._active:
            return WELL
        factor, wrong = 1, []
        for fault, action in self._acting(node, (SlowNode, NanResult, FlipResult)):
            if isinstance(action, SlowNode):
                factor = max(factor, action.factor)
            elif isinstance(action, NanResult | FlipResult) and self._has_a_turn(fault, node, action.times):
                kind: Literal["nan", "bitflip"] = "nan" if isinstance(action, NanResult) else "bitflip"
                wrong.append(Wrong(kind, self._draws(fault, node)))
                self._land(fault)
        return ComputeVerdict(factor, tuple(wrong)) if factor > 1 or wrong else WELL

    def clock_skew_s(self, node: str) -> float:
        """How far a node's wall clock is ahead of the truth."""
        skews = [action for _, action in self._acting(node, (SkewClock,)) if isinstance(action, SkewClock)]
        return sum(action.ahead_s - action.behind_s for action in skews)

    def _rot(self, fault: str, action: RotBit) -> int:
        """Flip a bit of each of the nodes' disks; say how many had one."""
        rotten = 0
        for node in named(action.node):
            if node in self._disks:
                dice = self._dice.stream("fault", fault, node, str(self._throw(fault, node)))
                rotten += self._disks[node].flip_bit(dice, action.file) != ""
        return rotten

    def _wake(self, node: str) -> None:
        """End the pauses of a node whose life is over: what stops a process stops no other."""
        for fault, _ in self._acting(node, (PauseNode,)):
            self._woken[fault, node] = None
        self._stop_and_resume()

    def _stop_and_resume(self) -> None:
        """Have held back who is to be held back now."""
        if self._stopper is None:
            return
        wanted: dict[str, int] = {}
        for fault, action in self._active.items():
            for node in named(action.node) if isinstance(action, PauseNode | SlowNode) else ():
                if isinstance(action, SlowNode):
                    wanted[node] = max(wanted.get(node, 1), action.factor) if wanted.get(node) != 0 else 0
                elif (fault, node) not in self._woken:
                    wanted[node] = 0
        before, self._stopped = self._stopped, wanted
        for node in before:
            if wanted.get(node) != before[node]:
                self._stopper.resume(node)
        for node, one_in in wanted.items():
            if before.get(node) != one_in:
                self._stopper.slow(node, one_in) if one_in else self._stopper.pause(node)

    def _disk_delay_s(self, node: str, call: Calls, nbytes: int) -> float:
        slow = [action for _, action in self._acting(node, (SlowDisk,)) if isinstance(action, SlowDisk)]
        bandwidth = min((action.bandwidth for action in slow if action.bandwidth), default=0.0)
        now = done = self._now()
        if bandwidth and call in ("read", "write"):
            done = self._disk_free_at[node] = max(now, self._disk_free_at.get(node, 0.0)) + nbytes / bandwidth
        return done - now + sum(action.latency_s for action in slow)

    def _acting(self, node: str, kinds: tuple[type[HostTrouble], ...]) -> list[tuple[str, WorldTrouble]]:
        """The troubles of some kinds that are in effect at a node, oldest first."""
        return [(f, a) for f, a in self._active.items() if isinstance(a, kinds) and node in named(a.node)]

    def _has_a_turn(self, fault: str, befallen: str, times: int) -> bool:
        """Take one of the times that a fault may befall somebody, of which there are any number when it says 0."""
        if times and self._used.get((fault, befallen), 0) >= times:
            return False
        self._use(fault, befallen)
        return True

    def _use(self, fault: str, befallen: str, amount: int = 1) -> None:
        self._used[fault, befallen] = self._used.get((fault, befallen), 0) + amount

    def _land(self, fault: str) -> None:
        """A fault has befallen something that it waited for; the first time since it struck, this is told."""
        if fault not in self._landed:
            self._landed[fault] = None
            self._tell_landed(fault)

    def _throw(self, fault: str, befallen: str) -> int:
        """Which throw of a fault's dice for somebody this is, from 0."""
        number = self._thrown.get((fault, befallen), 0)
        self._thrown[fault, befallen] = number + 1
        return number

    def _draws(self, fault: str, befallen: str) -> DrawOf:
        """The draws of the next throw of a fault's dice for somebody: the same, whatever else is in effect."""
        return self._dice.draws("fault", fault, befallen, str(self._throw(fault, befallen)))

    def _forget(self, fault: str) -> None:
        """Forget what a fault that is over has used up, so that it is new when it strikes again."""
        self._used = {key: count for key, count in self._used.items() if key[0] != fault}
        self._landed.pop(fault, None)
        self._woken = {key: None for key in self._woken if key[0] != fault}


def _calls_of(action: DiskError | FsyncError) -> tuple[str, ...]:
    """Which calls to a disk fail."""
    if isinstance(action, FsyncError):
        return ("sync",)
    return get_args(Calls) if action.calls == "any" else (action.calls,)
