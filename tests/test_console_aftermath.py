"""What became of a fault, told by the events after it: on the Faults panel, and on the status line of whoever did it."""

import pytest
from msgspec.structs import replace

from console_samples import AT_WORK, BAD_NEWS, HELLO, IN_TROUBLE, node, seen_after, snapshot
from dairt.control.frames import Bye, Entries, Latest
from dairt.model.action import Action, Broadcast, GraphRecipe, KillNode, Link, ResetConnection, RunGraph, TensorRecipe
from dairt.model.events import (
    ActionRefused,
    BroadcastEnded,
    Entry,
    Event,
    FaultFired,
    FaultHealed,
    NodeBooted,
    RunEnded,
    SocketOpened,
    SocketRemoved,
)
from dairt.model.layered import layered_graph
from dairt.model.version import Version
from dairt.model.views import FaultView, NodeView, PeerState, PeerView, PromiseView
from dairt_console.aftermath import KEPT, follow
from dairt_console.draw.deed import Deed, deed_line
from dairt_console.draw.spans import text_of, width_of
from dairt_console.draw.troubles import trouble_rows, wrong_now
from dairt_console.reducer import Seen

RESET = FaultFired("op-1", "conn.reset", "reset the sockets n0↔n1", ("n0", "n1"))
BROKEN = "reset by peer"
WORK = seen_after(AT_WORK)


def told(*events: tuple[float, str, Event]) -> Entries:
    """These events, at these times, by these nodes."""
    return Entries(tuple(Entry(100 + i, at, who, event) for i, (at, who, event) in enumerate(events)))


def world(*faults: FaultView, at_s: float = 20.0, nodes: tuple[NodeView, ...] | None = None) -> Latest:
    """A world with these faults in its ledger."""
    return Latest(snapshot(at_s, faults=faults, **({} if nodes is None else {"nodes": nodes})))


def rows(seen: Seen) -> list[tuple[str, str, str, str]]:
    """The Faults panel."""
    return [(row.state, row.text, row.outcome, row.ago) for row in trouble_rows(seen)]


DONE = FaultView("op-1", "conn.reset", "reset the sockets n0↔n1", "done")


def test_a_killed_socket_is_healed_when_every_end_found_it_and_opened_another() -> None:
    news: list[tuple[float, str, Event]] = [
        (16.0, "", RESET),
        (16.1, "n0", SocketRemoved("n1", BROKEN)),
        (16.102, "n0", SocketOpened("n1")),
        (16.15, "n1", SocketRemoved("n0", BROKEN)),
    ]
    healing = seen_after([world(DONE), told(*news)], WORK)
    assert rows(healing) == [("healing", "reset the sockets n0↔n1", "1 socket missing", "4 s")]
    assert wrong_now(healing) == 1
    healed = seen_after([told((16.157, "n1", SocketOpened("n0")))], healing)
    assert rows(healed) == [("healed", "reset the sockets n0↔n1", "replaced in 157 ms", "4 s")]
    assert wrong_now(healed) == 0


@pytest.mark.parametrize(
    "other",
    [
        (16.1, "n0", SocketRemoved("n2", BROKEN)),  # on another link
        (19.5, "n0", SocketRemoved("n1", "suspected, silent for 1.0 s")),  # long after
    ],
)
def test_a_socket_that_died_of_something_else_is_not_held_against_a_fault(other: tuple[float, str, Event]) -> None:
    seen = seen_after([world(DONE), told((16.0, "", RESET), other)], WORK)
    assert rows(seen) == [("done", "reset the sockets n0↔n1", "", "4 s")]


def test_a_reset_of_all_sockets_of_a_node_waits_for_all_of_them() -> None:
    fault = FaultView("f", "conn.reset", "reset the sockets n0↔any", "done")
    fired = FaultFired("f", "conn.reset", "reset the sockets n0↔any", ("n0", "any"))
    removed = [(16.1, "n0", SocketRemoved("n1", BROKEN)), (16.1, "n2", SocketRemoved("n0", BROKEN))]
    elsewhere = (16.1, "n1", SocketRemoved("n2", BROKEN))
    seen = seen_after([world(fault), told((16.0, "", fired), *removed, elsewhere)], WORK)
    assert rows(seen)[0][2] == "2 sockets missing"


