"""play(): a scenario, a world and a seed in; a report out."""

import math
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from queue import SimpleQueue
from time import perf_counter
from types import FrameType
from typing import Protocol

import trio

from dairt.errors import DairtError, UsageError
from dairt.model.action import Action
from dairt.model.events import Entry, PromiseBroken
from dairt.model.scenario import Scenario
from dairt.model.views import PromiseView
from dairt.rehearsal.digest import Digest
from dairt.rehearsal.judge import check_expectations
from dairt.rehearsal.python import load_python
from dairt.rehearsal.report import Report, Scribe, Verdict
from dairt.rehearsal.stage import Setting, Stage, check_world, open_stage
from dairt.rehearsal.timeline import Timeline
from dairt.runtime.journal import Listener
from dairt.worlds.sim.clock import VirtualClock
from dairt.worlds.sim.scheduler import seeded

SEED_END = 2**63  # what fits into a message


class Onlooker(Protocol):
    """Someone who watches a run, and may act on it; watching does not change what happens."""

    @property
    def inbox(self) -> SimpleQueue[Action]:
        """What is to be done; read at every tick."""

    @property
    def instrument(self) -> trio.abc.Instrument | None:
        """Something to run in the world's loop that is not a task."""

    def opened(self, stage: Stage) -> None:
        """The stage is there, no node is up yet; called inside the world's run."""

    def closed(self, report: Report) -> None:
        """It is over; called after the world's run."""


Errand = Callable[[Stage], Awaitable[None]]


def play(
    scenario: Scenario,
    *,
    world: str = "sim",
    seed: int = 0,
    speed: float = math.inf,
    onlooker: Onlooker | None = None,
    data: Path | None = None,
    errand: Errand | None = None,
    listener: Listener | None = None,
    allow_python: bool = False,
    until_broken: str = "",
) -> Report:
    """Play a scenario to its end, or until SIGINT or SIGTERM, and say whether its promises held.

    In the simulated world the same scenario and seed give the same digest, at every `speed` and however many look on.
    `data` is where real nodes keep their files (None: a folder that is removed). An `errand` is run when all nodes are up;
    a scenario without an end is over when it is done. A `listener` hears every event. `allow_python` lets the scenario run
    code that it names. The run is over when the promise `until_broken` is. Raises UsageError before anything starts.
    """
    if not -SEED_END <= seed < SEED_END:
        raise UsageError(f"--seed {seed}: a seed is a number of at most 63 bits")
    check_expectations(scenario.expectations)
    check_world(scenario, world)
    load_python(scenario, allow_python)
    with seeded(seed) if world == "sim" else nullcontext() as controller:
        clock = VirtualClock(speed) if world == "sim" else None
        setting = Setting(scenario, world, seed, clock, controller, data, allow_python)
        run = _Run(setting, onlooker, errand, listener, until_broken)
        instruments = [onlooker.instrument] if onlooker is not None and onlooker.instrument is not None else []
        try:
            trio.run(run.main, clock=clock or _RealClock(), instruments=instruments)
        except BaseExceptionGroup as group:
            raise _plain(group) from group
    report = run.report()
    if onlooker is not None:
        onlooker.closed(report)
    return report


