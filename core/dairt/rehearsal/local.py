"""A cluster to program against: real sockets on loopback, real files, nothing broken."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from dairt.errors import UsageError
from dairt.model.scenario import Scenario
from dairt.rehearsal.stage import Setting, open_stage
from dairt.runtime.cluster import Cluster

WORLDS = ("tcp", "proc")  # simulated time is `play`'s alone: it owns the loop


@asynccontextmanager
async def open_local_cluster(nodes: int = 3, *, data: Path | None = None, world: str = "tcp") -> AsyncIterator[Cluster]:
    """Nodes n0, n1, … up and listening on 127.0.0.1; drained on leaving.

    Checkpoints go to `data`, and what is there is restored; None is a temporary folder, removed at the end. In the world
    tcp all nodes are in this process, in proc each has one of its own. Raises UsageError for any other world.
    """
    if world not in WORLDS:
        raise UsageError(f"a local cluster cannot be in the world {world!r}; give {' or '.join(WORLDS)}")
    scenario = Scenario("local", tuple(f"n{at}" for at in range(nodes)))
    async with open_stage(Setting(scenario, world, 0, data=data)) as stage:
        await stage.cluster.start_all()
        yield stage.cluster
