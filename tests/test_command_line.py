"""The `:` line: what each kind of line comes to, and the one sentence for a line that comes to nothing."""

import re
from pathlib import Path
from typing import get_args

import pytest

from dairt.errors import UsageError
from dairt.model.action import (
    Action,
    Broadcast,
    CutLink,
    DegradeLink,
    DiskError,
    FaultAction,
    GraphRecipe,
    Heal,
    HoldLink,
    KillNode,
    Link,
    ResetConnection,
    RestartNode,
    RotBit,
    RunGraph,
    SkewClock,
    TensorRecipe,
    VerifyCheckpoint,
)
from dairt_console.actions import COMMANDS
from dairt_console.chosen import Chosen
from dairt_console.command_line import WORDS, Run, Take, Word, complete, read
from dairt_console.draw.scenario_line import command_of, scenario_line
from test_actions import example

NAMES = ("n0", "n1", "n2")
PAGES = ("overview", "runs")
GRAPH = GraphRecipe(layers=6, width=4, size=256)


@pytest.mark.parametrize(
    ("line", "typed"),
    [
        ("kill n1", Run("kill_node", Chosen(node="n1"))),
        ("kill", Run("kill_node")),
        (":kill-node n1", Run("kill_node", Chosen(node="n1"))),
        ("cut n0 n2", Run("cut_link", Chosen(node="n0", peer="n2"))),
        ("degrade n0", Run("degrade_link", Chosen(node="n0"))),
        ("verify weights n2", Run("verify_checkpoint", Chosen(key="weights", node="n2"))),
        ("mend op-3", Run("heal_one", Chosen(fault="op-3"))),
        ("broadcast n2", Run("broadcast", Chosen(node="n2"))),
        ("heal", Run("heal_all")),
        ("speed 5", Word("speed", "5")),
        ("filter level>=warn node:n1", Word("filter", "level>=warn node:n1")),
        ("go runs", Word("go", "runs")),
        ("node.kill n1", Take(KillNode("n1"))),
        ("node.restart n0+n1", Take(RestartNode("n0+n1"))),
        ("link.degrade n0 n1 latency=60ms bandwidth=8MiB/s", Take(DegradeLink(Link("n0", "n1"), 0.06, 0.0, 8 * 2**20))),
        ("link.hold from=n0 to=any", Take(HoldLink(Link("n0", "any", one_way=True)))),
        ("disk.error n0 calls=sync times=2", Take(DiskError("n0", "sync", 2))),
        ("node.clock n0 ahead=1h", Take(SkewClock("n0", 3600.0))),
        ('broadcast from=n1 key=w tensor={shape=[2,3]}', Take(Broadcast("w", TensorRecipe((2, 3)), "n1"))),
        ("heal fault=op-1", Take(Heal("op-1"))),
        ("dry-run link.cut n0 n1", Take(CutLink(Link("n0", "n1")), dry=True)),
        ('do = "conn.reset", at = "12.30s", link = ["n0", "n1"]', Take(ResetConnection(Link("n0", "n1")))),
    ],
)  # fmt: skip
def test_a_line_says_what_a_key_or_a_scenario_would(line: str, typed: object) -> None:
    assert read(line, NAMES) == typed


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "write a command"),
        ("kil n1", "did you mean 'kill'"),
        ("kill n9", "there is no node 'n9'"),
        ("kill n0 n1", "takes a node, not n0 n1"),
        ("cut n0 n1 n2", "takes one node or two"),
        ("heal-all n1", "takes nothing"),
        ("node.kill n9", "cannot be 'n9'"),
        ("link.cut n0", "link.cut"),
        ("link.degrade n0 n1", "needs a latency, a jitter or a bandwidth"),
        ("link.degrade n0 n1 latency=soon", "latency"),
        ("disk.error n0 calls=raed", "did you mean 'read'"),
        ("disk.error n0 times=[", "is no value"),
        ("dry-run explode n0", "explode is no kind of action"),
        ('do = "conn.reset", link = ["n0"', "no entry of a scenario file"),
        ('do = "conn.rest", link = ["n0", "n1"]', "did you mean 'conn.reset'"),
        ("node.kill n0 colour=red", "has no key 'colour'"),
    ],
)
def test_a_line_that_says_nothing_is_told_in_one_sentence(line: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(line, NAMES)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not str(caught.value).startswith(":")


OTHERS: list[Action] = [
    Heal("op-1"), Broadcast("a key", TensorRecipe((4, 4)), "n1"), VerifyCheckpoint("n0+n1", "weights/a"),
    RotBit("n1", "checkpoints/weights%2Fa.chk"),
]  # fmt: skip


@pytest.mark.parametrize("action", [*map(example, get_args(FaultAction)), *OTHERS], ids=str)
def test_what_the_console_shows_for_an_action_can_be_typed_and_means_the_same(action: Action) -> None:
    assert read(command_of(action), NAMES) == Take(action)
    assert read(scenario_line(action, 3.0), NAMES) == Take(action)


def test_what_is_shown_for_a_graph_reads_back_as_that_graph() -> None:
    match read(command_of(RunGraph(GRAPH, "n1")), NAMES):
        case Take(RunGraph(graph=graph, coordinator="n1")):
            assert graph == GRAPH
        case other:
            pytest.fail(f"{other}")


def test_every_command_has_a_word_of_its_own_on_the_line() -> None:
    for command in COMMANDS:
        if command.word not in WORDS:
            assert read(command.word, NAMES) == Run(command.id)


def test_tab_completes_words_nodes_pages_and_kinds() -> None:
    assert "kill-node" in complete("kill", NAMES, PAGES, ())
    assert "link.cut" in complete("link.", NAMES, PAGES, ())
    assert complete("kill n", NAMES, PAGES, ()) == ["kill n0", "kill n1", "kill n2"]
    assert complete("cut n0 n2", NAMES, PAGES, ()) == []
    assert complete("go r", NAMES, PAGES, ()) == ["go runs"]
    assert complete("theme ", NAMES, PAGES, ("nord",)) == ["theme nord"]
    assert complete("dry-run node.w", NAMES, PAGES, ()) == ["dry-run node.wipe"]
    assert complete("export s", NAMES, PAGES, ()) == ["export svg"]


def test_the_lines_in_the_manual_are_understood() -> None:
    manual = (Path(__file__).parent.parent / "docs" / "console.md").read_text(encoding="utf-8")
    lines = re.findall(r"`(:[a-z][^`]+|do = [^`]+)`", manual)
    assert len(lines) > 10
    for line in lines:
        assert read(line, NAMES)
