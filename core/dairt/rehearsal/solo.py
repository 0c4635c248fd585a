"""One node as a whole process: a host of real parts, and an end that comes by signal or with whoever started it.

Started by a rehearsal (`python -m dairt.rehearsal.solo`), it is briefed by one line of JSON on standard input, tells every
event at once on standard output, and ends when standard input does: its leash.
"""

import random
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec
import trio

from dairt.model.action import WorldTrouble
from dairt.model.config import NodeConfig
from dairt.model.events import FaultLanded
from dairt.model.scenario import Fault
from dairt.protocol.messages import Act
from dairt.rehearsal.inside import LEASH, Trouble, hold_still, kill_ourselves
from dairt.rehearsal.tale import tell
from dairt.runtime.host import Host
from dairt.runtime.journal import Journal, Listener
from dairt.runtime.node import Node, run_node
from dairt.worlds.faults import Faults
from dairt.worlds.faulty_compute import FaultyCompute
from dairt.worlds.faulty_disk import FaultyDisk
from dairt.worlds.faulty_network import FaultyNetwork
from dairt.worlds.files import FileDisk
from dairt.worlds.fingerprint import fingerprint
from dairt.worlds.sim.dice import Dice
from dairt.worlds.tcp import TcpNetwork
from dairt.worlds.threads import ThreadCompute

HURRIED_EXIT = 130  # as shells have it for what a signal ended


class Briefing(msgspec.Struct, frozen=True):
    """What a node process must know. `origin_s` is the machine's clock at the story's beginning.

    `faults` wait for an event of this node; `broken` are the troubles in effect as it starts. Without a `seed` its
    dice are the operating system's.
    """

    config: NodeConfig
    data: str
    seed: int | None = None
    life: int = 1
    origin_s: float = 0.0
    faults: tuple[Fault, ...] = ()
    broken: dict[str, WorldTrouble] = {}


class SharedClock(trio.abc.Clock):
    """Real time since `origin_s`, the same in every process of a machine, so that stamps of several can be compared."""

    def __init__(self, origin_s: float) -> None:
        self._origin_s = origin_s

    def start_clock(self) -> None:
        """Nothing to start: it runs already."""

    def current_time(self) -> float:
        """Seconds since the origin."""
        return time.perf_counter() - self._origin_s

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """How long until then."""
        return deadline - self.current_time()


async def live(briefing: Briefing, listeners: Sequence[Listener] = (), *, on_a_leash: bool = False) -> bool:
    """Live one life of the node and say whether it ended drained. Says on stderr when it is up; raises OSError.

    SIGTERM, SIGINT or the leash's end drains it; the second of them ends it at once, as does one before it is up.
    """
    config, drained = briefing.config, False
    if not config.fingerprint:
        config = msgspec.structs.replace(config, fingerprint=fingerprint())
    journal = Journal(trio.current_time, config.journal_max)
    journal.listeners.extend(listeners)

    async def run(host: Host, act: Callable[[Act], None] | None, *, task_status: trio.TaskStatus[Node]) -> None:
        nonlocal drained
        await run_node(config, host, journal=journal, act=act, task_status=task_status)
        drained = True
        machine.cancel_scope.cancel()

    with closing(FileDisk(Path(briefing.data))) as disk:
        async with trio.open_nursery() as machine:
            ending = Ending(machine.cancel_scope)
            machine.start_soon(ending.hear_signals)
            if on_a_leash:
                machine.start_soon(ending.feel_leash)
            host = _host(briefing, disk, journal)
            die = hold_still if on_a_leash else kill_ourselves
            ending.node = node = await machine.start(run, *_breakable(briefing, host, journal, machine, die))
            print(f"{node.name} up at {node.address}", file=sys.stderr, flush=True)
    return drained


def _host(briefing: Briefing, disk: FileDisk, journal: Journal) -> Host:
    name, seed = briefing.config.name, briefing.seed
    return Host(
        name=name,
        network=TcpNetwork(),
        disk=disk,
        compute=ThreadCompute(briefing.config.compute_workers),
        random=random.Random() if seed is None else Dice(seed).stream("host", name, str(briefing.life)),
        wall=time.time,
        emit=partial(journal.emit, name),
    )


def _breakable(
    briefing: Briefing, host: Host, journal: Journal, machine: trio.Nursery, die: Callable[[], None]
) -> tuple[Host, Callable[[Act], None] | None]:
    """The host with trouble in all its parts, and how to make some; a node that is not in rehearsal stays as it is."""
    if not briefing.config.rehearsal:
        return host, None
    faults = Faults(
        trio.current_time, Dice(briefing.seed or 0), landed=lambda fault: journal.emit(host.name, FaultLanded(fault))
    )
    trouble = Trouble(host.name, faults, briefing.faults, briefing.broken, die)
    journal.listeners.append(trouble.triggers)
    names = {address: name for name, address in briefing.config.members.items()}
    broken_host = replace(
        host,
        network=FaultyNetwork(host.network, host.name, faults, lambda address: names.get(address, ""), machine),
        disk=FaultyDisk(host.disk, host.name, faults),
        compute=FaultyCompute(host.compute, host.name, faults),
        wall=lambda: host.wall() + faults.clock_skew_s(host.name),
    )
    return broken_host, trouble.act


class Ending:
    """How a node process is ended: the first word drains the node, any other cancels all of it."""

    def __init__(self, scope: trio.CancelScope) -> None:
        self.node: Node | None = None
        self._scope = scope

    async def hear_signals(self) -> None:
        """Heed SIGTERM and SIGINT."""
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for _ in signals:
                await self._end()

    async def feel_leash(self) -> None:
        """Heed the end of standard input, on which nothing more is ever said."""
        await trio.lowlevel.wait_readable(LEASH)
        await self._end()

    async def _end(self) -> None:
        node, self.node = self.node, None
        if node is None:
            self._scope.cancel()
        else:
            await node.drain()


def run(briefing: Briefing, listeners: Sequence[Listener] = (), *, on_a_leash: bool = False) -> int:
    """Run a node to its end and return the exit code; what the machine refuses it is one sentence on stderr."""
    main = partial(live, briefing, listeners, on_a_leash=on_a_leash)
    try:
        drained = trio.run(main, clock=SharedClock(briefing.origin_s))
    except BaseExceptionGroup as group:
        refused, rest = group.split(OSError)
        if rest is not None or refused is None:
            raise
        config, exc = briefing.config, _first(refused)
        where = f"{config.name} cannot live at {config.address} with its files in {briefing.data}"
        print(f"{where}: {exc.strerror or exc}", file=sys.stderr, flush=True)
        return 2
    return 0 if drained else HURRIED_EXIT


def _first(group: BaseExceptionGroup[OSError]) -> OSError:
    [first, *_] = group.exceptions
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


if __name__ == "__main__":
    told = msgspec.json.decode(sys.stdin.buffer.readline(), type=Briefing)
    sys.exit(run(told, (tell,), on_a_leash=True))
