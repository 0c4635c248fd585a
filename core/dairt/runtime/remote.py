"""A member in a process of its own: the calls a user makes on it, asked over the wire by an operator."""

import random
from typing import TypeVar

import numpy as np

from dairt.errors import NoAnswer, PeerUnreachable, Refused, RemoteProtocolError, RunFailed, UsageError
from dairt.model import tensor
from dairt.model.action import Action
from dairt.model.address import Address
from dairt.model.config import Limits, NodeConfig
from dairt.model.graph import Outline
from dairt.model.version import Version
from dairt.model.views import NodeReport, NodeView
from dairt.protocol.messages import (
    ALL,
    LOCAL,
    Act,
    AskBroadcast,
    AskRun,
    Audience,
    Drain,
    EndRun,
    FetchValue,
    Hello,
    KeepValue,
    Message,
    Ok,
    Receipt,
    RunAnswer,
    Scrub,
    Seen,
    Value,
    Watch,
)
from dairt.runtime.execute import outputs_digest
from dairt.runtime.framed import Budget, Traffic
from dairt.runtime.host import Host
from dairt.runtime.parts import PROTOCOL
from dairt.runtime.peer import Peer

RUN_S = 3600.0  # a whole run; its ops have deadlines of their own, so this only ends what hangs unseen
M = TypeVar("M", bound=Message)


class RemoteMember:
    """A `Member` that is asked rather than called. `report` is what it last said of itself to `watch`."""

    def __init__(self, peer: Peer, limits: Limits, dice: random.Random) -> None:
        self.name = peer.name
        self._peer = peer
        self._limits = limits
        self._dice = dice
        self._report = NodeReport(NodeView(peer.name, str(peer.address), "up"))

    async def broadcast(self, key: str, array: np.ndarray, audience: Audience = ALL, *, unless_held: bool = False) -> Receipt:
        """Broadcast a tensor from this node. Raises PeerUnreachable, NoAnswer or Refused."""
        patience_s = 2 * self._patience_s(array)  # there, and on to the members
        question = AskBroadcast(key, audience, unless_held)
        # Asked twice it would make two versions, and only its caller can decide about that.
        return await self._ask(Receipt, question, array, deadline_s=patience_s, tries=1)

    async def put(self, key: str, array: np.ndarray) -> Receipt:
        """Keep a tensor on this node only."""
        return await self.broadcast(key, array, LOCAL)

    async def run(self, outline: Outline, feeds: dict[str, np.ndarray], run: str = "") -> dict[str, np.ndarray]:
        """Coordinate a run there: bring it the feeds, fetch the outputs. Raises RunFailed."""
        run = run or f"{self.name}.{self._dice.getrandbits(48):012x}"
        try:
            for value, array in feeds.items():
                await self._ask(Ok, KeepValue(run, value), array, deadline_s=self._patience_s(array))
            answer = await self._ask(RunAnswer, AskRun(run, outline), deadline_s=RUN_S, tries=1)
            outputs = {name: await self._fetch(run, name) for name in outline.outputs}
            await self._ask(Ok, EndRun(run), deadline_s=self._limits.exchange_s)
        except (PeerUnreachable, NoAnswer) as exc:
            raise RunFailed(f"{outline.name} has no answer: its coordinator was lost ({exc})") from exc
        except Refused as exc:
            raise RunFailed(str(exc)) from exc
        if outputs_digest(outputs) != answer.digest:
            raise RemoteProtocolError(f"the outputs of {run} are not those {self.name} announced")
        return outputs

    def report(self) -> NodeReport:
        """What the node last said of itself."""
        return self._report

    async def scrub(self, key: str, *, repair: bool) -> None:
        """Have it read its files back from disk. Raises PeerUnreachable, NoAnswer or Refused."""
        await self._ask(Ok, Scrub(key, repair), deadline_s=RUN_S, tries=1)

    def held(self, key: str) -> tuple[Version, np.ndarray]:
        """Nothing to be looked at from here."""
        raise UsageError(f"{key!r} lies in the process of {self.name}: tensors are looked into in the worlds sim and tcp")

    async def drain(self) -> None:
        """Ask the node to stop gracefully. One that is gone already has; one that is stuck is left to who waits for its end."""
        try:
            await self._peer.ask(Drain(), deadline_s=self._limits.hello_s)
        except (PeerUnreachable, NoAnswer):
            return

    async def watch(self, after: int) -> Seen:
        """Ask for the node's view of itself and its journal after entry `after`."""
        seen = await self._ask(Seen, Watch(after), deadline_s=self._limits.exchange_s)
        self._report = seen.report
        return seen

    async def act(self, action: Action, fault: str = "") -> None:
        """Break or heal something at the node; raises Refused unless it was started for rehearsal."""
        await self._peer.ask(Act(action, fault), deadline_s=self._limits.exchange_s)

    def close(self) -> None:
        """Abort the connections kept for reuse."""
        self._peer.close_idle("no longer asked")

    async def _fetch(self, run: str, value: str) -> np.ndarray:
        answer = await self._peer.ask(FetchValue(run, value), deadline_s=self._limits.op_s)
        if not isinstance(answer.message, Value) or answer.body is None:
            raise RemoteProtocolError(f"{self.name} sent something else than {value} of {run}")
        return answer.body

    def _patience_s(self, array: np.ndarray) -> float:
        """How long a tensor may take there, at the slowest rate that still counts as moving."""
        return self._limits.exchange_patience_s(tensor.image_nbytes(array))

    async def _ask(
        self, kind: type[M], question: Message, body: np.ndarray | None = None, *, deadline_s: float, tries: int = 3
    ) -> M:
        answer = (await self._peer.ask(question, body, deadline_s=deadline_s, tries=tries)).message
        if not isinstance(answer, kind):
            raise RemoteProtocolError(f"{self.name} answered {type(question).__name__} with something else")
        return answer


def remote_member(name: str, address: Address, host: Host, config: NodeConfig) -> RemoteMember:
    """The node `name` at `address`, as asked by the operator `config.name` from `host`."""

    def hello() -> Hello:
        return Hello(PROTOCOL, config.cluster, config.name, 0, config.fingerprint, "operator")

    budget = Budget(config.limits.bodies_max_bytes)
    return RemoteMember(Peer(name, address, host, config, hello, budget, Traffic()), config.limits, host.random)
