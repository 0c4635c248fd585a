"""Before there is a screen: what is waited for, what is kept, and how it can end there."""

import asyncio
from collections.abc import Callable

import pytest

from console_samples import HELLO, HISTORY, snapshot
from dairt.control.frames import Bye, Latest
from dairt_console.overture import Frame, Overture
from dairt_console.reducer import LinkChanged

LONG_S = 60.0


def attend(script: Callable[[Overture], None], at_most_s: float = LONG_S) -> Overture:
    """An overture that waited, while the script happened; fails if it waits to the end."""

    async def main() -> Overture:
        overture = Overture()
        asyncio.get_running_loop().call_soon(script, overture)
        async with asyncio.timeout(2):
            await overture.wait(at_most_s)
        return overture

    return asyncio.run(main())


@pytest.mark.parametrize("frame", [Latest(snapshot()), Bye(2, "no such story"), LinkChanged("lost", "gone", 1)])
def test_it_waits_until_there_is_something_to_show_or_never_will_be(frame: Frame) -> None:
    attend(lambda overture: overture.deliver(frame))


def test_a_hello_alone_is_nothing_to_show() -> None:
    async def main() -> None:
        overture = Overture()
        waiting = asyncio.create_task(overture.wait(LONG_S))
        overture.deliver(HELLO)
        for _ in range(10):
            await asyncio.sleep(0)
        assert not waiting.done()
        overture.deliver(Latest(snapshot()))
        await waiting

    asyncio.run(main())


def test_it_does_not_wait_for_ever() -> None:
    attend(lambda overture: overture.deliver(HELLO), at_most_s=0.0)


def test_what_came_early_is_handed_over_in_order_and_then_the_rest_goes_through() -> None:
    def early(overture: Overture) -> None:
        overture.deliver(HELLO)
        overture.deliver(HISTORY)

    overture = attend(early)
    heard: list[Frame] = []
    overture.hand_over(heard.append, lambda number: None)
    overture.deliver(Latest(snapshot()))
    assert heard == [HELLO, HISTORY, Latest(snapshot())]


def test_a_signal_ends_the_waiting_and_later_ones_go_to_the_app() -> None:
    overture = attend(lambda overture: overture.end(15))
    assert overture.signal == 15
    ended: list[int] = []
    overture.hand_over(lambda frame: None, ended.append)
    overture.end(2)
    assert (overture.signal, ended) == (15, [2])
