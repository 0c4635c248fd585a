"""Networks of the real world: non-blocking sockets, each system call tried before anything is waited for."""

import errno
import os
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import islice

import trio

from dairt.model.address import Address
from dairt.runtime.host import Buffer, Connection, Listener
from dairt.worlds.sockets import SOCKET_BUFFER_BYTES, address_of, close_socket, resolve
from dairt.worlds.streams import Turn, as_bytes, receive_some
from dairt.worlds.udp import UdpDatagrams, open_udp

# One system call's worth: a send that never came up for air would hold up heartbeats.
SLICE_BYTES = 256 * 1024
BUFFERS_A_CALL = 64  # sendmsg takes 1,024 on Linux, 16 on the oldest systems that have it
BACKLOG = 512  # every connection a node accepts at once; the kernel caps it
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # linger for zero seconds: close sends RST
# Linux reports what befell a connection before it was accepted as an error of accept (accept(2)): the door itself is fine.
LOST_BEFORE_ACCEPT = (
    errno.ECONNABORTED, errno.EPERM, errno.ENETDOWN, errno.EPROTO, errno.ENOPROTOOPT, errno.EHOSTDOWN,
    errno.EHOSTUNREACH, errno.EOPNOTSUPP, errno.ENETUNREACH, errno.ETIMEDOUT,
)  # fmt: skip


class TcpNetwork:
    """TCP, and UDP for datagrams, over IPv4 and IPv6."""

    async def listen(self, address: Address) -> "TcpListener":
        """Open a door; SO_REUSEADDR lets a restarted node have its port back at once."""
        family, where = (await resolve(address))[0]
        sock = _new_socket(family)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(where)
            sock.listen(BACKLOG)
        except BaseException:
            sock.close()
            raise
        return TcpListener(sock)

    async def connect(self, address: Address) -> "TcpConnection":
        """Open a connection, trying each address the name stands for."""
        error = OSError(f"no address for {address}")
        for family, where in await resolve(address):
            sock = _new_socket(family)
            try:
                await connect_socket(sock, where)
                return TcpConnection(sock)
            except OSError as exc:
                sock.close()
                error = exc
            except BaseException:
                sock.close()
                raise
        raise error

    async def open_datagrams(self, address: Address) -> UdpDatagrams:
        """Open a UDP socket."""
        return await open_udp(address)


class TcpListener(Listener):
    """A listening socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.address = address_of(sock.getsockname())

    async def accept(self) -> "TcpConnection":
        """Wait for the next connection."""
        await trio.lowlevel.checkpoint_if_cancelled()
        while True:
            if self._sock.fileno() < 0:
                raise trio.ClosedResourceError("this listener was closed")
            try:
                sock, _ = self._sock.accept()
                connection = TcpConnection(sock)
            except BlockingIOError:
                await trio.lowlevel.wait_readable(self._sock)
            except OSError as exc:
                if exc.errno not in (*LOST_BEFORE_ACCEPT, errno.ENOTCONN):
                    raise
            else:
                await trio.lowlevel.cancel_shielded_checkpoint()
                return connection

    async def aclose(self) -> None:
        """Shut the door; connections waiting at it are reset."""
        close_socket(self._sock)
        await trio.lowlevel.checkpoint()


class TcpConnection(Connection):
    """A connected socket."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        try:
            self.remote = address_of(sock.getpeername())
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            sock.close()
            raise
        self._sock = sock
        self._aborted = False
        self._sending = Turn("sending on")
        self._receiving = Turn("receiving from")

    async def send_all(self, data: Buffer) -> None:
        """Send all of `data`."""
        await self.send_buffers((data,))

    async def send_buffers(self, buffers: Sequence[Buffer]) -> None:
        """Send all of `buffers`; other tasks get their turn after each slice."""
        with self._sending:
            await trio.lowlevel.checkpoint_if_cancelled()
            self._must_be_open()
            left = deque(view for view in map(as_bytes, buffers) if view.nbytes)
            while left:
                try:
                    _take_off(left, self._sock.sendmsg(_slice_of(left)))
                except BlockingIOError:
                    await self._wait_for(trio.lowlevel.wait_writable)
                except OSError as exc:
                    raise self._error(exc) from exc
                else:
                    if left:
                        await trio.lowlevel.checkpoint()
            await trio.lowlevel.cancel_shielded_checkpoint()

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the kernel takes more bytes."""
        with self._sending:
            await trio.lowlevel.checkpoint_if_cancelled()
            self._must_be_open()
            await self._wait_for(trio.lowlevel.wait_writable)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Receive up to `max_bytes`; b"" at the end."""
        return await receive_some(self, max_bytes)

    async def receive_into(self, view: memoryview) -> int:
        """Receive into `view`; 0 at the end."""
        with self._receiving:
            await trio.lowlevel.checkpoint_if_cancelled()
            self._must_be_open()
            while True:
                try:
                    received = self._sock.recv_into(view)
                except BlockingIOError:
                    await self._wait_for(trio.lowlevel.wait_readable)
                except OSError as exc:
                    raise self._error(exc) from exc
                else:
                    # Shielded: the bytes are out of the kernel, so the caller must learn of them.
                    await trio.lowlevel.cancel_shielded_checkpoint()
                    return received

    def abort(self) -> None:
        """Reset the connection."""
        if self._sock.fileno() >= 0:
            self._aborted = True
            with suppress(OSError):  # what the peer has reset already cannot linger
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            close_socket(self._sock)

    async def aclose(self) -> None:
        """Close the connection; what was sent still arrives."""
        self._aborted = False  # from now on it is closed, whatever it was
        close_socket(self._sock)
        await trio.lowlevel.checkpoint()

    def _must_be_open(self) -> None:
        if self._sock.fileno() < 0:
            raise self._error("gone")

    def _error(self, cause: object) -> Exception:
        if self._aborted:
            return trio.BrokenResourceError(f"the connection to {self.remote} was reset")
        if self._sock.fileno() < 0:
            return trio.ClosedResourceError(f"the connection to {self.remote} was closed here")
        return trio.BrokenResourceError(f"the connection to {self.remote} broke: {cause}")

    async def _wait_for(self, ready: Callable[[socket.socket], Awaitable[None]]) -> None:
        try:
            await ready(self._sock)
        except trio.ClosedResourceError as exc:
            raise self._error(exc) from None


def _new_socket(family: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setblocking(False)
    # Before connect or listen, so that the window is negotiated to match; accepted sockets inherit it.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER_BYTES)
    return sock


async def connect_socket(sock: socket.socket, where: tuple[str, int]) -> None:
    """Connect a non-blocking socket; raises OSError."""
    code = sock.connect_ex(where)
    if code == errno.EINPROGRESS:
        await trio.lowlevel.wait_writable(sock)
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    else:
        await trio.lowlevel.checkpoint()
    # A socket that was given the very port it calls, with nobody listening there, connects to itself (RFC 9293, 3.5).
    if not code and sock.getsockname() == sock.getpeername():
        code = errno.ECONNREFUSED
    if code:
        raise OSError(code, os.strerror(code))


def _slice_of(left: deque[memoryview]) -> list[memoryview]:
    """As much of the start of `left` as one system call should carry."""
    views, room = [], SLICE_BYTES
    for view in islice(left, BUFFERS_A_CALL):
        views.append(view[:room])
        room -= len(views[-1])
        if not room:
            break
    return views


def _take_off(left: deque[memoryview], sent: int) -> None:
    """Remove the `sent` first bytes."""
    while sent:
        first = left.popleft()
        if sent < len(first):
            left.appendleft(first[sent:])
            return
        sent -= len(first)
