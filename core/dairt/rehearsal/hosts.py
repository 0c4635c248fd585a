"""Hosts for nodes that live in this process: made anew for every life, and silent once they are switched off."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import trio

from dairt.model.address import Address
from dairt.model.events import Event
from dairt.model.scenario import Scenario
from dairt.rehearsal.stage import Ground
from dairt.runtime.cluster import LocalMachines
from dairt.runtime.host import Compute, Disk, Host, Network
from dairt.runtime.journal import Journal
from dairt.worlds.faults import Faults
from dairt.worlds.faulty_disk import FaultyDisk
from dairt.worlds.faulty_network import FaultyNetwork
from dairt.worlds.sim.dice import Dice


@dataclass(frozen=True)
class Parts:
    """What a world gives every host: its own card, disk and processors by name, dice, and a wall clock."""

    card: Callable[[str], Network]
    disks: Mapping[str, Disk]
    processors: Mapping[str, Compute]
    dice: Dice
    wall: Callable[[], float]


class Hosts:
    """The hosts of one world, wrapped so that anything about them can be broken."""

    def __init__(self, parts: Parts, faults: Faults, members: Mapping[str, Address], journal: Journal) -> None:
        self._parts = parts
        self._faults = faults
        self._names = {address: name for name, address in members.items()}
        self._journal = journal
        self._lives: dict[str, int] = dict.fromkeys(members, 0)

    def host_of(self, name: str, machine: trio.Nursery) -> Host:
        """The host for the next life of a node, switched on."""
        self._faults.switch_on(name)
        self._lives[name] = life = self._lives[name] + 1

        def emit(event: Event) -> None:
            # What a dead machine's cleanup says is not heard: it would be out of order with the life after it.
            if self._lives[name] == life:
                self._journal.emit(name, event)

        parts, faults = self._parts, self._faults
        return Host(
            name=name,
            network=FaultyNetwork(parts.card(name), name, faults, self._name_of, machine),
            disk=FaultyDisk(parts.disks[name], name, faults),
            compute=parts.processors[name],
            random=parts.dice.stream("host", name, str(life)),
            wall=parts.wall,
            emit=emit,
        )

    def switch_off(self, name: str) -> None:
        """Nothing enters or leaves the host from now on."""
        self._lives[name] += 1
        self._faults.switch_off(name)

    def _name_of(self, address: Address) -> str:
        return self._names.get(address, "")


def ground(
    scenario: Scenario,
    parts: Parts,
    faults: Faults,
    members: dict[str, Address],
    journal: Journal,
    around: Callable[[str], None] = lambda name: None,
) -> Ground:
    """A ground of nodes in this process; `around` is called first in each node's root task."""
    hosts = Hosts(parts, faults, members, journal)
    configs = {name: scenario.node_config(name, members) for name in scenario.nodes}
    machines = LocalMachines(configs, hosts.host_of, hosts.switch_off, around)

    def sockets(name: str) -> int:
        return sum(number for source, target, number in faults.links() if name in (source, target))

    return Ground(machines, faults, parts.wall, sockets)
