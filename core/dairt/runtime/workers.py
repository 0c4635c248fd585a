"""The worker pool of a node: named workers in two lanes, each fed by one bounded queue."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import trio

from dairt.errors import DairtError
from dairt.model.config import NodeConfig
from dairt.model.events import TaskFailed
from dairt.model.views import LaneView, WorkerView
from dairt.runtime.host import Host
from dairt.runtime.turns import take

T = TypeVar("T")


class Lane(StrEnum):
    """Kernels wait in one lane and disk writes in the other, so that neither holds up the other."""

    COMPUTE = "compute"
    IO = "io"


class WorkerPool:
    """Runs submitted jobs on its named workers, while its `async with` block is open; leaving the block cancels them."""

    def __init__(self, host: Host, config: NodeConfig) -> None:
        self._emit = host.emit
        self._queues = {
            Lane.COMPUTE: _Queue(Lane.COMPUTE, config.compute_workers, config.queue_max),
            Lane.IO: _Queue(Lane.IO, config.io_workers, config.queue_max),
        }
        self._manager = trio.open_nursery()
        self._nursery: trio.Nursery | None = None

    async def __aenter__(self) -> Self:
        self._nursery = await self._manager.__aenter__()
        for queue in self._queues.values():
            for worker in queue.workers:
                self._nursery.start_soon(self._work, queue, worker, name=worker.name)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        assert self._nursery is not None
        self._nursery.cancel_scope.cancel()
        try:
            return await self._manager.__aexit__(kind, error, trace)
        finally:
            for queue in self._queues.values():
                queue.close()

    async def submit(self, lane: Lane, label: str, job: Callable[[str], Awaitable[T]]) -> T:
        """Run `job(worker's name)` on the next free worker of `lane`, in order of arrival, and return what it returns.

        A full queue makes the submitter wait. What the job raises is raised here. A submitter that is cancelled takes a job
        that still waits back out of the queue, but only abandons one that runs: its worker stays busy until it really ends.
        Raises trio.ClosedResourceError when the pool closes first.
        """
        queue = self._queues[lane]
        task = _Task(label, job)
        await queue.put(task)
        try:
            await task.ended.wait()
        finally:
            task.abandoned = not task.ended.is_set()
            queue.withdraw(task)
        return task.take()

    def lane_views(self) -> tuple[LaneView, ...]:
        """How full each lane is."""
        return tuple(
            LaneView(q.lane, len(q.waiting), q.capacity, sum(w.task != "" for w in q.workers), len(q.workers), q.peak)
            for q in self._queues.values()
        )

    def worker_views(self) -> tuple[WorkerView, ...]:
        """What each worker is doing, and how many jobs it has ended."""
        return tuple(WorkerView(w.name, q.lane, w.task, w.done) for q in self._queues.values() for w in q.workers)

    async def _work(self, queue: "_Queue", worker: "_Worker") -> None:
        while True:
            task = await queue.get()
            worker.task = task.label
            try:
                await task.run(worker.name)
            finally:
                worker.task = ""
                worker.done += 1
            if task.error is not None:
                self._emit(TaskFailed(task.label, worker.name, str(task.error) or type(task.error).__name__))


@dataclass
class _Worker:
    name: str
    task: str = ""
    done: int = 0


class _Task(Generic[T]):
    """A job on its way, and then its result; exactly one of `results` and `error` is set once it has ended by itself."""

    def __init__(self, label: str, job: Callable[[str], Awaitable[T]]) -> None:
        self.label = label
        self.ended = trio.Event()
        self.abandoned = False
        self.error: Exception | None = None
        self._job = job
        self._results: list[T] = []

    async def run(self, worker: str) -> None:
        try:
            self._results.append(await self._job(worker))
        except Exception as exc:  # it belongs to the submitter, whatever it is; noqa: dairt
            if self.abandoned and not isinstance(exc, DairtError | OSError):
                raise  # a bug nobody else would hear of
            self.error = exc
        finally:
            self.ended.set()

    def take(self) -> T:
        if self.error is not None:
            raise self.error
        if not self._results:
            raise trio.ClosedResourceError(f"the worker pool closed before {self.label} ended")
        return self._results[0]


class _Queue:
    """A lane's waiting tasks and its workers. First come, first served, also among submitters waiting for room."""

    def __init__(self, lane: Lane, workers: int, capacity: int) -> None:
        self.lane = lane
        self.capacity = capacity
        self.workers = [_Worker(f"{lane}-{n}") for n in range(workers)]
        self.waiting: deque[_Task[Any]] = deque()
        self.peak = 0
        self._room = trio.Semaphore(capacity)
        self._idle = trio.lowlevel.ParkingLot()
        self._closed = False

    async def put(self, task: "_Task[Any]") -> None:
        await take(self._room)
        if self._closed:
            self._room.release()  # the next one waiting for room is to hear it too
            raise trio.ClosedResourceError("the worker pool is closed")
        self.waiting.append(task)
        self.peak = max(self.peak, len(self.waiting))
        self._idle.unpark()

    async def get(self) -> "_Task[Any]":
        while not self.waiting:
            await self._idle.park()
        self._room.release()
        return self.waiting.popleft()

    def withdraw(self, task: "_Task[Any]") -> None:
        if task in self.waiting:
            self.waiting.remove(task)
            self._room.release()

    def close(self) -> None:
        self._closed = True
        while self.waiting:
            self.waiting.popleft().ended.set()
            self._room.release()
