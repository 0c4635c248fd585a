"""The virtual clock: exact, the same at every speed, and obedient to hands outside the run."""

import math
import threading
from collections.abc import Callable
from time import perf_counter

import pytest
import trio

from dairt.worlds.sim.clock import VirtualClock
from dairt.worlds.sim.scheduler import seeded

PATIENCE_S = 20  # real seconds until a thread that waits gives up

Times = list[tuple[int, float]]


def three_sleepers(clock: VirtualClock, hands: Callable[[trio.lowlevel.TrioToken], None] | None = None) -> Times:
    """Who woke when, in order; `hands` run in a thread meanwhile."""
    woken: Times = []

    async def sleeper(number: int) -> None:
        for _ in range(4):
            await trio.sleep(0.07 * number + 0.03)
            woken.append((number, trio.current_time()))

    async def main() -> None:
        thread = threading.Thread(target=hands, args=(trio.lowlevel.current_trio_token(),)) if hands else None
        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(sleeper, number)
            if thread:
                thread.start()
        if thread:
            thread.join(PATIENCE_S)

    with seeded(5):
        trio.run(main, clock=clock)
    return woken


def test_time_takes_the_values_of_deadlines_exactly() -> None:
    clock = VirtualClock()
    assert [(number, when) for number, when in three_sleepers(clock) if number == 0] == [
        (0, 0.03),
        (0, 0.06),
        (0, 0.09),
        (0, 0.12),
    ]
    assert clock.now == 4 * (0.07 * 2 + 0.03)


@pytest.mark.parametrize("speed", [3.0, 20.0, 1000.0])
def test_virtual_times_are_the_same_at_every_speed(speed: float) -> None:
    assert three_sleepers(VirtualClock(speed)) == three_sleepers(VirtualClock())


def test_a_paced_run_waits_as_long_as_its_speed_says() -> None:
    begun = perf_counter()
    clock = VirtualClock(speed=10.0)
    three_sleepers(clock)
    assert perf_counter() - begun >= clock.now / 10.0


def test_pause_and_speed_from_another_thread_change_no_virtual_time() -> None:
    clock = VirtualClock(speed=5.0)
    paused_at: list[float] = []

    def hands(token: trio.lowlevel.TrioToken) -> None:
        done = threading.Event()

        def look() -> None:
            paused_at.append(clock.now)
            done.set()

        token.run_sync_soon(setattr, clock, "speed", 0.0)
        for _ in range(5):  # the run comes round again and again, and time stands still
            done.clear()
            token.run_sync_soon(look)
            assert done.wait(PATIENCE_S)
        token.run_sync_soon(setattr, clock, "speed", 500.0)

    assert three_sleepers(clock, hands) == three_sleepers(VirtualClock())
    assert len(paused_at) == 5
    assert len(set(paused_at)) == 1


def test_a_step_moves_a_paused_clock_to_the_next_deadline_and_no_further() -> None:
    clock = VirtualClock(speed=0.0)
    stops: list[float] = []

    def hands(token: trio.lowlevel.TrioToken) -> None:
        def look(seen: threading.Event) -> None:
            stops.append(clock.now)
            seen.set()

        for _ in range(3):
            token.run_sync_soon(clock.step)
            for _ in range(3):
                seen = threading.Event()
                token.run_sync_soon(look, seen)
                assert seen.wait(PATIENCE_S)
        token.run_sync_soon(setattr, clock, "speed", math.inf)

    assert three_sleepers(clock, hands) == three_sleepers(VirtualClock())
    assert list(dict.fromkeys(stops))[-3:] == [0.03, 0.06, 0.09]
    assert stops[2] == 0.03
    assert stops[5] == 0.06


def test_stepping_a_clock_that_runs_does_nothing() -> None:
    clock = VirtualClock()
    clock.step()
    clock.speed = 0.0
    assert clock.deadline_to_sleep_time(1.0) == math.inf


def test_hands_that_keep_calling_do_not_hold_up_a_paced_clock() -> None:
    clock = VirtualClock(speed=4.0)
    over = threading.Event()

    def hands(token: trio.lowlevel.TrioToken) -> None:
        while not over.wait(0.001):
            token.run_sync_soon(lambda: None)

    async def main() -> None:
        thread = threading.Thread(target=hands, args=(trio.lowlevel.current_trio_token(),))
        thread.start()
        await trio.sleep(0.4)  # a tenth of a real second, interrupted a hundred times
        over.set()
        thread.join(PATIENCE_S)

    trio.run(main, clock=clock)
    assert clock.now == 0.4


@pytest.mark.parametrize("speed", [-1.0, math.nan])
def test_a_speed_that_makes_no_sense_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="0 or more"):
        VirtualClock(speed)


def test_what_the_clock_is_asked_to_call_comes_in_order_at_its_time() -> None:
    clock, called = VirtualClock(), list[tuple[float, str]]()

    def call(what: str) -> None:
        called.append((clock.now, what))

    async def main() -> None:
        for at_s, what in ((3.0, "late"), (1.0, "first"), (1.0, "second"), (2.0, "alone")):
            clock.call_at(at_s, call, what)
        await trio.sleep(2.5)
        called.append((clock.now, "task"))
        clock.call_at(0.5, call, "overdue")
        await trio.sleep(1.0)

    trio.run(main, clock=clock)
    assert called == [(1, "first"), (1, "second"), (2, "alone"), (2.5, "task"), (2.5, "overdue"), (3, "late")]


def test_a_task_that_a_call_wakes_runs_at_that_moment() -> None:
    clock, times = VirtualClock(), list[float]()

    async def main() -> None:
        woken = trio.Event()
        clock.call_at(1.5, lambda event: event.set(), woken)
        with trio.move_on_after(9):
            await woken.wait()
        times.append(trio.current_time())

    trio.run(main, clock=clock)
    assert times == [1.5]


def test_what_is_to_be_called_waits_while_the_clock_is_paused() -> None:
    clock, called = VirtualClock(speed=0), list[float]()

    async def main() -> None:
        clock.call_at(1.0, lambda what: called.append(clock.now), None)
        token = trio.lowlevel.current_trio_token()

        def hands() -> None:
            assert called == []
            token.run_sync_soon(setattr, clock, "speed", math.inf)

        threading.Timer(0.05, hands).start()
        await trio.sleep(2.0)

    trio.run(main, clock=clock)
    assert called == [1.0]
