"""GraphRun: whatever is lost, doubled or late, each result is committed once, nothing needless runs, and the run ends."""

import pytest

from dairt.model.graph import Op, Outline, Spec
from dairt.model.ops import Kernel
from dairt.protocol.runs import (
    AVOID_OUTCOMES,
    Attempt,
    AttemptLost,
    Finished,
    GraphRun,
    InputGone,
    NodeBack,
    NodeLost,
    Placed,
    Refused,
    RunCounts,
)

NODES = ("n0", "n1", "n2")
SPEC = Spec("float32", (8, 8))


def outline(ops: dict[str, str], outputs: str) -> Outline:
    """An outline of ops, each given as `name: its inputs`; the value of an op has its name."""
    made = tuple(Op(name, Kernel("add"), tuple(inputs.split()), (name,), 1000.0) for name, inputs in ops.items())
    return Outline("g", "0" * 32, {"x": SPEC}, ("w",), made, tuple(outputs.split()))


def begin(ops: dict[str, str], outputs: str, nodes: tuple[str, ...] = NODES, attempts_max: int = 16) -> GraphRun:
    return GraphRun(outline(ops, outputs), coordinator="n0", nodes=nodes, attempts_max=attempts_max)


def finished(attempt: Attempt) -> Finished:
    return Finished(attempt.op.name, attempt.number, attempt.node, (256,) * len(attempt.op.outputs))


def lost(attempt: Attempt) -> AttemptLost:
    return AttemptLost(attempt.op.name, attempt.number, attempt.node, "connection reset")


def finish_all(run: GraphRun) -> list[str]:
    """Play on without trouble; the names of the ops that ran."""
    ran = []
    while not run.done:
        attempts = run.ready()
        assert attempts, "a run that is not done and has nothing under way must have something to start"
        for attempt in attempts:
            ran.append(attempt.op.name)
            run.settle(finished(attempt))
    return ran


CHAIN = {"a": "x w", "b": "a w", "c": "b a"}


def test_ops_run_when_their_inputs_are_there_and_only_those_needed() -> None:
    run = begin(CHAIN | {"idle": "x w"}, "c")
    (attempt,) = run.ready()
    assert (attempt.op.name, attempt.number, attempt.inputs) == ("a", 1, (Placed("x", "n0"), Placed("w", "")))
    assert run.ready() == []
    assert run.counts == RunCounts(total=3, done=0, running=1, lost=0)
    run.settle(finished(attempt))
    assert finish_all(run) == ["b", "c"]
    assert run.counts == RunCounts(total=3, done=3, running=0, lost=0)


def test_a_lost_attempt_runs_again_elsewhere_and_its_late_result_is_dropped() -> None:
    run = begin(CHAIN, "c")
    (first,) = run.ready()
    assert run.settle(lost(first)) == ("a",)
    (second,) = run.ready()
    assert second.node != first.node
    assert second.number == 2
    run.settle(finished(first))
    assert "a" not in run.where
    run.settle(finished(second))
    assert run.where["a"] == second.node
    assert run.settle(lost(second)) == ()
    assert run.where["a"] == second.node


def on_n1(run: GraphRun) -> None:
    """Finish `a` so that n1 holds it: n0 loses it first, and n1 comes before n2."""
    (attempt,) = run.ready()
    run.settle(lost(attempt))
    (attempt,) = run.ready()
    assert attempt.node == "n1"
    run.settle(finished(attempt))


def test_what_a_lost_node_held_is_made_again_from_lineage_only_if_still_needed() -> None:
    run = begin({"a": "x w", "b": "a w", "c": "b w"}, "c")
    on_n1(run)
    (b,) = run.ready()
    run.settle(finished(b))
    run.settle(NodeBack("n0"))
    (c,) = run.ready()
    assert (b.node, c.node) == ("n1", "n1")
    assert run.settle(NodeLost("n1", "killed")) == ("a", "b", "c")
    assert run.counts == RunCounts(total=3, done=0, running=0, lost=4)
    assert finish_all(run) == ["a", "b", "c"]


