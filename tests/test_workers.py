"""What submitters may rely on, whoever fails or gives up."""

from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing

from dairt.errors import GraphError
from dairt.model.events import Event, TaskFailed
from dairt.runtime.workers import Lane, WorkerPool
from dairt.worlds.sim.dice import Dice
from dairt.worlds.sim.disk import SimDisk
from small_host import small_config, small_host

pytestmark = pytest.mark.trio


def pool_of(workers: int = 1, queue_max: int = 64, events: list[Event] | None = None) -> WorkerPool:
    emit = events.append if events is not None else lambda event: None
    return WorkerPool(small_host(SimDisk("n0", Dice(0)), emit), small_config(workers=workers, queue_max=queue_max))


def until(event: trio.Event) -> Callable[[str], Awaitable[None]]:
    async def job(_worker: str) -> None:
        await event.wait()

    return job


def doing(pool: WorkerPool) -> tuple[str, int]:
    first = pool.worker_views()[0]
    return first.task, first.done


async def name_of_worker(worker: str) -> str:
    return worker


async def test_a_job_runs_on_a_named_worker_of_its_lane_and_its_result_comes_back() -> None:
    async with pool_of() as pool:
        assert await pool.submit(Lane.COMPUTE, "x", name_of_worker) == "compute-0"
        assert await pool.submit(Lane.IO, "x", name_of_worker) == "io-0"
        assert [(view.name, view.lane, view.task, view.done) for view in pool.worker_views()] == [
            ("compute-0", "compute", "", 1),
            ("io-0", "io", "", 1),
        ]


async def test_a_job_that_raises_raises_at_its_submitter_and_the_worker_goes_on() -> None:
    events: list[Event] = []

    async def refuse(_worker: str) -> None:
        raise GraphError("no such kernel")

    async with pool_of(events=events) as pool:
        with pytest.raises(GraphError, match="no such kernel"):
            await pool.submit(Lane.COMPUTE, "op7", refuse)
        assert events == [TaskFailed("op7", "compute-0", "no such kernel")]
        assert await pool.submit(Lane.COMPUTE, "op8", name_of_worker) == "compute-0"


async def test_jobs_begin_in_the_order_of_their_submission_also_past_a_full_queue() -> None:
    began: list[int] = []
    gate = trio.Event()

    async def submit(pool: WorkerPool, n: int) -> None:
        async def job(_worker: str) -> None:
            began.append(n)
            await gate.wait()

        await pool.submit(Lane.COMPUTE, str(n), job)

    async with pool_of(queue_max=2) as pool, trio.open_nursery() as nursery:
        for n in range(8):
            nursery.start_soon(submit, pool, n)
            await trio.testing.wait_all_tasks_blocked()
        [compute, _] = pool.lane_views()
        assert (compute.queued, compute.capacity, compute.busy, compute.workers) == (2, 2, 1, 1)
        gate.set()
    assert began == list(range(8))


async def test_a_full_lane_does_not_hold_up_the_other() -> None:
    gate = trio.Event()
    async with pool_of(queue_max=1) as pool, trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(pool.submit, Lane.COMPUTE, "long", until(gate))
        await trio.testing.wait_all_tasks_blocked()
        assert await pool.submit(Lane.IO, "x", name_of_worker) == "io-0"
        gate.set()


async def test_a_cancelled_submitter_leaves_its_worker_busy_until_the_job_really_ends() -> None:
    gate = trio.Event()
    async with pool_of() as pool:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pool.submit, Lane.COMPUTE, "long", until(gate))
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert doing(pool) == ("long", 0)
        gate.set()
        await trio.testing.wait_all_tasks_blocked()
        assert doing(pool) == ("", 1)


async def test_a_cancelled_submitter_takes_its_waiting_job_back_and_makes_room() -> None:
    gate, ran = trio.Event(), []

    async def job(worker: str) -> None:
        ran.append(worker)

    async with pool_of(queue_max=1) as pool, trio.open_nursery() as nursery:
        nursery.start_soon(pool.submit, Lane.COMPUTE, "long", until(gate))
        await trio.testing.wait_all_tasks_blocked()
        async with trio.open_nursery() as given_up:
            given_up.start_soon(pool.submit, Lane.COMPUTE, "given up", job)
            await trio.testing.wait_all_tasks_blocked()
            assert pool.lane_views()[0].queued == 1
            given_up.cancel_scope.cancel()
        assert pool.lane_views()[0].queued == 0
        nursery.start_soon(pool.submit, Lane.COMPUTE, "next", name_of_worker)
        await trio.testing.wait_all_tasks_blocked()
        assert pool.lane_views()[0].queued == 1
        gate.set()
    assert ran == []


async def test_an_expected_failure_nobody_waits_for_is_only_reported() -> None:
    events: list[Event] = []
    gate = trio.Event()

    async def refuse(_worker: str) -> None:
        await gate.wait()
        raise OSError("gone")

    async with pool_of(events=events) as pool:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pool.submit, Lane.IO, "write", refuse)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        gate.set()
        await trio.testing.wait_all_tasks_blocked()
        assert events == [TaskFailed("write", "io-0", "gone")]


async def test_a_bug_in_a_job_nobody_waits_for_is_loud() -> None:
    gate = trio.Event()

    async def bug(_worker: str) -> None:
        await gate.wait()
        raise AssertionError("a bug")

    with pytest.RaisesGroup(pytest.RaisesExc(AssertionError, match="a bug")):
        async with pool_of() as pool:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(pool.submit, Lane.IO, "write", bug)
                await trio.testing.wait_all_tasks_blocked()
                nursery.cancel_scope.cancel()
            gate.set()
            await trio.sleep_forever()


async def test_closing_tells_everyone_who_still_waits() -> None:
    told: list[str] = []

    async def submit(pool: WorkerPool, label: str) -> None:
        with pytest.raises(trio.ClosedResourceError):
            await pool.submit(Lane.COMPUTE, label, until(trio.Event()))
        told.append(label)

    async with trio.open_nursery() as nursery, pool_of(queue_max=1) as pool:
        for label in ("running", "queued", "waiting for room", "waiting too"):
            nursery.start_soon(submit, pool, label)
            await trio.testing.wait_all_tasks_blocked()
    assert sorted(told) == ["queued", "running", "waiting for room", "waiting too"]
    with pytest.raises(trio.ClosedResourceError):
        await pool.submit(Lane.COMPUTE, "late", name_of_worker)
