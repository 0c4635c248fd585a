"""The long log, its filters, and the sieve that finds what they let through: the same as looking at everything, and cheaper."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dairt.model.events import BroadcastEnded, Entry, Event, NodeBooted, PeerDied, PhaseBegan, SocketRemoved
from dairt.model.version import Version
from dairt_console import event_log
from dairt_console.event_filter import FilterError, narrowed, parse, toggled
from dairt_console.event_log import EventLog
from dairt_console.sieve import Sieve

EVENTS: tuple[Event, ...] = (
    NodeBooted("127.0.0.1:5000", 0, 0, 1),
    SocketRemoved("n1", "connection reset by peer"),
    PeerDied("n2", 5.0),
    PhaseBegan("settle"),
    BroadcastEnded("weights", Version(4, "n0", 1), 2, ("n2",), 0.01),
)


def told(*which: int, first: int = 1) -> list[Entry]:
    """Entries with these events, told by n0, n1, n2 and the world in turn, a quarter of a second apart."""
    return [
        Entry(first + at, (first + at) / 4, ("n0", "n1", "n2", "")[at % 4], EVENTS[event]) for at, event in enumerate(which)
    ]


def log_of(*which: int) -> EventLog:
    return EventLog().after(told(*which))


# -- the log -------------------------------------------------------------------------------------------------------------


def test_the_log_keeps_the_newest_and_says_how_many_it_forgot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "KEPT", 10)
    log = EventLog()
    for start in range(0, 60, 3):
        log = log.after(told(0, 1, 2, first=start))
    assert (log.first, log.last, len(log)) == (50, 60, 10)
    assert [log[place].entry.seq for place in range(log.first, log.last)] == list(range(50, 60))


def test_an_older_log_stays_as_it_was_when_others_go_on_from_it() -> None:
    old = log_of(0, 1)
    live, replayed = old.after(told(2, first=3)), old.after(told(3, first=3))
    assert [log[log.last - 1].kind for log in (old, live, replayed)] == ["socket_removed", "peer_died", "phase_began"]
    assert live.after(told(4, first=4))[3].kind == "broadcast_ended"


def test_what_never_came_is_counted() -> None:
    assert EventLog().after(told(0), 3).after(told(1, first=9), 4).dropped == 7


def test_an_entry_is_found_by_its_number() -> None:
    log = log_of(0, 1, 2).after(told(3, first=9))
    assert [log.place_of(seq) for seq in (1, 3, 9, 5, 12)] == [0, 2, 3, -1, -1]


def test_an_escape_sequence_of_another_machine_is_none_here() -> None:
    entry = Entry(1, 0.0, "n\x1b0", SocketRemoved("n1", "\x1b[2J"))
    assert "\x1b" not in EventLog().after([entry])[0].text + EventLog().after([entry])[0].node


# -- filters -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        ("", "node_booted socket_removed peer_died phase_began broadcast_ended"),
        ("level>=warn", "socket_removed peer_died broadcast_ended"),
        ("level>warn", "peer_died"),
        ("level:good,bad", "node_booted peer_died"),
        ("level<good", "phase_began"),
        ("kind:peer_*", "peer_died"),
        ("kind:peer_* kind:phase_*", "peer_died phase_began"),
        ("!kind:*_*d", "phase_began"),
        ("node:n1", "socket_removed"),
        ("node:world", "phase_began"),
        ("!node:n0 level>=warn", "socket_removed peer_died"),
        ("/reset|settle/", "socket_removed phase_began"),
        ("RESET", "socket_removed"),
        ('"by peer"', "socket_removed"),
        ("!/./", ""),
        ("127.0.0.1:5000", "node_booted"),
        (r"/127\.0\/|dead/", "socket_removed peer_died"),
    ],
)
def test_a_filter_lets_through_what_it_says(source: str, kinds: str) -> None:
    log, wanted = log_of(0, 1, 2, 3, 4), parse(source)
    assert [log[place].kind for place in range(5) if wanted.lets(log[place])] == kinds.split()


@pytest.mark.parametrize(
    ("source", "words"),
    [("level>=loud", "info, good, warn, bad"), ("level>=warn,bad", "no level"), ("kind:", "colon"), ("/(/", "no pattern")],
)
def test_a_filter_that_is_none_says_what_would_be(source: str, words: str) -> None:
    with pytest.raises(FilterError, match=words):
        parse(source)


@given(st.text(max_size=30))
def test_any_text_is_a_filter_or_one_sentence(source: str) -> None:
    with contextlib.suppress(FilterError):
        parse(source).lets(log_of(1)[0])


def test_a_facet_is_added_and_taken_away() -> None:
    assert toggled("level>=warn", "kind:peer_died") == "level>=warn kind:peer_died"
    assert toggled("level>=warn kind:peer_died", "level>=warn") == "kind:peer_died"


# -- the sieve -----------------------------------------------------------------------------------------------------------

FILTERS = st.sampled_from(["", "level>=warn", "kind:peer_*", "!node:n1", "/reset/ node:n1", "level>=warn !/dead/"])


@settings(max_examples=60)
@given(FILTERS, st.lists(st.integers(0, 30), min_size=1, max_size=8), st.integers(0, 2))
def test_bit_by_bit_it_finds_what_looking_at_everything_finds(source: str, batches: list[int], context: int) -> None:
    sieve, log, wanted = Sieve(parse(source), context), EventLog(), parse(source)
    for batch in batches:
        log = log.after(told(*[at * 7 % 5 for at in range(batch)], first=log.last + 1))
        sieve.look(log, most=11)
    while not sieve.look(log, most=11):
        pass
    let = [place for place in range(log.last) if wanted.lets(log[place])]
    assert sieve.places == let
    assert sum(sieve.counts["level"].values()) == len(let)
    shown = [place for place in range(log.last) if any(abs(place - match) <= context for match in let)]
    assert walk(sieve, up=True) == list(reversed(shown))
    assert walk(sieve, up=False) == shown


def walk(sieve: Sieve, *, up: bool) -> list[int]:
    places, place = [], sieve.log.last if up else -1
    while (place := sieve.before(place) if up else sieve.after(place)) >= 0:
        places.append(place)
    return places


def test_what_is_forgotten_is_counted_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "KEPT", 10)
    sieve, log = Sieve(parse("level>=warn")), EventLog()
    for start in range(1, 80, 4):
        log = log.after(told(0, 1, 2, 3, first=start))
        sieve.look(log)
    assert sieve.places == [place for place in range(log.first, log.last) if place % 4 in (1, 2)]
    assert dict(sieve.counts["kind"]) == {"socket_removed": 2, "peer_died": 3}


def test_a_recording_wound_back_is_looked_at_anew() -> None:
    early = log_of(0, 1)
    late = early.after(told(1, 2, 1, first=3))
    sieve = Sieve(parse("kind:socket_removed"))
    sieve.look(late)
    sieve.look(early)
    assert sieve.places == [1]
    sieve.look(early.after(told(2, 1, 1, first=3)))
    assert sieve.places == [1, 3, 4]


def test_the_rate_counts_what_is_let_through_in_equal_parts_of_time() -> None:
    sieve = Sieve(parse("kind:socket_removed"))
    sieve.look(log_of(1, 1, 0, 1, 0, 0, 1, 1))  # at 0.25, 0.5, 1.0, 1.75 and 2.0 s
    assert sieve.rates(2, 2.0, 2.0) == (3, 2)


def test_a_search_stays_within_the_filter() -> None:
    log, both = log_of(1, 2, 4), narrowed(parse("level:warn"), "n2")
    assert [place for place in range(3) if both.lets(log[place])] == [2]
