"""What is wrong although nobody asked for it, and which fault an event came of."""

from msgspec.structs import replace

from console_samples import HELLO, entries, node, seen_after, snapshot
from dairt.control.frames import Entries, Latest
from dairt.model.events import CheckpointFailed, Entry, Event, FaultFired, FaultHealed, NodeBooted, PeerDied, SocketRemoved
from dairt.model.version import Version
from dairt.model.views import LaneView, NodeView, PeerState, PeerView, PromiseView
from dairt_console.causes import cause_of, effects_of, fired_at
from dairt_console.reducer import Seen


def world(at_s: float, *nodes: NodeView, promises: tuple[PromiseView, ...] = ()) -> Latest:
    return Latest(replace(snapshot(at_s, nodes=nodes or (node("n0"), node("n1"))), promises=promises))


def hearing(name: str, peer: str, state: PeerState) -> NodeView:
    return replace(node(name), peers=(PeerView(peer, state, 1, 0, 0, 3.0),))


def texts(seen: Seen) -> list[tuple[str, str, float]]:
    return [(alert.state, alert.text, alert.since_s) for alert in seen.alerts.now.values()]


def test_an_alert_keeps_its_beginning_and_is_over_when_nothing_is_wrong_any_more() -> None:
    deaf = world(1.0, hearing("n0", "n1", "suspect"), hearing("n1", "n0", "alive"))
    dead = world(3.0, hearing("n0", "n1", "dead"), hearing("n1", "n0", "alive"))
    seen = seen_after([HELLO, deaf, dead])
    assert texts(seen) == [("dead", "n0 does not hear n1", 1.0)]
    seen = seen_after([world(4.0)], seen)
    assert texts(seen) == []
    assert [(alert.key, alert.since_s, alert.over_s) for alert in seen.alerts.over] == [("link n0↔n1", 1.0, 4.0)]


def test_a_full_queue_a_refusing_disk_and_a_broken_promise_are_alerts() -> None:
    full = replace(node("n0"), lanes=(LaneView("compute", 64, 64, 2, 2), LaneView("io", 63, 64, 2, 2)))
    sick = replace(node("n1"), checkpoints=tuple(replace(item, state="failed") for item in node("n1").checkpoints))
    refused = Entry(1, 0.5, "n1", CheckpointFailed("weights", Version(4, "n0", 1), "no space left on device"))
    promise = PromiseView("versions_only_rise", "broken", "weights fell")
    seen = seen_after([HELLO, Entries((refused,)), world(1.0, full, sick, promises=(promise,))])
    assert [(alert.state, alert.text, alert.note) for alert in seen.alerts.now.values()] == [
        ("failed", "n1 could not write weights, gradients", "no space left on device"),
        ("full", "n0: compute queue is full", "64 wait"),
        ("broken", "versions_only_rise: weights fell", ""),
    ]


def test_nodes_that_were_stopped_are_no_alert() -> None:
    stopped = replace(node("n0"), state="down", lanes=(LaneView("compute", 64, 64, 2, 2),))
    assert texts(seen_after([HELLO, world(1.0, stopped)])) == []


# -- causes --------------------------------------------------------------------------------------------------------------


def told(*said: tuple[float, str, Event]) -> Seen:
    return seen_after([Entries(tuple(Entry(at + 1, time_s, name, event) for at, (time_s, name, event) in enumerate(said)))])


def cause(seen: Seen, place: int) -> str:
    return cause_of(seen.log[place].entry, seen.aftermaths)


CUT = FaultFired("f1", "link.cut", "cut n0↔n1", ("n0", "n1"))
KILL = FaultFired("f2", "node.kill", "kill n2", ("n2",))


def test_an_event_came_of_the_latest_fault_that_befell_those_concerned() -> None:
    seen = told((1.0, "", CUT), (2.0, "", KILL), (2.1, "n0", PeerDied("n1", 1)), (2.2, "n0", PeerDied("n2", 1)))
    assert [cause(seen, place) for place in range(4)] == ["f1", "f2", "f1", "f2"]


def test_a_cut_between_two_explains_nothing_about_a_third() -> None:
    assert cause(told((1.0, "", CUT), (1.5, "n0", PeerDied("n2", 1))), 1) == ""


def test_what_came_before_a_fault_or_long_after_it_did_not_come_of_it() -> None:
    seen = told(
        (0.5, "n0", SocketRemoved("n1", "reset")),
        (1.0, "", CUT),
        (2.0, "", FaultHealed("f1", "link.cut", "cut n0↔n1", ("n0", "n1"))),
        (4.0, "n1", SocketRemoved("n0", "silent")),
        (60.0, "n0", SocketRemoved("n1", "reset")),
    )
    assert [cause(seen, place) for place in (0, 2, 3, 4)] == ["", "f1", "f1", ""]


def test_the_effects_of_a_fault_are_those_events_that_came_of_it() -> None:
    seen = told((1.0, "", CUT), (1.1, "n0", SocketRemoved("n1", "cut")), (1.2, "n2", NodeBooted("", 0, 0, 1)))
    assert fired_at(seen.log, "f1") == 0
    assert [effect.text for effect in effects_of(seen.log, 0, seen.aftermaths)] == ["dead socket to n1 removed: cut"]
    assert fired_at(seen_after([entries(CUT)]).log, "f9") == -1
