"""Bounded turns, taken without giving way while there are enough."""

import trio


async def take(turns: trio.Semaphore) -> None:
    """Take one of `turns`, waiting for one where none is free.

    Trio's own `acquire` lets everybody else run first even where one is: an exchange has several, and each costs as much as a
    tenth of a small message.
    """
    await trio.lowlevel.checkpoint_if_cancelled()
    try:
        turns.acquire_nowait()
    except trio.WouldBlock:
        await turns.acquire()
