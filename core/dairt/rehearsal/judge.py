"""Watches over a scenario's expectations: which hold, which are still to come true, which are broken and why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dairt.errors import UsageError
from dairt.model.events import EVENT_TYPES, Entry, Event, PromiseBroken
from dairt.model.scenario import STATISTICS, Expectation, Scenario, Statistic
from dairt.model.toml_table import suggestion
from dairt.model.views import PromiseView, Snapshot
from dairt.rehearsal.metrics import METRICS, percentile
from dairt.rehearsal.promises import PROMISES, ActionOf, Promise
from dairt.rehearsal.python import is_python
from dairt.rehearsal.triggers import matches

Values = Callable[[], Mapping[str, list[float]]]  # of every metric, so far
# How many values a statistic needs to mean anything; with fewer it is left to a sweep of many seeds.
VALUES_MIN: dict[Statistic, int] = {"min": 1, "p50": 2, "p95": 20, "p99": 100, "max": 1}


@dataclass
class _Watched:
    expectation: Expectation
    promise: Promise
    came_true: bool = False
    broken: str = ""
    note: str = ""

    @property
    def is_pending(self) -> bool:
        """Whether it has still to come true, and cannot be waited for longer than a while."""
        return self.expectation.kind == "eventually" and not (self.came_true or self.broken)

    def view(self, is_over: bool) -> PromiseView:
        reason = self.broken or self.note or self.promise.note()
        return PromiseView(self.expectation.promise, self._state(is_over), reason)  # type: ignore[arg-type]

    def _state(self, is_over: bool) -> str:
        if self.broken:
            return "broken"
        match self.expectation.kind:
            case "sometimes" | "metric":
                return "holds" if self.came_true else "pending"
            case "finally":
                return "holds" if is_over else "pending"
            case _:
                return "pending" if self.is_pending and not is_over else "holds"


class Judge:
    """The expectations of one run. A broken promise is an event and a verdict, never an exception.

    What must hold sometimes, or be measured, and did not or was not in this run, stays pending: a sweep has the last word.
    """

    def __init__(
        self,
        expectations: Sequence[Expectation],
        emit: Callable[[str, Event], None],
        *,
        measured: Values = dict,
        python: Mapping[str, Any] | None = None,
    ) -> None:
        self._emit = emit
        self._measured = measured
        self._watched = [_Watched(expectation, _promise(expectation, python or {})) for expectation in expectations]
        self._healed_s: float | None = None
        self._is_over = False

    def tell(self, scenario: Scenario, action_of: ActionOf) -> None:
        """Tell every promise which story it is, before the first event; `action_of` says what a fault that fires does."""
        for watched in self._watched:
            watched.promise.told(scenario, action_of)

    @property
    def is_broken(self) -> bool:
        """Whether any promise is broken."""
        return any(watched.broken for watched in self._watched)

    def see(self, entry: Entry) -> None:
        """Feed every promise one event: a journal listener."""
        for watched in self._watched:
            if reason := watched.promise.see(entry):
                self._note(watched, reason)

    def healed(self, now: float) -> None:
        """All trouble is over: what must come true has its time from now."""
        self._healed_s = now

    @property
    def is_waiting(self) -> bool:
        """Whether a look could come to anything."""
        return any(_is_hoped_for(watched) or (watched.is_pending and self._healed_s is not None) for watched in self._watched)

    def look(self, snapshot: Callable[[], Snapshot], now: float) -> None:
        """See whether what had to come true has, or is late; takes a snapshot only while something is pending."""
        hoped = [watched for watched in self._watched if _is_hoped_for(watched)]
        pending = [watched for watched in self._watched if watched.is_pending and self._healed_s is not None]
        if not pending and not hoped:
            return
        last = snapshot()
        for watched in hoped:
            watched.came_true = not watched.promise.judge(last)
        for watched in pending:
            assert self._healed_s is not None
            reason = watched.promise.judge(last)
            watched.came_true = not reason
            if reason and now >= self._healed_s + watched.expectation.within_s:
                self._break(watched, f"not within {watched.expectation.within_s:g} s of healing: {reason}")

    def finish(self, last: Snapshot) -> None:
        """Judge how the world stands at the end: what came true must still be, and what must hold finally does."""
        for watched in self._watched:
            match watched.expectation.kind:
                case "metric":
                    self._measure(watched)
                case "sometimes":
                    watched.note = "" if watched.came_true else "it did not happen in this run"
                case _:
                    if reason := watched.promise.judge(last):
                        self._break(watched, reason)
        self._is_over = True

    def drained(self, last: Snapshot) -> None:
        """Judge once more what must hold of a world whose nodes have all been stopped."""
        for watched in self._watched:
            is_asked = watched.expectation.kind not in ("sometimes", "metric")
            if is_asked and not watched.promise.is_state and (reason := watched.promise.judge(last)):
                self._break(watched, reason)

    def views(self) -> tuple[PromiseView, ...]:
        """Every expectation and how it stands, in the scenario's order."""
        return tuple(watched.view(self._is_over) for watched in self._watched)

    def _measure(self, watched: _Watched) -> None:
        expectation, values = watched.expectation, self._measured().get(watched.expectation.promise, [])
        if reason := out_of_bounds(expectation, values):
            self._break(watched, reason)
        elif few := [bound.statistic for bound in expectation.bounds if len(values) < VALUES_MIN[bound.statistic]]:
            watched.note = f"{len(values)} values in this run are too few for {', '.join(few)}"
        else:
            watched.came_true = True

    def _note(self, watched: _Watched, reason: str) -> None:
        """A promise's fold has something to say: that it is broken, or for `sometimes` that it has happened."""
        if watched.expectation.kind != "sometimes":
            self._break(watched, reason)
        elif isinstance(watched.promise, Happens):
            watched.came_true = True

    def _break(self, watched: _Watched, reason: str) -> None:
        if not watched.broken:
            watched.broken = reason
            self._emit("", PromiseBroken(watched.expectation.promise, reason))


