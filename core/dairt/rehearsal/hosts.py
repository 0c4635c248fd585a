"""Hosts for nodes that live in this process: made anew for every life, and silent once they are switched off."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import trio
from msgspec.structs import replace

from dairt.errors import UsageError
from dairt.model.action import PowerCut, Unsynced, why_not
from dairt.model.address import Address
from dairt.model.events import Event, NodeDrained
from dairt.model.scenario import Scenario
from dairt.model.views import NodeDetail
from dairt.rehearsal.stage import Ground
from dairt.rehearsal.task_tree import task_tree
from dairt.runtime.checkpoints import UNFINISHED
from dairt.runtime.cluster import LocalMachines
from dairt.runtime.host import Compute, Disk, Host, Network
from dairt.runtime.journal import Journal
from dairt.worlds.faults import Faults
from dairt.worlds.faulty_compute import FaultyCompute
from dairt.worlds.faulty_disk import FaultyDisk
from dairt.worlds.faulty_network import FaultyNetwork
from dairt.worlds.fingerprint import fingerprint
from dairt.worlds.sim.dice import Dice


class HostDisk(Disk, Protocol):
    """A node's disk, and what may befall it as a thing."""

    async def wipe(self) -> None:
        """Be empty, while its node is down."""

    def listing(self) -> Sequence[str]:
        """The names of all files, in order, as they are now."""

    def flip_bit(self, dice: random.Random, among: str = "") -> str:
        """Flip a drawn bit of a file whose name begins with `among`; say which, or "" where there is none."""


class Power(Protocol):
    """The power of hosts, in a world where it can be cut."""

    def cut(self, node: str, unsynced: Unsynced) -> None:
        """Take it from a host; of what is not synced, "" leaves what the story's disks do."""

    def back(self, node: str) -> None:
        """Give it back; harmless where it is there."""

    def spill(self, node: str, unsynced: Unsynced) -> None:
        """Lose of a disk what is not synced, though its host has power."""


@dataclass(frozen=True)
class Parts:
    """What a world gives every host: its own card, disk and processors by name, dice, a wall clock, and maybe its power."""

    card: Callable[[str], Network]
    disks: Mapping[str, HostDisk]
    processors: Mapping[str, Compute]
    dice: Dice
    wall: Callable[[], float]
    power: Power | None = None


class Hosts:
    """The hosts of one world, wrapped so that anything about them can be broken."""

    def __init__(self, parts: Parts, faults: Faults, members: Mapping[str, Address], journal: Journal) -> None:
        self._parts = parts
        self._faults = faults
        self._names = {address: name for name, address in members.items()}
        self._journal = journal
        self._lives: dict[str, int] = dict.fromkeys(members, 0)
        for name, disk in parts.disks.items():
            faults.join_disk(name, disk)

    def host_of(self, name: str, machine: trio.Nursery) -> Host:
        """The host for the next life of a node, switched on."""
        parts, faults = self._parts, self._faults
        if parts.power is not None:
            parts.power.back(name)
        faults.switch_on(name)
        self._lives[name] = life = self._lives[name] + 1

        def emit(event: Event) -> None:
            # What a dead machine's cleanup says is not heard: it would be out of order with the life after it.
            if self._lives[name] == life:
                self._journal.emit(name, event)
                if isinstance(event, NodeDrained):
                    self._spill(name)

        return Host(
            name=name,
            network=FaultyNetwork(parts.card(name), name, faults, self._name_of, machine),
            disk=FaultyDisk(parts.disks[name], name, faults),
            compute=FaultyCompute(parts.processors[name], name, faults),
            random=parts.dice.stream("host", name, str(life)),
            wall=lambda: parts.wall() + faults.clock_skew_s(name),
            emit=emit,
        )

    def switch_off(self, name: str) -> None:
        """Nothing enters or leaves the host from now on; harmless when its power is cut already."""
        if self._faults.is_off(name):
            return
        self._lives[name] += 1
        self._faults.switch_off(name)
        self._spill(name)

    def power_cut(self, name: str, unsynced: Unsynced = "") -> None:
        """Switch a host off without a word to anyone, and lose what its disk has not synced."""
        if self._parts.power is None:
            raise UsageError(f"cannot cut the power of {name}: {why_not(PowerCut(name), 'tcp')}")
        self._lives[name] += 1
        # First the power, then the rest: what is closed behind a dead card is heard by nobody.
        self._parts.power.cut(name, unsynced or self._faults.disk_after(name))
        self._faults.switch_off(name, silent=True)

    async def wipe(self, name: str) -> None:
        """Empty the disk of a node that is down."""
        await self._parts.disks[name].wipe()

    def sockets(self, name: str) -> int:
        """How many sockets the host of a node that is down has left open: none where it has no power."""
        if self._faults.is_off(name):
            return 0
        return sum(number for source, target, number in self._faults.links() if name in (source, target))

    def _spill(self, name: str) -> None:
        """A life is over, by whatever cause: where trouble will have it, its disk keeps no more than it has synced."""
        unsynced = self._faults.disk_after(name)
        if unsynced and self._parts.power is not None:
            self._parts.power.spill(name, unsynced)

    def litter(self, name: str) -> tuple[str, ...]:
        """What a node that is down has left behind: files that were never finished."""
        return tuple(f"file {file}" for file in self._parts.disks[name].listing() if file.endswith(UNFINISHED))

    def _name_of(self, address: Address) -> str:
        return self._names.get(address, "")


def ground(
    scenario: Scenario,
    parts: Parts,
    faults: Faults,
    members: dict[str, Address],
    journal: Journal,
    around: Callable[[str], None] = lambda name: None,
    tasks: Callable[[str], tuple[str, ...]] = lambda name: (),
) -> Ground:
    """A ground of nodes in this process.

    `around` is called first in each node's root task; `tasks` tells those of a node that have not ended, where that is known.
    """
    hosts = Hosts(parts, faults, members, journal)
    numerics = fingerprint()  # one machine, whatever the story calls its hosts
    plain = {name: scenario.node_config(name, members) for name in scenario.nodes}
    configs = {name: replace(config, fingerprint=config.fingerprint or numerics) for name, config in plain.items()}

    def litter(name: str) -> tuple[str, ...]:
        return (*(f"task {task}" for task in tasks(name)), *hosts.litter(name))

    def detail(name: str) -> NodeDetail:
        if (root := machines.roots.get(name)) is None:
            return NodeDetail(name, configs[name].lines(), hidden=f"{name} is down: it has no tasks")
        return NodeDetail(name, configs[name].lines(), *task_tree(root))

    machines = LocalMachines(configs, hosts.host_of, hosts.switch_off, around)
    return Ground(machines, faults, parts.wall, hosts.sockets, hosts.power_cut, hosts.wipe, litter, detail)
