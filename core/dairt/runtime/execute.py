"""Coordinating a graph run: start what GraphRun says may start, tell it what came of it, bring the answer home."""

import hashlib
from collections.abc import Callable, Mapping

import numpy as np
import trio

from dairt.errors import LocalProtocolError, NoAnswer, PeerUnreachable, RunFailed
from dairt.errors import Refused as PeerRefused
from dairt.model import tensor
from dairt.model.config import NodeConfig
from dairt.model.events import OpCommitted, OpLost, RunBegun, RunEnded
from dairt.model.graph import Outline, check_feeds
from dairt.model.views import RunState, RunView
from dairt.protocol.messages import EndRun, FetchValue, Input, InputLost, Message, OpDone, OpFailed, RunOp, Value
from dairt.protocol.runs import (
    Attempt,
    AttemptLost,
    Finished,
    GraphRun,
    InputGone,
    NodeBack,
    NodeLost,
    Outcome,
    Placed,
    Refused,
)
from dairt.runtime.host import Host
from dairt.runtime.operate import Operator
from dairt.runtime.peer import Peer
from dairt.runtime.store import Store
from dairt.runtime.values import RunValues


def outputs_digest(outputs: Mapping[str, np.ndarray]) -> str:
    """16 hex digits over names, shapes, dtypes and bits of a run's outputs, in the order of their names (BLAKE2b)."""
    rolling = hashlib.blake2b(digest_size=8)
    for name in sorted(outputs):
        rolling.update(name.encode() + b"\0")
        for buffer in tensor.encode(outputs[name]):
            rolling.update(buffer)
    return rolling.hexdigest()


