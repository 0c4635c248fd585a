"""The story told: what is due at which tick, what waits for an event, what an operator asks for, and how it all ends."""

import math
from collections import deque
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import count
from queue import Empty, SimpleQueue

import msgspec
import trio

from dairt.errors import DairtError
from dairt.model.action import Action, Broadcast, FaultAction, Heal, Put
from dairt.model.events import ActionRefused, Entry, FaultFired
from dairt.model.scenario import TICK_S, Do, Work
from dairt.rehearsal.stage import Stage
from dairt.rehearsal.steps import Step
from dairt.rehearsal.strikes import Strikes
from dairt.worlds.sim.clock import VirtualClock
from dairt.worlds.streams import Gate

LOOK_TICKS = 10  # promises that must come true are looked at so often: a snapshot of a large cluster is no trifle
UNDER_WAY_MAX = 64  # of one work at a time: a cluster that cannot keep up is not buried


class Timeline:
    """Plays a scenario on a stage. Made before any node is up, so that triggers hear the first event.

    Whatever has a time happens at a tick, counted from when all nodes are up; triggers act at their event. `inbox` is an
    operator's; `guard` is called at every tick.
    """

    def __init__(
        self, stage: Stage, inbox: SimpleQueue[Action] | None = None, guard: Callable[[], None] = lambda: None
    ) -> None:
        self.all_up = trio.Event()
        self._stage = stage
        self._story = stage.scenario
        self._inbox = inbox
        self._guard = guard
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self._saved = deque(sorted(self._story.actions, key=lambda do: do.at_s))
        self._tick = 0
        self._planned: int | None = None  # the tick at which the clock will look, while this task waits
        self._called = Gate()
        stage.journal.listeners.append(self._hear)
        self._stop_tick = math.inf if self._story.stop_at_s is None else _tick_of(self._story.stop_at_s)
        self._stopped = trio.Event()
        # The task that strikes is started here, not where its event was emitted: it belongs to no node.
        self._strikes = Strikes(stage, self._at, lambda *task: self._nursery.start_soon(*task), self._elapsed)

    async def run(self) -> None:
        """Start the nodes and tell the story to its end; one without an end is told until cancelled."""
        await self._stage.cluster.start_all()
        self.all_up.set()
        self._stage.begun_s = trio.current_time()
        self._plan()
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self._keep_time)
            self._nursery.start_soon(self._strikes.run)
            await self._phases()
            self._nursery.cancel_scope.cancel()

    async def _phases(self) -> None:
        stage, time = self._stage, self._story.time
        stage.begin("trouble" if time else "open end")
        if time is None:
            await self._stopped.wait()
            return
        await trio.sleep(time.trouble_until_s)
        stage.begin("settle")
        self._due.clear()
        for work in self._story.work:
            stage.steps.work(work.id).due_s = None
        self._strikes.end()
        await self._heal()
        stage.judge.healed(stage.now())
        await trio.sleep(time.settle_s)
        stage.begin("verdict")
        stage.judge.finish(stage.snapshot())

    # -- what is due when ----------------------------------------------------------------------------------------------

    def _plan(self) -> None:
        self._strikes.plan(self._story.time.trouble_until_s if self._story.time else math.inf)
        self._stage.steps.plan(self._stage.begun_s)
        for work in self._story.work:
            self._at_work(work, 0)

    def _at(self, at_s: float, act: Callable[[], None]) -> None:
        """Call `act` at the first tick that is not before `at_s`."""
        heappush(self._due, (_tick_of(at_s), next(self._order), act))
        self._hurry(at_s)

    def _elapsed(self) -> float:
        """Seconds since all nodes were up, and 0 before."""
        return max(0.0, self._stage.now() - self._stage.begun_s)

    async def _keep_time(self) -> None:
        while True:
            await self._next_tick()
            while self._due and self._due[0][0] <= self._tick:
                heappop(self._due)[2]()
            self._strikes.tick()
            for fault in self._stage.ledger.take_due(self._stage.now()):
                self._nursery.start_soon(self._heal, fault)
            # An operator's actions of this session, and those saved from another, come at the same place: it replays.
            for do in (*self._read_saved(), *self._read_inbox()):
                self._nursery.start_soon(self._try, self._stage.steps.taken(do, self._stage.now()), do)
            if self._tick % LOOK_TICKS == 0:
                self._stage.judge.look(self._stage.snapshot, self._stage.now())
            self._tick += 1

    # -- which ticks matter --------------------------------------------------------------------------------------------
    #
    # Under virtual time the clock itself looks at the ticks, and only at those that may matter: a task that woke a hundred
    # times a second for nothing would be the dearest of all. What comes of it is the same as if every tick were looked at.

    async def _next_tick(self) -> None:
        """Wait for a tick; under virtual time for the next one at which there is something to do."""
        at_s, clock = self._stage.begun_s + self._tick * TICK_S, self._stage.clock
        if clock is None or at_s <= clock.now:
            await trio.sleep_until(at_s)
            self._guard()
            self._enter(self._tick)
            return
        self._tick -= 1  # the last one that is done with
        self._look_at(self._next_look(), clock)
        try:
            await self._called.wait()
        finally:
            self._planned = None

    def _look_at(self, tick: int, clock: VirtualClock) -> None:
        self._planned = tick
        clock.call_at(self._stage.begun_s + tick * TICK_S, lambda clock: self._see(tick, clock), clock)

    def _see(self, tick: int, clock: VirtualClock) -> None:
        if tick != self._planned:
            return  # an earlier one was planned since, or the story is over
        self._guard()
        self._enter(tick)
        self._tick = tick
        if self._has_something_to_do():
            self._planned = None
            self._called.open()
        else:
            self._look_at(self._next_look(), clock)

    def _enter(self, tick: int) -> None:
        """Before anything of this tick: tell those who asked where the story stands, and end it if it is to stop here."""
        asked, self._stage.at_next_tick[:] = self._stage.at_next_tick[:], []
        for tell in asked:
            tell(round(tick * TICK_S, 6))
        if tick >= self._stop_tick and not self._stopped.is_set():
            self._stage.digest.close(self._stage.now())
            self._stopped.set()

    def _has_something_to_do(self) -> bool:
        """Whether anything at all would come of this tick."""
        return bool(
            (self._due and self._due[0][0] <= self._tick)
            or self._strikes.is_watching
            or self._stage.ledger.first_end_s <= self._stage.now()
            or (self._saved and _tick_of(self._saved[0].at_s) <= self._tick)
            or (self._inbox is not None and not self._inbox.empty())
            or (self._tick % LOOK_TICKS == 0 and self._stage.judge.is_waiting)
        )

    def _next_look(self) -> int:
        """The first tick after this one that may matter, as things stand."""
        if self._strikes.is_watching or self._inbox is not None:
            return self._tick + 1
        ends_s = self._stage.ledger.first_end_s - self._stage.begun_s
        ticks = [
            self._tick // LOOK_TICKS * LOOK_TICKS + LOOK_TICKS,
            *([self._due[0][0]] if self._due else []),
            *([_tick_of(self._saved[0].at_s)] if self._saved else []),
            *([_tick_of(ends_s)] if ends_s < math.inf else []),
            *([int(self._stop_tick)] if self._stop_tick < math.inf else []),
        ]
        return max(self._tick + 1, min(ticks))

    def _hurry(self, at_s: float) -> None:
        """Something new is due then: look in time, at the next tick at the earliest."""
        clock = self._stage.clock
        if self._planned is not None and clock is not None and at_s < math.inf:
            tick = max(_tick_of(at_s), math.floor((clock.now - self._stage.begun_s) / TICK_S + 1e-6) + 1)
            if tick < self._planned:
                self._look_at(tick, clock)

    def _hear(self, entry: Entry) -> None:
        """A journal listener: a fault that has struck may end soon."""
        if isinstance(entry.event, FaultFired):
            self._hurry(self._stage.ledger.first_end_s - self._stage.begun_s)

    async def _heal(self, fault: str = "") -> None:
        try:
            await self._stage.trouble.heal(fault)
        except* OSError as group:
            self._refuse(str(Heal(fault)), group.exceptions[0])

    # -- work and operators --------------------------------------------------------------------------------------------

    def _at_work(self, work: Work, times: int) -> None:
        """Put the next time of some work on the list, if it has one."""
        at_s = work.at_s + times * (work.every_s or 0.0)
        if times == 0 or (work.every_s is not None and (work.until_s is None or at_s < work.until_s)):
            self._stage.steps.work(work.id).due_s = self._stage.begun_s + at_s
            self._at(at_s, lambda: self._give(work, times))

    def _give(self, work: Work, times: int) -> None:
        """Give the work now, and put its next time on the list."""
        step = self._stage.steps.work(work.id)
        step.due_s = None
        for copy in range(work.copies):
            if step.under_way >= UNDER_WAY_MAX:
                step.begin(self._stage.now())
                step.end(f"{UNDER_WAY_MAX} of {work.id} are still under way")
                self._refuse(str(work.action), step.reason)
            else:
                self._nursery.start_soon(self._try_work, step, _copy(work, copy))
        self._at_work(work, times + 1)

    async def _try_work(self, step: Step, action: Action) -> None:
        step.begin(self._stage.now())
        await self._try(step, Do(step.at_s, action))

    def _read_saved(self) -> Iterator[Do]:
        while self._saved and _tick_of(self._saved[0].at_s) <= self._tick:
            yield self._saved.popleft()

    def _read_inbox(self) -> Iterator[Do]:
        while self._inbox is not None:
            try:
                action = self._inbox.get_nowait()
            except Empty:
                return
            fault = self._stage.ledger.new_id() if isinstance(action, FaultAction) else ""
            do = Do(round(self._tick * TICK_S, 6), action, fault)
            self._stage.taken.append(do)
            yield do

    async def _try(self, step: Step, do: Do) -> None:
        reason = ""
        try:
            await self._stage.inject(do.action, do.id, do.for_s)
        except (DairtError, OSError) as exc:
            reason = str(exc)
            self._refuse(str(do.action), reason)
        finally:
            step.end(reason)

    def _refuse(self, what: str, reason: object) -> None:
        self._stage.journal.emit("", ActionRefused(what, str(reason)))


def _tick_of(at_s: float) -> int:
    """The first tick that is not before a time of the story."""
    return math.ceil(at_s / TICK_S - 1e-6)


def _copy(work: Work, copy: int) -> Action:
    """One of several copies: tensors get a key each."""
    if work.copies > 1 and isinstance(work.action, Broadcast | Put):
        return msgspec.structs.replace(work.action, key=f"{work.action.key}-{copy}")
    return work.action
