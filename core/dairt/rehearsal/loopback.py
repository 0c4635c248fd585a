"""The tcp world: this process, real time, and sockets on the loopback interface."""

import contextlib
import socket
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path

import trio

from dairt.errors import UsageError
from dairt.model.address import Address
from dairt.model.events import FaultLanded
from dairt.rehearsal.hosts import Parts, ground
from dairt.rehearsal.scratch import scratch_folder
from dairt.rehearsal.stage import Ground, Setting
from dairt.runtime.journal import Journal
from dairt.worlds.faults import Faults
from dairt.worlds.files import FileDisk
from dairt.worlds.sim.dice import Dice
from dairt.worlds.tcp import TcpNetwork
from dairt.worlds.threads import ThreadCompute

LOOPBACK = "127.0.0.1"
FIRST_PORT = 5001
PORTS_TRIED = 2000


@asynccontextmanager
async def open_ground(setting: Setting, journal: Journal) -> AsyncIterator[Ground]:
    """Real sockets, files and threads."""
    scenario, dice = setting.scenario, Dice(setting.seed)
    members = loopback_members(scenario.nodes)
    network = TcpNetwork()
    data = contextlib.nullcontext(setting.data) if setting.data is not None else scratch_folder()
    with data as folder, contextlib.ExitStack() as disks:
        parts = Parts(
            card=lambda name: network,
            disks={name: disks.enter_context(contextlib.closing(_disk(folder / name))) for name in scenario.nodes},
            processors={name: ThreadCompute(scenario.node_config(name, members).compute_workers) for name in scenario.nodes},
            dice=dice,
            wall=time.time,
        )
        faults = Faults(trio.current_time, dice, landed=lambda fault: journal.emit("", FaultLanded(fault)))
        yield ground(scenario, parts, faults, members, journal)


def loopback_members(nodes: Sequence[str]) -> dict[str, Address]:
    """An address for every node: ports from 5001 on; where some are taken, the next free ones, which it says aloud."""
    free = list(islice(filter(_is_free, range(FIRST_PORT, FIRST_PORT + PORTS_TRIED)), len(nodes)))
    if len(free) < len(nodes):
        raise UsageError(f"too few free ports from {FIRST_PORT} to {FIRST_PORT + PORTS_TRIED}: stop whatever has them")
    if free and free[-1] != FIRST_PORT + len(nodes) - 1:
        told = ", ".join(f"{name} on {port}" for name, port in zip(nodes, free, strict=True))
        print(f"some ports from {FIRST_PORT} on are taken: {told}", file=sys.stderr)
    return {name: Address(LOOPBACK, port) for name, port in zip(nodes, free, strict=True)}


def _is_free(port: int) -> bool:
    """Say whether a port is free, for connections and for datagrams."""
    with socket.socket() as door, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((LOOPBACK, port))
            datagrams.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def _disk(folder: Path) -> FileDisk:
    try:
        return FileDisk(folder)
    except OSError as exc:
        raise UsageError(f"--data: cannot make the folder {folder}: {exc.strerror}") from exc
