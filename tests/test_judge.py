"""Expectations that a single run cannot break or settle alone: what happens sometimes, and what is measured."""

import pytest

from dairt.errors import UsageError
from dairt.model.events import ChunkSent, Entry, Event, PromiseBroken
from dairt.model.scenario import Bound, Expectation
from dairt.model.views import NodeView, Snapshot
from dairt.rehearsal.judge import Judge, check_expectations, out_of_bounds
from telling import story, tell

P99 = Expectation("detect_seconds", "metric", bounds=(Bound("p99", None, 2.0),))
MOST = Expectation("detect_seconds", "metric", bounds=(Bound("max", None, 2.0), Bound("min", 0.5)))


def world(*up: str) -> Snapshot:
    return Snapshot(0.0, "sim", "s", 0, "trouble", 1.0, tuple(NodeView(name, name, "up") for name in up))


def judge(expectation: Expectation, values: list[float] | None = None) -> tuple[Judge, list[Event]]:
    said: list[Event] = []
    measured = {expectation.promise: values or []}
    return Judge([expectation], lambda node, event: said.append(event), measured=lambda: measured), said


def state(told: Judge) -> tuple[str, str]:
    [view] = told.views()
    return view.state, view.reason


def test_what_happens_sometimes_holds_once_it_has() -> None:
    told, said = judge(Expectation("chunk_sent", "sometimes", where=(("peer", "b"), ("offset_pct", 40))))
    told.see(Entry(1, 0.0, "a", ChunkSent("c", "w", 90, 100)))
    told.see(Entry(2, 0.0, "a", ChunkSent("b", "w", 30, 100)))
    assert state(told) == ("pending", "")
    told.see(Entry(3, 0.0, "a", ChunkSent("b", "w", 50, 100)))
    assert state(told) == ("holds", "")
    told.finish(world())
    assert (state(told), said) == (("holds", ""), [])


def test_what_did_not_happen_is_left_to_other_seeds() -> None:
    told, said = judge(Expectation("chunk_sent", "sometimes"))
    told.finish(world())
    told.drained(world())
    assert state(told) == ("pending", "it did not happen in this run")
    assert (told.is_broken, said) == (False, [])


def test_a_promise_that_need_only_hold_sometimes_is_looked_at_all_along() -> None:
    told, _ = judge(Expectation("every_node_returns", "sometimes"))
    down = Snapshot(0.0, "sim", "s", 0, "trouble", 1.0, (NodeView("a", "a", "down"),))
    told.look(lambda: down, 0.0)
    assert state(told)[0] == "pending"
    told.look(lambda: world("a"), 0.1)
    told.finish(down)
    assert state(told) == ("holds", "")


@pytest.mark.parametrize(
    ("expectation", "values", "expected"),
    [
        (MOST, [1.0, 2.0], ("holds", "")),
        (MOST, [1.0, 2.1], ("broken", "its max of 2 values is 2.1, more than 2")),
        (MOST, [0.1, 2.0], ("broken", "its min of 2 values is 0.1, less than 0.5")),
        (MOST, [], ("pending", "0 values in this run are too few for max, min")),
        (P99, [9.0] * 99, ("pending", "99 values in this run are too few for p99")),
        (P99, [1.0] * 99 + [9.0], ("holds", "")),
        (P99, [1.0] * 98 + [9.0] * 2, ("broken", "its p99 of 100 values is 9, more than 2")),
    ],
)
def test_a_metric_is_judged_at_the_end_by_as_many_values_as_it_needs(
    expectation: Expectation, values: list[float], expected: tuple[str, str]
) -> None:
    told, said = judge(expectation, values)
    assert state(told)[0] == "pending"
    told.finish(world())
    assert state(told) == expected
    assert [type(event) for event in said] == [PromiseBroken] * (expected[0] == "broken")


def test_a_sweep_may_ask_of_all_it_has() -> None:
    assert out_of_bounds(P99, [9.0]) == ""
    assert out_of_bounds(P99, [9.0], pooled=True) == "its p99 of 1 values is 9, more than 2"
    assert out_of_bounds(P99, [], pooled=True) == ""


@pytest.mark.parametrize(
    ("expectation", "told"),
    [
        (
            Expectation("chunk_snt", "sometimes", place="x:1"),
            "x:1: there is no event or promise 'chunk_snt'; did you mean 'chunk_sent'",
        ),
        (Expectation("detect", "metric", place="x:1"), "x:1: there is no metric 'detect'; "),
        (Expectation("chunk_sent", "always", place="x:1"), "x:1: there is no promise 'chunk_sent'"),
    ],
)
def test_what_nobody_knows_is_refused(expectation: Expectation, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_expectations([expectation])
    assert str(caught.value).startswith(told)


def test_a_run_measures_and_judges() -> None:
    kill = '[[fault]]\nid = "f"\nat = "500ms"\nfor = "2s"\nkind = "node.kill"\nnode = "c"\n'
    slow = '[[expect]]\nmetric = "detect_seconds"\nmax = { max = "10s" }\n'
    quick = '[[expect]]\nmetric = "detect_seconds"\nmax = { max = "1ms" }\n'
    often = '[[expect]]\nsometimes = "peer_suspected"\nwhere = { peer = "c" }\n[[expect]]\nsometimes = "run_begun"\n'
    report, _ = tell(story(kill + slow + often))
    assert [(view.promise, view.state) for view in report.promises] == [
        ("detect_seconds", "holds"),
        ("peer_suspected", "holds"),
        ("run_begun", "pending"),
    ]
    assert report.verdict == "held"
    report, _ = tell(story(kill + quick))
    assert (report.verdict, report.reason) == ("violated", "detect_seconds")