class _Run:
    """One run, and what is to be said of it."""

    def __init__(
        self,
        setting: Setting,
        onlooker: Onlooker | None,
        errand: Errand | None,
        listener: Listener | None,
        until_broken: str,
    ) -> None:
        self._setting = setting
        self._onlooker = onlooker
        self._errand = errand
        self._listener = listener
        self._until_broken = until_broken
        self._scope = trio.CancelScope()
        self._scribe = Scribe()
        self._digest = Digest()
        self._began = perf_counter()
        self._stopped = ""
        self._too_long = ""
        self._seconds = 0.0
        self._promises: tuple[PromiseView, ...] = ()
        self._doubts: list[str] = []  # which of the trouble there was not
        self._metrics: dict[str, list[float]] = {}

    async def main(self) -> None:
        """Inside trio."""
        setting, onlooker = self._setting, self._onlooker
        with self._scope, _signals(self._stop):
            async with open_stage(setting) as stage:
                self._digest = stage.digest
                # First of all listeners: what they emit in turn comes later.
                stage.journal.listeners[:0] = [self._digest, self._scribe] if setting.world == "sim" else [self._scribe]
                if onlooker is not None:
                    onlooker.opened(stage)
                try:
                    await self._tell(stage)
                    await _drain(stage)
                finally:
                    self._note(stage)

    async def _tell(self, stage: Stage) -> None:
        """Tell the story, and do the errand."""
        if self._listener is not None:
            stage.journal.listeners.append(self._listener)
        if self._until_broken:
            stage.journal.listeners.append(self._end_when_broken)
        timeline = Timeline(stage, self._onlooker.inbox if self._onlooker else None, self._guard)
        async with trio.open_nursery() as nursery:
            if self._errand is not None:
                nursery.start_soon(self._do_errand, self._errand, stage, timeline, nursery)
            await timeline.run()

    async def _do_errand(self, errand: Errand, stage: Stage, timeline: Timeline, nursery: trio.Nursery) -> None:
        await timeline.all_up.wait()
        await errand(stage)
        if stage.scenario.time is None:
            nursery.cancel_scope.cancel()

    def report(self) -> Report:
        """What came of it."""
        scenario = self._setting.scenario
        verdict, reason = self._verdict()
        return Report(
            scenario=scenario.name,
            source=scenario.source,
            world=self._setting.world,
            seed=self._setting.seed,
            verdict=verdict,
            reason=reason,
            seconds=self._seconds,
            wall_s=perf_counter() - self._began,
            events=self._scribe.events,
            digest=self._digest.hex() if self._setting.world == "sim" else "",
            happened=tuple(self._scribe.happened),
            left_out=self._scribe.left_out,
            promises=self._promises,
            metrics=self._metrics,
            allow_python=self._setting.allow_python,
        )

    def _verdict(self) -> tuple[Verdict, str]:
        broken = [promise.promise for promise in self._promises if promise.state == "broken"]
        if self._stopped:
            return "stopped", self._stopped
        if broken:
            return "violated", ", ".join(broken)
        if self._too_long:
            return "inconclusive", self._too_long
        if self._doubts:
            return "inconclusive", "; ".join(self._doubts)
        return "held", ""

    def _note(self, stage: Stage) -> None:
        self._seconds = stage.now()
        self._promises = stage.judge.views()
        self._metrics = stage.meter.values()
        never_fired = [row.id for row in stage.ledger.planned if not (row.fired or row.excused)]
        in_vain = stage.ledger.in_vain()
        self._doubts = [f"never fired: {', '.join(never_fired)}"] if never_fired else []
        self._doubts += [f"fired, and befell nothing: {', '.join(in_vain)}"] if in_vain else []

    def _end_when_broken(self, entry: Entry) -> None:
        if isinstance(entry.event, PromiseBroken) and entry.event.promise == self._until_broken:
            self._scope.cancel()

    def _stop(self, reason: str) -> None:
        self._stopped = reason
        if self._setting.clock is not None:
            self._setting.clock.speed = math.inf  # a world that stands still would never drain
        self._scope.cancel()

    def _guard(self) -> None:
        """A run that takes too long is ended, unless somebody looks on and may have paused it."""
        time = self._setting.scenario.time
        limit_s = time.wall_limit_s if time is not None else None
        if limit_s is not None and self._onlooker is None and perf_counter() - self._began > limit_s:
            self._too_long = f"it took longer than wall_limit, {limit_s:g} s"
            self._scope.cancel()


class _RealClock(trio.abc.Clock):
    """Real time, counted from the start of the run, so that all worlds tell their stories from zero."""

    def start_clock(self) -> None:
        self._began = perf_counter()

    def current_time(self) -> float:
        return perf_counter() - self._began

    def deadline_to_sleep_time(self, deadline: float) -> float:
        return deadline - self.current_time()


async def _drain(stage: Stage) -> None:
    """Stop every node gracefully, and see what is left."""
    async with trio.open_nursery() as nursery:
        for name in stage.cluster.up():
            nursery.start_soon(stage.cluster.stop, name)
    stage.judge.drained(stage.snapshot())


@contextmanager
def _signals(stop: Callable[[str], None]) -> Iterator[None]:
    """Turn SIGINT and SIGTERM into a graceful stop; the second one is as it was before. Only the main thread has signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    token = trio.lowlevel.current_trio_token()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def heard(number: int, frame: FrameType | None) -> None:
        restore()
        token.run_sync_soon(stop, f"by {signal.Signals(number).name}")

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in before:
        signal.signal(number, heard)
    try:
        yield
    finally:
        restore()


def _plain(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one expected error in a group, or the group: a bug keeps all of its story."""
    only: BaseException = group
    while isinstance(only, BaseExceptionGroup) and len(only.exceptions) == 1:
        only = only.exceptions[0]
    return only if isinstance(only, DairtError | OSError) else group
