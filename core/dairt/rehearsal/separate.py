"""The proc world: one OS process a node, real time, sockets on the loopback interface, and signals that kill."""

import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path

import msgspec
import trio

from dairt.errors import NoAnswer, PeerUnreachable, Refused, UsageError
from dairt.model.action import (
    Action,
    Heal,
    LinkTrouble,
    PauseNode,
    PowerCut,
    RotBit,
    Unsynced,
    WorldTrouble,
    why_not,
)
from dairt.model.events import Entry, FaultFired, NodeDown, PhaseBegan, SocketOpened
from dairt.model.scenario import Fault
from dairt.model.views import NodeDetail, NodeView
from dairt.rehearsal.casting import struck_alone
from dairt.rehearsal.loopback import loopback_members
from dairt.rehearsal.scratch import scratch_folder
from dairt.rehearsal.solo import HURRIED_EXIT, Briefing
from dairt.rehearsal.stage import Ground, Setting
from dairt.rehearsal.tale import Tales
from dairt.runtime.cluster import Member
from dairt.runtime.host import Host
from dairt.runtime.journal import Journal
from dairt.runtime.remote import RemoteMember, remote_member
from dairt.worlds.faults import Faults
from dairt.worlds.files import FileDisk
from dairt.worlds.processes import Child, run_child
from dairt.worlds.sim.dice import Dice
from dairt.worlds.tcp import TcpNetwork
from dairt.worlds.threads import ThreadCompute

COMMAND = (sys.executable, "-m", "dairt.rehearsal.solo")
LOOK_EVERY_S = 0.1  # how old a node's view may be; what it tells comes at once
LAST = 2**62  # a place in a journal after everything: its entries come by another way
ORDERS_MAX = 1000  # links' troubles that a node has not been told of; one that is stuck may take no more


@asynccontextmanager
async def open_ground(setting: Setting, journal: Journal) -> AsyncIterator[Ground]:
    """Processes, and an operator who asks them."""
    links = Links(struck_alone(setting.scenario, setting.seed), setting.seed)
    journal.listeners.append(links.see)
    with nullcontext(setting.data) if setting.data is not None else scratch_folder() as folder:
        machines = ProcessMachines(setting, folder, journal, links)
        # What has ended has no sockets.
        yield Ground(machines, links, time.time, lambda name: 0, machines.power_cut, machines.wipe, detail=machines.detail)


class Links:
    """What is broken now, as every node is to know it: those that are up, and those that start.

    But for what is done to a process from outside: it is stopped and goes on by signals, and a bit in its folder flips.
    """

    def __init__(self, planned: tuple[Fault, ...], seed: int = 0) -> None:
        self.broken: dict[str, WorldTrouble] = {}
        self.planned = planned  # those that have not struck
        self.children: dict[str, Child] = {}  # the processes that are up
        self.outside = Faults(trio.current_time, Dice(seed), self)
        self._paused: dict[str, None] = {}
        self._orders: dict[str, trio.MemorySendChannel[tuple[Action, str]]] = {}
        self._sockets: dict[tuple[str, str], int] = {}  # by who opened them, and to whom

    def apply(self, fault_id: str, action: WorldTrouble) -> int:
        """Break something at every node, and say how much it befalls; where a node's own trigger did, it knows."""
        if isinstance(action, PauseNode | RotBit):
            return self.outside.apply(fault_id, action)
        if action.lasts:
            self.broken[fault_id] = action
        self._order(action, fault_id)
        if not isinstance(action, LinkTrouble):
            return 0
        covers = action.link.covers
        return sum(count for (a, b), count in self._sockets.items() if covers(a, b) or covers(b, a))

    def heal(self, fault_id: str) -> None:
        """End one fault."""
        self.outside.heal(fault_id)
        self.broken.pop(fault_id, None)
        self._order(Heal(fault_id))

    def heal_all(self) -> None:
        """End them all, and arm no trigger any more."""
        self.outside.heal_all()
        self.broken.clear()
        self.planned = ()
        self._order(Heal())

    def pause(self, node: str) -> None:
        """Stop a process."""
        self._paused[node] = None
        self._signal(node, signal.SIGSTOP)

    def resume(self, node: str) -> None:
        """Let a process go on."""
        self._paused.pop(node, None)
        self._signal(node, signal.SIGCONT)

    def slow(self, node: str, one_in: int) -> None:
        """Leave a process its pace: it slows down itself."""

    def _signal(self, node: str, number: signal.Signals) -> None:
        if node in self.children:
            self.children[node].signal(number)

    def see(self, entry: Entry) -> None:
        """Hear of an event: a journal listener. A fault strikes once, and none after the time of trouble."""
        match entry.event:
            case SocketOpened(peer=peer):
                self._sockets[entry.node, peer] = self._sockets.get((entry.node, peer), 0) + 1
            case FaultFired(fault=fault):
                self.planned = tuple(planned for planned in self.planned if planned.id != fault)
            case PhaseBegan(phase="settle"):
                self.heal_all()

    def look(self, view: NodeView) -> None:
        """Learn from a node's view how many sockets it really has."""
        self._sockets.update({(view.name, peer.name): peer.sockets for peer in view.peers})

    async def tell(self, member: RemoteMember, orders: trio.MemoryReceiveChannel[tuple[Action, str]]) -> None:
        """Pass orders on to one node, in their order. One that cannot be told is about to be known as down."""
        async for action, fault in orders:
            while member.name in self._paused:
                await self.outside.change()
            try:
                await member.act(action, fault)
            except (PeerUnreachable, NoAnswer, Refused):
                continue

    def enlist(self, name: str) -> trio.MemoryReceiveChannel[tuple[Action, str]]:
        """The orders for the next life of a node, from now on."""
        self._orders[name], orders = trio.open_memory_channel[tuple[Action, str]](ORDERS_MAX)
        return orders

    def dismiss(self, name: str) -> None:
        """No more orders for a node; it is down, and its sockets are gone."""
        self._orders.pop(name).close()
        self.outside.switch_off(name)  # what stopped this process stops no other
        self.outside.switch_on(name)
        self._sockets = {ends: count for ends, count in self._sockets.items() if name not in ends}

    def _order(self, action: Action, fault: str = "") -> None:
        for name, orders in self._orders.items():
            try:
                orders.send_nowait((action, fault))
            except trio.WouldBlock:
                raise UsageError(f"{name} has not answered for so long that it takes no more orders; kill it") from None


