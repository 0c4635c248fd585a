"""Planted bugs in what a node holds on to."""

from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

import trio

from dairt.runtime.reconcile import Reconciler
from dairt.runtime.workers import _Queue
from planted.garden import plant, swapped


@plant("queues_stay_within_bounds", "crowd")
def unbounded_queue() -> Iterator[None]:
    """A full queue takes more."""
    put = _Queue.put

    async def take(self: _Queue, task: Any) -> None:
        self._room.release()
        await put(self, task)

    with swapped(_Queue, "put", take):
        yield


@plant("nothing_is_left_behind", "restarts")
def task_without_an_owner() -> Iterator[None]:
    """A task is started where nobody ends it."""
    run = Reconciler.run

    async def ticking(self: Reconciler) -> None:
        trio.lowlevel.spawn_system_task(trio.sleep_forever, context=copy_context())
        await run(self)

    with swapped(Reconciler, "run", ticking):
        yield


@plant("no_cancellation_is_swallowed", "restarts")
def cancellation_swallowed() -> Iterator[None]:
    """A task takes its cancellation for an error like any other, and tries again for a while."""
    run = Reconciler.run

    async def stubborn(self: Reconciler) -> None:
        try:
            await run(self)
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(20)

    with swapped(Reconciler, "run", stubborn):
        yield
