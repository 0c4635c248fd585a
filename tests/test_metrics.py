"""Metrics: each counts just what its docstring says."""

from collections.abc import Callable

import pytest

from dairt.model.action import Action, BlackholeLink, CutLink, Link, PauseNode
from dairt.model.events import (
    BroadcastAcked,
    BroadcastBegun,
    BroadcastEnded,
    CheckpointRestored,
    ChunkSent,
    Entry,
    Event,
    FaultFired,
    FaultHealed,
    NodeBooted,
    NodeDown,
    NodeDrained,
    OpStarted,
    PeerDied,
    PeerReturned,
    PeerSuspected,
    RunEnded,
    TensorStored,
)
from dairt.model.tensor import CHUNK_BYTES
from dairt.model.version import Version
from dairt.model.views import LaneView, NodeView, Snapshot
from dairt.rehearsal.metrics import METRICS, Meter, percentile
from telling import story, tell

V1, V2 = Version(1, "a", 7), Version(2, "a", 7)
BOOTED = NodeBooted("x:1", 0, 0, 1)
CUT = FaultFired("cut", "link.cut", "")
HEALED = FaultHealed("cut", "link.cut", "")


class Bench:
    """A meter, and events told to it: the same moment until the clock is set."""

    def __init__(self, **actions: Action) -> None:
        self.now = 0.0
        self.peaks: dict[str, int] = {}
        self.meter = Meter(actions.__getitem__, self.snapshot)

    def snapshot(self) -> Snapshot:
        nodes = [NodeView(n, "", "up", lanes=(LaneView("io", 0, 64, 0, 2, peak),)) for n, peak in self.peaks.items()]
        return Snapshot(self.now, "sim", "s", 0, "", 1.0, tuple(nodes))

    def see(self, at_s: float, node: str, *events: Event) -> None:
        self.now = at_s
        for event in events:
            self.meter.see(Entry(0, at_s, node, event))

    def up(self, *nodes: str) -> None:
        for node in nodes:
            self.see(self.now, node, BOOTED)

    def value(self, name: str) -> list[float]:
        return [round(value, 6) for value in self.meter.values()[name]]


def acked(bench: Bench, at_s: float, version: Version = V1, members: tuple[str, ...] = ("b", "c")) -> None:
    """A broadcast of `a` that every member but those left out holds durably."""
    bench.see(at_s, "a", BroadcastBegun("k", version, 10, members), TensorStored("k", version, 10, 1, "a"))
    bench.see(at_s, "a", BroadcastAcked("k", version, "a", "durable", 0.1, 1), BroadcastEnded("k", version, 1, (), 0.5))


# ------------------------------------------------------------------------------------------------ detection


def test_a_death_is_detected_when_the_last_live_peer_suspects_it() -> None:
    bench = Bench()
    bench.up("a", "b", "c", "d")
    bench.see(1.0, "d", NodeDown("killed"))
    bench.see(2.0, "a", PeerSuspected("d", 1.0))
    assert bench.value("detect_seconds") == []
    bench.see(2.5, "b", PeerSuspected("c", 1.0))
    bench.see(3.0, "b", PeerDied("d", 2.0))
    bench.see(3.5, "c", PeerSuspected("d", 2.5))
    assert bench.value("detect_seconds") == [2.5]


def test_a_death_that_is_over_before_all_have_noticed_gives_no_value() -> None:
    bench = Bench()
    bench.up("a", "b", "c")
    bench.see(1.0, "c", NodeDown("killed"))
    bench.see(2.0, "a", PeerSuspected("c", 1.0))
    bench.see(2.1, "c", BOOTED)
    bench.see(2.2, "b", PeerSuspected("c", 1.2))
    assert bench.value("detect_seconds") == []


def test_whoever_goes_down_meanwhile_is_not_waited_for() -> None:
    bench = Bench()
    bench.up("a", "b", "c")
    bench.see(1.0, "c", NodeDown("killed"))
    bench.see(2.0, "a", PeerSuspected("c", 1.0))
    bench.see(4.0, "b", NodeDrained())
    assert bench.value("detect_seconds") == [1.0]


def test_a_node_that_leaves_with_farewell_or_never_listened_is_no_loss() -> None:
    bench = Bench()
    bench.up("a", "b")
    bench.see(1.0, "b", NodeDrained())
    bench.see(1.0, "c", NodeDown("could not start"))
    bench.see(2.0, "a", PeerSuspected("b", 1.0), PeerSuspected("c", 1.0))
    assert bench.value("detect_seconds") == []


