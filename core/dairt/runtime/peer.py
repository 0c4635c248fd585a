"""Asking another node: one exchange, one connection, one deadline. Dead sockets are removed, reconnects back off."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import trio

from dairt.errors import NoAnswer, PeerUnreachable, Refused, RemoteProtocolError, TensorFormatError
from dairt.model.address import Address
from dairt.model.config import NodeConfig
from dairt.model.events import ReconnectDelayed, SocketOpened, SocketRemoved
from dairt.protocol.messages import Hello, Message, Sorry, Welcome
from dairt.protocol.wire import UnknownMessage
from dairt.runtime.framed import LINK_ERRORS, Budget, FramedConnection, Received, Traffic
from dairt.runtime.host import Host

_BROKEN = (*LINK_ERRORS, RemoteProtocolError, TensorFormatError)


class Peer:
    """One other node, as this one reaches it: idle connections kept for reuse, and how long to wait after a refusal.

    What is asked must be idempotent: when a socket breaks under it, a question is asked again, `tries` times in all.
    """

    def __init__(
        self,
        name: str,
        address: Address,
        host: Host,
        config: NodeConfig,
        hello: Callable[[], Hello],
        budget: Budget,
        totals: Traffic,
    ) -> None:
        self.name = name
        self.address = address
        self.traffic = Traffic()
        self.fingerprint = ""
        self._host = host
        self._config = config
        self._hello = hello
        self._budget = budget
        self._totals = totals
        self._idle: list[FramedConnection] = []
        self._refusals = 0
        self._not_before = 0.0
        self._welcome = trio.Event()

    async def ask(
        self,
        question: Message,
        body: np.ndarray | None = None,
        *,
        deadline_s: float,
        tries: int = 3,
        on_chunk: Callable[[int, int], None] | None = None,
    ) -> Received:
        """Send a question and return its answer.

        Raises PeerUnreachable (never sent), NoAnswer (sent; may have happened), or Refused with the peer's reason.
        """
        sent = False
        with self._deadline(deadline_s, lambda: sent):
            while True:
                reused = bool(self._idle)
                try:
                    line = await self._connection()
                except PeerUnreachable as exc:
                    if sent:
                        raise NoAnswer(str(exc)) from exc
                    raise
                sent = True
                try:
                    answer = await self._exchange(line, question, body, on_chunk, deadline_s)
                except _BROKEN as exc:
                    self._remove(line, _reason(exc))
                    tries -= not reused  # a socket that died while idle says nothing about the question
                    if tries <= 0:
                        raise NoAnswer(f"{self.name} gave no answer: {_reason(exc)}") from exc
                    continue
                except BaseException:
                    line.abort()  # cancelled half-way: the connection is in an unknown state
                    raise
                self._keep(line)
                if isinstance(answer.message, Sorry):
                    raise Refused(f"{self.name} refused: {answer.message.reason}")
                return answer

    def heard(self) -> None:
        """The peer has just spoken to us: there is no reason to go on waiting before the next try."""
        self._refusals = 0
        self._not_before = 0.0
        self._welcome.set()
        self._welcome = trio.Event()

    def close_idle(self, reason: str) -> None:
        """Remove every connection nobody is using, because the peer counts as dead."""
        while self._idle:
            self._remove(self._idle.pop(), reason)

    def abort_idle(self) -> None:
        """Reset every connection nobody is using, because this node's life is over."""
        while self._idle:
            self._idle.pop().abort()

    async def aclose(self) -> None:
        """Close every connection nobody is using, because this node stops."""
        while self._idle:
            await self._idle.pop().aclose()

    @contextmanager
    def _deadline(self, deadline_s: float, sent: Callable[[], bool]) -> Iterator[None]:
        with trio.move_on_after(deadline_s) as scope:
            yield
        if scope.cancelled_caught:
            if sent():
                raise NoAnswer(f"{self.name} gave no answer in {deadline_s:g} s")
            raise PeerUnreachable(f"{self.name} at {self.address} could not be reached in {deadline_s:g} s")

    async def _exchange(
        self,
        line: FramedConnection,
        question: Message,
        body: np.ndarray | None,
        on_chunk: Callable[[int, int], None] | None,
        deadline_s: float,
    ) -> Received:
        await line.send(question, body, on_chunk)
        answer = await line.receive(deadline_s)
        if answer is None:
            raise trio.BrokenResourceError("closed by the other side")
        if not isinstance(answer, Received):
            raise RemoteProtocolError(f"{self.name} answered with what is no answer")
        return answer

    async def _connection(self) -> FramedConnection:
        if self._idle:
            return self._idle.pop()
        while trio.current_time() < self._not_before:
            with trio.move_on_at(self._not_before):
                await self._welcome.wait()
        try:
            with trio.fail_after(self._config.limits.hello_s):
                return await self._connect()
        except _BROKEN as exc:
            self._back_off()
            raise PeerUnreachable(f"{self.name} at {self.address} could not be reached: {_reason(exc)}") from exc

    async def _connect(self) -> FramedConnection:
        connection = await self._host.network.connect(self.address)
        line = FramedConnection(connection, self._config.limits, self._budget, self.traffic, self._totals)
        try:
            answer = await self._exchange(line, self._hello(), None, None, self._config.limits.hello_s)
            welcome = _welcome(answer.message, self.name)
        except BaseException:
            line.abort()
            raise
        self.fingerprint = welcome.fingerprint
        self._refusals = 0
        self._host.emit(SocketOpened(self.name))
        return line

    def _back_off(self) -> None:
        """Double the wait up to its cap, with jitter so that many peers do not come back in step (AWS, 2015: full jitter)."""
        self._refusals += 1
        ceiling = min(self._config.backoff_max_s, self._config.backoff_first_s * 2 ** min(self._refusals - 1, 16))
        delay_s = ceiling * self._host.random.uniform(0.5, 1.0)
        self._not_before = trio.current_time() + delay_s
        self._host.emit(ReconnectDelayed(self.name, self._refusals, delay_s))

    def _keep(self, line: FramedConnection) -> None:
        if len(self._idle) >= self._config.limits.idle_per_peer:
            line.abort()
        else:
            self._idle.append(line)

    def _remove(self, line: FramedConnection, reason: str) -> None:
        line.abort()
        self._host.emit(SocketRemoved(self.name, reason))


def _welcome(answer: Message | UnknownMessage, name: str) -> Welcome:
    match answer:
        case Welcome(node=node) if node == name:
            return answer
        case Welcome(node=node):
            raise RemoteProtocolError(f"the node there is {node!r}, not {name!r}")
        case Sorry(reason=reason):
            raise RemoteProtocolError(f"it refused our hello: {reason}")
        case _:
            raise RemoteProtocolError("it did not answer our hello")


def _reason(exc: BaseException) -> str:
    match exc:
        case trio.TooSlowError():
            return "no byte came in time"
        case trio.BrokenResourceError():
            return str(exc.__cause__ or exc) or "connection lost"
        case _:
            return str(exc) or type(exc).__name__
