"""A network in memory: hosts known by name, links with latency and bandwidth, and a clock that delivers.

Nothing here decides what is broken; that is `Faults`, round any network.
"""

import errno
import math
from collections import deque
from collections.abc import Callable, Mapping
from itertools import count
from statistics import NormalDist
from typing import Any

import trio

from dairt.model.address import Address
from dairt.model.scenario import Fixed, Latency, LogNormal, NetworkModel, Uniform
from dairt.runtime.host import Listener
from dairt.worlds.sim.clock import VirtualClock
from dairt.worlds.sim.connection import Link, Machine, Post, SimConnection
from dairt.worlds.sim.datagrams import Mail, SimDatagrams
from dairt.worlds.sim.dice import Dice
from dairt.worlds.streams import Gate, Turn

WINDOW_BYTES = 256 * 1024  # sent and not yet read, a direction of a connection: what real sockets buffer
BACKLOG = 128  # connections waiting to be accepted; past that they are refused
FIRST_FREE_PORT = 49152  # RFC 6335
CALL_AGAIN_S = 1.0  # after no answer, and then twice as long each time (RFC 6298)
DEFAULTS = NetworkModel()


class SimNetwork:
    """The wires between all simulated hosts. Somebody must `run` it, under a VirtualClock unless given another `call_at`.

    `latency`, `bandwidth` (bytes a second) and `mtu` hold for every directed link, but for `special` ones, which have a
    latency and a bandwidth of their own. All connections and datagrams of a link share its bandwidth; of the datagrams, each
    is lost with the probability `datagram_loss`.
    """

    def __init__(
        self,
        dice: Dice,
        *,
        latency: Latency = DEFAULTS.latency,
        bandwidth: float = DEFAULTS.bandwidth,
        mtu: int = DEFAULTS.mtu,
        datagram_loss: float = DEFAULTS.datagram_loss,
        special: Mapping[tuple[str, str], tuple[Latency, float]] | None = None,
        window: int = WINDOW_BYTES,
        call_at: Post | None = None,
    ) -> None:
        self._dice = dice
        self._window = window
        self._usual = latency_of(latency), bandwidth
        self._special = {link: (latency_of(slow), narrow) for link, (slow, narrow) in (special or {}).items()}
        self._mtu = mtu
        self._links: dict[tuple[str, str], Link] = {}
        self._doors: dict[Address, SimListener] = {}
        self._machines: dict[str, Machine] = {}
        self._mail = Mail(dice, datagram_loss, self._link, self._post)
        self._ports = count(FIRST_FREE_PORT)
        self._call_at = call_at
        self._is_running = False

    def card(self, name: str) -> "SimCard":
        """The network card of the host `name`, whose name is also its address."""
        return SimCard(self, name)

    def power_off(self, name: str) -> None:
        """Take the power from a host: its connections end without a word, and from now on it answers nobody."""
        self._machine(name).power_off()
        self._mail.power_off(name)

    def power_on(self, name: str) -> None:
        """Give a host its power back; harmless where it has it."""
        self._machine(name).power_on()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Have what is sent delivered when it is due, until cancelled."""
        if self._call_at is None:
            clock = trio.lowlevel.current_clock()
            assert isinstance(clock, VirtualClock), "a network in memory is for virtual time"
            self._call_at = clock.call_at
        self._is_running = True
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            self._is_running = False

    def _post(self, due: float, deliver: Callable[[Any], None], what: Any) -> None:
        """Call `deliver(what)` at the time `due`; what is due together, in the order of posting."""
        if self._is_running:
            assert self._call_at is not None, "as run has it"
            self._call_at(due, deliver, what)

    async def listen(self, name: str, address: Address) -> "SimListener":
        """Open a door at one of the ports of the host `name`."""
        await trio.lowlevel.checkpoint()
        address = self._own(name, address)
        if address in self._doors:
            raise OSError(errno.EADDRINUSE, f"{address} is taken")
        door = self._doors[address] = SimListener(address, self._doors)
        return door

    async def open_datagrams(self, name: str, address: Address) -> SimDatagrams:
        """Send and receive datagrams at one of the ports of the host `name`; doors have ports of their own."""
        await trio.lowlevel.checkpoint()
        return self._mail.open(self._own(name, address))

    def _own(self, name: str, address: Address) -> Address:
        """An address of the host `name`, with a free port where none is given."""
        if address.host != name:
            raise OSError(errno.EADDRNOTAVAIL, f"{address} is not an address of {name}")
        return address if address.port else Address(name, next(self._ports))

    async def connect(self, name: str, address: Address) -> SimConnection:
        """Open a connection from the host `name`."""
        there, back = self._link(name, address.host), self._link(address.host, name)
        number = there.connections = there.connections + 1
        here = Address(name, next(self._ports))
        near, far = (
            SimConnection(
                remote,
                link,
                self._dice.draws("segment", name, address.host, str(number), way),
                self._window,
                self._post,
                self._machine(host),
            )
            for host, remote, link, way in ((name, address, there, "there"), (address.host, here, back, "back"))
        )
        near.peer, far.peer = far, near
        self._machine(name).ends[near] = None
        call = _Call(near, far, address)
        near.post(self._knock, call)
        try:
            await call.answered.wait()
        except BaseException:
            near.abort()
            raise
        if call.refused:
            near.break_end(None)
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"nobody listens at {address}")
        return near

    def _knock(self, call: "_Call") -> None:
        machine = self._machine(call.address.host)
        if not machine.on:
            if call.near.is_open:
                self._post(trio.current_time() + call.patience_s, self._knock, call)
                call.patience_s *= 2
            return
        door = self._doors.get(call.address)
        call.refused = door is None or not door.offer(call.far)
        if not call.refused:
            machine.ends[call.far] = None
        call.far.post(lambda call: call.answered.open(), call)

    def _machine(self, name: str) -> Machine:
        return self._machines.setdefault(name, Machine())

    def _link(self, source: str, target: str) -> Link:
        if (source, target) not in self._links:
            latency, bandwidth = self._special.get((source, target), self._usual)
            self._links[source, target] = Link(latency, bandwidth, self._mtu)
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

    async def open_datagrams(self, address: Address) -> SimDatagrams:
        """Send and receive datagrams; the host part must be this host's name."""
        return await self._network.open_datagrams(self._name, address)


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
        self.patience_s = CALL_AGAIN_S
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
