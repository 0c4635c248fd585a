"""A network in memory: hosts known by name, links with latency and bandwidth, and one task that delivers.

Nothing here decides what is broken; that is `Faults`, round any network.
"""

import errno
import math
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from statistics import NormalDist
from typing import Any

import trio

from dairt.model.address import Address
from dairt.model.scenario import Fixed, Latency, LogNormal, NetworkModel, Uniform
from dairt.runtime.host import Listener
from dairt.worlds.sim.connection import Link, SimConnection
from dairt.worlds.sim.dice import Dice
from dairt.worlds.streams import Gate, Turn

WINDOW_BYTES = 256 * 1024  # sent and not yet read, a direction of a connection: what real sockets buffer
BACKLOG = 128  # connections waiting to be accepted; past that they are refused
FIRST_FREE_PORT = 49152  # RFC 6335
DEFAULTS = NetworkModel()


class SimNetwork:
    """The wires between all simulated hosts. Somebody must `run` it.

    `latency` and `bandwidth` (bytes a second) hold for every directed link; all connections of a link share its bandwidth.
    """

    def __init__(
        self,
        dice: Dice,
        *,
        latency: Latency = DEFAULTS.latency,
        bandwidth: float = DEFAULTS.bandwidth,
        window: int = WINDOW_BYTES,
    ) -> None:
        self._dice = dice
        self._window = window
        self._latency = latency_of(latency)
        self._bandwidth = bandwidth
        self._links: dict[tuple[str, str], Link] = {}
        self._doors: dict[Address, SimListener] = {}
        self._ports = count(FIRST_FREE_PORT)
        self._due: list[tuple[float, int, Callable[[Any], None], Any]] = []
        self._order = count()
        self._nap = trio.CancelScope()

    def card(self, name: str) -> "SimCard":
        """The network card of the host `name`, whose name is also its address."""
        return SimCard(self, name)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Deliver what is due, until cancelled."""
        task_status.started()
        while True:
            now = trio.current_time()
            while self._due and self._due[0][0] <= now:
                _, _, deliver, what = heappop(self._due)
                deliver(what)
            with trio.CancelScope(deadline=self._due[0][0] if self._due else math.inf) as self._nap:
                await trio.sleep_forever()

    def _post(self, due: float, deliver: Callable[[Any], None], what: Any) -> None:
        """Call `deliver(what)` at the time `due`; what is due together, in the order of posting."""
        heappush(self._due, (due, next(self._order), deliver, what))
        if due < self._nap.deadline:
            self._nap.deadline = due

    async def listen(self, name: str, address: Address) -> "SimListener":
        """Open a door at one of the ports of the host `name`."""
        await trio.lowlevel.checkpoint()
        if address.host != name:
            raise OSError(errno.EADDRNOTAVAIL, f"{address} is not an address of {name}")
        if not address.port:
            address = Address(name, next(self._ports))
        if address in self._doors:
            raise OSError(errno.EADDRINUSE, f"{address} is taken")
        door = self._doors[address] = SimListener(address, self._doors)
        return door

    async def connect(self, name: str, address: Address) -> SimConnection:
        """Open a connection from the host `name`."""
        there, back = self._link(name, address.host), self._link(address.host, name)
        number = there.connections = there.connections + 1
        here = Address(name, next(self._ports))
        near, far = (
            SimConnection(
                remote, link, self._dice.draws("segment", name, address.host, str(number), way), self._window, self._post
            )
            for remote, link, way in ((address, there, "there"), (here, back, "back"))
        )
        near.peer, far.peer = far, near
        call = _Call(near, far, address)
        near.post(self._knock, call)
        try:
            await call.answered.wait()
        except BaseException:
            near.abort()
            raise
        if call.refused:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"nobody listens at {address}")
        return near

    def _knock(self, call: "_Call") -> None:
        door = self._doors.get(call.address)
        call.refused = door is None or not door.offer(call.far)
        call.far.post(lambda call: call.answered.open(), call)

    def _link(self, source: str, target: str) -> Link:
        if (source, target) not in self._links:
            self._links[source, target] = Link(self._latency, self._bandwidth)
        return self._links[source, target]


class SimCard:
    """One host's network card."""

    def __init__(self, network: SimNetwork, name: str) -> None:
        self._network = network
        self._name = name

    async def listen(self, address: Address) -> "SimListener":
        """Open a door; the host part must be this host's name."""
        return await self._network.listen(self._name, address)

    async def connect(self, address: Address) -> SimConnection:
        """Open a connection; refused, after a round trip, where nobody listens."""
        return await self._network.connect(self._name, address)


class SimListener(Listener):
    """A simulated door."""

    def __init__(self, address: Address, doors: dict[Address, "SimListener"]) -> None:
        self.address = address
        self._doors = doors
        self._waiting: deque[SimConnection] = deque()
        self._someone = Gate()
        self._accepting = Turn("accepting from")
        self._closed = False

    def offer(self, connection: SimConnection) -> bool:
        """Queue a connection for `accept`; False when there is no room."""
        if len(self._waiting) >= BACKLOG:
            return False
        self._waiting.append(connection)
        self._someone.open()
        return True

    async def accept(self) -> SimConnection:
        """Wait for the next connection."""
        with self._accepting:
            await trio.lowlevel.checkpoint()
            while not self._waiting and not self._closed:
                await self._someone.wait()
            if self._closed:
                raise trio.ClosedResourceError(f"the listener at {self.address} was closed")
            return self._waiting.popleft()

    async def aclose(self) -> None:
        """Shut the door; connections waiting at it are reset."""
        if not self._closed:
            self._closed = True
            del self._doors[self.address]
            while self._waiting:
                self._waiting.popleft().abort()
            self._someone.open()
        await trio.lowlevel.checkpoint()


class _Call:
    """A connection being opened."""

    def __init__(self, near: SimConnection, far: SimConnection, address: Address) -> None:
        self.near, self.far, self.address = near, far, address
        self.refused = False
        self.answered = Gate()


def latency_of(model: Latency) -> Callable[[float], float]:
    """The function from a uniform draw in [0, 1) to a latency in seconds."""
    match model:
        case Fixed(value_s):
            return lambda draw: value_s
        case Uniform(min_s, max_s):
            return lambda draw: min_s + (max_s - min_s) * draw
        case LogNormal(p50_s, p99_s, max_s):
            normal = NormalDist(math.log(p50_s), math.log(p99_s / p50_s) / NormalDist().inv_cdf(0.99))
            return lambda draw: min(max_s, math.exp(normal.inv_cdf(draw or 2.0**-53)))