class Happens(Promise):
    """An event with such fields, of any node: `see` says so when it comes."""

    def __init__(self, expectation: Expectation) -> None:
        self._kind = EVENT_TYPES[expectation.promise]
        self._where = expectation.where

    def see(self, entry: Entry) -> str:
        """Say whether this is it."""
        return "it happened" if type(entry.event) is self._kind and matches(entry.event, self._where) else ""


class Measure(Promise):
    """A metric: nothing to see and nothing to judge, until its values are looked at in the end."""


def out_of_bounds(expectation: Expectation, values: Sequence[float], *, pooled: bool = False) -> str:
    """The reason why a metric's values are not as expected, or "". Where a sweep's are `pooled`, however few are enough."""
    for bound in expectation.bounds:
        if not values or not (pooled or len(values) >= VALUES_MIN[bound.statistic]):
            continue
        value = percentile(values, STATISTICS[bound.statistic])
        if bound.most is not None and value > bound.most:
            return f"its {bound.statistic} of {len(values)} values is {value:g}, more than {bound.most:g}"
        if bound.least is not None and value < bound.least:
            return f"its {bound.statistic} of {len(values)} values is {value:g}, less than {bound.least:g}"
    return ""


def check_expectations(expectations: Sequence[Expectation]) -> None:
    """Raise UsageError for a promise, event or metric that does not exist, or cannot be asked for in that way."""
    for expectation in expectations:
        if not is_python(expectation.promise):
            _promise(expectation, {})


def _promise(expectation: Expectation, python: Mapping[str, Any]) -> Promise:
    name, kind = expectation.promise, expectation.kind
    if kind == "metric":
        if name not in METRICS:
            raise UsageError(f"{expectation.place}: there is no metric {name!r}; {suggestion(name, METRICS)}")
        return Measure()
    if kind == "sometimes" and name in EVENT_TYPES:
        return Happens(expectation)
    if is_python(name):
        return python[name]()  # type: ignore[no-any-return]  # whoever wrote it says that it is a promise
    if name not in PROMISES:
        known, what = (PROMISES, "promise") if kind != "sometimes" else ((*EVENT_TYPES, *PROMISES), "event or promise")
        raise UsageError(f"{expectation.place}: there is no {what} {name!r}; {suggestion(name, known)}")
    if PROMISES[name].is_state and kind == "always":
        raise UsageError(f"{expectation.place}: {name} cannot hold always, work takes its time; write eventually or finally")
    return PROMISES[name]()


def _is_hoped_for(watched: _Watched) -> bool:
    """Whether it is a promise that need only hold sometimes, and has not."""
    return watched.expectation.kind == "sometimes" and not watched.came_true and not isinstance(watched.promise, Happens)
