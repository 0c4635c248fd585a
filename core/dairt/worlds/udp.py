"""Datagrams of the real world: UDP sockets."""

import errno
import socket
from contextlib import suppress

import trio

from dairt.model.address import Address
from dairt.runtime.host import DATAGRAM_MAX_BYTES, Datagrams
from dairt.worlds.sockets import SOCKET_BUFFER_BYTES, address_of, close_socket, resolve
from dairt.worlds.streams import Turn, must_fit

NAME_AGE_S = 30.0  # then a name is looked up again: the host behind it may have moved
AT_ONCE = 64  # datagrams taken from the kernel before other tasks have a turn
# What routers and hosts answered to a datagram sent earlier, told by the next call (udp(7)): the socket itself is fine.
ANSWERED = (
    errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.EMSGSIZE, errno.ENETDOWN,
    errno.ENETUNREACH, errno.ENOPROTOOPT, errno.EPROTO,
)  # fmt: skip


async def open_udp(address: Address) -> "UdpDatagrams":
    """Bind a UDP socket; raises OSError."""
    family, where = (await resolve(address))[0]
    sock = socket.socket(family, socket.SOCK_DGRAM, socket.IPPROTO_UDP)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER_BYTES)  # past that, datagrams are lost
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(where)
    except BaseException:
        sock.close()
        raise
    return UdpDatagrams(sock)


class UdpDatagrams(Datagrams):
    """A UDP socket. A host given by a name is looked up aside, and what is sent to it until that is done is lost."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.address = address_of(sock.getsockname())
        self._receiving = Turn("receiving from")
        self._named: dict[Address, tuple[str, int]] = {}
        self._looked_up_at: dict[Address, float] = {}

    def send(self, data: bytes, to: Address) -> None:
        """Send a datagram, if the kernel takes it now."""
        must_fit(data)
        where = self._where(to)
        if where is not None:
            with suppress(OSError):
                self._sock.sendto(data, where)

    async def receive(self) -> list[tuple[bytes, Address]]:
        """Wait for a datagram; those that have arrived. What is longer than any is not one."""
        with self._receiving:
            await trio.lowlevel.checkpoint_if_cancelled()
            while True:
                if self._sock.fileno() < 0:
                    raise trio.ClosedResourceError(f"the datagrams at {self.address} were closed")
                if arrived := self._arrived():
                    # Shielded: they are out of the kernel, so the caller must learn of them.
                    await trio.lowlevel.cancel_shielded_checkpoint()
                    return arrived
                await trio.lowlevel.wait_readable(self._sock)

    async def aclose(self) -> None:
        """Close the socket; what waits in it is lost."""
        close_socket(self._sock)
        await trio.lowlevel.checkpoint()

    def _arrived(self) -> list[tuple[bytes, Address]]:
        """What the kernel has for us, as much as a caller should work off at once."""
        arrived = []
        for _ in range(AT_ONCE):
            try:
                data, where = self._sock.recvfrom(DATAGRAM_MAX_BYTES + 1)
            except BlockingIOError:
                break
            except OSError as exc:
                if exc.errno not in ANSWERED:
                    raise
            else:
                if len(data) <= DATAGRAM_MAX_BYTES:
                    arrived.append((data, address_of(where)))
        return arrived

    def _where(self, to: Address) -> tuple[str, int] | None:
        """The number to send to; None while it is not known."""
        with suppress(OSError):
            socket.inet_pton(self._sock.family, to.host)
            return to.host, to.port
        now = trio.current_time()
        if now - self._looked_up_at.get(to, -NAME_AGE_S) >= NAME_AGE_S:
            self._looked_up_at[to] = now
            # Aside, and for nobody in particular: no sender waits, and a socket has no nursery. It ends with the run.
            trio.lowlevel.spawn_system_task(self._look_up, to, name=f"look up {to.host}")
        return self._named.get(to)

    async def _look_up(self, to: Address) -> None:
        with suppress(OSError, UnicodeError):  # there is no such host, or no host can have such a name
            self._named[to] = (await resolve(to, self._sock.family))[0][1]
