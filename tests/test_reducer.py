"""What the console knows after each frame."""

import math
from dataclasses import replace

import msgspec
import pytest

from console_samples import AT_WORK, BAD_NEWS, HELLO, HISTORY, IN_TROUBLE, entries, node, seen_after, snapshot
from dairt.control.frames import Answer, Bye, Entries, Latest, encode, from_server
from dairt.model.events import NodeDrained
from dairt_console.reducer import ENTRIES_KEPT, SAMPLES_KEPT, LinkChanged, Seen, apply


def test_it_is_connecting_until_the_first_snapshot() -> None:
    assert Seen().link.state == "connecting"
    assert seen_after([HELLO]).link.state == "connecting"
    assert seen_after([HELLO, Latest(snapshot())]).link.state == "live"


def test_what_was_seen_before_is_never_changed() -> None:
    before = seen_after(AT_WORK)
    copy = replace(before)
    seen_after(IN_TROUBLE, before)
    assert before == copy


def test_frames_that_went_over_the_wire_say_the_same() -> None:
    decoder = from_server()
    received = [frame for sent in IN_TROUBLE for frame in decoder.feed(encode(sent))]
    assert seen_after(received) == seen_after(IN_TROUBLE)


def test_entries_are_kept_in_order_and_every_lost_one_is_counted() -> None:
    seen = seen_after([HISTORY, msgspec.structs.replace(BAD_NEWS, dropped=3)])
    assert [entry.seq for entry in seen.entries] == [1, 2, 3, 4, 5, 9, 10, 11]
    assert (seen.entries_seen, seen.entries_dropped) == (11, 3)


def test_old_entries_make_room_and_still_count() -> None:
    many = entries(*[NodeDrained()] * (ENTRIES_KEPT + 5))
    seen = seen_after([many])
    assert len(seen.entries) == ENTRIES_KEPT
    assert seen.entries[0].seq == 6
    assert seen.entries_seen == ENTRIES_KEPT + 5


def test_rates_are_bytes_over_the_last_second() -> None:
    traffic = seen_after(AT_WORK).traffic["n0"]
    assert traffic.tx == pytest.approx(2**20, rel=1e-3)
    assert traffic.rx == pytest.approx(2**21, rel=1e-3)


def test_a_node_that_starts_again_sends_nothing_backwards() -> None:
    reborn = msgspec.structs.replace(node("n0", at_s=0.5), incarnation=2)
    seen = seen_after([*AT_WORK, Latest(snapshot(12.8, nodes=(reborn,)))])
    assert seen.traffic["n0"].tx == 0
    assert set(seen.traffic) == {"n0"}


def test_paused_time_keeps_the_last_rate() -> None:
    seen = seen_after([*AT_WORK, Latest(snapshot(12.3, speed=0.0))])
    assert seen.traffic["n0"].tx == pytest.approx(2**20, rel=1e-3)


def test_a_long_watch_keeps_a_bounded_history() -> None:
    seen = seen_after(Latest(snapshot(at / 4)) for at in range(1, 400))
    traffic = seen.traffic["n1"]
    assert len(traffic.samples) == SAMPLES_KEPT
    assert len(traffic.points) < 10
    assert all(math.isfinite(sample) for sample in traffic.samples)


def test_the_end_of_the_stream_after_a_farewell_is_no_loss() -> None:
    seen = seen_after([*AT_WORK, Bye(0, "all promises held"), LinkChanged("lost", "ended with exit code 0", 0)])
    assert seen.link == LinkChanged("finished", "all promises held", 0)


def test_a_lost_cluster_keeps_its_last_view() -> None:
    seen = seen_after([*AT_WORK, LinkChanged("lost", "killed", -9)])
    assert seen.link.state == "lost"
    assert [node.name for node in seen.nodes] == ["n0", "n1", "n2"]


def test_an_answer_and_an_empty_batch_leave_the_world_as_it_is() -> None:
    before = seen_after(AT_WORK)
    after = apply(apply(before, Answer(1, "taken")), Entries(()))
    assert after.snapshot is before.snapshot
    assert after.entries == before.entries
