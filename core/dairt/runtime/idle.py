"""The connections to a peer that nobody is using: kept for the next exchange, and listened to, so that a dead one is found."""

from collections.abc import Callable

import trio

from dairt.runtime.framed import LINK_ERRORS, FramedConnection


class IdleLines:
    """At most `most` connections. `removed` is told of each that turned out to be dead, with the reason."""

    def __init__(self, most: int, removed: Callable[[FramedConnection, str], None]) -> None:
        self._most = most
        self._removed = removed
        self._lines: list[FramedConnection] = []  # the last one used last
        self._seen: set[FramedConnection] = set()  # idle at the last look too
        self._watches: dict[FramedConnection, _Watch] = {}

    def __bool__(self) -> bool:
        return bool(self._lines)

    def keep(self, line: FramedConnection) -> None:
        """Keep a connection, or reset it where there are enough."""
        if len(self._lines) >= self._most:
            line.abort()
        else:
            self._lines.append(line)

    async def take(self) -> FramedConnection | None:
        """The connection used last, for an exchange; None when there is none any more."""
        while self._lines:
            line = self._lines.pop()
            self._seen.discard(line)
            watch = self._watches.pop(line, None)
            reason = await watch.stop() if watch is not None else ""
            if not reason:
                return line
            self._removed(line, reason)
        return None

    def drain(self) -> list[FramedConnection]:
        """Give all of them up; whoever asked ends them."""
        lines, self._lines = self._lines, []
        self._seen.clear()
        while self._watches:
            _, watch = self._watches.popitem()
            watch.cancel()
        return lines

    def look(self, watchers: trio.Nursery) -> None:
        """Have those watched that have been idle since the last look: one in steady use needs no watching."""
        for line in self._lines:
            if line in self._seen and line not in self._watches:
                self._watches[line] = watch = _Watch(line)
                watchers.start_soon(self._watch, line, watch)
        self._seen = set(self._lines)

    async def _watch(self, line: FramedConnection, watch: "_Watch") -> None:
        reason = await watch.run()
        if reason and self._watches.get(line) is watch:
            del self._watches[line]
            self._lines.remove(line)
            self._seen.discard(line)
            self._removed(line, reason)


class _Watch:
    """One connection, listened to until it speaks, which an idle one has no reason to, or is wanted."""

    def __init__(self, line: FramedConnection) -> None:
        self._line = line
        self._scope = trio.CancelScope()
        self._over = trio.Event()
        self._reason = ""

    async def run(self) -> str:
        """Why the connection is of no use any more; "" when it is wanted."""
        try:
            with self._scope:
                await self._line.wait_for_end()
                self._reason = "closed by the other side"
        except LINK_ERRORS as exc:
            self._reason = str(exc.__cause__ or exc) or "connection lost"
        finally:
            self._over.set()
        return self._reason

    def cancel(self) -> None:
        """Listen no longer."""
        self._scope.cancel()

    async def stop(self) -> str:
        """Listen no longer, and say why the connection is of no use, if so."""
        self._scope.cancel()
        await self._over.wait()
        return self._reason
