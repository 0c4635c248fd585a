"""Trouble inside a node's own process, and what such nodes tell: at the very event, once, causes before effects."""

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec
import pytest

from dairt.errors import RemoteProtocolError, UsageError
from dairt.model.action import (
    CorruptFrame,
    CutLink,
    DiskError,
    FaultAction,
    Heal,
    KillNode,
    Link,
    ResetConnection,
    RotBit,
    WipeNode,
)
from dairt.model.events import Entry, PhaseBegan
from dairt.model.scenario import Fault, On
from dairt.protocol.messages import Act
from dairt.rehearsal import tale
from dairt.rehearsal.inside import Trouble
from dairt.rehearsal.tale import Tales
from dairt.runtime.journal import Journal
from dairt.worlds.faults import Faults
from dairt.worlds.sim.dice import Dice

CUT = CutLink(Link("n0", "n1"))
RESET = ResetConnection(Link("n0", "n1"))
TRIGGER = PhaseBegan("trouble")


def frame(time_s: float, node: str) -> bytes:
    """An entry as a node's pipe carries it."""
    body = msgspec.msgpack.encode(Entry(1, time_s, node, TRIGGER))
    return len(body).to_bytes(4, "big") + body


@dataclass
class Rig:
    """Trouble on n0, planned for the second PhaseBegan; `held` counts how often it held still."""

    action: FaultAction
    held: int = 0
    faults: Faults = field(default_factory=lambda: Faults(lambda: 0.0, Dice(0)))
    journal: Journal = field(default_factory=lambda: Journal(lambda: 0.0, 10))

    def __post_init__(self) -> None:
        planned = Fault("f", self.action, On("phase_began", node="n0", nth=2))
        self.trouble = Trouble("n0", self.faults, [planned], {}, self.hold)
        self.journal.listeners.append(self.trouble.triggers)

    def hold(self) -> None:
        self.held += 1

    @property
    def is_cut(self) -> bool:
        return self.faults.verdict("n0", "n1").cut


def test_a_link_breaks_inside_the_emit_it_waits_for() -> None:
    rig = Rig(CUT)
    rig.journal.emit("n0", TRIGGER)
    assert not rig.is_cut
    rig.journal.emit("n0", TRIGGER)
    assert rig.is_cut


def test_a_node_that_is_to_be_killed_holds_still_inside_the_emit() -> None:
    rig = Rig(KillNode("n0"))
    rig.journal.emit("n0", TRIGGER)
    assert rig.held == 0
    rig.journal.emit("n0", TRIGGER)
    assert rig.held == 1


def test_a_node_does_not_hold_still_for_the_death_of_another() -> None:
    rig = Rig(KillNode("n1"))
    rig.journal.emit("n0", TRIGGER)
    rig.journal.emit("n0", TRIGGER)
    assert rig.held == 0


def test_a_nodes_own_trouble_told_back_to_it_does_not_strike_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(RESET)
    struck: list[str] = []
    monkeypatch.setattr(rig.faults, "apply", lambda fault, action: struck.append(fault))
    for _ in range(2):
        rig.journal.emit("n0", TRIGGER)
    rig.trouble.act(Act(RESET, "f"))
    assert struck == ["f"]
    rig.trouble.act(Act(RESET, "f"))  # said again, it is meant
    assert struck == ["f", "f"]


def test_healing_one_fault_ends_it_and_healing_all_disarms_what_waits() -> None:
    rig = Rig(CUT)
    rig.trouble.act(Act(CUT, "g"))
    assert rig.is_cut
    rig.trouble.act(Act(Heal("g")))
    assert not rig.is_cut
    rig.trouble.act(Act(Heal()))
    for _ in range(2):
        rig.journal.emit("n0", TRIGGER)
    assert not rig.is_cut


def test_a_node_refuses_to_kill_itself_on_demand() -> None:
    with pytest.raises(UsageError, match="cannot kill n0 by itself"):
        Rig(CUT).trouble.act(Act(KillNode("n0")))


@pytest.mark.parametrize("action", [KillNode("n1+n0"), WipeNode("n0")], ids=str)
def test_a_node_holds_still_for_whatever_kills_it(action: FaultAction) -> None:
    rig = Rig(action)
    for _ in range(2):
        rig.journal.emit("n0", TRIGGER)
    assert rig.held == 1


