"""The simulated world: everything from one seed, under virtual time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from dairt.model.address import Address
from dairt.rehearsal.hosts import Parts, ground
from dairt.rehearsal.stage import Ground, Setting
from dairt.runtime.journal import Journal
from dairt.worlds.faults import Faults
from dairt.worlds.sim.compute import SimCompute
from dairt.worlds.sim.dice import Dice
from dairt.worlds.sim.disk import SimDisk
from dairt.worlds.sim.network import SimNetwork
from dairt.worlds.sim.oracles import Guard
from dairt.worlds.sim.scheduler import NODE

PORT = 5001
EPOCH_S = 1_767_225_600.0  # when every story begins, for stamps that people read: 2026-01-01 00:00 UTC


@asynccontextmanager
async def open_ground(setting: Setting, journal: Journal) -> AsyncIterator[Ground]:
    """Wires, disks and processors made of memory. Disks outlive the lives of their nodes."""
    clock, controller, scenario = setting.clock, setting.controller, setting.scenario
    assert clock is not None
    assert controller is not None
    dice = Dice(setting.seed)
    network = SimNetwork(dice, latency=scenario.network.latency, bandwidth=scenario.network.bandwidth)
    parts = Parts(
        card=network.card,
        disks={name: SimDisk(name, dice) for name in scenario.nodes},
        processors={name: SimCompute(name, dice) for name in scenario.nodes},
        dice=dice,
        wall=lambda: EPOCH_S + clock.now,
    )
    faults = Faults(lambda: clock.now, dice.stream("faults"))
    members = {name: Address(name, PORT) for name in scenario.nodes}
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Guard(clock, controller).run)
        await nursery.start(network.run)
        yield ground(scenario, parts, faults, members, journal, around=_set_node)
        nursery.cancel_scope.cancel()


def _set_node(name: str) -> None:
    NODE.set(name)
