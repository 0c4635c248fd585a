"""Several stories played in one go: a line each, what fails at once, the worst as the exit code."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest

from dairt.__main__ import run
from dairt.model.scenario import Scenario
from dairt.rehearsal.play import play
from telling import HEAD

SHORT = 'seeds = { ci = "0..2" }\n' + HEAD.replace('until = "3s"', 'until = "300ms"').replace(
    'settle = "2s"', 'settle = "200ms"'
)
RETURNS = '[[expect]]\nfinally = "every_node_returns"\n'


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, head in (
        ("one", SHORT),
        ("two", SHORT),
        ("endless", SHORT.partition("[time]")[0]),
        ("elsewhere", 'worlds = ["sim"]\n' + SHORT),
    ):
        (tmp_path / f"{name}.toml").write_text(head.replace('"short"', f'"{name}"') + (RETURNS if "[time]" in head else ""))
    return tmp_path


@pytest.fixture
def two_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last seed of the second story breaks a promise."""

    def end(scenario: Scenario, **asked: Any) -> Any:
        report = play(scenario, **asked)
        breaks = (scenario.name, asked["seed"]) == ("two", 2)
        return msgspec.structs.replace(report, verdict="violated", reason="planted") if breaks else report

    monkeypatch.setattr("dairt.rehearsal.sweep.play", end)


def test_each_story_is_a_line_and_the_last_line_adds_up(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["play", "one.toml", "two.toml", "--seeds", "ci", "--jobs", "1"]) == 0
    one, two, total = capsys.readouterr().out.splitlines()
    assert one.startswith("one: 3 seeds in ")
    assert two.endswith(": 3 held")
    assert total.startswith("2 stories in the world sim: 6 seeds in ")
    assert total.endswith(": 6 held")


def test_one_pool_of_processes_plays_all_stories(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["play", "one.toml", "two.toml", "--seeds", "ci", "--jobs", "2", "--json"]) == 0
    *lines, total = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted(line["scenario"] for line in lines if "scenario" in line) == ["one", "two"]
    played = {line["replay"] for line in lines if "replay" in line}
    assert played == {f"dairt play {name}.toml --world sim --seed {seed}" for name in ("one", "two") for seed in range(3)}
    assert (total["stories"], total["seeds"], total["verdicts"], total["exit_code"]) == (2, 6, {"held": 6}, 0)


def test_without_seeds_each_is_played_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["play", "one.toml", "two.toml", "--seed", "7", "--jobs", "1", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["seed"] for line in lines if "seed" in line] == [7, 7]


@pytest.mark.usefixtures("two_fails")
def test_what_fails_is_told_at_once_with_its_replay_and_the_worst_counts(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["play", "two.toml", "one.toml", "--seeds", "ci", "--jobs", "1", "--junit", "both.xml"]) == 1
    failure, two, one, total = capsys.readouterr().out.splitlines()
    assert failure == "seed 2 violated: planted; again: dairt play two.toml --world sim --seed 2"
    assert two.endswith(": 2 held, 1 violated")
    assert one.endswith(": 3 held")
    assert total.endswith(": 5 held, 1 violated")
    suites = ET.parse("both.xml").getroot()
    assert [(suite.get("name"), suite.get("failures")) for suite in suites] == [("dairt.two", "1"), ("dairt.one", "0")]
    assert (suites.get("tests"), suites.get("failures")) == ("6", "1")


def test_stories_that_cannot_be_played_are_left_out_aloud(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["play", "endless.toml", "elsewhere.toml", "one.toml", "--world", "tcp"]) == 0
    out, err = capsys.readouterr()
    assert err.splitlines() == ["endless is left out: it has no end", "elsewhere is left out: it is for sim"]
    assert out.startswith("one in the world tcp: 1 seed in ")


def test_without_a_story_all_that_come_with_dairt_are_played(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dairt.rehearsal.gallery.scenarios_dir", lambda: here)
    assert run(["play", "--seeds", "ci", "--jobs", "1"]) == 0
    out, err = capsys.readouterr()
    assert [line.partition(":")[0] for line in out.splitlines()[:-1]] == ["elsewhere", "one", "two"]
    assert err == "endless is left out: it has no end\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["endless.toml", "endless.toml"], "endless.toml: endless has no end"),
        (["one.toml", "two.toml", "--world", "pro"], "--world cannot be 'pro'; did you mean 'proc'?"),
        (["one.toml", "nothing.toml"], "there is no scenario file nothing.toml"),
        (["one.toml", "two.toml", "--data", "x"], "--data x is for one seed of one scenario"),
        (["one.toml", "two.toml", "--seeds", "nightly"], "--seeds cannot be 'nightly': give a range such as 0..24, or ci"),
    ],
)
def test_a_mistake_is_one_sentence(arguments: list[str], told: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["play", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"dairt: {told}")
    assert err.count("\n") == 1
