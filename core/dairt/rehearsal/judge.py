"""Watches over a scenario's expectations: which hold, which are still to come true, which are broken and why."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dairt.errors import UsageError
from dairt.model.events import Entry, Event, PromiseBroken
from dairt.model.scenario import Expectation
from dairt.model.toml_table import suggestion
from dairt.model.views import PromiseView, Snapshot
from dairt.rehearsal.promises import PROMISES, Promise


@dataclass
class _Watched:
    expectation: Expectation
    promise: Promise
    came_true: bool = False
    broken: str = ""

    @property
    def is_pending(self) -> bool:
        """Whether it has still to come true."""
        return self.expectation.kind == "eventually" and not (self.came_true or self.broken)

    def view(self, is_over: bool) -> PromiseView:
        waits = self.expectation.kind == "finally" or self.is_pending
        state = "broken" if self.broken else "pending" if waits and not is_over else "holds"
        return PromiseView(self.expectation.promise, state, self.broken)  # type: ignore[arg-type]  # one of the three


class Judge:
    """The expectations of one run. A broken promise is an event and a verdict, never an exception."""

    def __init__(self, expectations: Sequence[Expectation], emit: Callable[[str, Event], None]) -> None:
        self._emit = emit
        self._watched = [_Watched(expectation, _promise(expectation)) for expectation in expectations]
        self._healed_s: float | None = None
        self._is_over = False

    @property
    def is_broken(self) -> bool:
        """Whether any promise is broken."""
        return any(watched.broken for watched in self._watched)

    def see(self, entry: Entry) -> None:
        """Feed every promise one event: a journal listener."""
        for watched in self._watched:
            if reason := watched.promise.see(entry):
                self._break(watched, reason)

    def healed(self, now: float) -> None:
        """All trouble is over: what must come true has its time from now."""
        self._healed_s = now

    def look(self, snapshot: Callable[[], Snapshot], now: float) -> None:
        """See whether what had to come true has, or is late; takes a snapshot only while something is pending."""
        pending = [watched for watched in self._watched if watched.is_pending]
        if self._healed_s is None or not pending:
            return
        last = snapshot()
        for watched in pending:
            reason = watched.promise.judge(last)
            watched.came_true = not reason
            if reason and now >= self._healed_s + watched.expectation.within_s:
                self._break(watched, f"not within {watched.expectation.within_s:g} s of healing: {reason}")

    def finish(self, last: Snapshot) -> None:
        """Judge how the world stands at the end: what came true must still be, and what must hold finally does."""
        for watched in self._watched:
            if reason := watched.promise.judge(last):
                self._break(watched, reason)
        self._is_over = True

    def drained(self, last: Snapshot) -> None:
        """Judge once more what must hold of a world whose nodes have all been stopped."""
        for watched in self._watched:
            if not watched.promise.is_state and (reason := watched.promise.judge(last)):
                self._break(watched, reason)

    def views(self) -> tuple[PromiseView, ...]:
        """Every expectation and how it stands, in the scenario's order."""
        return tuple(watched.view(self._is_over) for watched in self._watched)

    def _break(self, watched: _Watched, reason: str) -> None:
        if not watched.broken:
            watched.broken = reason
            self._emit("", PromiseBroken(watched.expectation.promise, reason))


def check_expectations(expectations: Sequence[Expectation]) -> None:
    """Raise UsageError for a promise that does not exist, or cannot be asked for in that way."""
    for expectation in expectations:
        _promise(expectation)


def _promise(expectation: Expectation) -> Promise:
    name = expectation.promise
    if name not in PROMISES:
        raise UsageError(f"{expectation.place}: there is no promise {name!r}; {suggestion(name, PROMISES)}")
    if PROMISES[name].is_state and expectation.kind == "always":
        raise UsageError(f"{expectation.place}: {name} cannot hold always, work takes its time; write eventually or finally")
    return PROMISES[name]()
