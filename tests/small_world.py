"""A small simulated world for tests of the runtime: nodes, their disks, and the faults between them, on virtual time."""

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
import trio

from dairt.model.address import Address
from dairt.model.config import NodeConfig
from dairt.model.events import Entry, Event, EventBase
from dairt.runtime.cluster import Cluster, LocalMachines, open_cluster
from dairt.runtime.host import Host
from dairt.runtime.journal import Journal
from dairt.worlds.faults import Faults
from dairt.worlds.faulty_disk import FaultyDisk
from dairt.worlds.faulty_network import FaultyNetwork
from dairt.worlds.sim.clock import VirtualClock
from dairt.worlds.sim.compute import SimCompute
from dairt.worlds.sim.dice import Dice
from dairt.worlds.sim.disk import SimDisk
from dairt.worlds.sim.network import SimNetwork
from dairt.worlds.sim.scheduler import seeded

E = TypeVar("E", bound=EventBase)
PORT = 7000


@dataclass
class SmallWorld:
    """What a test has in its hands."""

    cluster: Cluster
    journal: Journal
    network: SimNetwork
    faults: Faults
    disks: dict[str, SimDisk]
    entries: list[Entry] = field(default_factory=list)

    def events(self, kind: type[E], node: str = "") -> list[E]:
        """All events of a kind so far, in order, details included; of one node or of all."""
        return [e.event for e in self.entries if isinstance(e.event, kind) and node in ("", e.node)]

    async def until(self, holds: Callable[[], bool], within_s: float = 60.0) -> None:
        """Wait until some event makes `holds` true; fails after `within_s` virtual seconds."""
        with trio.fail_after(within_s):
            while not holds():
                await self.journal.wait(self.journal.last_seq)

    async def kill(self, name: str) -> None:
        """End a node as SIGKILL does."""
        await self.cluster.kill(name)

    async def cut_power(self, name: str) -> None:
        """End a node without a word to anyone, and tear what its disk has not synced."""
        self.network.power_off(name)
        self.disks[name].power_cut("torn")
        self.faults.switch_off(name, silent=True)
        await self.cluster.kill(name, "without power")

    async def restart(self, name: str) -> None:
        """Start a killed node again, on the same disk."""
        await self.cluster.start(name)


@asynccontextmanager
async def small_world(
    seed: int = 1, names: Sequence[str] = ("n0", "n1", "n2"), own: Mapping[str, Mapping[str, Any]] = {}, **config: Any
) -> AsyncIterator[SmallWorld]:
    """Nodes, started, in a world of their own; `config` overrides NodeConfig's fields, `own` those of one node."""
    dice = Dice(seed)
    journal = Journal(trio.current_time, 10_000)
    network = SimNetwork(dice)
    faults = Faults(trio.current_time, dice)
    disks = {name: SimDisk(name, dice) for name in names}
    members = {name: Address(name, PORT) for name in names}
    lives = dict.fromkeys(names, 0)

    def host_of(name: str, nursery: trio.Nursery) -> Host:
        network.power_on(name)
        faults.switch_on(name)
        lives[name] = life = lives[name] + 1

        def emit(event: Event) -> None:
            if lives[name] == life:  # nobody hears what a dead machine says while it is cleaned up
                journal.emit(name, event)

        return Host(
            name,
            FaultyNetwork(network.card(name), name, faults, lambda address: address.host, nursery),
            FaultyDisk(disks[name], name, faults),
            SimCompute(name, dice),
            dice.stream("node", name, str(life)),
            lambda: 1e9 + trio.current_time(),
            emit,
        )

    def unplug(name: str) -> None:
        lives[name] += 1
        if not faults.is_off(name):
            faults.switch_off(name)

    configs = {name: NodeConfig(name, members[name], members) for name in names}
    configs = {name: msgspec.structs.replace(c, **{**config, **own.get(name, {})}) for name, c in configs.items()}
    async with trio.open_nursery() as nursery:
        await nursery.start(network.run)
        async with open_cluster(LocalMachines(configs, host_of, unplug), names, journal) as cluster:
            world = SmallWorld(cluster, journal, network, faults, disks)
            journal.listeners.append(world.entries.append)
            await cluster.start_all()
            yield world
        nursery.cancel_scope.cancel()


def in_small_world(
    story: Callable[[SmallWorld], Awaitable[None]],
    seed: int = 1,
    names: Sequence[str] = ("n0", "n1", "n2"),
    own: Mapping[str, Mapping[str, Any]] = {},
    **config: Any,
) -> list[Entry]:
    """Run `story` in a small world on virtual time, its order drawn from the seed; return all that happened."""
    entries: list[Entry] = []

    async def main() -> None:
        nonlocal entries
        async with small_world(seed, names, own, **config) as world:
            entries = world.entries
            with trio.fail_after(600):
                await story(world)

    with seeded(seed):
        trio.run(main, clock=VirtualClock(math.inf))
    return entries
