"""Shrinking: what is left of a failing story is little, fails the same way, and can be read."""

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import perf_counter

import msgspec
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from dairt.__main__ import run
from dairt.errors import UsageError
from dairt.model.scenario import Scenario
from dairt.model.scenario_toml import parse_scenario
from dairt.model.version import Version
from dairt.rehearsal.play import play
from dairt.rehearsal.shrink import ddmin, shrink
from dairt.rehearsal.simpler import is_timeless, less, less_around, less_time, with_faults
from dairt.runtime.store import Store
from planted import planted
from telling import HEAD, story

FIVE = """schema = "dairt.scenario/1"
name = "five"
[cluster]
nodes = { prefix = "n", count = 5 }
zones = { left = ["n0", "n1"], right = ["n2", "n3"] }
config = { probe_every = "500ms", suspect_after = "1500ms", dead_after = "3s", reconcile_every = "1s" }
[time]
trouble_until = "8s"
settle = "3s"
[budget]
max_down = 2
[[work]]
id = "weights"
kind = "broadcast"
from = "n0"
tensor = { shape = [32, 32] }
every = "600ms"
[[work]]
id = "biases"
kind = "broadcast"
from = "n4"
tensor = { shape = [100] }
at = "150ms"
every = "1s"
copies = 2
[[work]]
id = "scratch"
kind = "put"
node = "n2"
tensor = { shape = [10, 10] }
every = "2s"
[[expect]]
always = "durable_survives_restart"
[[expect]]
always = "versions_only_rise"
[[expect]]
finally = "every_node_returns"
"""


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted bug: nodes say durable of what they never write."""

    async def checkpoint(store: Store, key: str, version: Version) -> str:
        await trio.lowlevel.checkpoint()
        return "durable"

    monkeypatch.setattr(Store, "checkpoint", checkpoint)


def twenty_faults(seed: int) -> Scenario:
    """A story of twenty random faults, a few of them kills."""
    dice = random.Random(seed)
    entries = []
    for number in range(20):
        node, other = dice.sample([f"n{i}" for i in range(5)], 2)
        at, lasts = f'at = "{dice.uniform(0.3, 7.5):.3f}s"', f'for = "{dice.uniform(0.1, 2):.3f}s"'
        kind = dice.choice(
            [
                f'kind = "link.cut"\nlink = ["{node}", "{other}"]\n{lasts}',
                f'kind = "link.degrade"\nlink = ["{node}", "any"]\nlatency = "{dice.randrange(5, 80)}ms"\n{lasts}',
                f'kind = "conn.reset"\nlink = ["{node}", "any"]',
                f'kind = "link.cut"\nfrom = "{node}"\nto = "any"\n{lasts}',
                f'kind = "node.kill"\nnode = "{node}"\n{lasts}',
            ]
        )
        entries.append(f'[[fault]]\nid = "f{number}"\n{at}\n{kind}\n')
    return parse_scenario(FIVE + "".join(entries), "five.toml")


def test_a_story_of_twenty_faults_over_a_planted_bug_shrinks_to_a_handful(hasty: None) -> None:
    before, begun = twenty_faults(1), perf_counter()
    shrunk = shrink(before, 5)
    assert shrunk.promise == "durable_survives_restart"
    assert shrunk.finished
    assert len(before.faults) == 20
    assert len(shrunk.after.faults) <= 3
    assert len(shrunk.after.work) == 1
    assert len(shrunk.after.nodes) <= 2
    assert [expectation.promise for expectation in shrunk.after.expectations] == [shrunk.promise]
    assert perf_counter() - begun < 60
    again = parse_scenario(shrunk.text("small.toml"), "small.toml")
    report = play(again, seed=5)
    assert [promise.promise for promise in report.promises if promise.state == "broken"] == [shrunk.promise]


def test_what_never_comes_true_shrinks_too() -> None:
    entries = '[[work]]\nid = "w"\nkind = "broadcast"\nfrom = "a"\ntensor = { shape = [8] }\nevery = "300ms"\nuntil = "2s"\n'
    for at in range(4):
        entries += f'[[fault]]\nid = "f{at}"\nat = "{at * 500 + 123}ms"\nfor = "300ms"\nkind = "link.cut"\nlink = ["a", "b"]\n'
    entries += '[[fault]]\nid = "away"\nat = "1234ms"\nfor = "1500ms"\nkind = "node.kill"\nnode = "c"\n'
    entries += '[[expect]]\neventually = "acked_broadcast_on_all_live"\nwithin = "1s"\n'
    with planted("never_catches_up"):
        shrunk = shrink(story(entries), 2)
    assert shrunk.promise == "acked_broadcast_on_all_live"
    assert [fault.id for fault in shrunk.after.faults] == ["away"]
    assert shrunk.after.time is not None
    assert shrunk.after.time.settle_s == 2, "a promise that must come true keeps its time"


def test_the_file_says_what_became_of_the_story(hasty: None) -> None:
    entries = '[[fault]]\nid = "cut"\nat = "1s"\nkind = "link.cut"\nlink = ["n3", "any"]\nfor = "500ms"\n'
    entries += '[[fault]]\nid = "kill"\nat = "2345ms"\nkind = "node.kill"\nnode = "n1"\nfor = "1234ms"\n'
    text = shrink(parse_scenario(FIVE + entries, "five.toml"), 3).text("small.toml")
    lines = text.splitlines()
    assert lines[0] == "# Shrunk from five.toml, seed 3, which breaks durable_survives_restart just as this does:"
    assert lines[1] == "#   dairt play small.toml --seed 3"
    assert lines[2].startswith("# Faults 2 → 1, work 3 → 1, nodes 5 → ")
    assert lines[3] == "# Not needed: cut."
    assert "# was: kill n1 for 1.234 s, at 2.345 s" in lines
    assert '[[fault]]\nid   = "kill"' in text


def test_a_story_that_holds_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^short.toml with seed 4 is held: there is no broken promise to shrink it to$"):
        shrink(story('[[expect]]\nfinally = "every_node_returns"\n'), 4)


def test_the_command_writes_the_file_and_says_how_to_play_it(
    hasty: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    entries = '[[work]]\nid = "w"\nkind = "broadcast"\ntensor = { shape = [4] }\n'
    entries += '[[fault]]\nid = "f"\nat = "1s"\nkind = "node.kill"\nnode = "b"\nfor = "500ms"\n'
    (tmp_path / "x.toml").write_text(HEAD + entries + '[[expect]]\nalways = "durable_survives_restart"\n')
    assert run(["shrink", "x.toml", "--seed", "9"]) == 0
    out, err = capsys.readouterr()
    assert "durable_survives_restart: 1 fault, 1 work, 3 nodes became 1 fault, 1 work, " in out
    assert out.endswith("again: dairt play x.shrunk.toml --seed 9\n")
    assert "plays: 1 fault, 1 work, 1 node" in err or "plays: 1 fault, 1 work, 2 nodes" in err
    assert run(["play", "x.shrunk.toml", "--seed", "9"]) == 1
    assert "✗ broken   durable_survives_restart" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["shrink", "kill_socket"], "kill_socket.toml with seed 0 is held: there is no broken promise to shrink it to"),
        (["shrink", "kill_socket", "--output", "no/such.toml"], "--output no/such.toml: there is no folder no"),
        (["shrink", "kill_socket", "--output", "."], "--output . is a folder: give the name of a file"),
    ],
)
def test_what_cannot_be_shrunk_is_one_sentence(
    arguments: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("dairt: ")
    assert told in err
    assert err.count("\n") == 1


def test_ctrl_c_keeps_the_smallest_story_so_far(hasty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    plays = 0

    def impatient(scenario: Scenario, **how: object) -> object:
        nonlocal plays
        plays += 1
        report = play(scenario, **how)  # type: ignore[arg-type]  # as it was called
        return msgspec.structs.replace(report, verdict="stopped") if plays == 4 else report

    monkeypatch.setattr("dairt.rehearsal.shrink.play", impatient)
    shrunk = shrink(twenty_faults(1), 5)
    assert not shrunk.finished
    assert 0 < len(shrunk.after.faults) < 20
    assert plays == shrunk.plays == 4


# ------------------------------------------------------------------------------------------------ the pure parts


@given(st.sets(st.integers(0, 30), max_size=4))
def test_delta_debugging_finds_just_what_is_needed(needed: set[int]) -> None:
    calls = 0

    def fails(items: Sequence[int]) -> bool:
        nonlocal calls
        calls += 1
        return needed <= set(items)

    assert ddmin(range(31), fails) == sorted(needed)
    assert calls < 250


def test_delta_debugging_leaves_nothing_that_can_go_alone() -> None:
    def fails(items: Sequence[int]) -> bool:
        return sum(items) >= 20

    left = ddmin(range(12), fails)
    assert fails(left)
    assert not any(fails([item for item in left if item != gone]) for gone in left)


@given(st.floats(1e-3, 1e4))
def test_less_is_less_and_ends(number: float) -> None:
    steps = 0
    while (smaller := next(less(number), None)) is not None:
        assert 0 < smaller < number
        number, steps = smaller, steps + 1
        if steps > 100:
            break
    assert steps <= 100 or number < 1e-30


def test_less_is_round() -> None:
    assert list(less(3.273)) == [0.4, 1.0, 2.0, 3.0, 3.2]
    assert list(less(1)) == [0.1, 0.5, 0.7]


def test_no_time_is_taken_from_what_must_come_true() -> None:
    timed = story('[[expect]]\neventually = "every_node_returns"\nwithin = "2s"\n')
    always = story('[[expect]]\nalways = "versions_only_rise"\n')
    moves: list[Callable[[Scenario], Iterator[Scenario]]] = [less_time, less_around]
    for move in moves:
        assert all(simpler.time is not None and simpler.time.settle_s == 2 for simpler in move(timed))
        assert all(simpler.config == timed.config for simpler in move(timed))
    assert not is_timeless(timed)
    assert any(simpler.time is not None and simpler.time.settle_s < 2 for simpler in less_time(always))
    assert any(not simpler.config for simpler in less_around(always))


def test_what_follows_a_fault_goes_with_it() -> None:
    entries = (
        '[[fault]]\nid = "a"\nat = "1s"\nkind = "conn.reset"\nlink = ["a", "b"]\nthen = { kind = "node.kill", node = "c" }\n'
    )
    entries += '[[fault]]\nid = "z"\nfollows = "a.then"\nkind = "node.restart"\nnode = "c"\n'
    told = story(entries)
    assert [fault.id for fault in told.faults] == ["a", "a.then", "z"]
    assert with_faults(told, [fault for fault in told.faults if fault.id != "a"]).faults == ()
    assert [fault.id for fault in with_faults(told, told.faults[:2]).faults] == ["a", "a.then"]
