"""A node's door: whoever connects is heard, answered question by question, and shown out when it breaks the protocol."""

import errno
from collections.abc import Callable

import trio

from dairt.errors import LocalProtocolError, Refused, RemoteProtocolError, TensorFormatError
from dairt.model.address import Address
from dairt.model.events import DoorFull, ProtocolBroken
from dairt.protocol.messages import Act, Hello, Sorry, Welcome
from dairt.runtime.answers import Answers, Reply
from dairt.runtime.bare import keep_bare
from dairt.runtime.framed import LINK_ERRORS, FramedConnection, Received, ReceivedBare
from dairt.runtime.host import Connection, Listener
from dairt.runtime.journal import Journal
from dairt.runtime.parts import PROTOCOL, Node, check_hello

# Errors of accept that say the machine, not the door, is at its limits (accept(2)); a while later it may not be.
NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
NO_ROOM_PAUSE_S = 0.1


class Door:
    """Listens for a node, and holds the conversations of those who came in."""

    def __init__(self, node: Node, journal: Journal | None, act: Callable[[Act], None] | None) -> None:
        self._node = node
        self._answers = Answers(node, journal, act)
        self._guests: dict[int, Conversation] = {}
        self._let_in = 0

    async def serve(self, exchanges: trio.Nursery, *, task_status: trio.TaskStatus[Address]) -> None:
        """Accept connections until cancelled. Conversations run in `exchanges`, so that they outlive the door."""
        listener = await self._node.host.network.listen(self._node.config.address)
        async with listener:
            task_status.started(listener.address)
            while True:
                exchanges.start_soon(self._receive, await self._next(listener))

    async def _next(self, listener: Listener) -> Connection:
        """The next connection; while the machine has no room for one, callers wait at the door."""
        told = False
        while True:
            try:
                return await listener.accept()
            except OSError as exc:
                if exc.errno not in NO_ROOM:
                    raise
                if not told:
                    self._node.host.emit(DoorFull(exc.strerror or str(exc)))
                told = True
                await trio.sleep(NO_ROOM_PAUSE_S)

    def dismiss(self) -> None:
        """End the conversations in which nothing is being said; the others end when their exchange does."""
        for guest in self._guests.values():
            guest.dismiss()

    async def _receive(self, connection: Connection) -> None:
        if len(self._guests) >= self._node.config.limits.connections_max:
            self._node.host.emit(DoorFull(f"{connection.remote} would be one more than {len(self._guests)}"))
            connection.abort()
            return
        self._let_in += 1
        number = self._let_in
        self._guests[number] = guest = Conversation(self._node, self._answers, connection)
        try:
            await guest.run()
        finally:
            del self._guests[number]


class Conversation:
    """One accepted connection: a hello and then questions, or bare tensors. Ends by the guest's leave or its fault.

    Whoever opened a connection says so when it turns out to be dead. Here its end is silent: a guest that is gone without a
    word, or says nothing for `idle_s`, or stalls in the middle of a frame, is reset and forgotten.
    """

    def __init__(self, node: Node, answers: Answers, connection: Connection) -> None:
        self._node = node
        self._answers = answers
        self._remote = connection.remote
        self._line = FramedConnection(connection, node.config.limits, node.budget, node.traffic)
        self._scope = trio.CancelScope()
        self._answering = False

    def dismiss(self) -> None:
        """End now if nothing is under way; otherwise after the answer that is."""
        if not self._answering and self._line.quiet:
            self._scope.cancel()

    async def run(self) -> None:
        """Hear the guest out."""
        with self._scope:
            async with self._line:
                try:
                    with self._line.conversation():
                        await self._converse()
                except (RemoteProtocolError, TensorFormatError, Refused) as exc:
                    await self._complain(str(exc))
                except LINK_ERRORS:
                    self._line.abort()  # the guest is gone, or too slow to be one

    async def _converse(self) -> None:
        limits = self._node.config.limits
        first = await self._line.receive(limits.hello_s)
        while isinstance(first, ReceivedBare):
            await self._keep_bare(first)
            first = await self._line.receive(limits.idle_s)
        if first is None:
            return
        guest = await self._greet(first)
        while not self._node.draining.is_set() and (question := await self._line.receive(limits.idle_s)) is not None:
            if isinstance(question, ReceivedBare):
                raise RemoteProtocolError("sent a bare tensor in the middle of a conversation")
            self._answering = True
            self._line.rest()
            reply = await self._answers.reply(question, guest)
            await self._send(reply)
            self._answering = False

    async def _greet(self, first: Received) -> Hello:
        hello = first.message
        if not isinstance(hello, Hello):
            raise RemoteProtocolError("did not begin with a hello")
        check_hello(hello, self._node.config)
        node = self._node
        if hello.role == "node":
            node.heard_from(hello.node, hello.incarnation)
        await self._line.send(Welcome(PROTOCOL, node.config.cluster, node.name, node.incarnation, node.config.fingerprint))
        return hello

    async def _send(self, reply: Reply) -> None:
        try:
            await self._line.send(reply.message, reply.body)
        except LocalProtocolError as exc:  # what was asked for is more than a frame holds
            await self._line.send(Sorry(str(exc)))

    async def _keep_bare(self, bare: ReceivedBare) -> None:
        if not (self._remote.is_loopback or self._node.config.bare_from_anywhere):
            raise RemoteProtocolError("sent a bare tensor from another machine, which this node is not configured to take")
        self._answering = True
        self._line.rest()
        await keep_bare(bare.body, str(self._remote), self._node.host, self._node.store, self._node.pool)
        self._answering = False

    async def _complain(self, reason: str) -> None:
        """Journal a broken protocol and say so to the guest, if it still listens, before the connection is closed.

        Closed, not reset, so that the word arrives; the system resets it all the same where the guest has sent more.
        """
        self._node.host.emit(ProtocolBroken(str(self._remote), reason))
        try:
            with trio.move_on_after(self._node.config.limits.hello_s):
                await self._line.send(Sorry(reason))
        except LINK_ERRORS:
            self._line.abort()
