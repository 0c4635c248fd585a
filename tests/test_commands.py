"""The command line: what it prints, how it exits, and what it says to those who mistype."""

import functools
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dairt.__main__ import COMMANDS, ONE_THREAD, run
from dairt.model.events import Entry, FaultFired
from dairt.rehearsal.play import play
from telling import HEAD, Listener

NEVER = HEAD + '[[fault]]\nid = "f"\non = { event = "run_begun" }\nkind = "node.kill"\nnode = "a"\n'
ENDLESS = HEAD.partition("[time]")[0] + '[[fault]]\nid = "f"\nat = "1s"\nkind = "link.cut"\nlink = ["a", "b"]\n'


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_story_that_holds_exits_with_0_and_ends_with_its_digest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["play", "kill_socket", "--seed", "4"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[-1].startswith("digest ")
    assert out[-2] == "held"
    assert any("✓ holds" in line for line in out)
    assert run(["play", "kill_socket", "--seed=4", "--world", "sim"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == out[-1]


def test_a_broken_promise_exits_with_1_and_says_how_to_see_it_again(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "x.toml").write_text(HEAD + '[[expect]]\nfinally = "every_node_returns"\n')
    monkeypatch.setattr("dairt.rehearsal.promises.EveryNodeReturns.judge", lambda self, last: "planted")
    assert run(["play", "x.toml", "--seed", "7"]) == 1
    out = capsys.readouterr().out
    assert (
        "✗ broken   every_node_returns: planted\nviolated: every_node_returns\nagain: dairt play x.toml --world sim --seed 7\n"
        in out
    )


def test_a_fault_that_never_fired_exits_with_3(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "x.toml").write_text(NEVER)
    assert run(["play", "x.toml"]) == 3
    assert "skipped  f: its moment never came: on run_begun #1 of any node" in capsys.readouterr().out


def test_json_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["play", "kill_socket", "--json"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line)["verdict"] == "held"


def test_ctrl_c_heals_and_exits_with_130(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def react(me: Listener, entry: Entry) -> None:
        if isinstance(entry.event, FaultFired):
            signal.raise_signal(signal.SIGINT)

    (here / "x.toml").write_text(ENDLESS)
    monkeypatch.setattr("dairt.commands.play.play_scenario", functools.partial(play, onlooker=Listener(react)))
    assert run(["play", "x.toml"]) == 130
    out = capsys.readouterr().out
    assert "healed   f: cut a↔b" in out
    assert "stopped: by SIGINT" in out


def test_check_explains_a_story(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "node_restarts_from_checkpoint"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[1:3] == ["nodes    n0, n1, n2", "worlds   sim, tcp, proc"]
    assert "time     trouble until 5 s, then 4 s to settle" in out
    fault = "kill n1 for 1.5 s, on checkpoint_sync_begun #3 of n1, key weights"
    assert f"fault    kill-mid-checkpoint: {fault}" in out
    assert "expect   eventually acked_broadcast_on_all_live, within 3 s of healing" in out
    assert run(["check", "first_look"]) == 0
    assert "time     runs until it is stopped" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["check", "play"])
def test_a_mistake_in_a_file_exits_with_2_and_one_sentence(
    here: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    (here / "x.toml").write_text(HEAD + 'setle = "1s"\n')
    assert run([command, "x.toml"]) == 2
    assert capsys.readouterr().err == "dairt: x.toml:9: [time] has no key 'setle'; did you mean 'settle'?\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["play", "kill_socket", "--seed", "x"], "unable to convert"),
        (["play", "kill_socket", "--sed", "1"], "--seed"),
        (["play", "kill_sokcet"], "did you mean 'kill_socket'?"),
        (["play", "kill_socket", "--world", "pro"], "did you mean 'proc'?"),
        (["check", "first_look", "more"], "more"),
        (["check", ""], "there is no scenario ''"),
    ],
)
def test_a_mistake_on_the_command_line_exits_with_2_and_one_sentence(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("dairt: ")
    assert err.count("\n") == 1
    assert told in err


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f" {name} " in out for name in COMMANDS)
    assert "dairt play kill_socket" in out
    assert run(["play", "--help"]) == 0
    assert "Exits with 0" in capsys.readouterr().out


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("dairt 0.")


def test_help_is_quick_and_numpy_comes_after_its_threads_are_counted() -> None:
    script = "import sys; import dairt.__main__ as m; m.run(['--help']); print('numpy' in sys.modules, 'trio' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False False"


def test_blas_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ONE_THREAD:
        monkeypatch.delenv(name, raising=False)
    script = (
        "import os, dairt.__main__ as m; m.run(['check', 'kill_socket']);"
        f"print([os.environ[name] for name in {ONE_THREAD!r}] == ['1'] * {len(ONE_THREAD)})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True"