@pytest.mark.parametrize(("link", "meddled"), [(Link("n0", "n1"), True), (Link("n1", "n0"), False), (Link("any", "n0"), True)])
def test_one_frame_is_befallen_where_the_links_first_side_opened_the_connection(link: Link, meddled: bool) -> None:
    rig = Rig(CUT)
    rig.trouble.act(Act(CorruptFrame(link), "g"))
    assert rig.faults.verdict("n0", "n1").meddled == meddled


def test_a_nodes_own_disk_fails_inside_the_emit_and_its_files_rot_by_another_hand() -> None:
    rig = Rig(DiskError("n0"))
    for _ in range(2):
        rig.journal.emit("n0", TRIGGER)
    assert rig.faults.disk_call("n0", "write").error
    rig = Rig(RotBit("n0"))
    rig.faults.join_disk("n0", Untouchable())
    for _ in range(2):
        rig.journal.emit("n0", TRIGGER)


class Untouchable:
    """A disk whose bits do not flip."""

    def flip_bit(self, dice: random.Random, among: str = "") -> str:
        raise AssertionError("nobody was to touch this disk")


@dataclass
class Two:
    """The pipes of n0 and n1; `heard` are the times and nodes of what was heard."""

    clock: Callable[[], float] = lambda: 10.0
    heard: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tales = Tales(lambda: self.clock(), lambda entry: self.heard.append((entry.time_s, entry.node)))
        self.pipes = {name: self.tales.open() for name in ("n0", "n1")}

    def write(self, node: str, data: bytes) -> None:
        os.write(self.pipes[node][1], data)


@pytest.fixture
def two() -> Iterator[Two]:
    two = Two()
    yield two
    for source, sink in two.pipes.values():
        two.tales.close(source)
        os.close(sink)


def test_causes_are_heard_before_effects_whichever_pipe_they_came_by(two: Two) -> None:
    two.write("n1", frame(1.0, "n1") + frame(4.0, "n1"))
    two.write("n0", frame(3.0, "n0") + frame(3.0, "n0") + frame(5.0, "n0"))
    two.tales.catch_up()
    assert two.heard == [(1.0, "n1"), (3.0, "n0"), (3.0, "n0"), (4.0, "n1"), (5.0, "n0")]


def test_what_was_told_while_the_pipes_were_read_waits_for_its_causes(two: Two) -> None:
    """n0's pipe is read first, then n1's: its entry was made meanwhile, and its cause is in n0's pipe only now."""
    passes = 0

    def now() -> float:
        nonlocal passes
        passes += 1
        if passes == 2:
            two.write("n0", frame(3.0, "n0"))
        return 2.0 if passes == 1 else 5.0

    two.write("n1", frame(4.0, "n1"))
    two.clock = now
    two.tales.catch_up()
    assert two.heard == [(3.0, "n0"), (4.0, "n1")]


def test_an_entry_is_heard_when_it_is_whole(two: Two) -> None:
    whole = frame(1.0, "n0")
    for byte in whole[:-1]:
        two.write("n0", bytes([byte]))
        two.tales.catch_up()
    assert two.heard == []
    two.write("n0", whole[-1:])
    two.tales.catch_up()
    assert two.heard == [(1.0, "n0")]


def test_a_muted_pipe_is_heard_to_that_moment_and_no_further(two: Two) -> None:
    two.write("n0", frame(1.0, "n0"))
    two.tales.mute(two.pipes["n0"][0])
    two.write("n0", frame(2.0, "n0"))
    two.tales.catch_up()
    assert two.heard == [(1.0, "n0")]


def test_a_frame_beyond_all_reason_is_refused_before_it_is_kept(two: Two) -> None:
    two.write("n0", b"\xff\xff\xff\xff")
    with pytest.raises(RemoteProtocolError, match="4294967295 bytes"):
        two.tales.catch_up()


def test_what_a_node_tells_is_what_is_heard(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tale, "OUTPUT", two.pipes["n0"][1])
    tale.tell(Entry(7, 1.5, "n0", TRIGGER))
    two.tales.catch_up()
    assert two.heard == [(1.5, "n0")]


def test_telling_nobody_is_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    source, sink = os.pipe()
    os.close(source)
    monkeypatch.setattr(tale, "OUTPUT", sink)
    tale.tell(Entry(7, 1.5, "n0", TRIGGER))
    os.close(sink)
