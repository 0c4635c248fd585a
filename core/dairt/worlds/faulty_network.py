"""Any network, with trouble in it: what `Faults` says is broken is broken for the host whose card this wraps."""

import errno
from collections.abc import Callable

import trio

from dairt.model.address import Address
from dairt.runtime.host import Connection, Datagrams, Listener, Network
from dairt.worlds.faults import Faults
from dairt.worlds.faulty_connection import FaultyConnection
from dairt.worlds.faulty_datagrams import FaultyDatagrams


class FaultyNetwork:
    """The network card of the node `here`. It wraps the connections that this node opens; each carries both directions.

    So a connection between two nodes is wrapped once, at the end that opened it, and a datagram where it is sent. `name_of`
    tells whose an address is; held and delayed bytes are sent on by tasks in `nursery`, which must outlive the node's own.
    """

    def __init__(
        self, inner: Network, here: str, faults: Faults, name_of: Callable[[Address], str], nursery: trio.Nursery
    ) -> None:
        self._inner = inner
        self._here = here
        self._faults = faults
        self._name_of = name_of
        self._nursery = nursery

    async def listen(self, address: Address) -> Listener:
        """Open a door."""
        self._faults.must_be_on(self._here)
        return _FaultyListener(await self._inner.listen(address), self._here, self._faults)

    async def connect(self, address: Address) -> Connection:
        """Open a connection: hangs while there is no way, takes a round trip of its latency, refused by a node that is off."""
        there = self._name_of(address)
        await self._travel(self._here, there)
        inner = await self._inner.connect(address)
        try:
            await self._travel(there, self._here)
        except BaseException:
            inner.abort()
            raise
        return FaultyConnection(inner, self._here, there, self._faults, self._nursery)

    async def open_datagrams(self, address: Address) -> Datagrams:
        """Send and receive datagrams."""
        self._faults.must_be_on(self._here)
        inner = await self._inner.open_datagrams(address)
        return FaultyDatagrams(inner, self._here, self._faults, self._name_of, self._nursery)

    async def _travel(self, source: str, target: str) -> None:
        """Take the way from `source` to `target` as one packet of a handshake, which trouble in either direction stops."""
        due, verdict = self._faults.due(source, target, 0), self._faults.verdict(source, target)
        while due > trio.current_time():
            with trio.move_on_at(due):
                await self._faults.change()
            before, verdict = verdict, self._faults.verdict(source, target)
            if verdict.eases(before):
                due = min(due, self._faults.due(source, target, 0))
        while True:
            self._faults.must_be_on(self._here)
            there, back = self._faults.verdict(source, target), self._faults.verdict(target, source)
            opening = there if source == self._here else back
            if there.dead:
                raise ConnectionRefusedError(errno.ECONNREFUSED, f"{source if target == self._here else target} is off")
            if opening.refused:
                raise ConnectionRefusedError(errno.ECONNREFUSED, f"the way from {source} to {target} is refused")
            if not (there.cut or back.cut or there.lost or back.lost or opening.hangs):
                return
            await self._faults.change()


class _FaultyListener(Listener):
    """A door; what comes in through it is not wrapped, only broken when this node is switched off."""

    def __init__(self, inner: Listener, here: str, faults: Faults) -> None:
        self.address = inner.address
        self._inner = inner
        self._here = here
        self._faults = faults

    async def accept(self) -> Connection:
        """Wait for the next connection."""
        self._faults.must_be_on(self._here)
        connection = await self._inner.accept()
        if self._faults.is_off(self._here):
            connection.abort()
        self._faults.must_be_on(self._here)
        self._faults.accepted(self._here, connection)
        return connection

    async def aclose(self) -> None:
        """Shut the door."""
        await self._inner.aclose()
