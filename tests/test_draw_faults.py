"""The page Faults as text: the steps with what became of each, one of them, the timeline, and the promises."""

from msgspec.structs import replace as changed

from console_samples import AT_WORK, HELLO, IN_TROUBLE, entries, seen_after, snapshot
from dairt.control.frames import Bye, Entries, Latest
from dairt.model.events import Entry, FaultFired, FaultHealed, PeerSuspected, SocketOpened, SocketRemoved
from dairt.model.views import FaultView, PromiseView, StepView
from dairt_console.chosen import Chosen
from dairt_console.draw.fault_timeline import View, beside, extent, lanes_of, timeline_lines, view_text
from dairt_console.draw.faults_page import (
    ORDERS,
    StepRow,
    no_promises,
    no_steps,
    promise_rows,
    promises_note,
    sifted,
    step_lines,
    step_rows,
    step_text,
)
from dairt_console.draw.spans import text_of, width_of
from dairt_console.reducer import LinkChanged, Seen

ORDER = next(iter(ORDERS))
CUT = FaultView("cut", "link.cut", "cut n0↔n1", "planned", target=("n0", "n1"), when="at 20 s", in_s=6.0)
KILL = FaultView("boom", "node.kill", "kill n2", "planned", target=("n2",), when="when run r1 starts")
SKIPPED = FaultView("late", "node.pause", "pause n1", "skipped", target=("n1",), when="at 5 s", reason="n1 is down")
RESET = FaultView("op-1", "conn.reset", "reset the sockets n0↔n1", "done", target=("n0", "n1"), fired=1)
WORK = StepView("load", "work", "graph", "run a layered graph from n0", "active", "every 2 s", 1.5, 12.0, 3, 1)
REFUSED = StepView("op-4", "operator", "put", "put w 1 on n9", "refused", at_s=13.0, times=1, failed=1, reason="no node n9")


def story(*faults: FaultView, at_s: float = 14.0, steps: tuple[StepView, ...] = (), said: tuple[Entry, ...] = ()) -> Seen:
    """A cluster with these faults and steps, once these entries were told."""
    return seen_after((*AT_WORK, Entries(said), Latest(snapshot(at_s, faults=faults, steps=steps))))


def fired(fault: FaultView, at_s: float) -> Entry:
    return Entry(100 + int(at_s * 10), at_s, "world", FaultFired(fault.id, fault.kind, fault.text, fault.target))


def row(seen: Seen, fault: str) -> StepRow:
    return next(row for row in step_rows(seen) if row.id == fault)


def told(seen: Seen) -> list[tuple[str, str, str, str]]:
    return [(row.state, row.text, row.time, row.came) for row in sifted(step_rows(seen), "", ORDER)]


def test_what_is_broken_stands_first_then_what_is_next_then_the_past() -> None:
    active = changed(CUT, id="now", state="active", left_s=3.4, in_s=-1.0, fired=1)
    seen = story(SKIPPED, KILL, CUT, active, said=(fired(active, 13.0),))
    assert told(seen) == [
        ("active", "cut n0↔n1", "3 s left", ""),
        ("planned", "cut n0↔n1", "in 6 s", "at 20 s"),
        ("planned", "kill n2", "", "when run r1 starts"),
        ("skipped", "pause n1", "", "n1 is down"),
    ]


def test_a_fault_says_who_found_it_out_and_when_it_was_over() -> None:
    said = (fired(RESET, 12.5), Entry(200, 12.54, "n0", SocketRemoved("n1", "reset by peer")))
    assert told(story(RESET, said=said)) == [("healing", RESET.text, "1 s ago", "1 socket missing · found in 40 ms by n0")]
    mended = (*said, Entry(201, 12.6, "n0", SocketOpened("n1")))
    assert told(story(RESET, said=mended)) == [("healed", RESET.text, "1 s ago", "replaced in 100 ms · found in 40 ms by n0")]


