"""The order of tasks comes from the seed alone, nodes can be held back, and a stuck run is found out."""

import importlib
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from typing import Any

import pytest
import trio

from dairt.errors import UsageError
from dairt.worlds.sim import scheduler
from dairt.worlds.sim.clock import VirtualClock
from dairt.worlds.sim.oracles import Guard, SimDeadlock, SimLivelock
from dairt.worlds.sim.scheduler import NODE, Controller, seeded

Log = list[tuple[float, str]]


def race(seed: int, hands: Callable[[trio.lowlevel.TrioToken, threading.Event], None] | None = None) -> list[str]:
    """The order in which six tasks that wake together get their turns."""
    order: list[str] = []

    async def runner(name: str) -> None:
        for _ in range(20):
            await trio.sleep(1)
            order.append(name)
            await trio.lowlevel.checkpoint()
            order.append(name.upper())

    async def main() -> None:
        over = threading.Event()
        thread = threading.Thread(target=hands, args=(trio.lowlevel.current_trio_token(), over)) if hands else None
        if thread:
            thread.start()
        async with trio.open_nursery() as nursery:
            for name in "abcdef":
                nursery.start_soon(runner, name)
        over.set()
        if thread:
            thread.join(20)

    with seeded(seed):
        trio.run(main, clock=VirtualClock(speed=1000.0 if hands else float("inf")))
    return order


def test_the_seed_decides_the_order() -> None:
    assert race(1) == race(1)
    assert len({tuple(race(seed)) for seed in range(5)}) == 5


def test_calls_from_outside_the_run_do_not_change_the_order() -> None:
    calls = 0

    def hands(token: trio.lowlevel.TrioToken, over: threading.Event) -> None:
        def count() -> None:
            nonlocal calls
            calls += 1

        while not over.wait(0.0002):
            token.run_sync_soon(count)

    assert race(1, hands) == race(1)
    assert calls


def test_trio_is_put_back_as_it_was() -> None:
    run: Any = importlib.import_module("trio._core._run")
    before = run._ALLOW_DETERMINISTIC_SCHEDULING, run._r
    with seeded(1) as controller:
        assert run._r is controller
    assert (run._ALLOW_DETERMINISTIC_SCHEDULING, run._r) == before
    with suppress(LookupError), seeded(1):
        raise LookupError
    assert (run._ALLOW_DETERMINISTIC_SCHEDULING, run._r) == before


def test_a_trio_that_schedules_otherwise_is_refused_by_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "ENTRY_TASK", "something else")
    scheduler._test_trio.cache_clear()
    with pytest.raises(UsageError, match=rf"trio {version('trio')} orders its tasks"), seeded(1):
        pass
    monkeypatch.undo()
    with seeded(1):
        pass


def play_nodes(story: Callable[[Controller, Log], Any]) -> Log:
    """Two nodes whose tasks tick every second, and a story beside them."""
    log: Log = []

    async def tick(name: str) -> None:
        while True:
            await trio.sleep(1)
            log.append((trio.current_time(), name))

    async def node(name: str) -> None:
        NODE.set(name)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(tick, name)
        finally:
            log.append((trio.current_time(), f"{name} cleans up"))

    async def main(clock: VirtualClock, controller: Controller) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Guard(clock, controller).run)
            for name in "ab":
                nursery.start_soon(node, name)
            await trio.sleep(0.5)
            await story(controller, log)
            nursery.cancel_scope.cancel()

    clock = VirtualClock()
    with seeded(0) as controller:
        trio.run(main, clock, controller, clock=clock)
    return log


def test_a_paused_node_does_nothing_and_goes_on_where_it_was() -> None:
    async def story(controller: Controller, log: Log) -> None:
        controller.pause("a")
        assert controller.paused == ("a",)
        await trio.sleep(3)
        assert log == [(1.0, "b"), (2.0, "b"), (3.0, "b")]
        controller.resume("a")
        await trio.sleep(1.2)
        assert log[3:] == [(3.5, "a"), (4.0, "b"), (4.5, "a")]

    play_nodes(story)


def test_the_cleanup_of_a_dead_node_runs_only_after_the_verdict() -> None:
    async def story(controller: Controller, log: Log) -> None:
        controller.pause("a")
        await trio.sleep(1)
        verdict.extend(log)
        controller.resume_all()

    verdict: Log = []
    assert (1.5, "a cleans up") in play_nodes(story)
    assert verdict == [(1.0, "b")]


def test_a_slow_node_gets_one_batch_in_so_many() -> None:
    async def story(controller: Controller, log: Log) -> None:
        controller.slow("a", 10)
        await trio.sleep(40)
        ticks = [name for _, name in log]
        assert ticks.count("b") == 40
        assert 2 <= ticks.count("a") <= 20
        controller.resume("a")
        log.clear()
        await trio.sleep(10)
        assert [name for _, name in log].count("a") >= 10

    play_nodes(story)


def test_a_slow_node_that_is_alone_is_not_stuck() -> None:
    async def main(clock: VirtualClock, controller: Controller) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Guard(clock, controller).run)
            NODE.set("a")
            controller.slow("a", 1000)
            for _ in range(10):
                await trio.sleep(1)
                await trio.lowlevel.checkpoint()
            controller.resume_all()
            nursery.cancel_scope.cancel()

    clock = VirtualClock()
    with seeded(0) as controller:
        trio.run(main, clock, controller, clock=clock)
    assert clock.now == 10


async def waits_for_nothing() -> None:
    await trio.Event().wait()


async def spins() -> None:
    while True:
        await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("task, error", [(waits_for_nothing, SimDeadlock), (spins, SimLivelock)])
def test_a_stuck_run_ends_and_says_where_each_task_is(task: Callable[[], Any], error: type[Exception]) -> None:
    async def main(clock: VirtualClock, controller: Controller) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Guard(clock, controller, batches_max=1000).run)
            await trio.sleep(3)
            nursery.start_soon(task, name="culprit")

    clock = VirtualClock()
    with seeded(0) as controller, pytest.RaisesGroup(pytest.RaisesExc(error, match=f"at 3 s: .*culprit in {task.__name__} ")):
        trio.run(main, clock, controller, clock=clock)


def test_a_burst_of_work_at_one_moment_is_not_taken_for_a_livelock() -> None:
    async def main(clock: VirtualClock, controller: Controller) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Guard(clock, controller, batches_max=1000).run)
            for _ in range(5):
                for _ in range(800):
                    await trio.lowlevel.checkpoint()
                await trio.sleep(1)
            nursery.cancel_scope.cancel()

    clock = VirtualClock()
    with seeded(0) as controller:
        trio.run(main, clock, controller, clock=clock)


def test_what_trio_asks_of_its_dice_is_answered() -> None:
    assert 1 <= Controller(random.Random(0)).uniform(1, 2) <= 2
