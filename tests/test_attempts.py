"""What is known of a run's ops follows from what was told, in any batches, and stays bounded."""

from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from dairt.model.events import Entry, Event, NodeDown, OpCommitted, OpFinished, OpLost, OpStarted, RunBegun, RunEnded
from dairt_console.attempts import ATTEMPTS_KEPT, RUNS_KEPT, Work, follow_work


def told(*said: tuple[str, Event]) -> list[Entry]:
    """What the nodes said, a second apart."""
    return [Entry(at, float(at), node, event) for at, (node, event) in enumerate(said, 1)]


STORY = told(
    ("n0", RunBegun("r", "g", 2)),
    ("n1", OpStarted("r", "a", 1, "compute-0")),
    ("n2", OpStarted("r", "b", 1, "compute-0")),
    ("n1", OpFinished("r", "a", 1, "compute-0", 2.0)),
    ("n0", OpCommitted("r", "a", "n1", 1)),
    ("n2", NodeDown("killed")),
    ("n0", OpLost("r", "b", "n2", "n2 is dead")),
    ("n1", OpStarted("r", "b", 2, "compute-1")),
    ("n1", OpFinished("r", "b", 2, "compute-1", 1.0)),
    ("n0", OpCommitted("r", "b", "n1", 2)),
    ("n0", RunEnded("r", "g", "done", "d", 10.0)),
)


def after(entries: Sequence[Entry]) -> Work:
    return follow_work({}, entries)["r"]


def test_an_op_is_running_then_done_and_its_seconds_are_those_of_the_attempt_that_counted() -> None:
    assert after(STORY[:2]).ops["a"].state == "running"
    assert after(STORY[:4]).ops["a"].state == "running", "nobody has accepted it yet"
    done = after(STORY[:5]).ops["a"]
    assert (done.state, done.node, done.seconds, done.losses) == ("done", "n1", 2.0, 0)


def test_what_a_dead_node_was_at_is_lost_at_once_and_done_again_elsewhere() -> None:
    attempt = after(STORY[:6]).attempts[1]
    assert (attempt.op, attempt.fate, attempt.ended_s) == ("b", "lost", 6.0)
    lost = after(STORY[:7]).ops["b"]
    assert (lost.state, lost.losses, lost.reason) == ("lost", 1, "n2 is dead")
    again = after(STORY[:8]).ops["b"]
    assert (again.state, again.node, again.number, again.losses) == ("running", "n1", 2, 1)
    assert [attempt.fate for attempt in after(STORY).of("b")] == ["lost", "done"]


def test_a_result_that_is_lost_after_it_counted_makes_the_op_lost_again() -> None:
    work = after([*STORY[:5], *told(("n0", OpLost("r", "a", "n1", "gone")))])
    assert (work.ops["a"].state, work.attempts[0].fate) == ("lost", "lost")


def test_what_still_runs_when_the_run_ends_is_left() -> None:
    late = told(("n2", OpStarted("r", "a", 3, "compute-1")))
    work = after([*STORY[:10], *late, STORY[10]])
    assert work.attempts[-1].fate == "left"
    assert work.ops["a"].state == "done", "the first result wins"
    assert (work.begun_s, work.ended_s) == (1.0, 11.0)


@given(st.lists(st.integers(1, 4), min_size=11))
def test_batches_make_no_difference(sizes: list[int]) -> None:
    def batches() -> Iterator[list[Entry]]:
        left = list(STORY)
        for size in sizes:
            yield left[:size]
            left = left[size:]
        yield left

    known: dict[str, Work] = {}
    for batch in batches():
        known = dict(follow_work(known, batch))
    assert known == follow_work({}, STORY)


def test_nothing_new_is_the_same_object_and_all_is_bounded() -> None:
    known = follow_work({}, STORY)
    assert follow_work(known, []) is known
    many = told(*(("n1", OpStarted("r", f"op{at}", 1, "compute-0")) for at in range(ATTEMPTS_KEPT + 5)))
    work = after(many)
    assert (len(work.attempts), work.forgotten) == (ATTEMPTS_KEPT, 5)
    runs = follow_work({}, told(*(("n0", RunBegun(f"r{at}", "g", 1)) for at in range(RUNS_KEPT + 3))))
    assert next(iter(runs)) == "r3"
    assert len(runs) == RUNS_KEPT
