"""What a fault led to is told beside it: who found it out and when, and how often what followed."""

from console_samples import seen_after
from dairt.control.frames import Entries
from dairt.model.events import Entry, Event, FaultFired, FaultHealed, OpLost, PeerReturned, SocketRemoved
from dairt_console.aftermath import STRIKES_KEPT
from dairt_console.effects import Effects
from dairt_console.reducer import Seen

CUT = FaultFired("cut", "link.cut", "cut n0↔n1", ("n0", "n1"))
OVER = FaultHealed("cut", "link.cut", "cut n0↔n1", ("n0", "n1"))
FOUND = SocketRemoved("n1", "timed out")


def told(*events: tuple[float, str, Event], start: Seen | None = None) -> Seen:
    """What is known once these were told together."""
    entries = tuple(Entry(number, at_s, node, event) for number, (at_s, node, event) in enumerate(events, 1))
    return seen_after([Entries(entries)], start)


def test_who_found_it_first_and_how_often_what_followed_is_known() -> None:
    seen = told(
        (1.0, "", CUT), (1.4, "n0", FOUND), (1.6, "n1", SocketRemoved("n0", "timed out")), (2.0, "n0", PeerReturned("n1"))
    )
    assert seen.effects == {
        "cut": Effects(1.0, 1.4, "n0: dead socket to n1 removed: timed out", (("socket_removed", 2), ("peer_returned", 1)))
    }


def test_what_happened_before_it_or_elsewhere_did_not_come_of_it() -> None:
    seen = told(
        (0.5, "n0", FOUND), (1.0, "", CUT), (1.2, "n0", SocketRemoved("n2", "reset")), (1.3, "n2", OpLost("r", "a", "n2", ""))
    )
    assert seen.effects == {}


def test_a_fault_that_strikes_again_is_found_out_again_and_its_earlier_strike_stays() -> None:
    seen = told((1.0, "", CUT), (1.4, "n0", FOUND), (2.0, "", OVER))
    again = told((4.0, "", CUT), (4.9, "n1", SocketRemoved("n0", "reset")), start=seen)
    assert (again.effects["cut"].fired_s, again.effects["cut"].found_s) == (4.0, 4.9)
    assert [(strike.fired_s, strike.over_s) for strike in again.strikes] == [(1.0, 2.0)]
    assert again.aftermaths["cut"].over_s is None


def test_earlier_strikes_are_bounded() -> None:
    seen = told(*((float(at), "", CUT) for at in range(STRIKES_KEPT + 9)))
    assert [strike.fired_s for strike in seen.strikes] == [float(at) for at in range(8, STRIKES_KEPT + 8)]


def test_told_in_pieces_it_is_the_same() -> None:
    events: list[tuple[float, str, Event]] = [
        (1.0, "", CUT),
        (1.4, "n0", FOUND),
        (2.0, "", OVER),
        (2.5, "n0", PeerReturned("n1")),
    ]
    seen: Seen | None = None
    for event in events:
        seen = told(event, start=seen)
    assert seen is not None
    assert seen.effects == told(*events).effects
