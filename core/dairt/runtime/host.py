"""The machine under a node, and the ports through which a node touches it. A node cannot tell which world it is in."""

import random
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import trio

from dairt.model.address import Address
from dairt.model.events import Event
from dairt.model.ops import Kernel

Buffer = bytes | bytearray | memoryview
DATAGRAM_MAX_BYTES = 1400  # fits one packet of an Ethernet, after the headers of IPv6 and UDP, with room for a tunnel's


class Connection(trio.abc.Stream):
    """A byte stream to one other host, bidirectional and ordered; it passes trio's `check_two_way_stream`.

    Errors are trio's: BrokenResourceError when the other side is gone, ClosedResourceError when we closed it ourselves.
    """

    remote: Address

    @abstractmethod
    async def send_buffers(self, buffers: Sequence[Buffer]) -> None:
        """Send all of `buffers`, in order, without joining them. The caller leaves them unchanged until this returns."""

    def send_now(self, buffers: Sequence[Buffer]) -> bool:
        """Send all of `buffers`, if that takes no waiting; False where it may: then nothing is sent."""
        return False

    @abstractmethod
    async def receive_into(self, view: memoryview) -> int:
        """Fill the start of `view` (bytes, not empty) with what has arrived; wait for at least one byte; 0 at the end."""

    @abstractmethod
    def abort(self) -> None:
        """Reset the connection now: both sides find it broken, and unsent bytes are lost. May be called again."""


class Listener(trio.abc.Listener[Connection]):
    """A door: `accept` waits for the next connection, `aclose` shuts it. `address` is the one really bound."""

    address: Address


class Datagrams(trio.abc.AsyncResource):
    """Small messages to other hosts that may be lost, late, doubled or out of order: for what is said again anyway."""

    address: Address  # the one really bound

    @abstractmethod
    def send(self, data: bytes, to: Address) -> None:
        """Send at most `DATAGRAM_MAX_BYTES`, without waiting: what cannot go now is lost, and nobody is told.

        `to` is a host's number or the name a world gives it, never one to be looked up.
        """

    @abstractmethod
    async def receive(self) -> list[tuple[bytes, Address]]:
        """Wait for one; those that have come, and who sent each. Raises OSError.

        A bounded number wait here, and past that they are lost: a node that is slow takes many at a time.
        """


class Network(Protocol):
    """A network card."""

    async def listen(self, address: Address) -> Listener:
        """Open a door at `address`; raises OSError where it is taken. Port 0 takes a free one."""

    async def connect(self, address: Address) -> Connection:
        """Open a connection; raises OSError when refused or unreachable. The caller sets the deadline and owns it."""

    async def open_datagrams(self, address: Address) -> Datagrams:
        """Send and receive datagrams at `address`; raises OSError where it is taken. Port 0 takes a free one."""


class File(Protocol):
    """One descriptor for writing and syncing, so that an fsync error cannot get lost between two of them."""

    async def write(self, buffers: Sequence[Buffer]) -> None:
        """Append all of `buffers`; raises OSError. May be lost or torn by a power cut until `sync` returns."""

    async def read_into(self, view: memoryview) -> int:
        """Fill the start of `view` from the current position; 0 at the end of the file."""

    async def sync(self) -> None:
        """Make what was written durable; raises OSError, after which nothing written is to be trusted."""

    async def aclose(self) -> None:
        """Close the descriptor. Does not sync."""


class Disk(Protocol):
    """A node's own folder: flat names, with `/` for the few sub-folders dairt uses. All raise OSError."""

    async def names(self, folder: str) -> Sequence[str]:
        """The names of the files in `folder` ("" is the top), sorted; () where there is no such folder."""

    async def size(self, name: str) -> int:
        """The length of a file in bytes."""

    async def open(self, name: str) -> File:
        """Open a file for reading."""

    async def create(self, name: str) -> File:
        """Open a new, empty file for writing, in place of any of that name; makes its folder."""

    async def rename(self, old: str, new: str) -> None:
        """Replace `new` by `old` in one step. A power cut may undo it until `sync_names` returns."""

    async def sync_names(self, folder: str) -> None:
        """Make the names in `folder` durable."""

    async def remove(self, name: str) -> None:
        """Remove a file; removing what is not there is not an error."""

    async def lock(self) -> None:
        """Claim the whole folder for this node until the process ends; raises OSError when another process has it."""


class Compute(Protocol):
    """The processors."""

    async def run(self, kernel: Kernel, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Apply `kernel`; one thread, so that every world gives the same bits. Raises GraphError for an unknown kernel.

        When cancelled, the call returns at once only where the kernel can be given up: the worker counts as busy till then.
        """


@dataclass(frozen=True)
class Host:
    """The machine under one node: network card, disk, processors, dice, wall clock, and where to report events.

    Deadlines use trio's clock; `wall` (seconds since the epoch) is for ages and stamps that people read.
    """

    name: str
    network: Network
    disk: Disk
    compute: Compute
    random: random.Random
    wall: Callable[[], float]
    emit: Callable[[Event], None]
