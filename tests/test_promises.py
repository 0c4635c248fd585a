"""Every promise can be broken: each is shown a journal, or a world, in which it does not hold, and one in which it does."""

import pytest

from dairt.errors import UsageError
from dairt.model.events import (
    BroadcastAcked,
    BroadcastBegun,
    CheckpointDurable,
    CheckpointRestored,
    Entry,
    Event,
    NodeBooted,
    NodeDown,
    OpCommitted,
    OpLost,
    RunBegun,
    RunEnded,
    TensorStored,
)
from dairt.model.scenario import Expectation
from dairt.model.version import Version
from dairt.model.views import CheckpointView, NodeView, Snapshot
from dairt.rehearsal.judge import Judge, check_expectations
from dairt.rehearsal.promises import PROMISES

OLD, NEW = Version(1, "n0", 7), Version(2, "n0", 7)
BOOTED = NodeBooted("n0:1", 0, 0, 1)


def node(name: str, *held: tuple[str, Version, int], state: str = "up", sockets: int = 0) -> NodeView:
    checkpoints = tuple(
        CheckpointView(key, version, "float32", (1,), 4, checksum, 0.0, "durable") for key, version, checksum in held
    )
    return NodeView(name, name, state, checkpoints=checkpoints, sockets=sockets)  # type: ignore[arg-type]


def world(*nodes: NodeView) -> Snapshot:
    return Snapshot(0.0, "sim", "test", 0, "verdict", 1.0, nodes)


def acked(key: str, version: Version, checksum: int, outcome: str = "durable", member: str = "n1") -> list[tuple[str, Event]]:
    return [
        ("n0", BroadcastBegun(key, version, 4, ("n1", "n2"))),
        ("n0", BroadcastAcked(key, version, member, outcome, 0.1, checksum)),
    ]


def ended(run: str, digest: str = "d", outcome: str = "done", graph: str = "g") -> tuple[str, Event]:
    return "n0", RunEnded(run, graph, outcome, digest, 0.1)  # type: ignore[arg-type]


def verdict(promise: str, events: list[tuple[str, Event]], last: Snapshot | None = None) -> str:
    """The first reason the promise gives, or ""."""
    watched = PROMISES[promise]()
    for seq, (name, event) in enumerate(events, 1):
        if reason := watched.see(Entry(seq, 0.1 * seq, name, event)):
            return reason
    return "" if last is None else watched.judge(last)


