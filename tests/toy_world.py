"""A world small enough to test the control server against: a few tasks, a journal and a clock."""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

import numpy as np
import trio

from dairt.control.server import ControlServer
from dairt.errors import UsageError
from dairt.model.action import Action, kind_of, target_of
from dairt.model.events import Entry, FaultFired, PhaseBegan
from dairt.model.numbers import tensor_view
from dairt.model.scenario import Do
from dairt.model.version import Version
from dairt.model.views import GraphView, NodeDetail, NodeView, PromiseView, Snapshot, TaskView, TensorView
from dairt.runtime.journal import Journal
from dairt.worlds.sim.clock import VirtualClock

TICK_S = 0.01


@dataclass(frozen=True)
class ToyEnding:
    """What came of it."""

    seconds: float
    digest: str = ""
    verdict: str = "held"
    promises: tuple[PromiseView, ...] = (PromiseView("something_holds", "holds"),)


class ToyWorld:
    """A stage, and its whole play: a timeline that takes actions each 10 ms, and tasks that write into the journal.

    Plays for `seconds`, or until stopped. With `clock` None time is real. `noise` entries are written every tick.
    """

    def __init__(self, clock: VirtualClock | None, *, seconds: float = 3600, noise: int = 0) -> None:
        self.clock = clock
        self.seconds = seconds
        self.noise = noise
        self.entries: list[Entry] = []
        self.taken: list[Do] = []
        self.graphs: dict[str, GraphView] = {}
        self.journal: Journal
        self._token: trio.lowlevel.TrioToken | None = None
        self._stopped = trio.Event()

    def play(self, server: ControlServer | None) -> None:
        """Run to the end, in the calling thread."""
        trio.run(self._main, server, clock=self.clock, instruments=[server.instrument] if server else [])

    def stop(self) -> None:
        """End the play, from any thread, and even before it begins."""
        if self._token is None:
            self._stopped.set()
        else:
            with suppress(trio.RunFinishedError):
                self._token.run_sync_soon(self._stopped.set)

    def detail(self, node: str) -> NodeDetail:
        """One task."""
        return NodeDetail(node, (("queue_max", "64"),), (TaskView(0, "wander", "ToyWorld._wander", "sleep"),), 1)

    def snapshot(self) -> Snapshot:
        """One node, and the time."""
        time_s, speed = (self.clock.now, self.clock.speed) if self.clock else (trio.current_time(), 1.0)
        return Snapshot(time_s, "toy", "toy", 0, "trouble", speed, (NodeView("n0", "n0:1", "up"),))

    def check(self, action: Action) -> None:
        """Whatever it is."""

    def save(self, tell: Callable[[str, float, str], None]) -> None:
        """At once."""
        now = self.clock.now if self.clock else trio.current_time()
        tell(f"a session of {len(self.taken)}", now, "d1")

    def ending(self, seconds: float, digest: str) -> str:
        """All of it."""
        return f"all of a session of {len(self.taken)}"

    def look_into(self, node: str, key: str) -> Callable[[], TensorView]:
        """What looks into the node's only tensor."""
        if (node, key) != ("n0", "w"):
            raise UsageError(f"{node} holds no {key!r}")
        return lambda: tensor_view(np.array([[1, 2], [3, np.nan]], np.float32), Version(1, "n0", 1))

    async def _main(self, server: ControlServer | None) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self.journal = Journal(trio.current_time, keep=100)
        self.journal.listeners.append(self.entries.append)
        self.journal.emit("", PhaseBegan("before the first client"))
        if server:
            server.opened(self)
        with trio.move_on_after(self.seconds):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._timeline, server)
                for name in "abc":
                    nursery.start_soon(self._wander, name)
                await self._stopped.wait()
                nursery.cancel_scope.cancel()
        self.journal.emit("", PhaseBegan("the end"))
        if server:
            server.closed(ToyEnding(trio.current_time()))

    async def _timeline(self, server: ControlServer | None) -> None:
        begun = trio.current_time()
        for tick in count(1):
            await trio.sleep_until(begun + tick * TICK_S)
            for number in range(self.noise):
                self.journal.emit("n0", PhaseBegan(f"noise {number}"))
            while server and not server.inbox.empty():
                action = server.inbox.get()
                self.taken.append(Do(tick * TICK_S, action, "op-1"))
                self.journal.emit("", FaultFired("op-1", kind_of(action), str(action), target_of(action)))

    async def _wander(self, name: str) -> None:
        dice = random.Random(name)
        while True:
            await trio.sleep(dice.choice((0.05, 0.1, 0.25)))
            self.journal.emit(name, PhaseBegan("a step"))
