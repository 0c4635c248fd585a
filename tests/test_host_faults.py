"""What is broken of hosts now: whose disk calls fail, whose results are wrong, who is held back, and by which dice."""

import errno
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from dairt.model.action import (
    CorruptFrame,
    DegradeLink,
    DiskError,
    DiskFull,
    FlipResult,
    FsyncError,
    Link,
    LoseUnsynced,
    NanResult,
    PauseNode,
    RotBit,
    SkewClock,
    SlowDisk,
    SlowNode,
    TornWrites,
    WorldTrouble,
)
from dairt.worlds.faults import Faults
from dairt.worlds.sim.dice import Dice
from dairt.worlds.verdicts import FINE, WELL, DiskVerdict


@dataclass
class Told:
    """A stopper that writes down what it is told."""

    words: list[str] = field(default_factory=list)

    def pause(self, node: str) -> None:
        self.words.append(f"pause {node}")

    def slow(self, node: str, one_in: int) -> None:
        self.words.append(f"slow {node} {one_in}")

    def resume(self, node: str) -> None:
        self.words.append(f"resume {node}")

    def take(self) -> list[str]:
        words, self.words = self.words, []
        return words


@dataclass
class Rots:
    """A disk that notes by which dice its bits flip."""

    drawn: list[float] = field(default_factory=list)
    names: tuple[str, ...] = ("checkpoints/w.chk",)

    def flip_bit(self, dice: random.Random, among: str = "") -> str:
        found = [name for name in self.names if name.startswith(among)]
        if not found:
            return ""
        self.drawn.append(dice.random())
        return found[0]


def faults_at(now: Callable[[], float] = lambda: 0.0, stopper: Told | None = None) -> Faults:
    return Faults(now, Dice(3), stopper)


EIO, ENOSPC = DiskVerdict(errno.EIO), DiskVerdict(errno.ENOSPC)


def test_the_next_calls_of_a_kind_fail_and_no_others() -> None:
    faults = faults_at()
    faults.apply("e", DiskError("n0+n1", "write", 2))
    assert [faults.disk_call("n0", call) for call in ("read", "write", "sync", "write", "write", "names")] == [
        FINE, EIO, FINE, EIO, FINE, FINE,
    ]  # fmt: skip
    assert faults.disk_call("n1", "write") == EIO
    assert faults.disk_call("n2", "write") is FINE
    faults.apply("all", DiskError("n0"))
    assert [faults.disk_call("n0", call) for call in ("read", "write", "sync", "names")] == [EIO] * 4
    faults.heal("all")
    assert faults.disk_call("n0", "read") is FINE


def test_a_fault_that_strikes_again_has_all_its_times_again() -> None:
    faults = faults_at()
    for _ in range(2):
        faults.apply("e", FsyncError("n0"))
        assert faults.disk_call("n0", "sync") == DiskVerdict(errno.EIO, lost=True)
        assert faults.disk_call("n0", "sync") is FINE
        faults.heal("e")
        faults.heal("e")


def test_a_disk_is_full_at_the_write_that_does_not_fit() -> None:
    faults = faults_at()
    faults.apply("full", DiskFull("n0", 100))
    asked = [("write", 60), ("write", 41), ("write", 40), ("write", 0), ("read", 9), ("sync", 0), ("names", 0)]
    assert [faults.disk_call("n0", call, nbytes) for call, nbytes in asked] == [  # type: ignore[arg-type]  # the kinds of calls
        FINE, ENOSPC, FINE, ENOSPC, FINE, FINE, FINE,
    ]  # fmt: skip


def test_a_slow_disk_adds_its_latencies_and_shares_its_bandwidth() -> None:
    now = 10.0
    faults = faults_at(lambda: now)
    faults.apply("1", SlowDisk("n0", 0.5, 100.0))
    faults.apply("2", SlowDisk("n0", 0.25, 1000.0))
    assert faults.disk_call("n0", "write", 50) == DiskVerdict(0, 0.75 + 0.5)
    assert faults.disk_call("n0", "read", 50) == DiskVerdict(0, 0.75 + 1.0)
    assert faults.disk_call("n0", "sync") == DiskVerdict(0, 0.75)
    now = 20.0
    faults.heal("1")
    assert faults.disk_call("n0", "read", 500) == DiskVerdict(0, 0.25 + 0.5)


def test_the_later_fault_says_what_becomes_of_unsynced_bytes_and_clocks_add_up() -> None:
    faults = faults_at()
    assert faults.disk_after("n0") == ""
    faults.apply("torn", TornWrites("n0"))
    faults.apply("lose", LoseUnsynced("n0"))
    assert faults.disk_after("n0") == "lose"
    faults.heal("lose")
    assert faults.disk_after("n0") == "torn"
    faults.apply("fast", SkewClock("n0", ahead_s=60))
    faults.apply("slow", SkewClock("n0+n1", behind_s=10))
    assert [faults.clock_skew_s(node) for node in ("n0", "n1", "n2")] == [50, -10, 0]


