"""The end of the log in few lines: what is of note stays findable, whatever chatter follows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console_samples import NAMES
from dairt.model.events import (
    BroadcastEnded,
    CaughtUp,
    Entry,
    Event,
    FaultFired,
    FaultHealed,
    NodeDown,
    NodeDrained,
    ReconnectDelayed,
    RunEnded,
    SocketRemoved,
)
from dairt.model.version import Version
from dairt_console.draw.chrome import entry_line
from dairt_console.draw.spans import text_of, width_of
from dairt_console.draw.tail import level_of, tail

ROUTINE = NodeDrained()
RESET = FaultFired("f1", "conn.reset", "reset the sockets n0↔n1")
VERSION = Version(4, "n0", 1)


def log(*events: Event) -> list[Entry]:
    """These events, told by the nodes in turn."""
    return [Entry(i + 1, i / 10, NAMES[i % 3], event) for i, event in enumerate(events)]


def shown(entries: list[Entry], height: int) -> list[int]:
    """The numbers of the entries that stay."""
    return [line.entry.seq for line in tail(entries, height)]


def test_a_log_that_fits_is_shown_whole() -> None:
    assert shown(log(RESET, ROUTINE, ROUTINE), 5) == [1, 2, 3]
    assert shown([], 5) == []


def test_a_fault_stays_however_much_routine_follows() -> None:
    entries = log(ROUTINE, RESET, SocketRemoved("n1", "reset"), *[ROUTINE] * 500)
    assert shown(entries, 5) == [2, 3, 501, 502, 503]


def test_what_is_left_out_is_counted_where_it_was() -> None:
    lines = tail(log(RESET, *[ROUTINE] * 10), 5)
    assert [(line.entry.seq, line.hidden) for line in lines] == [(1, 6), (8, 0), (9, 0), (10, 0), (11, 0)]


def test_routine_alone_is_a_plain_tail() -> None:
    lines = tail(log(*[ROUTINE] * 10), 5)
    assert [(line.entry.seq, line.hidden) for line in lines] == [(6, 0), (7, 0), (8, 0), (9, 0), (10, 0)]


def test_of_what_repeats_itself_only_the_newest_stays() -> None:
    tries = [ReconnectDelayed("n2", attempt, 0.1) for attempt in range(60)]
    entries = log(FaultFired("f1", "node.kill", "kill n2"), SocketRemoved("n2", "reset"), *tries, *[ROUTINE] * 9)
    assert shown(entries, 10) == [1, 2, 60, 61, 62, 67, 68, 69, 70, 71]  # one try from each node


def test_what_repeats_itself_does_not_push_out_its_cause() -> None:
    entries = log(NodeDown("killed"), *[SocketRemoved("n1", "reset")] * 60, *[ROUTINE] * 9)
    assert shown(entries, 4)[0] == 1


def test_the_latest_headline_is_the_one_that_stays() -> None:
    entries = log(RESET, FaultFired("f2", "link.cut", "cut n0↔n1"), FaultHealed("f2", "link.cut", "cut n0↔n1"), *[ROUTINE] * 9)
    assert shown(entries, 3)[0] == 3
    assert shown(entries, 5)[:2] == [2, 3]


def test_good_news_scrolls_away_like_routine() -> None:
    entries = log(RESET, *[CaughtUp(f"w{i}", VERSION, "n0") for i in range(30)])
    assert shown(entries, 5) == [1, 28, 29, 30, 31]


def test_what_succeeds_only_in_part_is_of_note() -> None:
    (partly, failed, whole) = log(
        BroadcastEnded("weights", VERSION, 2, ("n1",), 0.1),
        RunEnded("r", "g", "failed", "", 0.1, "no node"),
        BroadcastEnded("weights", VERSION, 3, (), 0.1),
    )
    assert [level_of(entry) for entry in (partly, failed, whole)] == ["warn", "bad", "info"]


EVENTS = st.sampled_from([ROUTINE, RESET, SocketRemoved("n1", "reset"), CaughtUp("w", VERSION, "n0"), NodeDown("killed")])


@given(st.lists(EVENTS, max_size=60), st.integers(0, 20))
def test_every_entry_is_shown_or_counted_and_the_newest_is_last(events: list[Event], height: int) -> None:
    entries = log(*events)
    lines = tail(entries, height)
    assert len(lines) == min(height, len(entries))
    numbers = [line.entry.seq for line in lines]
    assert numbers == sorted(numbers)
    for line, following in zip(lines, [*numbers, len(entries) + 1][1:], strict=True):
        assert line.entry.seq + line.hidden + 1 == following
    if height:
        assert numbers[-1:] == [entry.seq for entry in entries[-1:]]


@pytest.mark.parametrize("width", [40, 69, 70, 98])
def test_the_count_of_what_is_left_out_has_its_place_in_every_width(width: int) -> None:
    (entry,) = log(FaultFired("f1", "conn.reset", "reset the sockets n0↔n1 " * 5))
    line = entry_line(entry, 1234, width)
    assert width_of(line) <= width
    assert text_of(line).replace("…   ", "…  ").endswith("…  ⋯ 1,234")


def test_routine_is_dim_and_trouble_is_not() -> None:
    calm, bad = log(ROUTINE, RESET)
    assert entry_line(calm, 0, 98)[-1][1] == "dim"
    assert entry_line(bad, 0, 98)[-1][1] == "warn"