Case = tuple[list[tuple[str, Event]], Snapshot | None]
BROKEN: dict[str, Case] = {
    "acked_broadcast_on_all_live: a live node lacks it": (
        acked("w", OLD, 5),
        world(node("n0", ("w", OLD, 5)), node("n1", ("w", OLD, 5)), node("n2")),
    ),
    "acked_broadcast_on_all_live: a live node has an older one": (
        acked("w", NEW, 5),
        world(node("n1", ("w", NEW, 5)), node("n2", ("w", OLD, 4))),
    ),
    "acked_broadcast_on_all_live: a live node has other bytes": (acked("w", OLD, 5), world(node("n2", ("w", OLD, 6)))),
    "no_partial_tensor_visible: two nodes store different bytes": (
        [("n0", TensorStored("w", OLD, 4, 5, "n0")), ("n1", TensorStored("w", OLD, 4, 6, "n0"))],
        None,
    ),
    "no_partial_tensor_visible: the disk has other bytes than memory": (
        [("n0", TensorStored("w", OLD, 4, 5, "n0")), ("n0", CheckpointDurable("w", OLD, 4, 6, 0.1))],
        None,
    ),
    "no_partial_tensor_visible: other bytes are restored": (
        [("n0", TensorStored("w", OLD, 4, 5, "n0")), ("n0", CheckpointRestored("w", OLD, 6))],
        None,
    ),
    "no_partial_tensor_visible: a receipt is for other bytes": (
        [("n0", TensorStored("w", OLD, 4, 5, "n0")), *acked("w", OLD, 6)],
        None,
    ),
    "no_partial_tensor_visible: other bytes are seen": (
        [("n0", TensorStored("w", OLD, 4, 5, "n0"))],
        world(node("n1", ("w", OLD, 6))),
    ),
    "durable_survives_restart: nothing comes back": ([("n0", CheckpointDurable("w", OLD, 4, 5, 0.1)), ("n0", BOOTED)], None),
    "durable_survives_restart: an older one comes back": (
        [("n1", CheckpointDurable("w", NEW, 4, 5, 0.1)), ("n1", CheckpointRestored("w", OLD, 4)), ("n1", BOOTED)],
        None,
    ),
    "durable_survives_restart: a receipt is forgotten": ([*acked("w", OLD, 5), ("n1", BOOTED)], None),
    "versions_only_rise: a version falls": (
        [("n0", TensorStored("w", NEW, 4, 5, "n0")), ("n0", TensorStored("w", OLD, 4, 4, "n0"))],
        None,
    ),
    "versions_only_rise: what was restored is replaced by an older one": (
        [("n0", CheckpointRestored("w", NEW, 5)), ("n0", BOOTED), ("n0", TensorStored("w", OLD, 4, 4, "n1"))],
        None,
    ),
    "every_run_has_one_result: two results": ([("n0", RunBegun("r", "g", 1)), ended("r"), ended("r")], None),
    "every_run_has_one_result: no result": ([("n0", RunBegun("r", "g", 1))], world()),
    "every_run_has_one_result: it failed": ([("n0", RunBegun("r", "g", 1)), ended("r", outcome="failed")], None),
    "every_run_has_one_result: it never began": ([ended("r")], None),
    "every_run_has_one_result: it began twice": ([("n0", RunBegun("r", "g", 1)), ("n1", RunBegun("r", "g", 1))], None),
    "op_committed_once: twice": ([("n0", OpCommitted("r", "a", "n1", 1)), ("n0", OpCommitted("r", "a", "n2", 2))], None),
    "runs_give_the_same_answer: they differ": ([ended("r1", "d1"), ended("r2", "d2")], None),
    "every_node_returns: one is down": ([], world(node("n0"), node("n1", state="down"))),
    "no_leaked_sockets: a stopped node has one": ([], world(node("n0"), node("n1", state="down", sockets=1))),
}

KEPT: dict[str, Case] = {
    "acked_broadcast_on_all_live: a newer one supersedes": (
        acked("w", OLD, 5),
        world(node("n0", ("w", OLD, 5)), node("n1", ("w", NEW, 6)), node("n2", state="down")),
    ),
    "acked_broadcast_on_all_live: nobody said durable": (acked("w", OLD, 5, "stored"), world(node("n1"))),
    "acked_broadcast_on_all_live: it was not for that node": (acked("w", OLD, 5), world(node("n9"))),
    "no_partial_tensor_visible: same bytes": (
        [("n0", TensorStored("w", OLD, 4, 5, "n0")), ("n1", TensorStored("w", OLD, 4, 5, "n0"))],
        world(node("n1", ("w", OLD, 5))),
    ),
    "no_partial_tensor_visible: another version": (
        [("n0", TensorStored("w", OLD, 4, 5, "n0")), ("n1", TensorStored("w", NEW, 4, 6, "n0"))],
        None,
    ),
    "durable_survives_restart: it comes back": (
        [("n0", CheckpointDurable("w", OLD, 4, 5, 0.1)), ("n0", CheckpointRestored("w", NEW, 5)), ("n0", BOOTED)],
        None,
    ),
    "versions_only_rise: a new life begins lower": (
        [("n0", TensorStored("w", NEW, 4, 5, "n0")), ("n0", NodeDown("killed")), ("n0", TensorStored("w", OLD, 4, 4, "n1"))],
        None,
    ),
    "every_run_has_one_result: one each": ([("n0", RunBegun("r", "g", 1)), ended("r")], world()),
    "op_committed_once: again after it was lost": (
        [
            ("n0", OpCommitted("r", "a", "n1", 1)),
            ("n0", OpLost("r", "a", "n1", "killed")),
            ("n0", OpCommitted("r", "a", "n2", 2)),
        ],
        None,
    ),
    "op_committed_once: once each": ([("n0", OpCommitted("r", "a", "n1", 1)), ("n0", OpCommitted("r2", "a", "n1", 1))], None),
    "runs_give_the_same_answer: of two graphs": ([ended("r1", "d1"), ended("r2", "d2", graph="h")], None),
    "every_node_returns: all up": ([], world(node("n0"))),
    "no_leaked_sockets: a live node has some": ([], world(node("n0", sockets=3), node("n1", state="down"))),
}


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
