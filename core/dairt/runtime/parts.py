"""The parts of a node, put together: its store, pool, peers and duties, and the calls a user makes on it."""

import numpy as np
import trio

from dairt.errors import Refused, RemoteProtocolError, RunFailed, UsageError
from dairt.model.config import NodeConfig
from dairt.model.graph import Outline
from dairt.model.version import Version
from dairt.model.views import NodeReport, NodeState, NodeView, PeerView, RunView
from dairt.protocol.membership import Membership, Rule
from dairt.protocol.messages import ALL, LOCAL, Audience, Hello, Receipt
from dairt.protocol.runs import NodeBack, NodeLost
from dairt.runtime.broadcast import Broadcaster
from dairt.runtime.calls import Calls
from dairt.runtime.execute import Coordinator
from dairt.runtime.framed import Budget, Traffic
from dairt.runtime.host import Host
from dairt.runtime.operate import Operator
from dairt.runtime.peer import Peer
from dairt.runtime.pulse import Pulse
from dairt.runtime.reconcile import Reconciler
from dairt.runtime.store import Store
from dairt.runtime.values import RunValues
from dairt.runtime.workers import WorkerPool

PROTOCOL = 1
RUNS_SHOWN = 20  # finished runs kept for views; a page of a console


class Node:
    """One life of a node. Made and run by `run_node`, which opens its door and keeps its tasks."""

    def __init__(self, config: NodeConfig, host: Host, pool: WorkerPool) -> None:
        self.name = config.name
        self.config = config
        self.host = host
        self.pool = pool
        self.address = config.address
        self.state: NodeState = "starting"
        self.incarnation = host.random.getrandbits(48)
        self.draining = trio.Event()
        self.calls = Calls(config.name, config.limits.calls_max)
        self.traffic = Traffic()
        self.budget = Budget(config.limits.bodies_max_bytes)
        self.store = Store(host, config, pool, self.incarnation)
        self.values = RunValues(config.limits.run_lease_s)
        self.peers = {
            name: Peer(name, address, host, config, self._hello, self.budget, self.traffic)
            for name, address in sorted(config.members.items())
            if name != config.name
        }
        now = trio.current_time()
        self._booted = now
        self.membership = Membership(
            config.name,
            sorted(config.members),
            Rule(config.probe_every_s, config.suspect_after_s, config.dead_after_s),
            now,
            cluster=config.cluster,
            life=self.incarnation,
            random=host.random,
            summary=self.store.summary,
        )
        self.broadcaster = Broadcaster(host, self.store, self.peers, config.limits, self._is_dead)
        self.operator = Operator(host, self.store, pool, self.values, self.peers, config.limits)
        self.reconciler = Reconciler(host, config, self.store, self.peers, self.membership)
        self.pulse = Pulse(host, self.membership, self.peers, config.probe_every_s, self._member_lost, self._member_back)
        self._runs: dict[str, Coordinator] = {}
        self._last_run = 0

    async def broadcast(self, key: str, array: np.ndarray, audience: Audience = ALL, *, unless_held: bool = False) -> Receipt:
        """Broadcast a tensor from here; see Broadcaster."""
        return await self.calls.make(lambda: self.broadcaster.broadcast(key, array, audience, unless_held=unless_held))

    async def put(self, key: str, array: np.ndarray) -> Receipt:
        """Keep a tensor on this node only, durably."""
        return await self.broadcast(key, array, LOCAL)

    async def run(self, outline: Outline, feeds: dict[str, np.ndarray], run: str = "") -> dict[str, np.ndarray]:
        """Coordinate a run of a graph whose weights were broadcast; raises RunFailed."""
        return await self.calls.make(lambda: self._run(outline, feeds, run))

    async def scrub(self, key: str, *, repair: bool) -> None:
        """Read files back from disk, see Store; with `repair`, also ask every peer that is alive for what is newer."""
        await self.calls.make(lambda: self._scrub(key, repair))

    async def drain(self) -> None:
        """Stop gracefully: close the door, finish the exchanges. Returns at once; `run_node` returns when done."""
        self.draining.set()

    async def aclose(self) -> None:
        """Close the connections kept for reuse."""
        for peer in self.peers.values():
            await peer.aclose()

    def abort(self) -> None:
        """Reset the connections kept for reuse; harmless after `aclose`."""
        for peer in self.peers.values():
            peer.abort_idle()

    async def sweep(self) -> None:
        """Forget abandoned runs, now and then."""
        while True:
            await trio.sleep(self.config.limits.run_lease_s / 4)
            self.values.sweep()

    def heard_from(self, name: str, incarnation: int) -> None:
        """Somebody said hello: if it is a member, it is there."""
        if name in self.peers:
            self.peers[name].heard(incarnation)
            self.pulse.greeted(name)

    def report(self) -> NodeReport:
        """What this node looks like now."""
        now = trio.current_time()
        peers = tuple(
            PeerView(
                name, self.membership.state(name), peer.traffic.sockets,
                peer.traffic.tx_bytes, peer.traffic.rx_bytes, self.membership.silent_s(name, now),
            )
            for name, peer in self.peers.items()
        )  # fmt: skip
        view = NodeView(
            name=self.name,
            address=str(self.address),
            state=self.state,
            incarnation=self.incarnation,
            up_s=now - self._booted,
            lanes=self.pool.lane_views(),
            workers=self.pool.worker_views(),
            peers=peers,
            checkpoints=self.store.views(),
            sockets=self.traffic.sockets,
            tx_bytes=self.traffic.tx_bytes,
            rx_bytes=self.traffic.rx_bytes,
        )
        return NodeReport(view, self.run_views())

    def held(self, key: str) -> tuple[Version, np.ndarray]:
        """The newest version of a key, read-only; raises UsageError where there is none."""
        item = self.store.get(key)
        if item is None:
            raise UsageError(f"{self.name} holds no {key!r}")
        return item.version, item.array

    def run_views(self) -> tuple[RunView, ...]:
        """The runs this node coordinates or has lately coordinated."""
        return tuple(run.view() for run in self._runs.values())

    async def _scrub(self, key: str, repair: bool) -> None:
        for name in self.membership.alive() if repair else ():
            if name != self.name:
                self.reconciler.soon(name)
        try:
            await self.store.scrub(key, repair=repair)
        except OSError as exc:
            raise Refused(f"the disk of {self.name} refuses: {exc.strerror or exc}") from exc

    async def _run(self, outline: Outline, feeds: dict[str, np.ndarray], run: str) -> dict[str, np.ndarray]:
        self._last_run += 1
        # The incarnation's first 24 bits: two lives of a node whose runs had one name would take each other's values.
        run = run or f"{self.name}.{self.incarnation >> 24:06x}.{self._last_run}"
        if run in self._runs or self.values.has_ended(run):
            raise RunFailed(f"there has been a run {run!r} already: give this one another name")
        coordinator = Coordinator(
            run, outline, feeds,
            host=self.host, config=self.config, store=self.store, values=self.values,
            operator=self.operator, peers=self.peers, able=self._able,
        )  # fmt: skip
        self._remember(coordinator)
        try:
            return await coordinator.execute()
        finally:
            with trio.move_on_after(self.config.limits.hello_s):
                await coordinator.end_everywhere()

    def _remember(self, coordinator: Coordinator) -> None:
        self._runs[coordinator.run] = coordinator
        finished = [name for name, run in self._runs.items() if run.view().state != "running"]
        for name in finished[: max(0, len(self._runs) - RUNS_SHOWN)]:
            del self._runs[name]

    def _hello(self) -> Hello:
        return Hello(PROTOCOL, self.config.cluster, self.name, self.incarnation, self.config.fingerprint)

    def _is_dead(self, name: str) -> bool:
        return self.membership.state(name) == "dead"

    def _able(self) -> tuple[str, ...]:
        """The members that may be given ops: alive, and with our numerics as far as we know."""

        def same_numerics(name: str) -> bool:
            return name == self.name or self.peers[name].fingerprint in ("", self.config.fingerprint)

        return tuple(
            name
            for name in self.membership.alive()
            if name == self.name or (self.membership.state(name) == "alive" and same_numerics(name))
        )

    def _member_lost(self, name: str, reason: str) -> None:
        if self._is_dead(name):
            self.peers[name].give_up(reason)
        else:
            self.peers[name].close_idle(reason)
        for run in self._runs.values():
            run.members_changed(NodeLost(name, reason))

    def _member_back(self, name: str) -> None:
        self.peers[name].back()
        self.reconciler.soon(name)
        if name in self._able():
            for run in self._runs.values():
                run.members_changed(NodeBack(name))


def check_hello(hello: Hello, config: NodeConfig) -> None:
    """Raise RemoteProtocolError unless whoever says hello speaks our protocol and is of our cluster.

    A node must also be another one of our members; observers and operators may have any name.
    """
    if hello.protocol != PROTOCOL:
        raise RemoteProtocolError(f"speaks protocol {hello.protocol}, this node speaks {PROTOCOL}")
    if hello.cluster != config.cluster:
        raise RemoteProtocolError(f"is of cluster {hello.cluster!r}, this node is of {config.cluster!r}")
    if hello.role == "node" and hello.node == config.name:
        raise RemoteProtocolError(f"says it is {config.name!r}, which is this node: two nodes have one name")
    if hello.role == "node" and hello.node not in config.members:
        raise RemoteProtocolError(f"is no member of this cluster, whose nodes are {', '.join(sorted(config.members))}")
