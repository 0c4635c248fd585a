"""Membership: the dead are found by all, the living are not accused for long, and what it costs does not grow with N."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dairt.errors import RemoteProtocolError
from dairt.model.views import PeerState
from dairt.protocol.datagrams import Ack, Nack, Packet, Ping, PingFor, Rumour, decode_packet, encode_packet
from dairt.protocol.membership import Membership
from dairt.protocol.rumours import Rumours, overrides
from dairt.runtime.host import DATAGRAM_MAX_BYTES
from swim_bench import RULE, Bench

GOLDEN = Path(__file__).parent / "golden" / "membership.txt"
SUSPICION_S = RULE.dead_after_s - RULE.suspect_after_s


def test_nobody_is_suspected_in_a_healthy_cluster() -> None:
    bench = Bench(8)
    bench.run(120.0)
    assert bench.changes == []


@pytest.mark.parametrize("seed", range(5))
def test_lost_datagrams_make_nobody_dead(seed: int) -> None:
    bench = Bench(8, seed=seed, loss=0.1)
    bench.run(120.0)
    assert not [change for _, _, change in bench.changes if change.state == "dead"]


@pytest.mark.parametrize("members", [2, 3, 5, 40])
def test_a_killed_member_is_suspected_and_then_given_up_by_every_other(members: int) -> None:
    bench = Bench(members)
    bench.run(10.0)
    bench.kill("n1")
    bench.run(RULE.suspect_after_s - 0.01)
    assert bench.states("n1") == {"alive"}
    bench.run(10.0)
    assert bench.states("n1") == {"dead"}
    assert {change.peer for _, _, change in bench.changes} == {"n1"}
    for name in bench.names:
        if name != "n1":
            assert "n1" not in bench.members[name].alive()
            assert name in bench.members[name].alive()


def test_a_suspect_still_counts() -> None:
    bench = Bench(3)
    bench.kill("n1")
    bench.run(RULE.suspect_after_s + 1.0)
    assert bench.states("n1") == {"suspect"}
    assert bench.members["n0"].alive() == ("n0", "n1", "n2")


@pytest.mark.parametrize("members", [2, 3, 5, 40])
def test_a_member_started_again_is_back_within_two_periods_and_some(members: int) -> None:
    bench = Bench(members)
    bench.kill("n1")
    bench.run(12.0)
    bench.start("n1")
    bench.run(6 * RULE.period_s)
    assert bench.states("n1") == {"alive"}


def test_a_new_life_is_told_of_once_to_each() -> None:
    one = Membership("n0", ["n0", "n1"], RULE, 0.0, cluster="c", life=1, random=Random(0))
    packet = Packet("c", "n1", 77, 0, 0, (), Ping("n0", 1))
    assert one.receive(packet, 0.1).lives == [("n1", 77)]
    assert one.receive(packet, 0.2).lives == []
    assert one.receive(Packet("c", "n1", 78, 0, 0, (), Ping("n0", 1)), 0.3).lives == [("n1", 78)]


def test_both_sides_of_a_partition_give_each_other_up_and_meet_again() -> None:
    bench = Bench(5)
    left = {"n0", "n1"}
    bench.passes = lambda source, target: (source in left) == (target in left)
    bench.run(15.0)
    assert bench.members["n0"].alive() == ("n0", "n1")
    assert bench.members["n3"].alive() == ("n2", "n3", "n4")
    bench.passes = lambda source, target: True
    bench.run(3.0)
    assert all(bench.states(name) == {"alive"} for name in bench.names)


def test_one_that_was_cut_off_persuades_nobody_that_the_others_are_dead() -> None:
    bench = Bench(4)
    bench.passes = lambda source, target: "n3" not in (source, target)
    bench.run(12.0)
    assert bench.members["n3"].alive() == ("n3",)
    bench.passes = lambda source, target: True
    bench.changes.clear()
    bench.run(10.0)
    doubts = [(name, change.peer) for _, name, change in bench.changes if change.state != "alive"]
    assert doubts == []
    assert all(bench.states(name) == {"alive"} for name in bench.names)


def test_a_tick_when_one_is_due_leaves_nothing_due_at_once() -> None:
    dice = Random(1)
    for _ in range(300):
        bench = Bench(3, seed=1)
        bench.now = dice.uniform(0.0, 1000.0)
        for name in bench.names:
            bench.start(name)
        bench.kill("n1", "n2")
        one = bench.members["n0"]
        for _ in range(40):
            now = one.next_tick()
            one.tick(now)
            assert one.next_tick() > now


def test_a_partial_partition_ends_in_a_stable_decision() -> None:
    bench = Bench(4)
    bench.passes = lambda source, target: {source, target} != {"n0", "n1"}
    bench.run(20.0)
    held = {(a, b): bench.members[a].state(b) for a in bench.names for b in bench.names if a != b}
    assert {pair for pair, state in held.items() if state != "alive"} == {("n0", "n1"), ("n1", "n0")}
    assert held["n0", "n1"] == "dead", "who cannot be used is given up by whom it cannot be used by"
    told = len(bench.changes)
    bench.run(60.0)
    assert len(bench.changes) == told
    bench.passes = lambda source, target: True
    bench.run(2.0)
    assert all(bench.states(name) == {"alive"} for name in bench.names)


def test_one_way_deafness_is_noticed_at_both_ends_of_the_link_and_nowhere_else() -> None:
    bench = Bench(4)
    bench.passes = lambda source, target: (source, target) != ("n0", "n1")
    bench.run(20.0)
    assert bench.states("n1", ["n0"]) == bench.states("n0", ["n1"]) == {"dead"}
    assert bench.states("n0", ["n2", "n3"]) == bench.states("n1", ["n2", "n3"]) == {"alive"}


def test_whoever_stood_still_accuses_nobody_when_it_goes_on() -> None:
    bench = Bench(4)
    bench.run(5.0)
    bench.stop("n2")
    bench.run(1.9)
    bench.go_on("n2")
    bench.run(10.0)
    assert not [change for _, name, change in bench.changes if name == "n2"]


def test_one_that_stood_still_past_its_suspicion_defends_itself() -> None:
    bench = Bench(4)
    bench.run(5.0)
    bench.stop("n2")
    bench.run(20.0)
    assert bench.states("n2") == {"dead"}
    bench.go_on("n2")
    bench.run(2.0)
    assert bench.states("n2") == {"alive"}
    assert all(bench.members["n2"].state(name) == "alive" for name in bench.names)


def test_a_wrongly_suspected_member_defends_itself_by_a_higher_incarnation() -> None:
    one = Membership("n0", ["n0", "n1"], RULE, 0.0, cluster="c", life=1, random=Random(0))
    accused = Packet("c", "n1", 5, 0, 0, (Rumour("n0", "suspect", 0),), Ping("n0", 9))
    ((to, answer),) = one.receive(accused, 0.1).sends
    assert (to, answer.incarnation) == ("n1", 1)
    assert Rumour("n0", "alive", 1) in answer.rumours


def test_strangers_other_clusters_and_datagrams_for_others_are_ignored() -> None:
    one = Membership("n0", ["n0", "n1"], RULE, 0.0, cluster="c", life=1, random=Random(0))
    for packet in (
        Packet("c", "stranger", 5, 0, 0, (), Ping("n0", 1)),
        Packet("other", "n1", 5, 0, 0, (), Ping("n0", 1)),
        Packet("c", "n1", 5, 0, 0, (), Ping("n7", 1)),
    ):
        assert one.receive(packet, 0.1).sends == []
    steps = one.receive(Packet("c", "n1", 5, 0, 0, (Rumour("stranger", "dead", 0),), PingFor("stranger", 1)), 0.2)
    assert (steps.sends, steps.changes) == ([], [])


def test_an_acknowledgement_nobody_asked_for_is_no_sign_of_anothers_life() -> None:
    bench = Bench(3)
    bench.kill("n1")
    bench.run(12.0)
    bench.members["n0"].receive(Packet("bench", "n2", 1, 0, 0, (), Ack("n1", 0, 4711)), bench.now)
    assert bench.members["n0"].state("n1") == "dead"


def test_what_a_node_sends_does_not_grow_with_the_number_of_members() -> None:
    rates = []
    for members in (10, 40, 160):
        bench = Bench(members)
        bench.run(20.0)
        rates.append(sum(bench.sent.values()) / members / 20.0)
    assert max(rates) <= 1.2 * min(rates)
    assert max(rates) <= 2.5 / RULE.period_s  # a ping and an answer a period, and the greetings at the start


def test_a_tenth_dying_at_once_is_detected_by_every_survivor_within_three_times_the_suspicion_time() -> None:
    bench = Bench(120)
    bench.run(5.0)
    gone = bench.names[::10]
    bench.kill(*gone)
    died_at = bench.now
    bench.run(20.0)
    assert all(bench.states(name) == {"dead"} for name in gone)
    took = sorted(at - died_at for at, _, change in bench.changes if change.state == "dead")
    assert took[int(len(took) * 0.99)] <= 3 * SUSPICION_S
    assert {change.peer for _, _, change in bench.changes} == set(gone)


def test_a_death_in_three_members_goes_as_it_always_went() -> None:
    bench = Bench(3, seed=1)
    bench.run(2.0)
    bench.kill("n2")
    bench.run(8.0)
    bench.start("n2")
    bench.run(2.0)
    assert "\n".join(bench.trace) + "\n" == GOLDEN.read_text()


RUMOURS = st.builds(
    Rumour,
    st.sampled_from(["n1", "n2"]),
    st.sampled_from(["alive", "suspect", "dead"]),
    st.integers(0, 3),
)


@given(st.lists(RUMOURS, max_size=8), st.randoms(use_true_random=False))
def test_whoever_heard_the_same_rumours_holds_the_same_whatever_came_first(rumours: list[Rumour], dice: Random) -> None:
    def held(heard: list[Rumour]) -> tuple[PeerState, int]:
        state: PeerState = "alive"
        incarnation = 0
        for rumour in heard:
            if overrides(rumour, state, incarnation):
                state, incarnation = rumour.state, rumour.incarnation
        return state, incarnation

    shuffled = dice.sample(rumours, len(rumours))
    assert held(rumours) == held(shuffled)


@given(st.lists(RUMOURS, max_size=20))
def test_a_rumour_is_told_a_bounded_number_of_times_and_only_the_newest_of_each_member(heard: list[Rumour]) -> None:
    rumours = Rumours(4)
    for rumour in heard:
        rumours.add(rumour)
    newest = {rumour.node: rumour for rumour in heard}
    told: list[Rumour] = []
    while taken := rumours.take():
        told += taken
        assert len(told) <= 2 * 9
    assert set(told) == set(newest.values())
    assert all(told.count(rumour) == 9 for rumour in newest.values())  # 3 times log2 of 4 + 1, rounded up


NAMES = st.from_regex(r"[a-z][a-z0-9]{0,62}", fullmatch=True)
NUMBERS = st.integers(0, 2**62)
PACKETS = st.builds(
    Packet,
    NAMES,
    NAMES,
    NUMBERS,
    NUMBERS,
    NUMBERS,
    st.lists(st.builds(Rumour, NAMES, st.sampled_from(["alive", "suspect", "dead"]), NUMBERS), max_size=3).map(tuple),
    st.one_of(
        st.builds(Ping, NAMES, NUMBERS),
        st.builds(PingFor, NAMES, NUMBERS),
        st.builds(Ack, NAMES, NUMBERS, NUMBERS),
        st.builds(Nack, NUMBERS),
    ),
)


@given(PACKETS)
def test_a_packet_survives_its_bytes(packet: Packet) -> None:
    assert decode_packet(encode_packet(packet)) == packet


@given(PACKETS, st.data())
def test_a_damaged_packet_is_refused(packet: Packet, data: st.DataObject) -> None:
    good = bytearray(encode_packet(packet))
    at = data.draw(st.integers(0, len(good) - 1))
    good[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(RemoteProtocolError):
        decode_packet(bytes(good))


@pytest.mark.parametrize("data", [b"", b"DAIR", b"GET / HTTP/1.1\r\n\r\n", bytes(1400)])
def test_what_is_no_packet_is_refused_with_a_sentence(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="datagram of"):
        decode_packet(data)


def test_the_longest_names_fit_a_datagram() -> None:
    names = [f"{n:03}".ljust(63, "x") for n in range(100)]
    rumours = Rumours(100)
    for name in names:
        rumours.add(Rumour(name, "suspect", 2**40))
    packet = Packet(
        "c" * 63,
        names[0],
        2**48 - 1,
        2**40,
        2**64 - 1,
        rumours.take(Rumour(names[1], "dead", 2**40)),
        Ack(names[2], 2**40, 2**40),
    )
    assert len(encode_packet(packet)) <= DATAGRAM_MAX_BYTES