def test_a_result_nobody_needs_any_more_is_not_made_again() -> None:
    run = begin({"a": "x w", "b": "a w", "c": "b w"}, "c")
    on_n1(run)
    run.settle(NodeBack("n0"))
    (b,) = run.ready()
    run.settle(finished(b))
    assert run.settle(NodeLost("n2", "killed")) == ()
    (c,) = run.ready()
    run.settle(finished(c))
    assert run.done
    assert finish_all(run) == []


def test_the_inputs_of_a_running_op_are_made_again_only_when_it_misses_them() -> None:
    run = begin({"a": "x w", "b": "a w"}, "b")
    on_n1(run)
    (b,) = run.ready()
    run.settle(lost(b))
    (b,) = run.ready()
    assert b.node == "n2"
    assert run.settle(NodeLost("n1", "killed")) == ()
    assert run.ready() == []
    assert run.settle(InputGone("b", b.number, "n2", "a", "n1", "unreachable")) == ("a", "b")
    assert finish_all(run) == ["a", "b"]


def test_an_input_that_is_gone_is_made_again_and_its_taker_too() -> None:
    run = begin({"a": "x w", "b": "a w"}, "b")
    on_n1(run)
    (b,) = run.ready()
    assert run.settle(InputGone("b", b.number, b.node, "a", "n1", "no such value")) == ("a", "b")
    assert finish_all(run) == ["a", "b"]


def test_a_feed_that_could_not_be_fetched_is_still_there() -> None:
    run = begin(CHAIN, "c", nodes=("n1", "n2"))
    (a,) = run.ready()
    assert run.settle(InputGone("a", a.number, a.node, "x", "n0", "link cut")) == ("a",)
    (again,) = run.ready()
    assert again.node != a.node
    assert run.where["x"] == "n0"


def test_an_output_that_cannot_be_brought_home_is_made_again() -> None:
    run = begin({"a": "x w"}, "a")
    on_n1(run)
    assert run.done
    assert run.settle(InputGone("", 0, "n0", "a", "n1", "unreachable")) == ("a",)
    assert not run.done
    assert finish_all(run) == ["a"]
    assert run.where["a"] != "n1"


def test_a_node_in_trouble_is_avoided_but_not_for_ever() -> None:
    run = begin({f"v{at}": "x w" for at in range(60)}, " ".join(f"v{at}" for at in range(60)))
    first, *under_way = run.ready()
    run.settle(lost(first))
    given: list[list[str]] = []  # the nodes that got ops, outcome by outcome
    while under_way:
        run.settle(finished(under_way.pop(0)))
        attempts = run.ready()
        given.append([attempt.node for attempt in attempts])
        under_way += attempts
    assert all(first.node not in nodes for nodes in given[: AVOID_OUTCOMES - 1])
    assert any(first.node in nodes for nodes in given[AVOID_OUTCOMES - 1 :])


def test_a_node_in_trouble_gets_ops_when_there_is_no_other() -> None:
    run = begin(CHAIN, "c", nodes=("n0", "n1"))
    (attempt,) = run.ready()
    run.settle(lost(attempt))
    (attempt,) = run.ready()
    assert attempt.node == "n1"
    run.settle(NodeLost("n1", "killed"))
    (attempt,) = run.ready()
    assert attempt.node == "n0"


def test_an_op_that_is_lost_wherever_it_goes_fails_the_run_in_the_end() -> None:
    run = begin(CHAIN, "c", attempts_max=5)
    tried = []
    while attempts := run.ready():
        tried += [attempt.node for attempt in attempts]
        run.settle(lost(attempts[0]))
    assert len(tried) == 5
    assert sorted(dict.fromkeys(tried)) == list(NODES)
    assert run.failed == f"op 'a' was lost 5 times in a row, the last time on {tried[-1]}: connection reset"


def test_losses_count_in_a_row_only() -> None:
    run = begin(CHAIN, "c", attempts_max=2)
    on_n1(run)
    run.settle(NodeLost("n1", "killed"))
    (attempt,) = run.ready()
    run.settle(lost(attempt))
    assert run.failed == ""
    assert finish_all(run) == ["a", "b", "c"]


