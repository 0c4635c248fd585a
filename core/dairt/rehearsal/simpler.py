"""Ways to make a story simpler: each yields stories that say less, the boldest first. Whether they still fail is not known.

Nothing here makes a promise harder to keep: the time to settle in, and how quick nodes are configured to be, stay as they
are, except where only what must always hold is expected.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import Any, TypeVar

import msgspec

from dairt.model.action import JOIN, Action, Broadcast, Link, Put, RunGraph, named
from dairt.model.scenario import (
    After,
    At,
    Between,
    Budget,
    DiskModel,
    Every,
    Fault,
    NetworkModel,
    On,
    Scenario,
    Span,
    Timing,
    Work,
)

T = TypeVar("T")
SETTLE_S = 1.0  # enough for a story whose promise is broken before
LEAST_S = 0.1  # of a time: less says no more
LEAST_TROUBLE_S = 0.001  # of a delay that trouble makes
replace = msgspec.structs.replace


def with_faults(story: Scenario, faults: Sequence[Fault]) -> Scenario:
    """The story with these of its faults only; what comes after one that is gone goes too."""
    kept, left = list(faults), 0
    while len(kept) != left:
        left = len(kept)
        known = [fault.id for fault in kept]
        kept = [fault for fault in kept if not isinstance(fault.when, After) or fault.when.fault in known]
    return replace(story, faults=tuple(kept))


def cut_after(story: Scenario, broken_s: float) -> Iterator[Scenario]:
    """Up to just after the moment at which the promise was broken, where no lack of time can break it."""
    if story.time is not None and is_timeless(story):
        end_s = min(story.time.trouble_until_s, math.floor(broken_s) + 1.0)
        yield _cut_at(story, replace(story.time, trouble_until_s=end_s, settle_s=min(story.time.settle_s, SETTLE_S)))


def fewer_nodes(story: Scenario) -> Iterator[Scenario]:
    """Without one of the nodes, and without whatever of a fault or a zone meant it alone."""
    for gone in reversed(story.nodes if len(story.nodes) > 1 else ()):
        yield replace(
            story,
            nodes=tuple(node for node in story.nodes if node != gone),
            zones=_zones_without(story, gone),
            faults=tuple(replace(fault, action=_without(fault.action, gone)) for fault in story.faults),
        )


def less_around(story: Scenario) -> Iterator[Scenario]:
    """Without a part of what is around the trouble: limits to it, and where that can break no promise, the settings."""
    yield replace(story, tags=(), seeds={}, worlds=("sim",))
    yield replace(story, budget=Budget())
    yield replace(story, zones={})
    if is_timeless(story):
        yield replace(story, network=NetworkModel(), disk=DiskModel(), config={})
        yield replace(story, network=NetworkModel())
        yield replace(story, disk=DiskModel())
        for setting in story.config:
            yield replace(story, config={name: value for name, value in story.config.items() if name != setting})


def less_time(story: Scenario) -> Iterator[Scenario]:
    """With less time for trouble, and for what is due in it; where that can break no promise, with less time to settle."""
    if story.time is None:
        return
    if is_timeless(story) and story.time.settle_s > SETTLE_S:
        yield replace(story, time=replace(story.time, settle_s=SETTLE_S))
    for until_s in less(story.time.trouble_until_s):
        yield _cut_at(story, replace(story.time, trouble_until_s=until_s))


def simpler_faults(story: Scenario) -> Iterator[Scenario]:
    """With one fault simpler: earlier, shorter, weaker, at a moment more easily said."""
    yield from _each(story, "faults", (_simpler_moment, _simpler_length, _simpler_action))


def simpler_work(story: Scenario) -> Iterator[Scenario]:
    """With one work simpler: once, one at a time, earlier, with less in it."""
    yield from _each(story, "work", (_simpler_rhythm, _smaller_work))


def is_timeless(story: Scenario) -> bool:
    """Whether all that is expected must hold always, so that no lack of time can break it."""
    return all(expectation.kind == "always" for expectation in story.expectations)


def less(number: float, least: float = LEAST_S) -> Iterator[float]:
    """Smaller and rounder numbers, down to `least`: far less, half, three quarters, and about as much."""
    exact = Decimal(repr(number))
    found: list[float] = []
    for part, digits in ((exact / 8, 1), (exact / 2, 1), (exact * 3 / 4, 1), (exact, 1), (exact, 2)):
        rounded = float(part.quantize(Decimal(1).scaleb(part.adjusted() - digits + 1), ROUND_FLOOR)) if part else 0.0
        if least <= rounded < number and rounded not in found:
            found.append(rounded)
    yield from found


# ------------------------------------------------------------------------------------------------ nodes and time


def _zones_without(story: Scenario, gone: str) -> dict[str, tuple[str, ...]]:
    left = {zone: tuple(node for node in nodes if node != gone) for zone, nodes in story.zones.items()}
    return {zone: nodes for zone, nodes in left.items() if nodes}


def _without(action: Any, gone: str) -> Any:
    """The action without a node that is one of several it names."""

    def others(who: str) -> str:
        return JOIN.join(node for node in named(who) if node != gone) or who

    if isinstance(getattr(action, "link", None), Link):
        return replace(action, link=replace(action.link, a=others(action.link.a), b=others(action.link.b)))
    return replace(action, node=others(action.node))


def _cut_at(story: Scenario, time: Timing) -> Scenario:
    """The story up to an earlier end of its trouble."""
    end_s = time.trouble_until_s
    work = [
        replace(work, until_s=None if work.until_s is None else min(work.until_s, end_s))
        for work in story.work
        if work.at_s < end_s
    ]
    faults = [fault for fault in story.faults if not isinstance(fault.when, At) or _latest_s(fault.when.at_s) < end_s]
    return with_faults(replace(story, time=time, work=tuple(work)), faults)


def _latest_s(span: Span) -> float:
    return span.high_s if isinstance(span, Between) else span


# ------------------------------------------------------------------------------------------------ single entries


def _each(story: Scenario, field: str, moves: Sequence[Callable[[Any], Iterator[Any]]]) -> Iterator[Scenario]:
    entries = getattr(story, field)
    for at, entry in enumerate(entries):
        for move in moves:
            for simpler in move(entry):
                if simpler != entry:
                    yield replace(story, **{field: (*entries[:at], simpler, *entries[at + 1 :])})


def _less_span(span: Span) -> Iterator[Span]:
    if isinstance(span, Between):
        yield span.low_s
        yield span.high_s
    else:
        yield from less(span)


def _simpler_moment(fault: Fault) -> Iterator[Fault]:
    if fault.delay_s:
        yield replace(fault, delay_s=0.0)
        yield from (replace(fault, delay_s=delay_s) for delay_s in _less_span(fault.delay_s))
    match fault.when:
        case At(at_s):
            yield from (replace(fault, when=At(span)) for span in _less_span(at_s))
        case Every(mean_s, max_times) as every:
            yield from (replace(fault, when=replace(every, max_times=int(times))) for times in less(max_times, 1))
            yield replace(fault, when=At(mean_s))
        case On() as on:
            yield from (replace(fault, when=replace(on, nth=int(nth))) for nth in less(on.nth, 1))
            for part in on.where:
                yield replace(fault, when=replace(on, where=tuple(other for other in on.where if other != part)))


def _simpler_length(fault: Fault) -> Iterator[Fault]:
    if fault.for_s is not None:
        yield from (replace(fault, for_s=span) for span in _less_span(fault.for_s))


def _simpler_action(fault: Fault) -> Iterator[Fault]:
    yield from (replace(fault, action=action) for action in _smaller(fault.action))


def _smaller(action: Action) -> Iterator[Action]:
    """The action with one of its numbers as it would be anyway, or smaller."""
    for field in msgspec.structs.fields(action):
        value = getattr(action, field.name)
        if type(value) in (int, float) and value:
            usual = [] if field.required or field.default >= value else [field.default]
            least = LEAST_TROUBLE_S if field.name.endswith("_s") else 1
            for number in (*usual, *less(value, least)):
                yield replace(action, **{field.name: type(value)(number)})


def _simpler_rhythm(work: Work) -> Iterator[Work]:
    if work.every_s is not None:
        yield replace(work, every_s=None, until_s=None)
        yield from (replace(work, until_s=until_s) for until_s in less(work.until_s or 0.0) if until_s > work.at_s)
    if work.copies > 1:
        yield replace(work, copies=1)
    if work.at_s:
        yield replace(work, at_s=0.0)
        yield from (replace(work, at_s=at_s) for at_s in less(work.at_s))


def _smaller_work(work: Work) -> Iterator[Work]:
    match work.action:
        case Broadcast(tensor=tensor) | Put(tensor=tensor):
            shapes = [(1,), *(tuple(max(1, extent // by) for extent in tensor.shape) for by in (8, 2))]
            for shape in shapes:
                yield replace(work, action=replace(work.action, tensor=replace(tensor, shape=shape)))
        case RunGraph(graph=graph) if not graph.onnx:
            for name in ("layers", "width", "size"):
                for number in less(getattr(graph, name), 1):
                    smaller = replace(graph, **{name: int(number)})
                    yield replace(work, action=replace(work.action, graph=smaller))
