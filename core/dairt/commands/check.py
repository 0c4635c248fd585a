"""`dairt check SCENARIO`: read a scenario without playing it, and say what it means."""

import json
from collections.abc import Iterator
from typing import Annotated

from cyclopts import Parameter

from dairt.errors import UsageError
from dairt.model.action import kind_of, why_not
from dairt.model.scenario import Budget, DiskModel, Scenario
from dairt.model.scenario_schema import scenario_schema
from dairt.rehearsal import gallery
from dairt.rehearsal.judge import check_expectations
from dairt.rehearsal.promises import PROMISES
from dairt.rehearsal.promises.evidence import lacking, why_unseen

NODES_SHOWN = 8


def check(
    scenario: str | None = None,
    /,
    *,
    schema: Annotated[bool, Parameter(negative="", help="Print the JSON Schema of the format instead.")] = False,
) -> int:
    """Read a scenario and explain it in a few lines; say in one sentence what is wrong with it.

    Worlds that cannot do one of its faults are named with the reason.

    Exits with 0 when it can be played, 2 when not.
    """
    if schema:
        print(json.dumps(scenario_schema(), indent=2, ensure_ascii=False))
        return 0
    if scenario is None:
        raise UsageError("check needs a SCENARIO, or --schema")
    story = gallery.load(scenario)
    check_expectations(story.expectations)
    print("\n".join(explain(story)))
    return 0


def explain(story: Scenario) -> Iterator[str]:
    """What a story means, a line for each part of it."""
    yield f"{story.name}: {story.summary}" if story.summary else story.name
    more = f" and {len(story.nodes) - NODES_SHOWN} more" if len(story.nodes) > NODES_SHOWN else ""
    yield f"nodes    {', '.join(story.nodes[:NODES_SHOWN])}{more}"
    yield from (f"zone     {zone}: {', '.join(nodes)}" for zone, nodes in story.zones.items())
    yield from _worlds(story)
    if story.time is None:
        yield "time     runs until " + (
            "it is stopped" if story.stop_at_s is None else f"{story.stop_at_s:g} s, and no further"
        )
    else:
        yield f"time     trouble until {story.time.trouble_until_s:g} s, then {story.time.settle_s:g} s to settle"
    yield from (f"seeds    {name}: {seeds}" for name, seeds in story.seeds.items())
    yield from (f"link     {link}" for link in story.network.links)
    if story.disk != DiskModel():
        yield f"disk     a sync takes {story.disk.sync_p50_s * 1e3:g} ms, p99 {story.disk.sync_p99_s * 1e3:g} ms"
    yield from (f"work     {work.id}: {work}" for work in story.work)
    yield from (f"fault    {fault.id}: {fault}" for fault in story.faults)
    if story.budget != Budget():
        yield f"budget   {story.budget}; more is skipped"
    yield from (f"do       at {do.at_s:g} s: {do.action}" for do in story.actions)
    yield from (f"expect   {expectation}" for expectation in story.expectations)


def _worlds(story: Scenario) -> Iterator[str]:
    """The worlds it is for, and what of it those cannot do, or cannot judge."""
    yield f"worlds   {', '.join(story.worlds)}"
    actions = [*(fault.action for fault in story.faults), *(do.action for do in story.actions)]
    for world in story.worlds:
        cannot = dict.fromkeys(f"no {kind_of(action)}, {why}" for action in actions if (why := why_not(action, world)))
        if cannot:
            yield f"         not in {world} as it is: {'; '.join(cannot)}"
    promised = dict.fromkeys(name for expectation in story.expectations if (name := expectation.promise) in PROMISES)
    for world in story.worlds:
        for name in promised:
            needs = PROMISES[name].needs
            if needs and lacking(needs, world) == needs:
                yield f"         not judged in {world}: {name}, {why_unseen(needs, world)}"
