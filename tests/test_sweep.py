"""Sweeps: many seeds, in one process or in several, come to the same outcomes; nothing is left behind."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dairt.__main__ import run
from dairt.errors import UsageError
from dairt.model.scenario import Scenario
from dairt.rehearsal.outcomes import Outcome, Tally, crash
from dairt.rehearsal.play import play
from dairt.rehearsal.sweep import Order, read_seeds, sweep
from telling import HEAD, story

WORK = '[[work]]\nid = "w"\nkind = "broadcast"\nfrom = "a"\ntensor = { shape = [8] }\n'
KILL = '[[fault]]\nid = "f"\nat = { between = ["100ms", "200ms"] }\nkind = "node.kill"\nnode = "b"\nfor = "1300ms"\n'
RETURNS = '[[expect]]\nfinally = "every_node_returns"\n'
SHORT = HEAD.replace('until = "3s"', 'until = "1500ms"').replace('settle = "2s"', 'settle = "1s"')


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.toml").write_text(SHORT + WORK + KILL + RETURNS)
    return tmp_path


def outcome(seed: int, verdict: str = "held", states: tuple[str, ...] = (), **metrics: list[float]) -> Outcome:
    return Outcome(seed, verdict, "", 0, f"dairt play x --seed {seed}", 1.0, 0.1, 5, "", metrics, states)


def breaks_in(monkeypatch: pytest.MonkeyPatch, how: Callable[[int], str]) -> None:
    """Let every seed end as `how` says: held, violated or crashed."""

    def end(scenario: Scenario, **asked: Any) -> Any:
        report = play(scenario, **asked)
        match how(asked["seed"]):
            case "crashed":
                raise ZeroDivisionError("planted")
            case verdict:
                return msgspec.structs.replace(report, verdict=verdict, reason="" if verdict == "held" else "planted")

    monkeypatch.setattr("dairt.rehearsal.sweep.play", end)


def test_several_processes_come_to_the_same_outcomes_as_one(here: Path) -> None:
    alone: list[Outcome] = []
    together: list[Outcome] = []
    assert sweep({Order("x.toml"): range(4)}, lambda order, one: alone.append(one))
    assert sweep({Order("x.toml"): range(4)}, lambda order, one: together.append(one), jobs=2)
    assert [outcome.seed for outcome in alone] == [0, 1, 2, 3]

    def timeless(outcomes: list[Outcome]) -> list[Outcome]:
        return [msgspec.structs.replace(outcome, wall_s=0.0) for outcome in sorted(outcomes, key=lambda one: one.seed)]

    assert timeless(together) == timeless(alone)
    assert all(outcome.digest for outcome in alone)
    assert len({outcome.digest for outcome in alone}) == 4


def test_the_command_tells_of_distributions(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["play", "x.toml", "--seeds", "3..5", "--jobs", "1"]) == 0
    first, heading, *rows = capsys.readouterr().out.splitlines()
    assert first.startswith("short in the world sim: 3 seeds in ")
    assert first.endswith(" a second: 3 held")
    assert heading.split() == ["metric", "values", "p50", "p95", "p99", "max"]
    assert [row.split()[0:2] for row in rows[:2]] == [["detect_seconds", "3"], ["recover_seconds", "3"]]


def test_a_failure_is_told_with_the_line_that_replays_it_and_the_worst_counts(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks_in(monkeypatch, lambda seed: {1: "inconclusive", 2: "violated"}.get(seed, "held"))
    assert run(["play", "x.toml", "--seeds", "0..1", "--jobs", "1"]) == 3
    assert run(["play", "x.toml", "--seeds", "0..3", "--jobs", "1"]) == 1
    out = capsys.readouterr().out.splitlines()
    assert "seed 2 violated: planted; again: dairt play x.toml --world sim --seed 2" in out
    assert any(line.endswith(": 2 held, 1 inconclusive, 1 violated") for line in out)


def test_a_bug_is_an_outcome_and_the_next_seeds_are_played(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks_in(monkeypatch, lambda seed: "crashed" if seed == 0 else "held")
    assert run(["play", "x.toml", "--seeds", "0..1", "--jobs", "1"]) == 1
    out = capsys.readouterr().out
    assert "seed 0 crashed: ZeroDivisionError: planted; again: dairt play x.toml --world sim --seed 0\n" in out
    assert ": 1 held, 1 crashed" in out


def test_json_is_a_line_a_seed_and_a_summary(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["play", "x.toml", "--seeds", "0..2", "--jobs", "2", "--json"]) == 0
    *seeds, summary = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted(line["seed"] for line in seeds) == [0, 1, 2]
    assert all(line["verdict"] == "held" and line["metrics"]["events"] == [line["events"]] for line in seeds)
    assert summary["seeds"] == 3
    assert summary["verdicts"] == {"held": 3}
    assert summary["metrics"]["detect_seconds"]["values"] == 3


def test_real_worlds_play_one_seed_after_another(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "y.toml").write_text(
        SHORT.replace('until = "1500ms"', 'until = "300ms"').replace('"1s"', '"300ms"') + WORK + RETURNS
    )
    assert run(["play", "y.toml", "--seeds", "0..1", "--world", "tcp"]) == 0
    assert "short in the world tcp: 2 seeds in " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--seeds", "ci"], "--seeds cannot be 'ci': give a range such as 0..24"),
        (["--seeds", "5..3"], "--seeds cannot be '5..3'"),
        (["--seeds", "0..9999999"], "--seeds 0..9999999 are 10000000: give 1000000 at most"),
        (["--seeds", "0..3", "--seed", "1"], "--seeds 0..3 goes without --seed"),
        (["--seeds", "0..3", "--jobs", "0"], "--jobs 0: one seed at a time is the least"),
        (["--jobs", "2"], "--jobs 2 goes with --seeds"),
        (
            ["--seeds", "0..3", "--jobs", "2", "--world", "tcp"],
            "--jobs 2: in the world 'tcp' seeds are played one after another",
        ),
        (["--seeds", "0..3", "--world", "pro"], "--world cannot be 'pro'"),
    ],
)
def test_a_mistake_is_one_sentence(arguments: list[str], told: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["play", "x.toml", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"dairt: {told}")
    assert err.count("\n") == 1


def test_a_story_without_an_end_cannot_be_swept(here: Path) -> None:
    (here / "x.toml").write_text(HEAD.partition("[time]")[0])
    with pytest.raises(UsageError, match=r"^x.toml: short has no end, so its seeds cannot be played one after another$"):
        sweep({Order("x.toml"): range(3)}, lambda order, outcome: None)


def test_a_story_names_its_own_seeds() -> None:
    named = story(head='seeds = { ci = "0..24", nightly = "5..9" }\n' + HEAD)
    assert read_seeds("ci", named) == range(25)
    assert read_seeds("5..9", named) == read_seeds("nightly", named) == range(5, 10)
    assert read_seeds("7", named) == range(7, 8)
    with pytest.raises(UsageError, match=r"^--seeds cannot be 'nightl': .*did you mean 'nightly'\?$"):
        read_seeds("nightl", named)


# ------------------------------------------------------------------------------------------------ all seeds together


def test_what_should_happen_sometimes_has_to_in_some_seed() -> None:
    told = story('[[expect]]\nalways = "versions_only_rise"\n[[expect]]\nsometimes = "caught_up"\n')
    tally = Tally(told, "sim")
    tally.add(outcome(0, states=("holds", "pending")))
    assert tally.exit_code() == 3
    assert tally.text(1.0).splitlines()[-1] == "inconclusive: sometimes caught_up: not in any seed"
    tally.add(outcome(1, states=("holds", "holds")))
    tally.add(outcome(2, states=("holds", "pending")))
    assert tally.exit_code() == 0


def test_the_metrics_of_all_seeds_together_have_to_be_within_bounds() -> None:
    told = story('[[expect]]\nmetric = "detect_seconds"\np99 = { max = "2s" }\n')
    tally = Tally(told, "sim")
    for seed in range(100):
        tally.add(outcome(seed, states=("pending",), detect_seconds=[1.5]))
    tally.add(outcome(100, states=("pending",), detect_seconds=[9.0]))
    assert tally.exit_code() == 0
    tally.add(outcome(101, states=("pending",), detect_seconds=[3.0]))
    assert tally.exit_code() == 1
    [row] = [line for line in tally.text(1.0).splitlines() if line.startswith("  detect_seconds")]
    assert row.split() == ["detect_seconds", "102", "1.5", "1.5", "3", "9"]
    assert tally.text(1.0).splitlines()[-1].startswith("violated: metric detect_seconds p99 ≤ 2: its p99 of 102 values is 3")


def test_a_crash_is_the_worst() -> None:
    tally = Tally(story(), "sim")
    tally.add(outcome(0))
    assert tally.exit_code() == 0
    tally.add(crash(1, "dairt play x --seed 1", "Traceback\n  more\nValueError: oh\n"))
    assert tally.exit_code() == 1
    assert tally.failures[0].line == "seed 1 crashed: ValueError: oh; again: dairt play x --seed 1"


# ------------------------------------------------------------------------------------------------ processes


def children_of(pid: int) -> list[int]:
    """The processes that one has started, whichever of its threads did."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for children in threads for child in children.read_text().split()]


