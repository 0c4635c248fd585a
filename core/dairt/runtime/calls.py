"""A user's calls on a node, run as part of the node's life: they end with it, and it waits for them when it drains."""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import trio

from dairt.errors import DairtError, NoAnswer, PeerUnreachable

T = TypeVar("T")
WAITING_MAX = 64  # calls not yet begun; past that callers wait where they are, and hear all the same when the node goes down


class Calls:
    """Takes calls from tasks that may outlive the node, and runs them, `at_once` at a time, in tasks that cannot.

    A call never waits for another call, here or elsewhere, so the bound only makes callers wait.
    """

    def __init__(self, name: str, at_once: int) -> None:
        self._name = name
        self._room = trio.Semaphore(at_once)
        self._callers, self._waiting = trio.open_memory_channel["_Call[object]"](WAITING_MAX)

    async def run(self, nursery: trio.Nursery) -> None:
        """Begin calls in `nursery` until cancelled; after that no call begins."""
        try:
            while True:
                await self._room.acquire()  # before a call is taken: one in hand would be lost on the way out
                nursery.start_soon(self._run_one, await self._waiting.receive())
        finally:
            self._close()

    async def make(self, call: Callable[[], Awaitable[T]]) -> T:
        """Run `call` and return what it returns.

        A DairtError it raises is raised here; any other is a bug, and ends the node's run. Raises PeerUnreachable when the
        node takes no calls any more, NoAnswer when it went down in the middle.
        """
        made = _Call(call)
        try:
            await self._callers.send(made)  # type: ignore[arg-type]
        except trio.BrokenResourceError as exc:
            raise PeerUnreachable(f"{self._name} is going down") from exc
        try:
            await made.ended.wait()
        finally:
            made.scope.cancel()
        return made.take(self._name)

    async def _run_one(self, call: "_Call[object]") -> None:
        try:
            await call.run()
        finally:
            self._room.release()

    def _close(self) -> None:
        """Take no more calls, and end those that have not begun."""
        while self._waiting.statistics().current_buffer_used:
            self._waiting.receive_nowait().ended.set()
        self._waiting.close()


class _Call(Generic[T]):
    def __init__(self, call: Callable[[], Awaitable[T]]) -> None:
        self.ended = trio.Event()
        self.scope = trio.CancelScope()
        self._call = call
        self._begun = False
        self._error: DairtError | None = None
        self._results: list[T] = []

    async def run(self) -> None:
        if self.scope.cancel_called:  # its caller has given up: not even its first steps are wanted
            return
        self._begun = True
        try:
            with self.scope:  # a caller that gives up takes its call with it
                self._results.append(await self._call())
        except DairtError as exc:
            self._error = exc
        finally:
            self.ended.set()

    def take(self, name: str) -> T:
        if self._error is not None:
            raise self._error
        if not self._begun:
            raise PeerUnreachable(f"{name} went down before this began")
        if not self._results:
            raise NoAnswer(f"{name} went down in the middle of this")
        return self._results[0]
