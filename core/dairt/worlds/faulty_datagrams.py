"""Datagrams with trouble on their way: what would wait on a connection is lost here, and what is late comes late."""

from collections.abc import Callable

import trio

from dairt.model.address import Address
from dairt.runtime.host import Datagrams
from dairt.worlds.faults import CLEAR, Faults
from dairt.worlds.sim.clock import VirtualClock
from dairt.worlds.streams import must_fit
from dairt.worlds.verdicts import Verdict

LATE_MAX = 1024  # under way on a slow link; past that they are lost, as in any full queue


class FaultyDatagrams(Datagrams):
    """Where the node `here` sends from and receives. It wraps what this node sends; each end wraps its own."""

    def __init__(
        self, inner: Datagrams, here: str, faults: Faults, name_of: Callable[[Address], str], nursery: trio.Nursery
    ) -> None:
        self.address = inner.address
        self._inner = inner
        self._here = here
        self._faults = faults
        self._name_of = name_of
        self._nursery = nursery
        self._late = 0

    def send(self, data: bytes, to: Address) -> None:
        """Send a datagram, now or when trouble lets it."""
        must_fit(data)
        there = self._name_of(to)
        verdict = self._faults.verdict(self._here, there)
        if verdict is CLEAR:
            self._inner.send(data, to)
        elif not self._is_lost(verdict, there) and self._late < LATE_MAX:
            due = self._faults.due(self._here, there, len(data))
            if due <= trio.current_time():
                self._inner.send(data, to)
            else:
                self._send_at(due, data, to)

    async def receive(self) -> list[tuple[bytes, Address]]:
        """Wait for a datagram; all that have arrived. Raises OSError where this node is switched off."""
        self._faults.must_be_on(self._here)
        received = await self._inner.receive()
        self._faults.must_be_on(self._here)
        return received

    async def aclose(self) -> None:
        """Send and receive no more."""
        await self._inner.aclose()

    def _is_lost(self, verdict: Verdict, there: str) -> bool:
        off = verdict.dead or self._faults.is_off(self._here) or self._faults.is_off(there)
        return off or verdict.stands or verdict.lost

    def _send_at(self, due: float, data: bytes, to: Address) -> None:
        self._late += 1
        clock = trio.lowlevel.current_clock()
        if isinstance(clock, VirtualClock):
            clock.call_at(due, self._send_late, (data, to))
        else:
            self._nursery.start_soon(self._wait_and_send, due, (data, to), name=f"late from {self._here}")

    async def _wait_and_send(self, due: float, sent: tuple[bytes, Address]) -> None:
        await trio.sleep_until(due)
        self._send_late(sent)

    def _send_late(self, sent: tuple[bytes, Address]) -> None:
        """A datagram has been late for long enough; trouble that came meanwhile loses it all the same."""
        self._late -= 1
        data, to = sent
        there = self._name_of(to)
        if not self._is_lost(self._faults.verdict(self._here, there), there):
            self._inner.send(data, to)
