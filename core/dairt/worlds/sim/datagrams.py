"""The datagrams of a network in memory: one delivery each, lost by dice, and as late as the link's next draw says."""

import errno
from collections.abc import Callable

import trio

from dairt.model.address import Address
from dairt.runtime.host import Datagrams
from dairt.worlds.sim.connection import Link, Post
from dairt.worlds.sim.dice import Dice
from dairt.worlds.streams import Gate, Turn, must_fit

WAITING_MAX = 256  # datagrams waiting to be received; past that they are lost

Sent = tuple[bytes, Address, Address]  # what, from, to


class Mail:
    """All datagrams of a network. Each is lost with the probability `loss`, and where nobody is to receive it."""

    def __init__(self, dice: Dice, loss: float, link: Callable[[str, str], Link], post: Post) -> None:
        self._dice = dice
        self._loss = loss
        self._link = link
        self._post = post
        self._ways: dict[tuple[str, str], _Way] = {}
        self._boxes: dict[Address, SimDatagrams] = {}

    def open(self, address: Address) -> "SimDatagrams":
        """Receive at `address`; raises OSError where it is taken."""
        if address in self._boxes:
            raise OSError(errno.EADDRINUSE, f"{address} is taken")
        box = self._boxes[address] = SimDatagrams(address, self)
        return box

    def close(self, box: "SimDatagrams") -> None:
        """Receive no more; harmless when it is closed, or forgotten and another has its address."""
        if self._boxes.get(box.address) is box:
            del self._boxes[box.address]

    def power_off(self, host: str) -> None:
        """Forget who receives at a host."""
        for address in [address for address in self._boxes if address.host == host]:
            del self._boxes[address]

    def send(self, box: "SimDatagrams", data: bytes, to: Address) -> None:
        """Put a datagram on its way, at the end of which it may be lost."""
        if self._boxes.get(box.address) is not box:
            return
        ends = box.address.host, to.host
        way = self._ways.get(ends)
        if way is None:
            way = self._ways[ends] = _Way(self._link(*ends), self._dice.draws("datagram", *ends))
        leaves = way.link.carry(trio.current_time(), len(data))
        number, way.datagrams = way.datagrams, way.datagrams + 1
        if way.draw(2 * number) >= self._loss:
            due = leaves + way.link.latency(way.draw(2 * number + 1))
            self._post(due, self._deliver, (data, box.address, to))

    def _deliver(self, sent: Sent) -> None:
        data, source, to = sent
        box = self._boxes.get(to)
        if box is not None:
            box.arrive(data, source)


class SimDatagrams(Datagrams):
    """Where one host sends from and receives."""

    def __init__(self, address: Address, mail: Mail) -> None:
        self.address = address
        self._mail = mail
        self._arrived: list[tuple[bytes, Address]] = []
        self._readable = Gate()
        self._receiving = Turn("receiving from")
        self._closed = False

    def send(self, data: bytes, to: Address) -> None:
        """Send a datagram; one that is closed, or whose host has lost its power, sends nothing."""
        must_fit(data)
        self._mail.send(self, data, to)

    def arrive(self, data: bytes, source: Address) -> None:
        """A datagram has arrived here."""
        if len(self._arrived) < WAITING_MAX:
            self._arrived.append((data, source))
            self._readable.open()

    async def receive(self) -> list[tuple[bytes, Address]]:
        """Wait for a datagram; all that have arrived."""
        with self._receiving:
            if self._arrived or self._closed:
                await trio.lowlevel.checkpoint()
            while not (self._arrived or self._closed):
                await self._readable.wait()
            if self._closed:
                raise trio.ClosedResourceError(f"the datagrams at {self.address} were closed")
            arrived, self._arrived = self._arrived, []
            return arrived

    async def aclose(self) -> None:
        """Receive no more; what waits here is lost."""
        self._closed = True
        self._mail.close(self)
        self._arrived.clear()
        self._readable.open()
        await trio.lowlevel.checkpoint()


class _Way:
    """What the network knows of the datagrams from one host to another."""

    def __init__(self, link: Link, draw: Callable[[int], float]) -> None:
        self.link, self.draw = link, draw
        self.datagrams = 0