@pytest.mark.parametrize(
    "action, pairs",
    [
        (CutLink(Link("a", "b")), ["a b", "b a"]),
        (CutLink(Link("a", "any")), ["a b", "b a", "a c", "c a"]),
        (BlackholeLink(Link("c", "any", one_way=True)), ["a c", "b c"]),
        (PauseNode("b+c"), ["a b", "a c"]),
    ],
)
def test_a_cut_is_detected_when_every_end_suspects_whom_it_no_longer_hears(action: Action, pairs: list[str]) -> None:
    bench = Bench(cut=action)
    bench.up("a", "b", "c")
    bench.see(1.0, "", CUT)
    for at, pair in enumerate(pairs):
        observer, peer = pair.split()
        assert bench.value("detect_seconds") == []
        bench.see(2.0 + at, observer, PeerSuspected(peer, 1.0))
    assert bench.value("detect_seconds") == [len(pairs)]


def test_a_cut_that_is_healed_first_or_cuts_nobody_off_gives_no_value() -> None:
    bench = Bench(cut=CutLink(Link("a", "b")))
    bench.up("a", "b")
    bench.see(1.0, "", CUT)
    bench.see(1.5, "", HEALED)
    bench.see(2.0, "a", PeerSuspected("b", 1.0))
    bench.see(2.0, "b", PeerSuspected("a", 1.0))
    bench.see(3.0, "", CUT)
    assert bench.value("detect_seconds") == []


# ------------------------------------------------------------------------------------------------ recovery


def test_a_node_has_recovered_when_it_holds_what_was_acked_and_nobody_doubts_it() -> None:
    bench = Bench()
    bench.up("a", "b", "c")
    acked(bench, 1.0)
    bench.see(2.0, "c", NodeDown("killed"))
    bench.see(3.0, "a", PeerSuspected("c", 1.0))
    acked(bench, 4.0, V2)
    bench.see(5.0, "c", CheckpointRestored("k", V1, 1), BOOTED)
    bench.see(5.5, "a", PeerReturned("c"))
    assert bench.value("recover_seconds") == []
    bench.see(6.5, "c", TensorStored("k", V2, 10, 1, "a"))
    assert bench.value("recover_seconds") == [1.5]


def test_a_first_boot_is_no_recovery_and_one_with_nothing_to_make_good_takes_no_time() -> None:
    bench = Bench()
    bench.up("a", "b")
    acked(bench, 1.0, members=("b",))
    bench.see(1.1, "b", TensorStored("k", V1, 10, 1, "a"), NodeDown("killed"))
    bench.see(2.0, "b", CheckpointRestored("k", V1, 1), BOOTED)
    assert bench.value("recover_seconds") == [0.0]


def test_what_is_acked_after_the_return_or_for_others_is_not_waited_for() -> None:
    bench = Bench()
    bench.up("a", "b", "c")
    acked(bench, 1.0, members=("b",))
    bench.see(2.0, "c", NodeDown("killed"), BOOTED)
    acked(bench, 3.0, V2)
    assert bench.value("recover_seconds") == [0.0]


def test_a_healed_cut_has_recovered_when_both_ends_know_and_trust_again() -> None:
    bench = Bench(cut=CutLink(Link("c", "any")))
    bench.up("a", "b", "c")
    bench.see(1.0, "", CUT)
    bench.see(2.0, "a", PeerSuspected("c", 1.0))
    bench.see(2.0, "c", PeerSuspected("a", 1.0))
    acked(bench, 3.0, members=("c",))
    bench.see(4.0, "", HEALED)
    bench.see(4.5, "c", TensorStored("k", V1, 10, 1, "a"), PeerReturned("a"))
    assert bench.value("recover_seconds") == []
    bench.see(4.7, "a", PeerReturned("c"))
    assert bench.value("recover_seconds") == [0.7]


def test_a_return_that_ends_in_another_death_gives_no_value() -> None:
    bench = Bench()
    bench.up("a", "c")
    acked(bench, 1.0, members=("c",))
    bench.see(2.0, "c", NodeDown("killed"), BOOTED)
    bench.see(3.0, "c", NodeDown("killed"))
    bench.see(4.0, "c", BOOTED)
    bench.see(4.25, "c", TensorStored("k", V2, 10, 1, "a"))
    assert bench.value("recover_seconds") == [0.25]


# ------------------------------------------------------------------------------------------------ the others


