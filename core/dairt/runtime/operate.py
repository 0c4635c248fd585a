"""Running one op of a graph run on this node: gather its inputs, take a worker, keep the results."""

from collections.abc import Mapping

import numpy as np
import trio

from dairt.errors import DairtError, GraphError, NoAnswer, PeerUnreachable, Refused, RemoteProtocolError, UsageError
from dairt.model import tensor
from dairt.model.config import Limits
from dairt.model.events import OpFinished, OpStarted
from dairt.protocol.messages import Fetch, FetchValue, Input, InputLost, Message, Offer, OpDone, OpFailed, RunOp, Value
from dairt.runtime.framed import Received
from dairt.runtime.host import Host
from dairt.runtime.peer import Peer
from dairt.runtime.store import Store
from dairt.runtime.values import RunValues
from dairt.runtime.workers import Lane, WorkerPool


class _Missing(DairtError):
    """An input could not be had from where it should be."""

    def __init__(self, wanted: Input, reason: str) -> None:
        super().__init__(reason)
        self.wanted = wanted


class Operator:
    """A node's part as an executor of ops. Asked twice for the same op of a run, it computes once."""

    def __init__(
        self, host: Host, store: Store, pool: WorkerPool, values: RunValues, peers: Mapping[str, Peer], limits: Limits
    ) -> None:
        self._host = host
        self._store = store
        self._pool = pool
        self._values = values
        self._peers = peers
        self._limits = limits
        self._under_way: dict[tuple[str, str], trio.Event] = {}

    async def run_op(self, ask: RunOp) -> Message:
        """Answer a RunOp: OpDone with the results held here, OpFailed, or InputLost.

        Raises Refused for a run that has ended. As long as the op takes; whoever has a deadline cancels it.
        """
        if self._values.has_ended(ask.run):
            raise Refused(f"{ask.run} has ended on {self._host.name}")
        while (other := self._under_way.get((ask.run, ask.op))) is not None:
            await other.wait()
        done = self._done(ask)
        if done is not None:
            return done
        mine = self._under_way[ask.run, ask.op] = trio.Event()
        try:
            return await self._compute(ask, await self._gather(ask))
        except _Missing as missing:
            return InputLost(ask.run, ask.op, missing.wanted.value, missing.wanted.node, str(missing))
        except (GraphError, UsageError, MemoryError) as exc:
            return OpFailed(ask.run, ask.op, str(exc) or "out of memory")
        finally:
            del self._under_way[ask.run, ask.op]
            mine.set()

    def _done(self, ask: RunOp) -> OpDone | None:
        held = [self._values.get(ask.run, value) for value in ask.outputs]
        if any(array is None for array in held):
            return None
        return OpDone(ask.run, ask.op, tuple(tensor.image_nbytes(a) for a in held if a is not None))

    async def _gather(self, ask: RunOp) -> list[np.ndarray]:
        """Have every input here; those that are missing come from their holders, all at once. Raises _Missing."""
        found: dict[str, np.ndarray] = {}
        missing: list[_Missing] = []

        async def have(wanted: Input) -> None:
            try:
                found[wanted.value] = await self._fetch(ask.run, wanted)
            except _Missing as exc:
                missing.append(exc)
                nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            for wanted in {wanted.value: wanted for wanted in ask.inputs}.values():
                here = self._here(ask.run, wanted)
                if here is not None:
                    found[wanted.value] = here
                else:
                    nursery.start_soon(have, wanted)
        if missing:
            raise missing[0]
        return [found[wanted.value] for wanted in ask.inputs]

    def _here(self, run: str, wanted: Input) -> np.ndarray | None:
        if not wanted.key:
            return self._values.get(run, wanted.value)
        item = self._store.get(wanted.key)
        return item.array if item is not None and item.checksum == wanted.checksum else None

    async def _fetch(self, run: str, wanted: Input) -> np.ndarray:
        """Bring one input from its holder, and keep it: another op of the run may want it too."""
        peer = self._peers.get(wanted.node)
        if peer is None:
            raise _Missing(wanted, f"{wanted.value} is not on {self._host.name}")
        question: Message = FetchValue(run, wanted.value)
        if wanted.key and wanted.version is not None:
            question = Fetch(wanted.key, wanted.version)
        try:
            answer = await peer.ask(question, deadline_s=self._limits.op_s)
        except (PeerUnreachable, NoAnswer, Refused) as exc:
            raise _Missing(wanted, str(exc)) from exc
        try:
            return self._take_in(run, wanted, answer, peer.name)
        except (RemoteProtocolError, Refused) as exc:
            raise _Missing(wanted, str(exc)) from exc

    def _take_in(self, run: str, wanted: Input, answer: Received, sender: str) -> np.ndarray:
        match answer.message:
            case Value(run=of_run, value=wanted.value, checksum=answer.checksum) if of_run == run and answer.body is not None:
                self._values.put(run, wanted.value, answer.body)
            case Offer(key=wanted.key, checksum=wanted.checksum) as offer if (
                answer.checksum == wanted.checksum and answer.body is not None
            ):
                self._store.offer(offer.key, offer.version, answer.body, offer.audience, offer.checksum, sender)
            case _:
                raise RemoteProtocolError(f"{sender} sent something else than {wanted.value}")
        return answer.body

    async def _compute(self, ask: RunOp, inputs: list[np.ndarray]) -> Message:
        async def job(worker: str) -> list[np.ndarray]:
            self._host.emit(OpStarted(ask.run, ask.op, ask.attempt, worker))
            begun = trio.current_time()
            results = await self._host.compute.run(ask.kernel, inputs)
            self._host.emit(OpFinished(ask.run, ask.op, ask.attempt, worker, trio.current_time() - begun))
            return results

        results = await self._pool.submit(Lane.COMPUTE, ask.op, job)
        if len(results) != len(ask.outputs):
            raise GraphError(f"{ask.op} gave {len(results)} results where its graph names {len(ask.outputs)}")
        for value, array in zip(ask.outputs, results, strict=True):
            self._values.put(ask.run, value, tensor.freeze(array))
        return OpDone(ask.run, ask.op, tuple(tensor.image_nbytes(array) for array in results))