class Coordinator:
    """A node's part as the coordinator of one run. `members_changed` feeds it losses and returns."""

    def __init__(
        self,
        run: str,
        outline: Outline,
        feeds: Mapping[str, np.ndarray],
        *,
        host: Host,
        config: NodeConfig,
        store: Store,
        values: RunValues,
        operator: Operator,
        peers: Mapping[str, Peer],
        able: Callable[[], tuple[str, ...]],
    ) -> None:
        self.run = run
        self.outline = outline
        self._feeds = feeds
        self._host = host
        self._config = config
        self._store = store
        self._values = values
        self._operator = operator
        self._peers = peers
        self._able = able
        self._graph_run = GraphRun(outline, coordinator=host.name, nodes=able(), slots=config.compute_workers)
        # At most one outcome an attempt under way, and a change of each member: senders wait, nothing is dropped.
        self._outcomes, self._arrivals = trio.open_memory_channel[Outcome](len(outline.ops) + len(peers) + 1)
        self._begun = trio.current_time()
        self._ended: float | None = None
        self._digest = ""

    async def execute(self) -> dict[str, np.ndarray]:
        """Run the graph and return its outputs; raises RunFailed with the reason.

        Always says how the run ended, also when its caller gives up or the node drains under it.
        """
        check_feeds(self.outline, self._feeds)
        self._host.emit(RunBegun(self.run, self.outline.name, len(self.outline.ops)))
        self._values.keep(self.run)
        failure = ""
        try:
            for value, array in self._feeds.items():
                self._values.put(self.run, value, tensor.freeze(array))
            await self._play()
            outputs = {name: self._here(name) for name in self.outline.outputs}
            self._digest = outputs_digest(outputs)
            self._say_ended("done")
            return outputs
        except* RunFailed as group:
            failure = str(group.exceptions[0])  # what is raised in here would be wrapped in a group again
            self._say_ended("failed", failure)
        finally:
            if self._ended is None:
                self._say_ended("failed", f"given up: its caller or {self._host.name} is gone")
        raise RunFailed(failure)

    def members_changed(self, change: NodeLost | NodeBack) -> None:
        """Hear that a member died or came back. Never waits."""
        try:
            self._outcomes.send_nowait(change)
        except trio.WouldBlock:
            # Only placement is the poorer for it: an attempt on a lost node ends in an outcome of its own.
            return

    def view(self) -> RunView:
        """The run as the console shows it."""
        counts = self._graph_run.counts
        state: RunState = "done" if self._digest else "running" if self._ended is None else "failed"
        seconds = (trio.current_time() if self._ended is None else self._ended) - self._begun
        return RunView(
            self.run, self.outline.name, self._host.name, state,
            counts.total, counts.done, counts.running, counts.lost, self._begun, seconds, self._digest, self.outline.digest,
        )  # fmt: skip

    async def end_everywhere(self) -> None:
        """Let every node that is well forget the run. Whoever is not told forgets when the lease is over."""
        self._values.end(self.run)
        able = self._able()

        async def tell(peer: Peer) -> None:
            try:
                await peer.ask(EndRun(self.run), deadline_s=self._config.limits.hello_s)
            except (PeerUnreachable, NoAnswer, PeerRefused):
                return

        async with trio.open_nursery() as nursery:
            for name in able:
                if name != self._host.name:
                    nursery.start_soon(tell, self._peers[name])

    async def _play(self) -> None:
        async with trio.open_nursery() as attempts:
            while not self._graph_run.done:
                await self._advance(attempts)
                if self._graph_run.done:
                    await self._bring_home()
            attempts.cancel_scope.cancel()

    async def _advance(self, attempts: trio.Nursery) -> None:
        """Start what may start, then take in one outcome."""
        for attempt in self._graph_run.ready():
            attempts.start_soon(self._attempt, attempt)
        self._check_failed()
        outcome = await self._arrivals.receive()
        self._settle(outcome)
        self._check_failed()

    def _settle(self, outcome: Outcome) -> None:
        committed = self._graph_run.counts.done
        lost = self._graph_run.settle(outcome)
        if isinstance(outcome, Finished) and self._graph_run.counts.done > committed:
            self._host.emit(OpCommitted(self.run, outcome.op, outcome.node, outcome.number))
        for op in lost:
            culprit, reason = self._graph_run.blame[op]
            self._host.emit(OpLost(self.run, op, culprit, reason))

    def _check_failed(self) -> None:
        if self._graph_run.failed:
            raise RunFailed(f"{self.outline.name} has no answer: {self._graph_run.failed}")

    async def _attempt(self, attempt: Attempt) -> None:
        ask = RunOp(
            self.run, attempt.op.name, attempt.number, attempt.op.kernel,
            tuple(self._input(placed) for placed in attempt.inputs if placed.value), attempt.op.outputs,
        )  # fmt: skip
        await self._outcomes.send(await self._outcome(attempt, ask))

    def _input(self, placed: Placed) -> Input:
        if placed.node:
            return Input(placed.value, placed.node)
        key = self.outline.weight_key(placed.value)
        item = self._store.get(key)
        if item is None:
            raise RunFailed(f"{self.outline.name} has no answer: its weight {placed.value!r} is not on {self._host.name}")
        return Input(placed.value, self._host.name, key, item.version, item.checksum)

    async def _outcome(self, attempt: Attempt, ask: RunOp) -> Outcome:
        op, number, node = attempt.op.name, attempt.number, attempt.node
        try:
            answer = await self._ask(node, ask)
        except (PeerUnreachable, NoAnswer, PeerRefused) as exc:
            return AttemptLost(op, number, node, str(exc))
        except LocalProtocolError as exc:
            return Refused(op, number, node, str(exc))
        match answer:
            case OpDone(nbytes=nbytes):
                return Finished(op, number, node, nbytes)
            case OpFailed(reason=reason):
                return Refused(op, number, node, reason)
            case InputLost(value=value, node=holder, reason=reason):
                return InputGone(op, number, node, value, holder, reason)
            case _:
                return AttemptLost(op, number, node, f"{node} answered for {op} with something else")

    async def _ask(self, node: str, ask: RunOp) -> Message:
        if node == self._host.name:
            return await self._operator.run_op(ask)
        # Asked again over a new socket, the node goes on with the op it has begun; lost twice, the op may go elsewhere.
        answer = await self._peers[node].ask(ask, deadline_s=self._config.limits.op_s, tries=2)
        assert isinstance(answer.message, Message), "a peer returns answers it could decode"
        return answer.message

    async def _bring_home(self) -> None:
        """Fetch every output that is elsewhere; one that is gone makes the run go on."""
        for name in self.outline.outputs:
            holder = self._graph_run.where.get(name)
            if holder is None or self._values.get(self.run, name) is not None or name in self.outline.constants:
                continue
            try:
                answer = await self._peers[holder].ask(FetchValue(self.run, name), deadline_s=self._config.limits.op_s)
                if not isinstance(answer.message, Value) or answer.body is None:
                    raise PeerRefused(f"{holder} sent something else than {name}")
            except (PeerUnreachable, NoAnswer, PeerRefused) as exc:
                self._settle(InputGone("", 0, self._host.name, name, holder, str(exc)))
                self._check_failed()
            else:
                self._values.put(self.run, name, answer.body)

    def _here(self, name: str) -> np.ndarray:
        array = self._values.get(self.run, name)
        if array is None and name in self.outline.constants:
            item = self._store.get(self.outline.weight_key(name))
            array = None if item is None else item.array
        assert array is not None, "the run is done only when every output is here"
        return array

    def _say_ended(self, outcome: str, reason: str = "") -> None:
        self._ended = trio.current_time()
        seconds = self._ended - self._begun
        done = outcome == "done"
        self._host.emit(RunEnded(self.run, self.outline.name, "done" if done else "failed", self._digest, seconds, reason))