def test_broadcasts_and_runs_are_timed_by_their_own_word() -> None:
    bench = Bench()
    bench.see(1.0, "a", BroadcastEnded("k", V1, 2, (), 0.25), BroadcastEnded("k", V2, 2, ("b",), 0.75))
    bench.see(2.0, "a", RunEnded("r1", "g", "done", "d", 0.5), RunEnded("r2", "g", "failed", "", 9.0, "why"))
    assert bench.value("broadcast_seconds") == [0.25, 0.75]
    assert bench.value("run_seconds") == [0.5]


def test_bytes_sent_again_are_those_up_to_the_furthest_that_the_member_had() -> None:
    bench = Bench()
    total = 2 * CHUNK_BYTES + 10

    def chunks(peer: str, *offsets: int) -> None:
        bench.see(1.0, "a", *(ChunkSent(peer, "k", offset, total) for offset in offsets))

    bench.see(0.5, "a", BroadcastBegun("k", V1, total, ("b", "c")))
    chunks("b", CHUNK_BYTES, 2 * CHUNK_BYTES)
    chunks("c", CHUNK_BYTES, 2 * CHUNK_BYTES, total)
    assert bench.value("resent_bytes") == [0]
    chunks("b", CHUNK_BYTES, 2 * CHUNK_BYTES, total)  # from the start again
    assert bench.value("resent_bytes") == [2 * CHUNK_BYTES]
    chunks("c", total)  # resumed where it had come to, all but acknowledged
    assert bench.value("resent_bytes") == [2 * CHUNK_BYTES + 10]
    bench.see(2.0, "a", BroadcastBegun("k", V2, total, ("b", "c")))
    chunks("b", CHUNK_BYTES)
    assert bench.value("resent_bytes") == [2 * CHUNK_BYTES + 10]


def test_ops_taken_again_are_wasted_and_those_of_another_run_are_not() -> None:
    bench = Bench()
    bench.see(1.0, "a", OpStarted("r1", "op", 1, "w"), OpStarted("r1", "other", 1, "w"), OpStarted("r2", "op", 1, "w"))
    bench.see(2.0, "b", OpStarted("r1", "op", 2, "w"))
    bench.see(3.0, "c", OpStarted("r1", "op", 3, "w"))
    assert bench.value("wasted_ops") == [2]


def test_the_queue_peak_is_of_all_lives_also_those_that_have_ended() -> None:
    bench = Bench()
    bench.peaks = {"a": 3, "b": 9}
    bench.see(1.0, "b", NodeDown("killed"))
    bench.peaks = {"a": 4, "b": 0}
    assert bench.value("queue_peak") == [9]
    bench.peaks = {"a": 12, "b": 0}
    assert bench.value("queue_peak") == [12]


def test_every_event_counts() -> None:
    bench = Bench()
    bench.up("a", "b")
    bench.see(1.0, "a", ChunkSent("b", "k", 1, 1))
    assert bench.value("events") == [3]


@pytest.mark.parametrize(
    "percent, right", [(0, 1), (50, 5), (90, 9), (91, 10), (99, 10), (100, 10)], ids=lambda number: str(number)
)
def test_a_percentile_is_a_value_that_so_many_do_not_exceed(percent: float, right: float) -> None:
    assert percentile([10, 3, 1, 2, 9, 8, 4, 7, 5, 6], percent) == right
    assert percentile([2.5], percent) == 2.5
    assert percentile(range(1, 101), percent) == max(1, percent)


def test_every_metric_says_exactly_what_it_counts() -> None:
    documented: list[Callable[..., object]] = list(METRICS.values())
    assert all("value" in (metric.__doc__ or "") for metric in documented)


def test_a_report_has_the_metrics_of_its_run() -> None:
    entries = '[[work]]\nid = "w"\nkind = "broadcast"\nfrom = "a"\ntensor = { shape = [8] }\nevery = "500ms"\n'
    entries += '[[fault]]\nid = "f"\nat = "1s"\nkind = "node.kill"\nnode = "b"\nfor = "1s"\n'
    report, listener = tell(story(entries))
    [detected], [recovered] = report.metrics["detect_seconds"], report.metrics["recover_seconds"]
    assert 0.6 < detected < 1.0, "suspected after 600 ms of silence"
    assert 0 < recovered < 2.0
    assert report.metrics["broadcast_seconds"] == [entry.event.seconds for entry in listener.heard(BroadcastEnded)]  # type: ignore[union-attr]
    assert report.metrics["events"] == [report.events]
    assert list(report.metrics) == list(METRICS)