def test_a_healed_fault_says_how_long_it_lasted() -> None:
    fault = FaultView("op-2", "link.cut", "cut n0↔n1", "healed")
    seen = seen_after([*IN_TROUBLE, told((18.2, "", FaultHealed("op-2", "link.cut", "cut n0↔n1", ("n0", "n1")))), world(fault)])
    assert rows(seen) == [("healed", "cut n0↔n1", "after 5.60 s", "7 s")]


def test_a_restart_is_over_when_the_node_has_booted() -> None:
    fault = FaultView("op-9", "node.restart", "restart n1", "done")
    fired = told((16.0, "", FaultFired("op-9", "node.restart", "restart n1", ("n1",))))
    seen = seen_after([fired, world(fault)], WORK)
    assert rows(seen) == [("healing", "restart n1", "not up yet", "4 s")]
    seen = seen_after([told((16.3, "n2", NodeBooted("", 0, 0, 2)), (16.5, "n1", NodeBooted("", 0, 0, 2)))], seen)
    assert rows(seen) == [("healed", "restart n1", "up after 500 ms", "4 s")]


def test_a_killed_node_and_its_fault_are_one_trouble() -> None:
    seen = seen_after(IN_TROUBLE)
    assert rows(seen) == [
        ("down", "n2 is down: kill n2", "r starts it", "0 s"),
        ("active", "cut n0↔n1", "until healed: M", "1 s"),
        ("full", "n0: compute queue is full", "64 wait", "0 s"),
        ("done", "reset the sockets n0↔n1", "", ""),
    ]
    assert wrong_now(seen) == 3


def test_a_node_that_is_down_without_a_fault_is_told_too() -> None:
    seen = seen_after([Latest(snapshot(13.0, nodes=(node("n0"), node("n1", "down"))))], WORK)
    assert rows(seen) == [("down", "n1 is down", "r starts it", "")]


def test_the_end_of_a_story_is_no_trouble() -> None:
    ended = tuple(node(name, "down") for name in ("n0", "n1", "n2"))
    seen = seen_after([world(DONE, nodes=ended), Bye(0, "all promises held")], WORK)
    assert [row[0] for row in rows(seen)] == ["done"]


def hearing(name: str, *peers: tuple[str, PeerState]) -> NodeView:
    """A node that is up, and how it finds its peers."""
    views = tuple(PeerView(peer, state, 1, 0, 0, 0.1 if state == "alive" else 1.9) for peer, state in peers)
    return replace(node(name), peers=views)


def test_nodes_that_do_not_hear_each_other_are_one_alert_a_pair() -> None:
    nodes = (
        hearing("n0", ("n1", "suspect"), ("n2", "alive")),
        hearing("n1", ("n0", "dead"), ("n2", "suspect")),
        hearing("n2", ("n0", "alive"), ("n1", "alive")),
    )
    assert rows(seen_after([world(nodes=nodes)], WORK)) == [
        ("dead", "n0 and n1 do not hear each other", "silent for 1 s", "0 s"),
        ("suspect", "n1 does not hear n2", "silent for 1 s", "0 s"),
    ]


def test_a_node_that_is_down_is_not_also_told_to_be_silent() -> None:
    nodes = (hearing("n0", ("n1", "dead")), node("n1", "down"))
    assert [row[0] for row in rows(seen_after([world(nodes=nodes)], WORK))] == ["down"]


def test_a_broken_promise_is_an_alert() -> None:
    promise = PromiseView("versions_only_rise", "broken", "weights fell from 4 to 3")
    seen = seen_after([HELLO, Latest(replace(snapshot(), promises=(promise,)))])
    assert rows(seen) == [("broken", "versions_only_rise: weights fell from 4 to 3", "", "0 s")]


def test_what_is_broken_stands_above_what_is_planned_and_what_is_over() -> None:
    faults = (
        FaultView("planned", "conn.reset", "reset the sockets n0↔n2", "planned"),
        FaultView("old", "link.cut", "cut n1↔n2", "healed"),
        DONE,
        FaultView("new", "link.cut", "cut n0↔n2", "active", 6.4),
    )
    fired = [(float(at), "", FaultFired(name, "link.cut", "cut")) for at, name in ((14, "old"), (16, "op-1"), (17, "new"))]
    seen = seen_after([told(*fired), world(*faults)], WORK)
    assert [(row.state, row.outcome) for row in trouble_rows(seen)] == [
        ("active", "6 s left"),
        ("planned", ""),
        ("done", ""),
        ("healed", ""),
    ]


