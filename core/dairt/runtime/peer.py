"""Asking another node: one exchange, one connection, one deadline. Dead sockets are removed, reconnects back off."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import trio

from dairt.errors import NoAnswer, PeerUnreachable, Refused, RemoteProtocolError, TensorFormatError
from dairt.model.address import Address
from dairt.model.config import NodeConfig
from dairt.model.events import ReconnectDelayed, SocketOpened, SocketRemoved
from dairt.protocol.fitting import fits
from dairt.protocol.messages import AskBroadcast, AskRun, Hello, Message, Probe, RunOp, Sorry, Welcome
from dairt.protocol.wire import UnknownMessage
from dairt.runtime.framed import LINK_ERRORS, Budget, FramedConnection, Received, Traffic
from dairt.runtime.host import Host
from dairt.runtime.idle import IdleLines
from dairt.runtime.turns import take

_BROKEN = (*LINK_ERRORS, RemoteProtocolError, TensorFormatError)
# What is answered only when others have answered: bounded by itself, so that the questions to these always get through.
_LONG = (RunOp, AskBroadcast, AskRun)


class Peer:
    """One other node, as this one reaches it: its connections, and how long to wait after a refusal.

    At most `asks_per_peer` long questions are under way at a time, as many short ones, and probes, which never wait.
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
        self._idle = IdleLines(config.limits.idle_per_peer, self._remove)
        self._busy: dict[FramedConnection, _Verdict | None] = {}  # in an exchange, and why we ended it, where we did
        self._incarnation = 0
        self._long = trio.Semaphore(config.limits.asks_per_peer)
        self._short = trio.Semaphore(config.limits.asks_per_peer)
        self._refusals = 0
        self._not_before = 0.0
        self._gone = ""  # why it counts as dead, if it does
        self._news = trio.Event()

    async def ask(
        self,
        question: Message,
        body: np.ndarray | None = None,
        *,
        deadline_s: float,
        tries: int = 3,
        on_chunk: Callable[[int, int], None] | None = None,
    ) -> Received:
        """Send a question and return its answer; `deadline_s` covers everything, the wait for its turn too.

        When a socket breaks under it, it is asked again: `tries` times in all, not counting sockets that were dead when they
        were taken up again. With `tries=1` it travels once at most, over a new connection: for what is not idempotent.

        Raises PeerUnreachable (never sent), NoAnswer (sent; may have happened), Refused with the peer's reason, or
        LocalProtocolError for what no peer would take.
        """
        asked = _Asked(question, body, tries, on_chunk)
        with trio.move_on_after(deadline_s):
            answer = await self._in_turn(asked)
            if isinstance(answer.message, Sorry):
                raise Refused(f"{self.name} refused: {answer.message.reason}")
            return answer
        if asked.sent:
            raise NoAnswer(f"{self.name} gave no answer in {deadline_s:g} s")
        raise PeerUnreachable(f"{self.name} at {self.address} could not be reached in {deadline_s:g} s")

    def heard(self, incarnation: int) -> None:
        """The peer has just said hello: there is no reason to go on waiting before the next try.

        In a life of its own, it knows nothing of the connections to the one before. If that ended without a word, nobody
        else would ever tell us.
        """
        if incarnation != self._incarnation:
            self._incarnation = incarnation
            self._remove_all(_Verdict(f"{self.name} has started again", is_final=False))
        self.back()

    def back(self) -> None:
        """The peer is there: questions reach it again, and at once."""
        self._gone = ""
        self._refusals = 0
        self._not_before = 0.0
        self._wake()

    def close_idle(self, reason: str) -> None:
        """Remove every connection nobody is using, because the peer has been silent."""
        for line in self._idle.drain():
            self._remove(line, reason)

    def give_up(self, reason: str) -> None:
        """Remove every connection, because the peer counts as dead: whoever waits for an answer hears so now.

        And whoever asks from now on, until it is back.
        """
        self._gone = reason
        self._remove_all(_Verdict(reason, is_final=True))
        self._wake()

    def abort_idle(self) -> None:
        """Reset every connection nobody is using, because this node's life is over."""
        for line in self._idle.drain():
            line.abort()

    async def aclose(self) -> None:
        """Close every connection nobody is using, because this node stops."""
        for line in self._idle.drain():
            await line.aclose()

    def look_at_idle(self, watchers: trio.Nursery) -> None:
        """Have the connections watched that nobody has used since the last look, so that their end is heard at once."""
        self._idle.look(watchers)

    async def _in_turn(self, asked: "_Asked") -> Received:
        if isinstance(asked.question, Probe):  # what they measure is silence, not our own queue
            return await self._insist(asked)
        turns = self._long if isinstance(asked.question, _LONG) else self._short
        await take(turns)
        try:
            return await self._insist(asked)
        finally:
            turns.release()

    async def _insist(self, asked: "_Asked") -> Received:
        """Ask until there is an answer, or there have been enough tries."""
        tries = asked.tries
        while True:
            idle = await self._idle.take() if asked.tries > 1 else None
            reused = idle is not None
            try:
                line = idle or await self._connection()
            except PeerUnreachable as exc:
                tries -= 1
                if tries > 0 and isinstance(exc.__cause__, trio.BrokenResourceError):
                    continue  # it broke in the middle of the hello: the peer was there, and did not refuse us
                if asked.sent:
                    raise NoAnswer(str(exc)) from exc
                raise
            asked.sent = True
            try:
                return await self._use(line, asked)
            except _Lost as lost:
                tries -= not reused  # a socket that died while idle says nothing about the question
                if tries <= 0 or lost.verdict.is_final:
                    raise NoAnswer(f"{self.name} gave no answer: {lost.verdict.reason}") from lost.__cause__

    async def _use(self, line: FramedConnection, asked: "_Asked") -> Received:
        """Ask over a connection and keep it for others; raises _Lost, and removes it, when it turns out to be dead."""
        self._busy[line] = None
        try:
            answer = await self._exchange(line, asked)
        except _BROKEN as exc:
            verdict = self._busy[line] or _Verdict(_reason(exc), is_final=False)
            self._remove(line, verdict.reason)
            raise _Lost(verdict) from exc
        except BaseException:
            line.abort()  # cancelled half-way: the connection is in an unknown state
            raise
        finally:
            del self._busy[line]
        self._idle.keep(line)
        return answer

    async def _exchange(self, line: FramedConnection, asked: "_Asked") -> Received:
        await line.send(asked.question, asked.body, asked.on_chunk)
        answer = await line.receive(math.inf)  # whoever asks has a deadline round the whole exchange
        if answer is None:
            raise trio.BrokenResourceError("closed by the other side")
        if not isinstance(answer, Received):
            raise RemoteProtocolError(f"{self.name} answered with what is no answer")
        if not fits(asked.question, answer.message):
            what, instead = type(asked.question).__name__, type(answer.message).__name__
            raise RemoteProtocolError(f"{self.name} answered a {what} with the {instead} of something else")
        return answer

    async def _connection(self) -> FramedConnection:
        """Open a connection, once it is time to try again."""
        while trio.current_time() < self._not_before and not self._gone:
            with trio.move_on_at(self._not_before):
                await self._news.wait()
        if self._gone:
            raise PeerUnreachable(f"{self.name} cannot be reached: {self._gone}")
        begun = trio.current_time()
        try:
            with trio.fail_after(self._config.limits.hello_s):
                return await self._connect()
        except _BROKEN as exc:
            if begun >= self._not_before:  # else another one's try, at the same time, has been counted already
                self._back_off()
            raise PeerUnreachable(f"{self.name} at {self.address} could not be reached: {_reason(exc)}") from exc

    async def _connect(self) -> FramedConnection:
        connection = await self._host.network.connect(self.address)
        line = FramedConnection(connection, self._config.limits, self._budget, self.traffic, self._totals)
        try:
            hello = self._hello()
            answer = await self._exchange(line, _Asked(hello, None))
            welcome = _welcome(answer.message, self.name, hello)
        except BaseException:
            line.abort()
            raise
        self.fingerprint = welcome.fingerprint
        self.heard(welcome.incarnation)
        self._host.emit(SocketOpened(self.name))
        return line

    def _back_off(self) -> None:
        """Double the wait up to its cap, with jitter so that many peers do not come back in step (Brooker, 2015)."""
        self._refusals += 1
        ceiling = min(self._config.backoff_max_s, self._config.backoff_first_s * 2 ** min(self._refusals - 1, 16))
        delay_s = ceiling * self._host.random.uniform(0.5, 1.0)
        self._not_before = trio.current_time() + delay_s
        self._host.emit(ReconnectDelayed(self.name, self._refusals, delay_s))

    def _wake(self) -> None:
        """Have those who wait to try again look whether they should."""
        self._news.set()
        self._news = trio.Event()

    def _remove_all(self, verdict: "_Verdict") -> None:
        self.close_idle(verdict.reason)
        for line in self._busy:
            self._busy[line] = verdict
            line.abort()

    def _remove(self, line: FramedConnection, reason: str) -> None:
        line.abort()
        self._host.emit(SocketRemoved(self.name, reason))


@dataclass
class _Asked:
    """A question on its way; `sent` once any of it may have reached the peer."""

    question: Message
    body: np.ndarray | None
    tries: int = 1
    on_chunk: Callable[[int, int], None] | None = None
    sent: bool = False


@dataclass(frozen=True)
class _Verdict:
    """Why a connection is no more; `is_final` when there is no point in opening another."""

    reason: str
    is_final: bool


class _Lost(Exception):
    """A connection broke under an exchange, or was given up with its peer."""

    def __init__(self, verdict: _Verdict) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


def _welcome(answer: Message | UnknownMessage, name: str, ours: Hello) -> Welcome:
    match answer:
        case Welcome(node=node) if node != name:
            raise RemoteProtocolError(f"the node there is {node!r}, not {name!r}")
        case Welcome(protocol=protocol, cluster=cluster) if (protocol, cluster) != (ours.protocol, ours.cluster):
            raise RemoteProtocolError(
                f"it speaks protocol {protocol} in cluster {cluster!r}; this node speaks {ours.protocol} in {ours.cluster!r}"
            )
        case Welcome():
            return answer
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
