"""The simulated world: everything from one seed, under virtual time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from dairt.model.action import Unsynced
from dairt.model.address import Address
from dairt.model.events import FaultLanded
from dairt.model.scenario import Latency, Scenario
from dairt.rehearsal.hosts import Parts, ground
from dairt.rehearsal.stage import Ground, Setting
from dairt.runtime.journal import Journal
from dairt.worlds.faults import Faults
from dairt.worlds.sim.compute import SimCompute
from dairt.worlds.sim.dice import Dice
from dairt.worlds.sim.disk import DiskSpeed, SimDisk
from dairt.worlds.sim.disk import Unsynced as Kept
from dairt.worlds.sim.network import SimNetwork
from dairt.worlds.sim.oracles import Guard, tasks_of
from dairt.worlds.sim.scheduler import NODE

PORT = 5001
EPOCH_S = 1_767_225_600.0  # when every story begins, for stamps that people read: 2026-01-01 00:00 UTC


@asynccontextmanager
async def open_ground(setting: Setting, journal: Journal) -> AsyncIterator[Ground]:
    """Wires, disks and processors made of memory. Disks outlive the lives of their nodes."""
    clock, controller, scenario = setting.clock, setting.controller, setting.scenario
    assert clock is not None
    assert controller is not None
    dice, wires = Dice(setting.seed), scenario.network
    network = SimNetwork(
        dice,
        latency=wires.latency,
        bandwidth=wires.bandwidth,
        mtu=wires.mtu,
        datagram_loss=wires.datagram_loss,
        special=special_links(scenario),
    )
    speed = DiskSpeed(sync_p50_s=scenario.disk.sync_p50_s, sync_p99_s=scenario.disk.sync_p99_s)
    disks = {name: SimDisk(name, dice, speed) for name in scenario.nodes}
    parts = Parts(
        card=network.card,
        disks=disks,
        processors={name: SimCompute(name, dice) for name in scenario.nodes},
        dice=dice,
        wall=lambda: EPOCH_S + clock.now,
        power=SimPower(network, disks, scenario.disk.unsynced),
    )
    faults = Faults(lambda: clock.now, dice, controller, lambda fault: journal.emit("", FaultLanded(fault)))
    members = {name: Address(name, PORT) for name in scenario.nodes}
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Guard(clock, controller).run)
        await nursery.start(network.run)
        yield ground(scenario, parts, faults, members, journal, around=_set_node, tasks=tasks_of)
        nursery.cancel_scope.cancel()


class SimPower:
    """The power of simulated hosts: of their cards and their disks."""

    def __init__(self, network: SimNetwork, disks: dict[str, SimDisk], unsynced: Kept) -> None:
        self._network = network
        self._disks = disks
        self._unsynced = unsynced

    def cut(self, node: str, unsynced: Unsynced) -> None:
        """See Power."""
        self._network.power_off(node)
        self._disks[node].power_cut(unsynced or self._unsynced)

    def back(self, node: str) -> None:
        """See Power."""
        self._network.power_on(node)

    def spill(self, node: str, unsynced: Unsynced) -> None:
        """See Power."""
        self._disks[node].power_cut(unsynced or self._unsynced)


def special_links(scenario: Scenario) -> dict[tuple[str, str], tuple[Latency, float]]:
    """The latency and bandwidth of every directed link that is not as the others are."""
    links: dict[tuple[str, str], tuple[Latency, float]] = {}
    usual = scenario.network.latency, scenario.network.bandwidth
    for model in scenario.network.links:
        ends = [(a, b) for a in scenario.members_of(model.source) for b in scenario.members_of(model.target) if a != b]
        for link in ends if model.one_way else [*ends, *((b, a) for a, b in ends)]:
            latency, bandwidth = links.get(link, usual)
            links[link] = model.latency or latency, model.bandwidth or bandwidth
    return links


def _set_node(name: str) -> None:
    NODE.set(name)
