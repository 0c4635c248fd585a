"""Two hosts with trouble between them, in virtual time."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import trio

from dairt.model.action import Link
from dairt.model.address import Address
from dairt.model.scenario import Fixed
from dairt.runtime.host import Connection, Listener
from dairt.worlds.faults import Faults
from dairt.worlds.faulty_network import FaultyNetwork
from dairt.worlds.sim.clock import VirtualClock
from dairt.worlds.sim.dice import Dice
from dairt.worlds.sim.network import SimNetwork

A_B = Link("a", "b")
LATENCY_S = 0.25
KIB = 1024


@dataclass
class Bench:
    """Two wrapped hosts, `a` and `b`; `b` has a door. The link takes 0.25 s each way and has no limit of its own."""

    faults: Faults
    a: FaultyNetwork
    b: FaultyNetwork
    door: Listener

    async def connected(self) -> tuple[Connection, Connection]:
        """The end of `a`, which opened the connection, and the end of `b`."""
        near = await self.a.connect(self.door.address)
        return near, await self.door.accept()


@asynccontextmanager
async def open_bench() -> AsyncIterator[Bench]:
    async with trio.open_nursery() as nursery:
        network = SimNetwork(Dice(0), latency=Fixed(LATENCY_S), bandwidth=float("inf"), datagram_loss=0.0)
        await nursery.start(network.run)
        faults = Faults(trio.current_time, Dice(0))
        a, b = (FaultyNetwork(network.card(name), name, faults, lambda address: address.host, nursery) for name in "ab")
        yield Bench(faults, a, b, await b.listen(Address("b", 1)))
        nursery.cancel_scope.cancel()


def play(story: Callable[[Bench], Awaitable[None]]) -> None:
    async def main() -> None:
        with trio.fail_after(1000):
            async with open_bench() as bench:
                await story(bench)

    trio.run(main, clock=VirtualClock())


async def elapsed(call: Callable[[], Awaitable[object]]) -> float:
    begun = trio.current_time()
    await call()
    return trio.current_time() - begun


async def hears_nothing(connection: Connection, seconds: float = 10) -> None:
    """Nothing comes for so long."""
    with trio.move_on_after(seconds) as patience:
        await connection.receive_some()
    assert patience.cancelled_caught


async def is_broken(call: Callable[[], Awaitable[object]]) -> None:
    """This call on a connection finds it broken."""
    with pytest.raises(trio.BrokenResourceError):
        await call()