def test_a_fault_that_fires_again_begins_again() -> None:
    entries = told((1.0, "", RESET), (2.0, "", FaultHealed("op-1", "", "")), (9.0, "", RESET)).entries
    assert follow({}, entries)["op-1"].fired_s == 9.0
    assert follow({}, entries)["op-1"].over_s is None


def test_faults_without_end_are_kept_in_bounds_and_routine_changes_nothing() -> None:
    many = told(*[(float(i), "", FaultFired(f"f{i}", "link.cut", "cut n0↔n1")) for i in range(KEPT + 7)])
    known = follow({}, many.entries)
    assert len(known) == KEPT
    assert list(known)[-1] == f"f{KEPT + 6}"
    assert follow(known, told((999.0, "n0", SocketOpened("n1"))).entries) is known


# -- the status line ---------------------------------------------------------------------------------------------------

KILL = Deed(ResetConnection(Link("n0", "n1")), 16.0, "taken", "op-1")
HEALED = seen_after(
    [
        world(DONE),
        told((16.0, "", RESET), (16.1, "n0", SocketRemoved("n1", BROKEN)), (16.157, "n0", SocketOpened("n1"))),
    ],
    WORK,
)


def test_the_status_line_tells_what_came_of_it_and_the_scenario_line_where_both_have_room() -> None:
    came = "✓ healed  reset the sockets n0↔n1 · replaced in 157 ms"
    assert text_of(deed_line(KILL, HEALED, 58)) == came
    wide = text_of(deed_line(KILL, HEALED, 140))
    assert wide == f'{came}  ·  do = "conn.reset", at = "16.00s", link = ["n0", "n1"]'


def test_until_then_it_tells_how_far_it_is() -> None:
    assert text_of(deed_line(Deed(KILL.action, 16.0), WORK, 99)).startswith('sent  do = "conn.reset"')
    assert text_of(deed_line(Deed(KILL.action, 16.0, "taken", "op-1"), WORK, 99)).startswith('taken  do = "conn.reset"')


@pytest.mark.parametrize(
    ("action", "who", "event", "line"),
    [
        (
            Broadcast("tensor", TensorRecipe((4,)), "n0"),
            "n0",
            BroadcastEnded("tensor", Version(5, "n0", 1), 3, (), 0.0123),
            "✓ broadcast tensor 5@n0: durable on 3, 12.3 ms",
        ),
        (
            Broadcast("tensor", TensorRecipe((4,)), "n0"),
            "n0",
            BroadcastEnded("tensor", Version(5, "n0", 1), 2, ("n2",), 0.0123),
            "▲ broadcast tensor 5@n0: durable on 2, 12.3 ms; missing n2",
        ),
        (
            RunGraph(GraphRecipe(layers=6, width=4, size=256), "n1"),
            "n1",
            RunEnded("n1.55ed.3", layered_graph(GraphRecipe(layers=6, width=4, size=256), 0).name, "done", "abc", 0.12),
            "✓ layered-6x4x256 done in 120 ms, answer abc (n1.55ed.3)",
        ),
        (KillNode("n1"), "", ActionRefused("kill n1", "n1 is down"), "▲ could not kill n1: n1 is down"),
    ],
)
def test_work_and_refusals_are_told_too(action: Action, who: str, event: Event, line: str) -> None:
    before = seen_after([told((15.9, who, event))], WORK)  # another's, earlier
    deed = Deed(action, 16.0, "taken")
    assert text_of(deed_line(deed, before, 60)).startswith("taken")
    assert text_of(deed_line(deed, seen_after([told((16.4, who, event))], WORK), 60)) == line


def test_nobody_elses_work_is_taken_for_ones_own() -> None:
    deed = Deed(Broadcast("tensor", TensorRecipe((4,)), "n0"), 16.0, "taken")
    others = told(
        (16.4, "n1", BroadcastEnded("tensor", Version(5, "n1", 1), 3, (), 0.01)),
        (16.4, "n0", BroadcastEnded("weights", Version(5, "n0", 1), 3, (), 0.01)),
        (16.4, "", BAD_NEWS.entries[0].event),
    )
    assert text_of(deed_line(deed, seen_after([others], WORK), 60)).startswith("taken")


def test_an_action_that_waits_for_time_to_go_on_says_so() -> None:
    paused = seen_after([Latest(snapshot(16.0, speed=0.0))], WORK)
    line = deed_line(Deed(KILL.action, 16.0, "armed"), paused, 60)
    assert text_of(line).startswith("armed · time is paused: . steps, p goes on")
    assert width_of(line) > 60  # cut by the widget, at its end
