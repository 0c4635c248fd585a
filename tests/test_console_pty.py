"""The console on a real terminal: keys in, text out, and nothing left behind, however it ends."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from terminal import ALTERNATE_ON, Terminal, is_gone

FAKE = str(Path(__file__).with_name("console_fake.py"))
ALIVE = "3/3 up"


def console(manner: str) -> Terminal:
    """The console over a cluster that is only told, with this manner."""
    return Terminal([sys.executable, FAKE, manner])


def test_q_leaves_a_clean_terminal_and_no_process_within_a_second() -> None:
    with console("obeys") as terminal:
        terminal.wait_for(ALIVE)
        children = terminal.children()
        begun = time.monotonic()
        terminal.press("q")
        assert terminal.exit_code() == 0
        assert time.monotonic() - begun < 1.0
        assert terminal.left_clean
        assert terminal.after.strip("\x1b[?0123456789hlmu<>=;\r\n") == ""
        assert children
        assert all(map(is_gone, children))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_as_cleanly_as_q(number: signal.Signals) -> None:
    with console("obeys") as terminal:
        terminal.wait_for(ALIVE)
        children = terminal.children()
        os.kill(terminal.process.pid, number)
        assert terminal.exit_code() == 128 + number
        assert terminal.left_clean
        assert all(map(is_gone, children))


def test_a_closed_terminal_takes_the_cluster_with_it() -> None:
    with console("obeys") as terminal:
        terminal.wait_for(ALIVE)
        children = terminal.children()
        terminal.hang_up()
        terminal.process.wait(20)
        assert all(map(is_gone, children))


def test_a_child_that_ignores_its_end_is_killed_within_a_second() -> None:
    with console("deaf") as terminal:
        terminal.wait_for(ALIVE)
        children = terminal.children()
        begun = time.monotonic()
        terminal.press("q")
        assert terminal.exit_code() == 0
        assert time.monotonic() - begun < 1.5
        assert all(map(is_gone, children))


def test_the_first_frame_does_not_wait_for_the_cluster() -> None:
    with console("mute") as terminal:
        terminal.wait_for("starting a 3-node cluster", "◌ connecting", "all keys")
        terminal.press("q")
        assert terminal.exit_code() == 0


def test_a_dead_child_is_reported_with_its_exit_code_and_last_line() -> None:
    with console("dies") as terminal:
        terminal.wait_for("✕ lost", "exit code 3: ValueError: the world is flat")
        terminal.press("q")
        assert terminal.exit_code() == 1
        assert "exit code 3: ValueError: the world is flat" in terminal.after


def test_a_wrong_command_line_is_told_in_one_sentence_with_exit_code_2() -> None:
    with console("usage") as terminal:
        assert terminal.exit_code() == 2
        assert terminal.raw == b"dairt-console: no scenario is called 'nosuch'\r\n"


def test_nonsense_from_the_cluster_is_told_and_the_view_stays() -> None:
    with console("nonsense") as terminal:
        terminal.wait_for(ALIVE)
        terminal.press("b")
        terminal.wait_for("✕ lost", "malformed", ALIVE)
        terminal.press("q")
        assert terminal.exit_code() == 1


def test_a_finished_cluster_is_shown_as_finished() -> None:
    with console("finishes") as terminal:
        terminal.wait_for("■ finished", "all promises held", "n0")
        terminal.press("q")
        assert terminal.exit_code() == 0


def test_a_bug_in_the_console_leaves_a_clean_terminal_and_no_process() -> None:
    with console("bug-sending") as terminal:
        terminal.wait_for(ALIVE)
        children = terminal.children()
        terminal.press("b")
        assert terminal.exit_code() == 1
        assert terminal.left_clean
        assert "a planted bug" in terminal.after
        assert all(map(is_gone, children))


def test_a_bug_in_the_link_is_not_swallowed() -> None:
    with console("bug-reading") as terminal:
        assert terminal.exit_code() == 1
        assert ALTERNATE_ON not in terminal.raw or terminal.left_clean
        assert "a planted bug" in terminal.after


def test_killing_a_socket_takes_three_keys() -> None:
    with console("obeys") as terminal:
        terminal.wait_for(ALIVE)
        terminal.press("x")
        terminal.wait_for("Kill the sockets between n0 and", "▸ n1")
        terminal.press("\r")
        terminal.wait_for('taken  do = "conn.reset"', 'link = ["n0", "n1"]')
        terminal.press("q")
        assert terminal.exit_code() == 0


def dairt_console(*arguments: str, columns: int = 100, lines: int = 30, env: Mapping[str, str] | None = None) -> Terminal:
    """The command itself, with a cluster of its own."""
    return Terminal([sys.executable, "-m", "dairt_console", *arguments], columns=columns, lines=lines, env=env)


def test_a_first_look_kills_a_socket_and_sees_it_replaced() -> None:
    with dairt_console() as terminal:
        terminal.wait_for("● live", ALIVE, "world tcp", "all 3")  # what n0 has broadcast went over sockets
        children = terminal.children()
        terminal.press("x")
        terminal.wait_for("Kill the sockets between n0 and", "▸ n1")
        terminal.press("\r")
        terminal.wait_for("✓ healed  reset the sockets n0↔n1 · replaced in", "✓ healed   reset the sockets n0↔n1")
        begun = time.monotonic()
        terminal.press("q")
        assert terminal.exit_code() == 0
        assert time.monotonic() - begun < 1.0
        assert terminal.left_clean
        assert all(map(is_gone, children))


def test_a_killed_node_is_seen_down_and_comes_back(tmp_path: Path) -> None:
    story = tmp_path / "calm.toml"
    story.write_text('schema = "dairt.scenario/1"\nname = "calm"\n[cluster]\nnodes = ["n0", "n1", "n2"]\n')
    with dairt_console(str(story), "--world", "sim", "--seed", "7", "--speed", "5", columns=120) as terminal:
        terminal.wait_for(ALIVE, "world sim", "seed 7")
        terminal.press("\x1b[B")
        terminal.wait_for("▸ n1")
        terminal.press("K")
        terminal.wait_for("Kill n1?", "2 of 3 nodes stay up")
        terminal.press("\r")
        terminal.wait_for("2/3 up", "✕ down", "n1 is down")
        terminal.press("r")
        terminal.wait_for(ALIVE, "healed   kill n1")
        terminal.press("p")
        terminal.wait_for("paused")
        terminal.press("q")
        assert terminal.exit_code() == 0


def test_a_scenario_that_is_not_there_is_one_sentence() -> None:
    with dairt_console("nosuch") as terminal:
        assert terminal.exit_code() == 2
        assert ALTERNATE_ON not in terminal.raw
        assert terminal.raw.count(b"\n") == 1
        assert terminal.raw.startswith(b"dairt-console: there is no scenario 'nosuch'")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--world", "moon"), "--world"),
        (("--seed", "x"), "--seed"),
        (("--speed", "2"), "only sim has a speed"),
        (("--speed", "-1", "--world", "sim"), "a speed is 0 (paused) or more"),
        (("--colour",), "--colour"),
        (("one.toml", "two.toml"), "two.toml"),
    ],
)
def test_a_wrong_flag_is_one_sentence_and_no_screen(arguments: tuple[str, ...], complaint: str) -> None:
    with dairt_console(*arguments) as terminal:
        assert terminal.exit_code() == 2
        assert ALTERNATE_ON not in terminal.raw
        assert terminal.raw.count(b"\n") == 1
        assert complaint in terminal.raw.decode()


@pytest.mark.parametrize("world", ["tcp", "sim", "proc"])
def test_a_live_cluster_of_three_is_shown_soon(world: str) -> None:
    begun = time.monotonic()
    with dairt_console("--world", world) as terminal:
        terminal.wait_for("● live", ALIVE)
        # 0.5 to 0.9 s on an idle machine of two cores: the bound leaves room for other tests beside this one.
        assert time.monotonic() - begun < 6.0


@pytest.mark.parametrize(
    ("world", "end"),
    [("proc", "q"), ("proc", signal.SIGTERM), ("proc", signal.SIGHUP), ("proc", signal.SIGKILL), ("tcp", signal.SIGKILL)],
)
def test_however_it_ends_no_process_and_no_file_is_left(world: str, end: signal.Signals | str, tmp_path: Path) -> None:
    with dairt_console("--world", world, env={"TMPDIR": str(tmp_path)}) as terminal:
        terminal.wait_for(ALIVE)
        started = descendants(terminal.process.pid)
        assert len(started) == (4 if world == "proc" else 1)
        assert list(tmp_path.iterdir())
        if isinstance(end, str):
            terminal.press(end)
        else:
            os.kill(terminal.process.pid, end)
        terminal.exit_code()
        deadline = time.monotonic() + 10
        while not all(map(is_gone, started)) or list(tmp_path.iterdir()):
            assert time.monotonic() < deadline, (started, list(tmp_path.iterdir()))
            select.select([], [], [], 0.02)


def descendants(pid: int) -> list[int]:
    """All that a process has started, and what that has started in turn."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *descendants(int(child))]
    return found


def test_a_cluster_that_is_killed_is_told_to_be_lost(tmp_path: Path) -> None:
    with dairt_console(env={"TMPDIR": str(tmp_path)}) as terminal:  # what is killed cannot clean up after itself
        terminal.wait_for(ALIVE)
        (child,) = terminal.children()
        os.kill(child, signal.SIGKILL)
        terminal.wait_for("✕ lost", "was killed by SIGKILL", "as last seen")
        terminal.press("b")
        terminal.wait_for("the cluster is lost: q leaves")
        terminal.press("q")
        assert terminal.exit_code() == 1
        assert "was killed by SIGKILL" in terminal.after


def test_without_a_terminal_it_says_what_it_needs() -> None:
    ended = subprocess.run([sys.executable, "-m", "dairt_console"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr.startswith("dairt-console: ")
    assert "run it in a terminal" in ended.stderr


def test_help_is_answered_without_opening_the_screen() -> None:
    with Terminal([sys.executable, "-m", "dairt_console", "--help"]) as terminal:
        assert terminal.exit_code() == 0
        assert "--world" in terminal.text
        assert ALTERNATE_ON not in terminal.raw
