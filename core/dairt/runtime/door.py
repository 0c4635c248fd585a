"""A node's door: whoever connects is heard, answered question by question, and shown out when it breaks the protocol."""

from collections.abc import Callable

import trio

from dairt.errors import RemoteProtocolError, TensorFormatError
from dairt.model.address import Address
from dairt.model.events import ProtocolBroken
from dairt.protocol.messages import Act, Hello, Sorry, Welcome
from dairt.runtime.answers import Answers
from dairt.runtime.bare import keep_bare
from dairt.runtime.framed import LINK_ERRORS, FramedConnection, Received, ReceivedBare
from dairt.runtime.host import Connection
from dairt.runtime.journal import Journal
from dairt.runtime.parts import PROTOCOL, Node, check_hello


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
        task_status.started(listener.address)
        await trio.serve_listeners(self._receive, [listener], handler_nursery=exchanges)

    def dismiss(self) -> None:
        """End the conversations in which nothing is being said; the others end when their exchange does."""
        for guest in self._guests.values():
            guest.dismiss()

    async def _receive(self, connection: Connection) -> None:
        if len(self._guests) >= self._node.config.limits.connections_max:
            self._node.host.emit(ProtocolBroken(str(connection.remote), "more connections than this node takes"))
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
    """One accepted connection: a hello and then questions, or bare tensors. Ends by the guest's leave or its fault."""

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
                    await self._converse()
                except (RemoteProtocolError, TensorFormatError) as exc:
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
        role = await self._greet(first)
        while not self._node.draining.is_set() and (question := await self._line.receive(limits.idle_s)) is not None:
            if isinstance(question, ReceivedBare):
                raise RemoteProtocolError("sent a bare tensor in the middle of a conversation")
            self._answering = True
            reply = await self._answers.reply(question, role)
            await self._line.send(reply.message, reply.body)
            self._answering = False

    async def _greet(self, first: Received) -> str:
        hello = first.message
        if not isinstance(hello, Hello):
            raise RemoteProtocolError("did not begin with a hello")
        try:
            check_hello(hello, self._node.config)
        except RemoteProtocolError as exc:
            await self._line.send(Sorry(str(exc)))
            raise
        node = self._node
        if hello.role == "node":
            node.heard_from(hello.node)
        await self._line.send(Welcome(PROTOCOL, node.config.cluster, node.name, node.incarnation, node.config.fingerprint))
        return hello.role

    async def _keep_bare(self, bare: ReceivedBare) -> None:
        if not (self._remote.is_loopback or self._node.config.bare_from_anywhere):
            raise RemoteProtocolError("sent a bare tensor from another machine, which this node is not configured to take")
        self._answering = True
        await keep_bare(bare.body, str(self._remote), self._node.host, self._node.store, self._node.pool)
        self._answering = False

    async def _complain(self, reason: str) -> None:
        """Journal a broken protocol, say so to the guest if it still listens, and reset the connection."""
        self._node.host.emit(ProtocolBroken(str(self._remote), reason))
        try:
            with trio.move_on_after(self._node.config.limits.hello_s):
                await self._line.send(Sorry(reason))
        except LINK_ERRORS:
            pass
        finally:
            self._line.abort()