def test_an_output_that_can_never_be_brought_home_fails_the_run_in_the_end() -> None:
    run = begin({"a": "x w"}, "a", nodes=("n1",), attempts_max=3)
    for _ in range(3):
        assert run.failed == ""
        finish_all(run)
        run.settle(InputGone("", 0, "n0", "a", "n1", "too large"))
    assert run.failed == "value 'a' could not be had 3 times, the last time from n1: too large"


def test_old_news_of_a_holder_does_not_cost_the_value_made_again_elsewhere() -> None:
    run = begin({"a": "x w", "b": "a w", "c": "a x"}, "b c")
    on_n1(run)
    b, c = run.ready()
    assert (b.node, c.node) == ("n1", "n2")
    assert run.settle(NodeLost("n1", "killed")) == ("a", "b")
    (a,) = run.ready()
    run.settle(finished(a))
    assert run.settle(InputGone("c", c.number, "n2", "a", "n1", "unreachable")) == ("c",)
    assert run.where["a"] == a.node
    assert sorted(finish_all(run)) == ["b", "c"]


def test_a_loss_that_is_missed_only_later_is_blamed_on_the_node_that_held_the_result() -> None:
    run = begin({"a": "x w", "b": "a w"}, "b")
    on_n1(run)
    (b,) = run.ready()
    run.settle(lost(b))
    (b,) = run.ready()
    assert b.node == "n2"
    assert run.settle(NodeLost("n1", "killed")) == ()
    assert run.settle(lost(b)) == ("a", "b")
    assert run.blame == {"a": ("n1", "killed"), "b": ("n2", "connection reset")}
    assert finish_all(run) == ["a", "b"]
    assert run.blame == {}


def test_an_op_free_to_run_before_and_after_its_maker_ran_again_is_started_once() -> None:
    def op(name: str, taken: str, made: str, cost: float) -> Op:
        return Op(name, Kernel("add"), (taken,), tuple(made.split()), cost)

    ops = (op("m", "x", "v u", 2e9), op("e", "x", "e", 4e9), op("d", "u", "d", 3e9), op("t", "v", "t", 1e9))
    graph = Outline("g", "0" * 32, {"x": SPEC}, (), ops, ("d", "e", "t"))
    run = GraphRun(graph, coordinator="n0", nodes=("n1",), slots=1)
    e, m = run.ready()
    run.settle(finished(m))
    (d,) = run.ready()
    assert run.settle(InputGone("d", d.number, "n1", "u", "n1", "no such value")) == ("m", "d")
    (m,) = run.ready()
    run.settle(finished(m))
    (d,) = run.ready()
    run.settle(finished(e))
    (t,) = run.ready()
    run.settle(finished(d))
    assert run.ready() == []
    run.settle(finished(t))
    assert run.done


def test_a_kernel_that_refuses_fails_the_run() -> None:
    run = begin(CHAIN, "c")
    (attempt,) = run.ready()
    run.settle(Refused("a", 1, attempt.node, "shapes differ"))
    assert run.failed == f"op 'a' was refused by {attempt.node}: shapes differ"
    assert run.ready() == []


def test_a_node_gets_no_more_than_it_can_run_and_as_many_waiting() -> None:
    run = begin({f"v{at}": "x w" for at in range(50)}, " ".join(f"v{at}" for at in range(50)))
    attempts = run.ready()
    assert len(attempts) == 3 * 2 * 2
    run.settle(finished(attempts[0]))
    assert len(run.ready()) == 1


def test_with_no_node_left_the_run_waits_for_one() -> None:
    run = begin(CHAIN, "c", nodes=("n1",))
    (attempt,) = run.ready()
    assert run.settle(NodeLost("n1", "killed")) == ("a",)
    assert run.ready() == []
    run.settle(finished(attempt))
    run.settle(NodeBack("n2"))
    assert finish_all(run) == ["a", "b", "c"]
    assert run.where["c"] == "n2"


@pytest.mark.parametrize("nodes", [NODES, ("n0",)])
def test_a_long_chain_is_scheduled_to_its_end(nodes: tuple[str, ...]) -> None:
    ops = {"v0": "x w"} | {f"v{at}": f"v{at - 1} v{at // 2}" for at in range(1, 3000)}
    run = begin(ops, "v2999", nodes=nodes)
    assert len(finish_all(run)) == 3000