def test_results_are_wrong_so_many_times_and_a_slow_node_by_the_larger_factor() -> None:
    faults = faults_at()
    assert faults.compute_trouble("n0") is WELL
    faults.apply("slow", SlowNode("n0", 3))
    faults.apply("slower", SlowNode("n0", 7))
    faults.apply("nan", NanResult("n0", 1))
    faults.apply("flip", FlipResult("n0"))
    verdicts = [faults.compute_trouble("n0") for _ in range(2)]
    assert [[wrong.kind for wrong in verdict.wrong] for verdict in verdicts] == [["nan", "bitflip"], ["bitflip"]]
    assert [verdict.factor for verdict in verdicts] == [7, 7]
    assert faults.compute_trouble("n1") is WELL


def test_whoever_is_paused_or_slow_by_several_faults_is_so_until_the_last_is_healed() -> None:
    told = Told()
    faults = faults_at(stopper=told)
    faults.apply("slow", SlowNode("n0", 3))
    faults.apply("pause", PauseNode("n0+n1"))
    assert told.take() == ["slow n0 3", "resume n0", "pause n0", "pause n1"]
    faults.apply("again", PauseNode("n0"))
    faults.heal("pause")
    assert told.take() == ["resume n1"]
    faults.heal("again")
    assert told.take() == ["resume n0", "slow n0 3"]
    faults.heal_all()
    faults.heal_all()
    assert told.take() == ["resume n0"]


def test_what_paused_one_life_of_a_node_does_not_pause_the_next() -> None:
    told = Told()
    faults = faults_at(stopper=told)
    faults.apply("pause", PauseNode("n0"))
    faults.switch_off("n0")
    faults.switch_on("n0")
    assert told.take() == ["pause n0", "resume n0"]
    faults.apply("other", CorruptFrame(Link("n1", "n2")))
    assert told.take() == []
    faults.heal("pause")
    faults.apply("pause", PauseNode("n0"))
    assert told.take() == ["pause n0"]


def test_rot_befalls_each_disk_that_has_such_a_file() -> None:
    faults, full, empty = faults_at(), Rots(), Rots(names=())
    faults.join_disk("n0", full)
    faults.join_disk("n1", empty)
    assert faults.apply("rot", RotBit("n0+n1")) == 1
    assert faults.apply("rot", RotBit("n0", "checkpoints/")) == 1
    assert faults.apply("rot", RotBit("n0", "elsewhere/")) == 0
    assert faults.apply("rot", RotBit("n2")) == 0
    assert len({*full.drawn}) == 2


# ------------------------------------------------------------------------------------------------ keyed dice

TROUBLES: dict[str, WorldTrouble] = {
    "jitter": DegradeLink(Link("n0", "any"), jitter_s=1.0),
    "more jitter": DegradeLink(Link("n0", "n1"), jitter_s=2.0),
    "corrupt": CorruptFrame(Link("n0", "n1"), 4),
    "rot": RotBit("n0"),
    "rot more": RotBit("n0+n1"),
    "nan": NanResult("n0", 3),
    "flip": FlipResult("n0+n1"),
}


def draws_of(kept: tuple[str, ...], fault: str) -> list[object]:
    """All that one fault draws in a story in which `kept` are in effect, and the same happens whatever they do."""
    faults, disk, drawn = faults_at(), Rots(), list[object]()
    faults.join_disk("n0", disk)
    for name in kept:
        before = len(disk.drawn)
        faults.apply(name, TROUBLES[name])
        if name == fault:
            drawn += disk.drawn[before:]
    for _ in range(5):
        late = faults.due("n0", "n1", 10)
        if fault.endswith("jitter"):
            alone = [name for name in kept if name.endswith("jitter") and name != fault]
            drawn.append(round(late - sum(jitter_of(name, len(drawn)) for name in alone), 9))
        fate = faults.fate("n0", "n1", "n0", 100)
        if fault == "corrupt":
            drawn.append(fate)
        for wrong in faults.compute_trouble("n0").wrong:
            if {"nan": "nan", "bitflip": "flip"}[wrong.kind] == fault:
                drawn.append([wrong.draw(n) for n in range(3)])
    return drawn


def jitter_of(name: str, number: int) -> float:
    """What a fault alone adds to the number-th bytes that n0 sends to n1."""
    faults = faults_at()
    faults.apply(name, TROUBLES[name])
    return [faults.due("n0", "n1", 10) for _ in range(number + 1)][number]


@pytest.mark.parametrize("removed", TROUBLES)
def test_without_a_fault_every_other_one_draws_as_before(removed: str) -> None:
    everyone, rest = tuple(TROUBLES), tuple(name for name in TROUBLES if name != removed)
    for fault in rest:
        drawn = draws_of(everyone, fault)
        assert drawn
        assert draws_of(rest, fault) == drawn
