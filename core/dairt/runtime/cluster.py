"""Cluster: the nodes of one world, supervised, and the calls a user makes."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import numpy as np
import trio

from dairt.errors import PeerUnreachable, RunFailed, UsageError
from dairt.model.config import NodeConfig
from dairt.model.events import NodeDown
from dairt.model.graph import Graph, Outline, check_feeds
from dairt.model.graph_view import graph_view
from dairt.model.version import Version
from dairt.model.views import GraphView, NodeReport, NodeView, RunView
from dairt.protocol.messages import ALL, Audience, Receipt
from dairt.runtime.host import Host
from dairt.runtime.journal import Journal
from dairt.runtime.node import run_node

RESTARTS_MAX = 5  # in a row after expected errors; a node that cannot have its disk or port says so and stays down
RESTART_FIRST_S = 0.1
GRAPHS_KEPT = 32  # of those that were run, the latest; as many as a person goes back to
STOP_S = 30.0  # a node that has not drained by then is stuck: its own deadline for its exchanges is a tenth of that


class Member(Protocol):
    """One node that is up, as the cluster drives it: in this process, or in one of its own."""

    name: str

    async def broadcast(self, key: str, array: np.ndarray, audience: Audience = ALL, *, unless_held: bool = False) -> Receipt:
        """Broadcast a tensor from this node."""

    async def put(self, key: str, array: np.ndarray) -> Receipt:
        """Keep a tensor on this node only."""

    async def run(self, outline: Outline, feeds: dict[str, np.ndarray], run: str = "") -> dict[str, np.ndarray]:
        """Coordinate a run; raises RunFailed."""

    async def scrub(self, key: str, *, repair: bool) -> None:
        """Read its files of a key, or with "" of all, back from disk; with `repair`, make them good."""

    def report(self) -> NodeReport:
        """What the node looks like."""

    def held(self, key: str) -> tuple[Version, np.ndarray]:
        """The newest version of a key in its memory, to be looked at; raises UsageError where it cannot be."""

    async def drain(self) -> None:
        """Ask the node to stop gracefully."""


class Machines(Protocol):
    """What nodes run on."""

    async def run(self, name: str, *, task_status: trio.TaskStatus[Member]) -> None:
        """One life of one node: started once it listens, over once it has drained; to cancel is to kill.

        Raises OSError where the node cannot have its disk or its address.
        """

    def unplug(self, name: str) -> None:
        """Cut a node off from everything, because it is about to be killed: no cleanup of its own gets out."""


class LocalMachines:
    """Nodes of this process, each over a host made anew for every life."""

    def __init__(
        self,
        configs: Mapping[str, NodeConfig],
        host_of: Callable[[str, trio.Nursery], Host],
        unplug: Callable[[str], None],
        around: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._configs = configs
        self._host_of = host_of
        self._unplug = unplug
        self._around = around
        self.roots: dict[str, trio.lowlevel.Task] = {}  # the root task of every life that goes on

    async def run(self, name: str, *, task_status: trio.TaskStatus[Member]) -> None:
        """See Machines. `around` is called in the node's root task, before anything of it runs."""
        self._around(name)
        self.roots[name] = trio.lowlevel.current_task()
        try:
            async with trio.open_nursery() as machine:
                await run_node(self._configs[name], self._host_of(name, machine), task_status=task_status)
                machine.cancel_scope.cancel()
        finally:
            del self.roots[name]

    def unplug(self, name: str) -> None:
        """See Machines."""
        self._unplug(name)


@dataclass
class _Life:
    """One life of a node: how to end it, when it has ended, and what it answers to while it listens."""

    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    settled: trio.Event = field(default_factory=trio.Event)  # it listens, or is over
    over: trio.Event = field(default_factory=trio.Event)
    member: Member | None = None


