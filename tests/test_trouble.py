"""Breaking and healing through the one door: several nodes at once, what makes no sense, and processes from outside."""

import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast

import pytest
import trio

from dairt.errors import UsageError
from dairt.model.action import (
    Action,
    CutAfter,
    HalfOpen,
    Heal,
    KillNode,
    Link,
    PauseNode,
    PowerCut,
    RestartNode,
    RotBit,
    SlowNode,
    StopNode,
    WipeNode,
)
from dairt.model.events import Entry, NodeBooted, NodeDown, NodeDrained
from dairt.model.scenario import At, Fault, Scenario
from dairt.rehearsal.play import play
from dairt.rehearsal.separate import Links
from dairt.rehearsal.stage import Stage, check_world
from dairt.worlds.processes import Child

STORY = Scenario("trouble", ("n0", "n1", "n2"))


def on_stage(errand: Callable[[Stage], Awaitable[None]]) -> list[Entry]:
    """Do an errand in a simulated cluster of three; everything that happened, until the nodes are drained."""
    heard: list[Entry] = []
    assert play(STORY, errand=errand, listener=heard.append).verdict == "held"
    return heard


def nodes_that(kind: type[object], entries: list[Entry]) -> list[str]:
    return sorted(entry.node for entry in entries if isinstance(entry.event, kind))


@pytest.mark.parametrize(
    "action", [StopNode("n0+n2"), KillNode("n0+n2"), PowerCut("n0+n2", "lose"), WipeNode("n0+n2")], ids=str
)
def test_several_nodes_are_down_at_once_until_all_of_them_are_back(action: StopNode | KillNode | PowerCut | WipeNode) -> None:
    async def errand(stage: Stage) -> None:
        await stage.inject(action, "f")
        assert stage.cluster.up() == ("n1",)
        await stage.inject(RestartNode("n0"))
        assert [row.id for row in stage.ledger.active()] == ["f"]
        await stage.inject(Heal("f"))
        assert stage.cluster.up() == ("n0", "n1", "n2")
        assert stage.ledger["f"].state == "healed"
        await stage.inject(Heal("f"))

    heard = on_stage(errand)
    how = NodeDrained if isinstance(action, StopNode) else NodeDown
    assert nodes_that(how, heard[: max(n for n, entry in enumerate(heard) if isinstance(entry.event, NodeBooted))]) == [
        "n0",
        "n2",
    ]
    assert nodes_that(NodeBooted, heard) == ["n0", "n0", "n1", "n2", "n2"]


def test_what_is_down_already_is_left_alone() -> None:
    async def errand(stage: Stage) -> None:
        await stage.inject(KillNode("n0"), "first")
        for action in (StopNode("n0"), KillNode("n0"), PowerCut("n0")):
            with pytest.raises(UsageError, match="n0 is down already"):
                await stage.inject(action)
        await stage.inject(KillNode("n0+n1"), "second")
        assert stage.cluster.up() == ("n2",)
        await stage.inject(WipeNode("n0"), "wiped")
        await stage.inject(Heal())
        assert [stage.ledger[fault].state for fault in ("first", "second", "wiped")] == ["healed"] * 3

    assert nodes_that(NodeDown, on_stage(errand)) == ["n0", "n1"]


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (HalfOpen(Link("n0", "n1")), "no socket is open on n0↔n1"),
        (RotBit("n0", "nothing/"), "n0 has no such file that could rot"),
        (CutAfter(Link("n0+n9", "any"), 1), "there is no node 'n9'"),
        (KillNode("n1+n9"), "there is no node 'n9'"),
    ],
    ids=str,
)
def test_what_makes_no_sense_now_is_told_and_is_no_fault(action: Action, told: str) -> None:
    async def errand(stage: Stage) -> None:
        if isinstance(action, HalfOpen):
            await stage.inject(KillNode("n1"))
        with pytest.raises(UsageError, match=told):
            await stage.inject(action, "f")
        assert "f" not in stage.ledger

    on_stage(errand)


def test_a_story_that_a_world_cannot_play_is_told_before_it_begins() -> None:
    story = Scenario("s", ("n0",), faults=(Fault("f", PowerCut("n0"), At(1.0), place="x.toml:3"),))
    check_world(story, "sim")
    with pytest.raises(UsageError, match=r"x\.toml:3: .* only in sim: what a real disk keeps"):
        check_world(story, "tcp")


# ------------------------------------------------------------------------------------------------ processes from outside


@dataclass
class Process:
    """A process that notes the signals it gets."""

    got: list[signal.Signals] = field(default_factory=list)

    def signal(self, number: signal.Signals) -> None:
        self.got.append(number)


def test_a_process_is_stopped_until_the_last_pause_is_healed_and_its_next_life_runs() -> None:
    async def story() -> None:
        links, first, second = Links(()), Process(), Process()
        links.enlist("n0")
        links.children["n0"] = cast(Child, first)
        links.apply("a", PauseNode("n0"))
        links.apply("b", PauseNode("n0+n1"))
        links.apply("slow", SlowNode("n0", 2))
        links.heal("a")
        assert first.got == [signal.SIGSTOP]
        links.heal("b")
        links.heal("b")
        assert first.got == [signal.SIGSTOP, signal.SIGCONT]
        links.apply("c", PauseNode("n0"))
        del links.children["n0"]
        links.dismiss("n0")
        links.children["n0"] = cast(Child, second)
        links.enlist("n0")
        links.apply("d", PauseNode("n1"))
        links.heal_all()
        assert second.got == []
        assert links.broken == {}

    trio.run(story)