def test_work_and_what_operators_gave_stand_among_the_faults() -> None:
    assert told(story(CUT, steps=(WORK, REFUSED))) == [
        ("active", WORK.text, "in 1 s", "1 under way · given 3 times"),
        ("planned", CUT.text, "in 6 s", "at 20 s"),
        ("refused", REFUSED.text, "1 s ago", "no node n9"),
    ]


def test_a_step_tells_what_an_action_there_acts_on() -> None:
    any_side = changed(CUT, id="any", target=("n0", "any"))
    several = changed(KILL, id="both", target=("n0+n1",))
    seen = story(CUT, KILL, any_side, several, steps=(WORK,))
    assert [row(seen, name).chosen for name in ("cut", "boom", "any", "both", "load")] == [
        Chosen(node="n0", peer="n1", fault="cut"),
        Chosen(node="n2", fault="boom"),
        Chosen(node="n0", fault="any"),
        Chosen(fault="both"),
        Chosen(),
    ]


def test_every_word_of_a_step_is_searched_in_any_order() -> None:
    seen = story(CUT, KILL, SKIPPED, steps=(WORK,))
    assert [row.id for row in sifted(step_rows(seen), "NODE.", "by id")] == ["boom", "late"]
    assert [row.id for row in sifted(step_rows(seen), "work", ORDER)] == ["load"]
    for order in ORDERS:
        assert len(sifted(step_rows(seen), "", order)) == 4


def test_all_that_is_known_of_a_fault_is_told_strike_by_strike() -> None:
    flaps = changed(CUT, id="flap", state="active", fired=2, in_s=-1.0)
    said = (
        fired(flaps, 10.0),
        Entry(300, 10.5, "world", FaultHealed("flap", "link.cut", "cut n0↔n1")),
        fired(flaps, 13.0),
        Entry(301, 13.3, "n0", PeerSuspected("n1", 1.0)),
    )
    seen = story(flaps, said=said)
    text = [text_of(line).rstrip() for line in step_lines(seen, row(seen, "flap"), 80)]
    assert text[0] == " ▲ active  cut n0↔n1"
    assert " struck       t=0:13.000, still in effect" in text
    assert " struck       t=0:10.000, over after 500 ms" in text
    assert any(line.startswith(" found        after 300 ms by n0") for line in text)
    assert " led to       1 peer suspected" in text
    assert step_lines(seen, None, 40)[0][0][0].startswith(" it is forgotten")
    assert step_text(row(seen, "flap")).startswith("flap active, until healed, cut n0↔n1: found in 300 ms by n0")


def test_where_nothing_is_broken_it_says_what_would_help() -> None:
    assert no_steps(Seen(), "")[0] == "the cluster is starting"
    assert "i breaks something" in no_steps(story(), "")[1]
    assert no_steps(story(CUT), "xyz")[0] == "no step matches xyz"
    assert "is lost" in no_steps(seen_after((*AT_WORK, LinkChanged("lost", "killed"))), "")[0]
    assert "is finished" in no_steps(seen_after((*AT_WORK, Bye(0, "done"))), "")[0]
    assert step_rows(Seen()) == []


def test_broken_promises_stand_first() -> None:
    promises = (PromiseView("a", "holds"), PromiseView("b", "pending"), PromiseView("c", "broken", "n0 is down"))
    seen = seen_after((HELLO, Latest(snapshot(promises=promises))))
    assert [row.view.promise for row in promise_rows(seen)] == ["c", "b", "a"]
    assert promises_note(seen) == "1 broken, 1 pending, 1 holds"
    assert no_promises(Seen())[0] == "the cluster is starting"
    assert no_promises(seen)[0] == "nothing is promised"


# -- the timeline ------------------------------------------------------------------------------------------------------


def drawn(seen: Seen, view: View | None = None, width: int = 60, height: int = 6) -> list[str]:
    rows = sifted(step_rows(seen), "", ORDER)
    lines = timeline_lines(seen, rows, rows[0].key, view or View(), width, height)
    assert all(width_of(line) == width for line in lines)
    return [text_of(line) for line in lines]