class Cluster:
    """The nodes of one world. A node that is down stays so until `start`; calls go to those that are up."""

    def __init__(self, machines: Machines, names: Sequence[str], journal: Journal, nursery: trio.Nursery) -> None:
        self.names = tuple(names)
        self.journal = journal
        self.graphs: dict[str, GraphView] = {}  # what was run here lately, by digest
        self._machines = machines
        self._nursery = nursery
        self._lives: dict[str, _Life] = {}
        self._starts: dict[str, int] = dict.fromkeys(self.names, 0)
        self._ends: dict[str, int] = dict.fromkeys(self.names, 0)  # how often a node was told to end
        self._last_seen: dict[str, NodeView] = {name: NodeView(name, "", "down") for name in self.names}

    def is_up(self, name: str) -> bool:
        """Whether the node listens."""
        return name in self._lives and self._lives[name].member is not None

    def up(self) -> tuple[str, ...]:
        """The nodes that listen, in the order of their names' list."""
        return tuple(name for name in self.names if self.is_up(name))

    def member(self, name: str = "") -> Member:
        """The node of that name, or with "" the first that is up; raises PeerUnreachable."""
        name = name or next(iter(self.up()), "")
        if name:
            self._check(name)
        life = self._lives.get(name)
        if life is None or life.member is None:
            raise PeerUnreachable(f"{name or 'every node'} is down")
        return life.member

    async def start_all(self) -> None:
        """Start every node that is down, all at once."""
        async with trio.open_nursery() as nursery:
            for name in self.names:
                nursery.start_soon(self.start, name)

    async def start(self, name: str) -> None:
        """Start a node and return when it has restored and listens, or was told to end meanwhile; harmless when it is up.

        After an expected error it is tried again with backoff; raises the last one when it keeps failing. A disk may take
        as long as it likes to give back its checkpoints: whoever cannot wait cancels this, and kills the node.
        """
        self._check(name)
        ends = self._ends[name]
        for attempt in range(RESTARTS_MAX + 1):
            while (life := self._lives.get(name)) is not None:
                await life.settled.wait()
                if life.member is not None:
                    return
            self._lives[name] = life = _Life()  # at once: between the check above and the new task's first step others run
            try:
                await self._nursery.start(self._live, name, life)
                return
            except OSError as exc:
                self.journal.emit(name, NodeDown(str(exc)))
                if attempt == RESTARTS_MAX:
                    raise
            await trio.sleep(RESTART_FIRST_S * 2**attempt)
            if self._ends[name] != ends:
                return

    async def stop(self, name: str) -> None:
        """Drain a node and return when it is down. One that does not listen yet, or cannot drain, is killed."""
        self._ends[name] += 1
        life = self._lives.get(name)
        if life is None:
            return
        with trio.move_on_after(STOP_S):
            if life.member is not None:
                await life.member.drain()
                await life.over.wait()
        if self._lives.get(name) is life:
            await self.kill(name, "killed: it could not drain" if life.member else "killed while it started")

    async def kill(self, name: str, reason: str = "killed") -> None:
        """End a node without farewell, even while it starts, and return when it is gone; harmless when it is down."""
        self._ends[name] += 1
        life = self._lives.get(name)
        if life is None:
            return
        self._machines.unplug(name)
        life.scope.cancel()
        self.journal.emit(name, NodeDown(reason))
        await life.over.wait()

    async def broadcast(self, key: str, array: np.ndarray, *, source: str = "", audience: Audience = ALL) -> Receipt:
        """Broadcast a tensor from `source` (by default the first node that is up) and return its receipt.

        Raises UsageError for what cannot be broadcast, PeerUnreachable when the source is down, NoAnswer when it went down
        in the middle: then it may have happened.
        """
        return await self.member(source).broadcast(key, np.asarray(array), audience)

    async def put(self, key: str, array: np.ndarray, *, node: str = "") -> Receipt:
        """Keep a tensor on one node, durably. Raises as `broadcast` does."""
        return await self.member(node).put(key, np.asarray(array))

    async def scrub(self, node: str, key: str = "", *, repair: bool = False) -> None:
        """Have a node read its files of a key, or of all, back from disk; with `repair`, have it make them good.

        Raises UsageError for a key that is not held, PeerUnreachable when the node is down, Refused when its disk refuses.
        """
        await self.member(node).scrub(key, repair=repair)

    async def run(
        self, graph: Graph, feeds: Mapping[str, np.ndarray], *, coordinator: str = "", run: str = ""
    ) -> dict[str, np.ndarray]:
        """Run a graph over the nodes and return its outputs by name: the same bits, whatever broke meanwhile.

        Raises RunFailed saying why there is no answer, UsageError for feeds that do not fit, PeerUnreachable with no node up,
        NoAnswer when the coordinator went down.
        """
        check_feeds(graph, feeds)
        self._remember(graph)
        outline = graph.outline()
        member = self.member(coordinator)
        for name in outline.constants:
            receipt = await member.broadcast(outline.weight_key(name), graph.constants[name], ALL, unless_held=True)
            if receipt.members[member.name].outcome == "failed":
                raise RunFailed(f"{graph.name} has no answer: {member.name} could not keep its weight {name!r}")
        return await member.run(outline, dict(feeds), run)

    def _remember(self, graph: Graph) -> None:
        if graph.digest not in self.graphs:
            self.graphs[graph.digest] = graph_view(graph)
            while len(self.graphs) > GRAPHS_KEPT:
                del self.graphs[next(iter(self.graphs))]

    def _check(self, name: str) -> None:
        if name not in self.names:
            raise UsageError(f"there is no node {name!r}; the nodes are {', '.join(self.names)}")

    def node_views(self) -> tuple[NodeView, ...]:
        """Every node as it is now, or as it was when last seen."""
        return tuple(self._view(name) for name in self.names)

    def run_views(self) -> tuple[RunView, ...]:
        """The runs of every node that is up, oldest first."""
        runs = [run for name in self.up() for run in self.member(name).report().runs]
        return tuple(sorted(runs, key=lambda run: (run.started_s, run.run)))

    def _view(self, name: str) -> NodeView:
        if self.is_up(name):
            view = self.member(name).report().node
            self._last_seen[name] = view = msgspec.structs.replace(view, restarts=self._starts[name] - 1)
            return view
        return msgspec.structs.replace(
            self._last_seen[name], state="starting" if name in self._lives else "down",
            sockets=0, lanes=(), workers=(), peers=(), up_s=0.0,
        )  # fmt: skip

    async def _live(self, name: str, life: _Life, *, task_status: trio.TaskStatus[None]) -> None:
        """One life, from its start to its end. An expected error ends the life, and another begins; a bug ends the run."""
        error: OSError | None = None
        try:
            with life.scope:
                try:
                    async with trio.open_nursery() as nursery:
                        life.member = await nursery.start(self._machines.run, name)
                        life.settled.set()
                        self._starts[name] += 1
                        task_status.started()
                except* OSError as group:
                    error = _first(group)
        finally:
            del self._lives[name]
            life.settled.set()
            life.over.set()
        killed = life.scope.cancel_called  # what it raised while it died says nothing
        if life.member is None and killed:
            task_status.started()
        elif life.member is None:
            raise error or OSError(f"{name} ended before it listened")  # `start` decides
        elif error is not None and not killed:
            self.journal.emit(name, NodeDown(str(error)))
            self._nursery.start_soon(self._revive, name)

    async def _revive(self, name: str) -> None:
        """Start a node again that ended by an expected error. One that cannot be started stays down, as its events say."""
        with suppress(OSError):
            await self.start(name)


@asynccontextmanager
async def open_cluster(machines: Machines, names: Sequence[str], journal: Journal) -> AsyncIterator[Cluster]:
    """A cluster none of whose nodes is up yet; on leaving, those that are up are drained."""
    async with trio.open_nursery() as nursery:
        cluster = Cluster(machines, names, journal, nursery)
        try:
            yield cluster
            async with trio.open_nursery() as drains:
                for name in cluster.up():
                    drains.start_soon(cluster.stop, name)
        finally:
            nursery.cancel_scope.cancel()


def _first(group: BaseExceptionGroup[OSError]) -> OSError:
    [first, *_] = group.exceptions
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
