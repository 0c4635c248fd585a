"""What a node answers to each question: one `case` a message."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dairt.errors import NoAnswer, PeerUnreachable, RemoteProtocolError, RunFailed, UsageError
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
    Inventory,
    KeepValue,
    Message,
    Offer,
    Ok,
    Probe,
    RunAnswer,
    RunOp,
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

_FOR_OPERATORS = (AskBroadcast, KeepValue, AskRun, Act, Drain)


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

    async def reply(self, received: Received, role: str) -> Reply:
        """Answer one question of somebody in this role; raises RemoteProtocolError for what is no question."""
        question = received.message
        if isinstance(question, UnknownMessage):
            return Reply(Sorry(f"this node knows no question of the kind {question.kind!r}"))
        if isinstance(question, _FOR_OPERATORS) and role != "operator":
            return Reply(Sorry(f"only an operator may ask this, not a {role}"))
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
                return Reply(await self._node.operator.run_op(question))
            case FetchValue(run=run, value=value):
                return self._fetch_value(run, value)
            case EndRun(run=run):
                self._node.values.end(run)
                return Reply(Ok())
            case AskBroadcast() if received.body is not None:
                return await self._broadcast(question, received.body)
            case KeepValue():
                return self._keep(question, received)
            case AskRun():
                return await self._run(question)
            case Watch():
                return self._seen(question)
            case Act():
                return self._break(question)
            case Drain():
                await self._node.drain()
                return Reply(Ok())
            case _:
                raise RemoteProtocolError(f"asked with a {type(question).__name__}, which is no question")

    async def _offer(self, offer: Offer, received: Received) -> Reply:
        if received.body is None or received.checksum != offer.checksum:
            raise RemoteProtocolError(f"offered {offer.key!r} with other bytes than its checksum says")
        store = self._node.store
        held = store.get(offer.key)
        if held is not None and held.version > offer.version:
            return Reply(Held("superseded", held.version))
        store.offer(offer.key, offer.version, received.body, offer.audience, offer.checksum, offer.version.origin)
        return Reply(Held(await store.checkpoint(offer.key, offer.version), offer.version))

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

    async def _broadcast(self, ask: AskBroadcast, array: np.ndarray) -> Reply:
        try:
            return Reply(await self._node.broadcast(ask.key, array, ask.audience, unless_held=ask.unless_held))
        except (PeerUnreachable, NoAnswer) as exc:  # this node is going down
            return Reply(Sorry(str(exc)))

    def _keep(self, keep: KeepValue, received: Received) -> Reply:
        if received.body is None:
            raise RemoteProtocolError(f"said to keep {keep.value!r} of {keep.run}, and sent nothing")
        self._node.values.put(keep.run, keep.value, received.body)
        return Reply(Ok())

    async def _run(self, ask: AskRun) -> Reply:
        """Run a graph under a name of its own, so that the operator's values outlive it until the operator ends them."""
        values = self._node.values
        feeds = {value: values.get(ask.run, value) for value in ask.outline.inputs}
        try:
            held = {value: array for value, array in feeds.items() if array is not None}
            outputs = await self._node.run(ask.outline, held)
        except (RunFailed, UsageError, PeerUnreachable, NoAnswer) as exc:
            return Reply(Sorry(str(exc)))
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
        try:
            self._act(act)
        except UsageError as exc:
            return Reply(Sorry(str(exc)))
        return Reply(Ok())