def test_a_lane_shows_when_a_fault_struck_how_long_it_lasted_and_what_is_to_come() -> None:
    active = changed(CUT, id="now", state="active", left_s=5.0, in_s=-1.0, fired=1)
    over = changed(KILL, id="over", state="healed", fired=1)
    said = (fired(over, 2.0), Entry(400, 6.0, "world", FaultHealed("over", "node.kill", "kill n2")), fired(active, 10.0))
    lanes = drawn(story(active, over, CUT, at_s=15.0, said=said))
    assert [lane[:2] for lane in lanes] == ["▸c", " c", " k", " 2"]
    now, planned, past, axis = (lane[12:] for lane in lanes)
    assert "✕━" in now
    assert now.rstrip().endswith("╌··")  # what is left of it ends before the planned one strikes
    assert planned.rstrip().endswith("◌")
    assert "┊" in planned
    assert past.index("✕") < past.index("✓") < past.index("┊")
    assert "━" in past[past.index("✕") : past.index("✓")]
    assert "0:00.0" in axis


def test_a_reset_is_one_moment_and_goes_on_only_while_sockets_are_missing() -> None:
    [lane, _] = drawn(story(RESET, said=(fired(RESET, 7.0),)))
    assert (lane.count("✕"), lane.count("━")) == (1, 0)
    [lane, _] = drawn(story(RESET, said=(fired(RESET, 7.0), Entry(1, 7.1, "n0", SocketRemoved("n1", "reset")))))
    assert lane.rstrip().endswith("━")


def test_earlier_strikes_of_a_fault_keep_their_place() -> None:
    flap = changed(RESET, fired=3)
    [lane, _] = drawn(story(flap, said=tuple(fired(flap, at_s) for at_s in (3.0, 7.0, 11.0))))
    assert lane.count("✕") == 3


def test_the_view_zooms_moves_and_follows_the_present_again() -> None:
    seen = story(CUT, said=())
    assert extent(seen) == (0.0, 20.0)
    near = View().zoomed(seen, 0.5, None)
    assert (near.wide_s, view_text(near)) == (10.0, "10.00 s wide, follows the present")
    assert near.shown(seen) == (6.0, 16.0)
    back = near.moved(seen, -1)
    assert (back.shown(seen), view_text(back)) == ((3.5, 13.5), "10.00 s wide, stands still")
    assert back.moved(seen, -99).shown(seen) == (0.0, 10.0)
    assert back.moved(seen, 99).to_s is None
    assert back.zoomed(seen, 2.0, None) == View()
    assert View().zoomed(seen, 0.25, 3.0).shown(seen) == (0.5, 5.5)
    assert View().moved(seen, 1) == View()
    assert view_text(View()) == "the whole story"


def test_the_cursor_goes_from_lane_to_lane_and_its_lane_is_always_shown() -> None:
    faults = [changed(CUT, id=f"f{number}", text=f"fault {number}", in_s=float(number)) for number in range(9)]
    seen = story(*faults, KILL)
    rows = sifted(step_rows(seen), "", "by id")
    lanes = lanes_of(seen, rows)
    assert len(lanes) == 9  # kill has no time yet
    assert beside(lanes, "fault f0", 3) == "fault f3"
    assert beside(lanes, "fault f0", -1) == "fault f0"
    assert beside(lanes, "fault boom", 1) == "fault f0"
    assert beside([], "x", 1) == "x"
    text = [text_of(line) for line in timeline_lines(seen, rows, "fault f8", View(), 50, 4)]
    assert len(text) == 4
    assert any(line.startswith("▸fault 8") for line in text)


def test_a_timeline_without_a_moment_says_so() -> None:
    assert "no fault has struck" in text_of(timeline_lines(story(KILL), step_rows(story(KILL)), "", View(), 60, 5)[0])
    assert entries().entries == ()
    assert [row.state for row in step_rows(seen_after(IN_TROUBLE))] == ["done", "active", "active"]
