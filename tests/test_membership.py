"""Membership: silence makes suspect, then dead; a sign of life brings anyone back."""

from hypothesis import given
from hypothesis import strategies as st

from dairt.protocol.membership import Change, Membership


def three(now: float = 100.0) -> Membership:
    return Membership("b", ["c", "a", "b"], now, suspect_after_s=2.0, dead_after_s=5.0)


def test_everyone_is_alive_at_the_start() -> None:
    members = three()
    assert members.tick(101.9) == []
    assert members.alive() == ("a", "b", "c")


def test_silence_makes_a_peer_suspect_and_then_dead_and_says_so_once() -> None:
    members = three()
    members.heard("a", 101.0)
    assert members.tick(102.0) == [Change("c", "suspect", 2.0)]
    assert members.tick(102.5) == []
    assert members.tick(105.0) == [Change("a", "suspect", 4.0), Change("c", "dead", 5.0)]
    assert members.tick(105.0) == []
    assert (members.state("a"), members.state("c")) == ("suspect", "dead")


def test_a_suspect_still_counts_and_a_dead_peer_does_not() -> None:
    members = three()
    members.heard("a", 103.0)
    members.tick(104.0)
    assert members.alive() == ("a", "b", "c")
    members.tick(105.0)
    assert members.alive() == ("a", "b")


def test_a_sign_of_life_brings_back_the_suspect_and_the_dead() -> None:
    members = three()
    members.tick(103.0)
    assert members.heard("a", 103.5) == Change("a", "alive", 3.5)
    assert members.heard("a", 104.5) is None
    assert members.tick(106.0) == [Change("c", "dead", 6.0)]
    assert members.heard("c", 107.0) == Change("c", "alive", 7.0)
    assert members.tick(107.0) == [Change("a", "suspect", 2.5)]


def test_a_late_look_at_the_clock_finds_the_dead_at_once() -> None:
    assert [change.state for change in three().tick(1000.0)] == ["dead", "dead"]


def test_an_old_sign_of_life_does_not_make_a_peer_older() -> None:
    members = three()
    members.heard("a", 104.0)
    members.heard("a", 101.0)
    assert members.silent_s("a", 105.0) == 1.0
    assert members.silent_s("a", 103.0) == 0.0


def test_strangers_and_oneself_are_never_suspected() -> None:
    members = three()
    assert members.heard("observer", 101.0) is None
    assert members.heard("b", 101.0) is None
    assert [change.peer for change in members.tick(200.0)] == ["a", "c"]
    assert members.alive() == ("b",)
    assert members.state("b") == "alive"


@given(st.lists(st.tuples(st.sampled_from(["a", "c", "tick"]), st.floats(0, 3)), max_size=50))
def test_the_state_is_always_what_the_silence_says(steps: list[tuple[str, float]]) -> None:
    now = 100.0
    members = three(now)
    last = {"a": now, "c": now}
    told = {"a": "alive", "c": "alive"}
    for who, pause in steps:
        now += pause
        if who != "tick":
            last[who] = now
        changes = members.tick(now) if who == "tick" else [members.heard(who, now)]
        for change in changes:
            if change is not None:
                assert told[change.peer] != change.state
                told[change.peer] = change.state
        for peer in ("a", "c"):
            assert members.state(peer) == told[peer]
            if who == "tick":
                silent = now - last[peer]
                assert told[peer] == ("dead" if silent >= 5.0 else "suspect" if silent >= 2.0 else "alive")
