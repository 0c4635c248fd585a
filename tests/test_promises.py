"""Every promise can be broken: each is shown a journal, or a world, in which it does not hold, and one in which it does."""

from collections.abc import Sequence

import pytest

import promise_cases
import promise_cases_2
from dairt.errors import UsageError
from dairt.model.events import Entry, Event, NodeDown, OpCommitted, RunBegun
from dairt.model.scenario import Expectation, Scenario
from dairt.model.views import Snapshot
from dairt.rehearsal.judge import Judge, check_expectations
from dairt.rehearsal.promises import PROMISES
from promise_cases import Said, node, world

STORY = Scenario("test", ("n0", "n1", "n2"), config={"suspect_after_s": 2.0, "dead_after_s": 5.0, "queue_max": 8})
BROKEN, KEPT = {**promise_cases.BROKEN, **promise_cases_2.BROKEN}, {**promise_cases.KEPT, **promise_cases_2.KEPT}


def verdict(promise: str, events: Sequence[Said], last: Snapshot | None) -> str:
    """The first reason the promise gives, or "". Events without a time come 0.1 s after one another."""
    watched = PROMISES[promise]()
    watched.told(STORY, promise_cases_2.ACTIONS.get)
    now = 0.0
    for seq, (name, event, *at_s) in enumerate(events, 1):
        now = at_s[0] if at_s else now + 0.1
        if reason := watched.see(Entry(seq, now, name, event)):
            return reason
    return "" if last is None else watched.judge(last)


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_promise_is_noticed(case: str) -> None:
    events, last = BROKEN[case]
    assert verdict(case.partition(":")[0], events, last)


@pytest.mark.parametrize("case", KEPT)
def test_a_kept_promise_is_not_doubted(case: str) -> None:
    events, last = KEPT[case]
    assert verdict(case.partition(":")[0], events, last) == ""


def test_every_promise_is_shown_to_fail_and_to_hold() -> None:
    assert {case.partition(":")[0] for case in BROKEN} == set(PROMISES)
    assert {case.partition(":")[0] for case in KEPT} == set(PROMISES)


def watched(*expectations: Expectation) -> tuple[Judge, list[Event]]:
    said: list[Event] = []
    return Judge(expectations, lambda node, event: said.append(event)), said


def test_what_must_come_true_is_broken_only_when_it_is_late() -> None:
    judge, said = watched(Expectation("every_node_returns", "eventually", within_s=2.0))
    away = world(node("n0", state="down"))
    judge.look(lambda: away, 1.0)
    judge.healed(5.0)
    judge.look(lambda: away, 6.9)
    assert judge.views()[0].state == "pending"
    judge.look(lambda: away, 7.0)
    assert judge.views()[0].state == "broken"
    assert judge.is_broken
    assert len(said) == 1


def test_what_came_true_must_stay_so() -> None:
    judge, said = watched(Expectation("every_node_returns", "eventually", within_s=2.0))
    judge.healed(5.0)
    judge.look(lambda: world(node("n0")), 5.5)
    assert judge.views()[0].state == "holds"
    judge.finish(world(node("n0", state="down")))
    assert [type(event).__name__ for event in said] == ["PromiseBroken"]


def test_a_broken_promise_is_said_once() -> None:
    judge, said = watched(Expectation("op_committed_once", "always"))
    for seq in range(4):
        judge.see(Entry(seq, 0.0, "n0", OpCommitted("r", "a", "n1", 1)))
    assert len(said) == 1


def test_runs_that_are_excused_are_named_beside_the_verdict() -> None:
    judge, said = watched(Expectation("every_run_has_one_result", "finally"))
    for seq in range(5):
        judge.see(Entry(seq, 0.0, "n0", RunBegun(f"r{seq}", "g", 1)))
    judge.see(Entry(5, 0.0, "n0", NodeDown("killed (death)")))
    judge.finish(world(node("n0")))
    [view] = judge.views()
    assert (view.state, said) == ("holds", [])
    assert view.reason.startswith("r0 is excused: n0, its coordinator, is down: killed (death); r1 is excused")
    assert view.reason.endswith("; and 2 more")


def test_sockets_that_outlive_all_nodes_are_noticed_at_the_end() -> None:
    judge, said = watched(Expectation("no_leaked_sockets", "finally"), Expectation("every_node_returns", "finally"))
    judge.finish(world(node("n0", sockets=2)))
    assert [view.state for view in judge.views()] == ["holds", "holds"]
    judge.drained(world(node("n0", state="down", sockets=1)))
    assert [view.state for view in judge.views()] == ["broken", "holds"]
    assert len(said) == 1


@pytest.mark.parametrize(
    ("expectation", "sentence"),
    [
        (
            Expectation("versions_only_ride", "always", place="x.toml:9"),
            "x.toml:9: there is no promise 'versions_only_ride'; did you mean",
        ),
        (Expectation("every_node_returns", "always", place="x.toml:9"), "x.toml:9: every_node_returns cannot hold always"),
    ],
)
def test_a_promise_that_cannot_be_asked_for_is_refused_by_name(expectation: Expectation, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence.replace("?", r"\?")):
        check_expectations([expectation])
