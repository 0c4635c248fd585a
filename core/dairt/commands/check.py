"""`dairt check SCENARIO`: read a scenario without playing it, and say what it means."""

from collections.abc import Iterator

from dairt.model.scenario import Scenario
from dairt.rehearsal import gallery
from dairt.rehearsal.judge import check_expectations

NODES_SHOWN = 8


def check(scenario: str, /) -> int:
    """Read a scenario and explain it in a few lines; say in one sentence what is wrong with it.

    Exits with 0 when it can be played, 2 when not.
    """
    story = gallery.load(scenario)
    check_expectations(story.expectations)
    print("\n".join(_explain(story)))
    return 0


def _explain(story: Scenario) -> Iterator[str]:
    yield f"{story.name}: {story.summary}" if story.summary else story.name
    more = f" and {len(story.nodes) - NODES_SHOWN} more" if len(story.nodes) > NODES_SHOWN else ""
    yield f"nodes    {', '.join(story.nodes[:NODES_SHOWN])}{more}"
    yield f"worlds   {', '.join(story.worlds)}"
    if story.time is None:
        yield "time     runs until it is stopped"
    else:
        yield f"time     trouble until {story.time.trouble_until_s:g} s, then {story.time.settle_s:g} s to settle"
    yield from (f"work     {work.id}: {work}" for work in story.work)
    yield from (f"fault    {fault.id}: {fault}" for fault in story.faults)
    yield from (f"do       at {do.at_s:g} s: {do.action}" for do in story.actions)
    yield from (f"expect   {expectation}" for expectation in story.expectations)
