"""`dairt bench` measures what it says, and says it for people and for programs."""

import json

import pytest

from dairt.__main__ import run
from dairt.bench import sim

NAMES = ["ping-pong", "1 KiB broadcasts", "5 nodes, 30 s, small tensors", "the same, and graph runs"]


@pytest.fixture
def _briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("ASKS", 3), ("BROADCASTS", 3), ("SEEDS", 1)):
        monkeypatch.setattr(sim, name, value)


@pytest.mark.usefixtures("_briefly")
def test_the_simulated_world_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "sim", "--rounds", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[: len(name)] for line, name in zip(lines, NAMES, strict=True)] == NAMES
    assert [line.split("   ")[-1].strip() for line in lines] == ["at least 15,000", "-", "at least 10", "-"]


@pytest.mark.usefixtures("_briefly")
def test_rows_are_told_to_programs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    rates = iter([3.0, 1.0, 2.0, *[5.0] * 9])
    monkeypatch.setattr(sim, "_messages", lambda *_: next(rates))
    monkeypatch.setattr(sim, "_seeds", lambda *_: next(rates))
    assert run(["bench", "sim", "--rounds", "3", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["name"] for row in rows] == NAMES
    assert [rows[0][part] for part in ("median", "low", "high", "target", "rounds")] == [2, 1, 3, 15_000, 3]


@pytest.mark.parametrize("arguments", [["simm"], ["sim", "--rounds", "0"]])
def test_bad_input_is_one_sentence(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", *arguments]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
