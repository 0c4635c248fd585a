"""A real cluster on loopback sockets, files and threads, in this process, for pytest-trio tests."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import trio

from dairt.model.address import Address
from dairt.model.events import Entry, EventBase, NodeBooted
from dairt.model.scenario import Scenario
from dairt.rehearsal.stage import Setting, Stage, open_stage

E = TypeVar("E", bound=EventBase)


class LoopbackWorld:
    """What a test has in its hands."""

    def __init__(self, stage: Stage, data: Path) -> None:
        self.stage = stage
        self.cluster = stage.cluster
        self.data = data
        self.entries: list[Entry] = []

    def events(self, kind: type[E], node: str = "") -> list[E]:
        """All events of a kind so far, in order, details included; of one node or of all."""
        return [e.event for e in self.entries if isinstance(e.event, kind) and node in ("", e.node)]

    async def until(self, holds: Callable[[], bool], within_s: float = 20.0) -> None:
        """Wait until some event makes `holds` true; fails after `within_s` real seconds."""
        journal = self.stage.journal
        with trio.fail_after(within_s):
            while not holds():
                await journal.wait(journal.last_seq)

    def address(self, node: str) -> Address:
        """Where a node listens."""
        return Address.parse(self.events(NodeBooted, node)[-1].address)

    def held(self, key: str) -> dict[str, int]:
        """Who holds a key, and with which checksum."""
        return {v.name: c.checksum for v in self.cluster.node_views() for c in v.checkpoints if c.key == key}

    def on(self, strikes: Callable[[Entry], bool], do: Callable[[], object]) -> None:
        """Do something within the first event that `strikes`."""

        def hear(entry: Entry) -> None:
            if strikes(entry):
                self.stage.journal.listeners.remove(hear)
                do()

        self.stage.journal.listeners.append(hear)


@asynccontextmanager
async def loopback_world(data: Path, nodes: int = 3, **config: Any) -> AsyncIterator[LoopbackWorld]:
    """Nodes n0, n1, … started on loopback, their files under `data`. On leaving, no socket of theirs may be left."""
    names = tuple(f"n{at}" for at in range(nodes))
    scenario = Scenario("test", names, config=config)
    async with open_stage(Setting(scenario, "tcp", 1, data=data)) as stage:
        world = LoopbackWorld(stage, data)
        stage.journal.listeners.append(world.entries.append)
        await stage.cluster.start_all()
        yield world