@contextmanager
def a_long_sweep(here: Path) -> "Iterator[tuple[subprocess.Popen[str], list[int]]]":
    """A sweep that has told its first seed, and the processes that play it."""
    command = [sys.executable, "-m", "dairt", "play", "x.toml", "--seeds", "0..99999", "--jobs", "2", "--json"]
    with subprocess.Popen(command, cwd=here, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["verdict"] == "held"
            children = children_of(process.pid)
            assert len(children) == 2
            yield process, children
        finally:
            process.kill()


def wait_for_end(pid: int) -> None:
    """Return when a process is gone; whoever waits for a stranger can only watch its descriptor."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], 20.0)[0], f"{pid} is still there"
    finally:
        os.close(descriptor)


def test_ctrl_c_ends_every_process_and_the_summary_is_of_what_was_played(here: Path) -> None:
    with a_long_sweep(here) as (process, children):
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
        assert process.returncode == 130
        assert json.loads(out.splitlines()[-1])["seeds"] >= 1
        for child in children:
            wait_for_end(child)


def test_no_process_outlives_a_sweep_that_is_killed(here: Path) -> None:
    with a_long_sweep(here) as (process, children):
        process.kill()
        process.communicate(timeout=20)
        for child in children:
            wait_for_end(child)


def test_a_process_that_dies_is_one_crash_and_another_goes_on(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "dying.py").write_text(
        "import os, sys\nfrom dairt.rehearsal import sweep, sweeper\nreal = sweep.play_seed\n"
        "sweeper.play_seed = lambda order, story, seed: os._exit(9) if seed == 1 else real(order, story, seed)\n"
        "sys.exit(sweeper.run())\n"
    )
    monkeypatch.setattr("dairt.rehearsal.sweep.COMMAND", (sys.executable, "dying.py"))
    outcomes: list[Outcome] = []
    assert sweep({Order("x.toml"): range(4)}, lambda order, one: outcomes.append(one), jobs=2)
    assert sorted((one.seed, one.verdict) for one in outcomes) == [(0, "held"), (1, "crashed"), (2, "held"), (3, "held")]
    [died] = [one for one in outcomes if one.verdict == "crashed"]
    assert died.line == "seed 1 crashed: its process ended with 9; again: dairt play x.toml --world sim --seed 1"
