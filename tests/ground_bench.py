"""A cluster on the ground of the simulated world, without a scenario: to break its hosts and see what becomes of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import trio

from dairt.model import tensor
from dairt.model.action import Unsynced, WorldTrouble
from dairt.model.events import Entry, EventBase
from dairt.model.scenario import DiskModel, Scenario
from dairt.protocol.messages import ALL, Receipt
from dairt.rehearsal.simulated import open_ground
from dairt.rehearsal.stage import Ground, Setting
from dairt.runtime.cluster import Cluster, open_cluster
from dairt.runtime.host import Disk
from dairt.runtime.journal import Journal
from dairt.runtime.parts import Node
from dairt.runtime.store import Item
from dairt.worlds.sim.clock import VirtualClock
from dairt.worlds.sim.scheduler import seeded

E = TypeVar("E", bound=EventBase)
NAMES = ("n0", "n1", "n2")


@dataclass
class Bench:
    """What a test has in its hands."""

    ground: Ground
    cluster: Cluster
    journal: Journal
    entries: list[Entry] = field(default_factory=list)

    def apply(self, action: WorldTrouble, fault: str = "trouble") -> int:
        """Let trouble begin."""
        return self.ground.faults.apply(fault, action)

    def heal(self, fault: str = "trouble") -> None:
        """End it."""
        self.ground.faults.heal(fault)

    async def power_cut(self, name: str, unsynced: Unsynced = "") -> None:
        """Take a node's power; it stays down."""
        self.ground.power_cut(name, unsynced)
        await self.cluster.kill(name)

    def events(self, kind: type[E], node: str = "") -> list[E]:
        """All events of a kind so far, of one node or of all."""
        return [e.event for e in self.entries if isinstance(e.event, kind) and node in ("", e.node)]

    def disk(self, name: str) -> Disk:
        """A node's disk, as the node sees it."""
        node = self.cluster.member(name)
        assert isinstance(node, Node)
        return node.host.disk

    def when(self, kind: type[E], node: str, act: Callable[[], None]) -> None:
        """Do something inside the next event of a kind of a node, before anything else happens."""

        def listen(entry: Entry) -> None:
            if isinstance(entry.event, kind) and entry.node == node:
                self.journal.listeners.remove(listen)
                act()

        self.journal.listeners.append(listen)

    async def until(self, holds: Callable[[], bool], within_s: float = 60.0) -> float:
        """Wait until some event makes `holds` true; say how long it took in virtual seconds, of `within_s` at most."""
        began = trio.current_time()
        with trio.fail_after(within_s):
            while not holds():
                await self.journal.wait(self.journal.last_seq)
        return trio.current_time() - began

    async def send(self, key: str, value: float, source: str = "n0") -> Receipt:
        """Broadcast a tensor full of one value."""
        return await self.cluster.broadcast(key, np.full((64, 64), value, np.float32), source=source, audience=ALL)

    def held(self, name: str, key: str) -> Item | None:
        """What a node holds for a key."""
        node = self.cluster.member(name)
        assert isinstance(node, Node)
        return node.store.get(key)

    def value(self, name: str, key: str) -> float | None:
        """The value a tensor on a node is full of; None where there is none."""
        item = self.held(name, key)
        if item is None:
            return None
        assert item.checksum == tensor.checksum(item.array)
        assert np.all(item.array == item.array[0, 0])
        return float(item.array[0, 0])


def on_the_bench(
    story: Callable[[Bench], Awaitable[None]], seed: int = 1, disk: DiskModel | None = None, **config: Any
) -> list[Entry]:
    """Run a story with three nodes up, on virtual time; return all that happened."""
    entries: list[Entry] = []

    async def main() -> None:
        setting = Setting(scenario, "sim", seed, clock, controller)
        journal = Journal(trio.current_time, 10_000)
        journal.listeners.append(entries.append)
        async with open_ground(setting, journal) as ground, open_cluster(ground.machines, NAMES, journal) as cluster:
            await cluster.start_all()
            try:
                with trio.fail_after(600):
                    await story(Bench(ground, cluster, journal, entries))
            finally:
                ground.faults.heal_all()

    scenario = Scenario("bench", NAMES, disk=disk or DiskModel(), config=config)
    clock = VirtualClock()
    with seeded(seed) as controller:
        trio.run(main, clock=clock)
    return entries
