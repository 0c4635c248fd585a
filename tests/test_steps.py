"""What a snapshot tells of a story's steps: what is planned and when, what is under way, what became of it."""

from dairt.model.action import Broadcast, CutLink, Link, TensorRecipe
from dairt.model.events import Entry, FaultFired, FaultHealed, FaultSkipped
from dairt.model.scenario import Do
from dairt.model.views import FaultView, Snapshot, StepView
from dairt.rehearsal.steps import KEPT, Steps
from telling import Listener, story, tell

WORK = """
[[work]]
id = "weights"
kind = "broadcast"
from = "a"
tensor = { shape = [8] }
at = "500ms"
every = "1s"
"""
FAULTS = """
[[fault]]
id = "cut"
at = "1s"
for = "500ms"
kind = "link.cut"
from = "a"
to = "b"
[[fault]]
id = "late"
on = { event = "broadcast_ended", nth = 99 }
kind = "link.hold"
link = ["a", "c"]
"""
SAVED = """
[[do]]
do = "graph"
at = "1500ms"
from = "b"
[[do]]
do = "node.kill"
at = "2s"
id = "op-1"
node = "c"
"""


def snapshots(text: str) -> list[Snapshot]:
    """The world as it was at each event of a story."""
    looks: list[Snapshot] = []
    tell(story(text), listener=Listener(lambda me, entry: looks.append(me.stage.snapshot())))
    return looks


def at(looks: list[Snapshot], time_s: float) -> Snapshot:
    """The last look before this much of the story's time: it begins a moment after the world's."""
    return next(look for look in reversed(looks) if look.time_s <= time_s)


def step(look: Snapshot, kind: str) -> StepView:
    return next(view for view in look.steps if view.kind == kind)


def fault(look: Snapshot, name: str) -> FaultView:
    return next(view for view in look.faults if view.id == name)


def test_a_planned_fault_counts_down_to_its_time_and_an_active_one_to_its_end() -> None:
    looks = snapshots(WORK + FAULTS)
    early = at(looks, 0.6)
    assert fault(early, "cut").state == "planned"
    assert fault(early, "cut").when == "at 1 s"
    assert abs(early.time_s + fault(early, "cut").in_s - 1.0) < 0.1
    active = next(look for look in looks if fault(look, "cut").state == "active")
    assert (fault(active, "cut").in_s, fault(active, "cut").fired) == (-1.0, 1)
    assert 0 < fault(active, "cut").left_s <= 0.5
    assert (fault(active, "cut").target, fault(active, "cut").one_way) == (("a", "b"), True)


def test_a_fault_whose_moment_never_came_says_so_and_has_no_time() -> None:
    last = snapshots(WORK + FAULTS)[-1]
    assert fault(last, "late").state == "skipped"
    assert fault(last, "late").in_s == -1.0
    assert fault(last, "late").reason == "its moment never came: on broadcast_ended #99 of any node"


def test_what_is_told_of_a_fault_names_whom_it_befalls() -> None:
    heard: list[Entry] = []
    tell(story(WORK + FAULTS), listener=Listener(lambda me, entry: heard.append(entry)))
    named = [entry.event.target for entry in heard if isinstance(entry.event, FaultFired | FaultHealed)]
    assert named == [("a", "b"), ("a", "b")]
    assert [entry.event.fault for entry in heard if isinstance(entry.event, FaultSkipped)] == ["late"]


def test_work_is_planned_then_under_way_then_planned_again_and_done_when_no_more_comes() -> None:
    looks = snapshots(WORK + FAULTS)
    states = [step(look, "broadcast").state for look in looks]
    assert list(dict.fromkeys(states)) == ["planned", "active", "done"]
    between = step(next(look for look in looks if fault(look, "cut").fired), "broadcast")
    assert (between.state, between.times) == ("planned", 1)
    early, last = step(at(looks, 0.3), "broadcast"), step(looks[-1], "broadcast")
    assert (early.source, early.id, early.when, early.times) == ("work", "weights", "every 1 s from 0.5 s", 0)
    assert 0 < early.in_s <= 0.5
    assert (last.times, last.under_way, last.failed, last.in_s) == (3, 0, 0, -1.0)


def test_what_was_saved_is_planned_and_a_fault_of_it_moves_to_the_faults() -> None:
    looks = snapshots(SAVED)
    first, last = looks[0], looks[-1]
    assert [(view.source, view.kind, view.state) for view in first.steps] == [
        ("do", "graph", "planned"),
        ("do", "node.kill", "planned"),
    ]
    assert [(view.source, view.kind, view.state) for view in last.steps] == [("do", "graph", "done")]
    assert fault(last, "op-1").fired == 1


def test_what_cannot_be_done_is_refused_and_says_why() -> None:
    last = snapshots('[[do]]\ndo = "heal"\nfault = "nosuch"\nat = "1s"\n')[-1]
    [view] = last.steps
    assert (view.state, view.failed) == ("refused", 1)
    assert view.reason.startswith("there is no fault 'nosuch'")


def test_of_what_operators_did_the_latest_are_kept() -> None:
    steps = Steps(story(""))
    for number in range(KEPT + 5):
        steps.taken(Do(float(number), Broadcast(f"k{number}", TensorRecipe((1,)), "a")), float(number)).end()
    steps.taken(Do(0.0, CutLink(Link("a", "b")), "op-1"), 0.0).end()  # which the ledger tells of
    views = steps.views(0.0)
    assert (len(views), views[0].source, views[0].at_s) == (KEPT, "operator", 5.0)
    assert all(view.kind == "broadcast" for view in views)
