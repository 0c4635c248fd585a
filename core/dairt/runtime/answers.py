"""What a node answers to each question: one `case` a message."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np
import trio

from dairt.errors import NoAnswer, PeerUnreachable, Refused, RemoteProtocolError, RunFailed, TensorFormatError, UsageError
from dairt.model import tensor
from dairt.protocol.messages import (
    Act,
    Alive,
    AskBroadcast,
    AskInventory,
    AskRun,
    Drain,
    EndRun,
    Fetch,
    FetchValue,
    Held,
    Hello,
    Inventory,
    KeepValue,
    Message,
    Offer,
    Ok,
    Probe,
    RunAnswer,
    RunOp,
    Scrub,
    Seen,
    Sorry,
    Value,
    Watch,
)
from dairt.protocol.wire import UnknownMessage
from dairt.runtime.execute import outputs_digest
from dairt.runtime.framed import Received
from dairt.runtime.journal import Journal
from dairt.runtime.parts import Node
from dairt.runtime.store import is_for

_FOR_OPERATORS = (AskBroadcast, KeepValue, AskRun, Act, Scrub, Drain)
_FOR_OBSERVERS = (Probe, Watch)
_WITH_TENSOR = (Offer, AskBroadcast, KeepValue)


@dataclass(frozen=True)
class Reply:
    """An answer, and the tensor that goes with it."""

    message: Message
    body: np.ndarray | None = None


class Answers:
    """A node's answers. With a `journal` it lets others watch; with `act` it lets operators break it."""

    def __init__(self, node: Node, journal: Journal | None, act: Callable[[Act], None] | None) -> None:
        self._node = node
        self._journal = journal
        self._act = act

    async def reply(self, received: Received, guest: Hello) -> Reply:
        """Answer one question of a guest; raises RemoteProtocolError for what is no question."""
        question = received.message
        if isinstance(question, UnknownMessage):
            return Reply(Sorry(f"this node knows no question of the kind {question.kind!r}"))
        _check_tensor(question, received.body)
        if no := _forbidden(question, guest, self._node.config.fingerprint):
            return Reply(Sorry(no))
        try:
            return await self._answer(question, received)
        except (PeerUnreachable, NoAnswer, Refused, UsageError, RunFailed, TensorFormatError) as exc:
            return Reply(Sorry(str(exc)))  # the call it asked for has no other end

    async def _answer(self, question: Message, received: Received) -> Reply:
        match question:
            case Probe():
                return Reply(Alive(self._node.incarnation))
            case Offer():
                return await self._offer(question, received)
            case AskInventory(member=member, after=after, limit=limit):
                return Reply(Inventory(*self._node.store.inventory(member, after, limit)))
            case Fetch(key=key):
                return self._fetch(question) or Reply(Sorry(f"{self._node.name} does not hold {key!r} so new"))
            case RunOp():
                return await self._run_op(question)
            case FetchValue(run=run, value=value):
                return self._fetch_value(run, value)
            case EndRun(run=run):
                self._node.values.end(run)
                return Reply(Ok())
            case AskBroadcast(key=key, audience=audience, unless_held=unless_held):
                assert received.body is not None, "checked above"
                return Reply(await self._node.broadcast(key, received.body, audience, unless_held=unless_held))
            case KeepValue(run=run, value=value):
                assert received.body is not None, "checked above"
                self._node.values.put(run, value, received.body)
                return Reply(Ok())
            case AskRun():
                return await self._run(question)
            case Watch():
                return self._seen(question)
            case Act():
                return self._break(question)
            case Scrub(key=key, repair=repair):
                await self._node.scrub(key, repair=repair)
                return Reply(Ok())
            case Drain():
                await self._node.drain()
                return Reply(Ok())
            case _:
                raise RemoteProtocolError(f"asked with a {type(question).__name__}, which is no question")

    async def _offer(self, offer: Offer, received: Received) -> Reply:
        """Hold what is offered, and say what became of it when it, or something newer, is durable.

        Where the disk takes too long for that, "stored" says that it is held, in memory.
        """
        if received.checksum != offer.checksum:
            raise RemoteProtocolError(f"offered {offer.key!r} with other bytes than its checksum says")
        if not is_for(self._node.name, offer.audience):
            raise RemoteProtocolError(f"offered {offer.key!r}, which is not for {self._node.name}")
        assert received.body is not None, "checked above"
        store = self._node.store
        store.offer(offer.key, offer.version, received.body, offer.audience, offer.checksum, offer.version.origin)
        held = Held("stored", offer.version)
        with trio.move_on_after(self._node.config.limits.disk_patience_s(received.body.nbytes)):
            held = Held(await store.checkpoint(offer.key, offer.version), offer.version)
        newest = store.get(offer.key)
        if newest is not None and newest.version != offer.version:
            held = msgspec.structs.replace(held, newest=newest.version)
        return Reply(held)

    async def _run_op(self, ask: RunOp) -> Reply:
        """Run an op; whoever asked waits no longer than `op_s`, so neither do we."""
        op_s = self._node.config.limits.op_s
        with trio.move_on_after(op_s):
            return Reply(await self._node.operator.run_op(ask))
        return Reply(Sorry(f"{self._node.name} did not get {ask.op} done in {op_s:g} s"))

    def _fetch(self, fetch: Fetch) -> Reply | None:
        item = self._node.store.get(fetch.key)
        if item is None or item.version < fetch.version:
            return None
        return Reply(Offer(item.key, item.version, item.audience, item.checksum), item.array)

    def _fetch_value(self, run: str, value: str) -> Reply:
        array = self._node.values.get(run, value)
        if array is None:
            return Reply(Sorry(f"{self._node.name} does not hold {value!r} of {run}"))
        return Reply(Value(run, value, tensor.checksum(array)), array)

    async def _run(self, ask: AskRun) -> Reply:
        """Run a graph under a name of its own, so that the operator's values outlive it until the operator ends them."""
        values = self._node.values
        feeds = {value: values.get(ask.run, value) for value in ask.outline.inputs}
        outputs = await self._node.run(ask.outline, {name: array for name, array in feeds.items() if array is not None})
        for name, array in outputs.items():
            values.put(ask.run, name, array)
        return Reply(RunAnswer(ask.run, outputs_digest(outputs)))

    def _seen(self, watch: Watch) -> Reply:
        if self._journal is None:
            return Reply(Sorry(f"{self._node.name} keeps no journal for others to watch"))
        entries, dropped = self._journal.since(watch.after, watch.limit)
        return Reply(Seen(self._node.report(), entries, dropped))

    def _break(self, act: Act) -> Reply:
        if self._act is None:
            return Reply(Sorry(f"{self._node.name} was not started for rehearsal: start it with --rehearsal to break it"))
        self._act(act)
        return Reply(Ok())


def _check_tensor(question: Message, body: np.ndarray | None) -> None:
    """Raise RemoteProtocolError for a tensor where none belongs, or none where one does."""
    kind = type(question).__name__
    if body is None and isinstance(question, _WITH_TENSOR):
        raise RemoteProtocolError(f"sent no tensor with its {kind}")
    if body is not None and not isinstance(question, _WITH_TENSOR):
        raise RemoteProtocolError(f"sent a tensor with a {kind}, which has none")


def _forbidden(question: Message, guest: Hello, fingerprint: str) -> str:
    """Why this guest may not ask this, or ""."""
    if isinstance(question, _FOR_OPERATORS) and guest.role != "operator":
        return f"only an operator may ask this, not a {guest.role}"
    if guest.role == "observer" and not isinstance(question, _FOR_OBSERVERS):
        return "an observer may only probe and watch"
    if isinstance(question, RunOp) and guest.fingerprint and fingerprint and guest.fingerprint != fingerprint:
        return f"this node computes otherwise ({fingerprint}) than {guest.node} does ({guest.fingerprint})"
    return ""
