"""The small simulated world of the guillotine: nodes that do nothing but what the story asks of them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import trio

from dairt.model.address import Address
from dairt.model.config import Limits, NodeConfig
from dairt.model.events import Event
from dairt.runtime.host import Disk, Host, Network
from dairt.runtime.node import Node, run_node
from dairt.runtime.store import Item, Store
from dairt.runtime.workers import WorkerPool
from dairt.worlds.sim.clock import VirtualClock
from dairt.worlds.sim.compute import SimCompute
from dairt.worlds.sim.dice import Dice
from dairt.worlds.sim.disk import SimDisk
from dairt.worlds.sim.network import SimNetwork
from dairt.worlds.sim.oracles import Guard
from dairt.worlds.sim.scheduler import seeded

T = TypeVar("T")

PORT = 5001
WALL_S = 1_767_225_600.0
NEVER_S = 1e6  # nobody probes or compares of its own accord: what a broadcast promises it keeps alone
IDLE_S = 1.0  # what was opened at boot is closed before the story begins
STORY_MAX_S = 600.0

Nodes = Mapping[str, Node]


@dataclass(frozen=True)
class World:
    """Hosts by name: their disks, whose cards they have, and who hears of their events."""

    dice: Dice
    network: SimNetwork
    disks: Mapping[str, Disk]
    card: Callable[[str], Network]
    heard: Callable[[str, Event], None] = lambda name, event: None

    def config(self, name: str) -> NodeConfig:
        """A quiet node."""
        members = {member: Address(member, PORT) for member in self.disks}
        return NodeConfig(
            name,
            members[name],
            members,
            probe_every_s=NEVER_S,
            suspect_after_s=4 * NEVER_S,
            dead_after_s=8 * NEVER_S,
            reconcile_every_s=NEVER_S,
            limits=Limits(idle_s=IDLE_S),
        )

    def host(self, name: str) -> Host:
        """The machine under a node."""
        return Host(
            name=name,
            network=self.card(name),
            disk=self.disks[name],
            compute=SimCompute(name, self.dice),
            random=self.dice.stream("host", name),
            wall=lambda: WALL_S,
            emit=lambda event: self.heard(name, event),
        )


def live(world: World, seed: int, story: Callable[[Nodes], Awaitable[T]]) -> T:
    """Start the nodes, do the story, drain the nodes; return what the story does.

    Raises TooSlowError when that takes longer than anything in it may, and whatever ends a node.
    """
    clock = VirtualClock()

    async def main() -> T:
        with trio.fail_after(STORY_MAX_S):
            async with trio.open_nursery() as wires:
                wires.start_soon(Guard(clock, controller).run)
                await wires.start(world.network.run)
                async with trio.open_nursery() as lives:
                    nodes: dict[str, Node] = {}
                    for name in world.disks:
                        nodes[name] = await lives.start(run_node, world.config(name), world.host(name))
                    await trio.sleep(2 * IDLE_S)
                    result = await story(nodes)
                    for node in nodes.values():
                        await node.drain()
                wires.cancel_scope.cancel()
        return result

    with seeded(seed) as controller:
        return trio.run(main, clock=clock)


@dataclass(frozen=True)
class Remains:
    """What a boot finds of a key, and what files there are after it."""

    item: Item | None
    files: tuple[str, ...]


def boot(disk: SimDisk, key: str, folder: str) -> Remains:
    """Restore a node's store from its disk, and look."""
    dice = Dice(0)
    network = SimNetwork(dice)
    world = World(dice, network, {"a": disk}, network.card)

    async def main() -> Remains:
        config, host = world.config("a"), world.host("a")
        store = Store(host, config, WorkerPool(host, config), nonce=1)
        await store.restore()
        return Remains(store.get(key), tuple(await disk.names(folder)))

    with seeded(0):
        return trio.run(main, clock=VirtualClock())