class ProcessMachines:
    """Runs every life of a node as a process that this one starts, asks, and outlives."""

    def __init__(self, setting: Setting, folder: Path, journal: Journal, links: Links) -> None:
        scenario = setting.scenario
        self._seed = setting.seed
        self._folder = folder
        self._journal = journal
        self._links = links
        self._origin_s = time.perf_counter() - trio.current_time()
        self._tales = Tales(lambda: time.perf_counter() - self._origin_s, lambda entry: journal.emit(entry.node, entry.event))
        members = loopback_members(scenario.nodes)
        self._configs = {name: scenario.node_config(name, members) for name in scenario.nodes}
        self._lives: dict[str, int] = dict.fromkeys(members, 0)
        self.children = links.children
        self._sources: dict[str, int] = {}
        self._operator = _operator(folder, setting.seed)
        for name in members:
            links.outside.join_disk(name, FileDisk(folder / name))

    async def run(self, name: str, *, task_status: trio.TaskStatus[Member]) -> None:
        """See Machines. A process that a stranger killed is a node down; one that crashed is a bug, and ends the run."""
        member, orders = self._member(name), self._links.enlist(name)
        source, sink = self._tales.open()
        try:
            async with trio.open_nursery() as life:
                life.start_soon(self._tales.listen, source)
                try:
                    child = await life.start(
                        partial(run_child, COMMAND, f"{name} up", first_words=self._brief(name), stdout=sink)
                    )
                finally:
                    os.close(sink)
                self.children[name], self._sources[name] = child, source
                await self._look(member)
                life.start_soon(self._links.tell, member, orders)
                life.start_soon(self._keep_looking, member)
                task_status.started(member)
                code = await child.wait()
                life.cancel_scope.cancel()
        finally:
            member.close()
            self.children.pop(name, None)
            self._links.dismiss(name)
            self._tales.close(source)
        self._account(name, code, child)

    def unplug(self, name: str) -> None:
        """See Machines: SIGKILL, now. What it told until then is heard first."""
        if (child := self.children.get(name)) is not None:  # else it is not up yet, and ends with its life
            child.signal(signal.SIGKILL)
            self._tales.mute(self._sources[name])

    def power_cut(self, name: str, unsynced: Unsynced) -> None:
        """Nobody can cut the power of a part of a real machine."""
        raise UsageError(f"cannot cut the power of {name}: {why_not(PowerCut(name, unsynced), 'proc')}")

    async def wipe(self, name: str) -> None:
        """Empty the folder of a node that is down."""
        await FileDisk(self._folder / name).wipe()

    def detail(self, name: str) -> NodeDetail:
        """How a node is configured; its tasks are its own."""
        child = self.children.get(name)
        apart = f"the tasks of {name} are in process {child.pid}; only in the worlds sim and tcp they are seen" if child else ""
        return NodeDetail(name, self._configs[name].lines(), hidden=apart or f"{name} is down: it has no tasks")

    def _member(self, name: str) -> RemoteMember:
        config = self._configs[name]
        return remote_member(name, config.address, self._operator, msgspec.structs.replace(config, name=self._operator.name))

    def _brief(self, name: str) -> bytes:
        self._lives[name] += 1
        briefing = Briefing(
            config=self._configs[name],
            data=str(self._folder / name),
            seed=self._seed,
            life=self._lives[name],
            origin_s=self._origin_s,
            faults=self._links.planned,
            broken=self._links.broken,
        )
        return msgspec.json.encode(briefing) + b"\n"

    async def _look(self, member: RemoteMember) -> None:
        """Bring the view of a node up to date; one that does not answer keeps its last."""
        with suppress(PeerUnreachable, NoAnswer):
            await member.watch(LAST)
            self._links.look(member.report().node)

    async def _keep_looking(self, member: RemoteMember) -> None:
        while True:
            await trio.sleep(LOOK_EVERY_S)
            await self._look(member)

    def _account(self, name: str, code: int, child: Child) -> None:
        if code == HURRIED_EXIT or code < 0:
            how = signal.Signals(-code).name if code < 0 else "a second signal"
            self._journal.emit(name, NodeDown(f"process {child.pid} ended by {how}"))
        elif code:
            raise RuntimeError("\n".join([f"{name} crashed with {code}; its last words:", *child.lines]))


def _operator(folder: Path, seed: int) -> Host:
    """The host from which nodes are asked; nobody listens to what becomes of its sockets."""
    dice = Dice(seed).stream("host", "operator")
    return Host("operator", TcpNetwork(), FileDisk(folder), ThreadCompute(1), dice, time.time, lambda event: None)
