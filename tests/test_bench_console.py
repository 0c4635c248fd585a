"""`dairt bench console` measures what it says on a real terminal, and leaves nothing behind; how fast it is, is no test."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from dairt.__main__ import run
from dairt.bench import console, moving, told
from dairt.bench.console import Watched
from dairt.bench.terminal import Terminal
from dairt.control.frames import Answer, Entries, Hello, Latest, ServerFrame, SetSpeed, encode, from_server
from dairt.errors import DairtError
from terminal import is_gone

ANSWERS = [
    "first frame",
    "key to screen, median",
    "key to screen, p95",
    "key to screen, slowest",
    "longest stall of the loop",
    "processor while watching",
    "q or SIGTERM to the end",
]
TOLD = [sys.executable, "-m", "dairt.bench.told", "3"]


@pytest.fixture
def _briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "SETTLE_S", 0.2)
    monkeypatch.setattr(console, "WATCH_S", 1.0)
    monkeypatch.setattr(console, "CYCLES", 1)


@pytest.mark.usefixtures("_briefly")
@pytest.mark.parametrize("end", [None, signal.SIGTERM])
def test_a_console_is_watched_from_its_first_frame_to_its_end(end: signal.Signals | None, tmp_path: Path) -> None:
    seen = console._watched(tmp_path, TOLD, end)
    assert len(seen.keys_ms) == len(console.KEYS)
    assert all(value > 0 for value in (seen.first_ms, *seen.keys_ms, seen.stall_ms, seen.cpu, seen.end_ms))


@pytest.mark.usefixtures("_briefly")
def test_a_real_cluster_moves_alone_watched_and_by_a_stopped_console(tmp_path: Path) -> None:
    rows = {(row.name, row.unit): row for row in console._beside_a_busy_cluster(tmp_path, 1)}
    arms = ("unwatched", "watched", "by a stopped console")
    assert all(rows[f"broadcasts, {arm}", "MB/s"].median > 0 for arm in arms)


def test_shares_are_of_the_round_beside_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    alone, beside = iter([100.0, 200.0, 400.0]), iter([(90.0, 100.0), (200.0, 100.0), (300.0, 400.0)])
    monkeypatch.setattr(console, "_alone", lambda *_: next(alone))
    monkeypatch.setattr(console, "_watched", lambda *_: Watched(1, [1.0], 1, 1, 1, *next(beside)))
    watched, stopped = list(console._beside_a_busy_cluster(tmp_path, 3))[-2:]
    assert (watched.median, watched.low, watched.high, watched.line[-11:]) == (90, 75, 100, "at least 95")
    assert (stopped.median, stopped.low, stopped.high) == (100, 50, 100)


def test_rows_are_told_to_people_and_programs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(console, "_alone", lambda *_: 300.0)
    monkeypatch.setattr(console, "_watched", lambda *_: Watched(500, [float(n) for n in range(1, 101)], 7, 12, 300, 290, 295))
    assert run(["bench", "console", "--rounds", "2", "--json"]) == 0
    rows = {row["name"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    for what in ("64 nodes", "1,000 nodes", "busy sockets"):
        assert [name for name in rows if name.startswith(what)] == [f"{what}: {answer}" for answer in ANSWERS]
    assert [rows[f"64 nodes: key to screen, {which}"]["median"] for which in ("median", "p95", "slowest")] == [50.5, 95, 100]
    assert [rows[f"{nodes} nodes: key to screen, p95"]["target"] for nodes in ("64", "1,000")] == [50, 75]
    assert run(["bench", "console", "--rounds", "1"]) == 0
    assert "at most 700" in capsys.readouterr().out.splitlines()[0]


@pytest.mark.parametrize("count, percent, expected", [(1, 95, 1), (20, 95, 19), (40, 95, 38), (100, 50, 50), (3, 100, 3)])
def test_a_percentile_is_one_of_the_values(count: int, percent: int, expected: int) -> None:
    assert console._percentile([float(n) for n in range(count, 0, -1)], percent) == expected


def test_reports_are_read_between_two_times_and_up_to_the_last_whole_line(tmp_path: Path) -> None:
    report = tmp_path / "report"
    report.write_text("1.0 100\n2.0 300\n3.0 700\n4.0 900\n5.0 12")
    assert console._slope(report, 1.5, 9.0, 1) == 300
    with pytest.raises(DairtError, match="nothing was measured"):
        console._slope(report, 3.5, 9.0, 1)


def test_a_console_that_does_not_start_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "executable", "false")
    assert run(["bench", "console", "--rounds", "1"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("dairt: the console ended and did not show 'dairt ▸': ")


@pytest.mark.usefixtures("_briefly")
def test_a_terminal_that_is_not_restored_is_no_figure() -> None:
    with Terminal([sys.executable, "-c", "print('ready', flush=True); input()"]) as terminal:
        terminal.wait_for("ready")
        with pytest.raises(DairtError, match="exit code -15, its terminal not restored"):
            console._end_ms(terminal, signal.SIGTERM)


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    speaking = Thread(target=told.main, args=(3, theirs.detach()))
    speaking.start()
    with ours:
        yield ours
    speaking.join(10)
    assert not speaking.is_alive()


def test_what_is_told_moves_and_answers_until_nobody_listens(listening: socket.socket) -> None:
    decoder, frames = from_server(), list[ServerFrame]()
    listening.sendall(encode(SetSpeed(7, 1.0)))
    while sum(isinstance(frame, Latest) for frame in frames) < 2 or not any(isinstance(frame, Answer) for frame in frames):
        frames += decoder.feed(listening.recv(65536))
    assert isinstance(frames[0], Hello)
    assert Answer(7, "done") in frames
    first, second = [frame.snapshot for frame in frames if isinstance(frame, Latest)][:2]
    assert all(after.tx_bytes > before.tx_bytes for before, after in zip(first.nodes, second.nodes, strict=True))
    numbers = [entry.seq for frame in frames if isinstance(frame, Entries) for entry in frame.entries]
    assert numbers == list(range(1, len(numbers) + 1))


def test_sixty_four_nodes_all_know_each_other_and_many_know_some() -> None:
    few, many = (told.snapshot([f"n{n}" for n in range(count)], 1) for count in (64, 1000))
    assert {len({peer.name for peer in node.peers} - {node.name}) for node in few.nodes} == {63}
    assert {len({peer.name for peer in node.peers} - {node.name}) for node in many.nodes} == {8}


def test_what_moves_ends_by_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(moving, "ELEMENTS", 256)
    monkeypatch.setattr(moving, "LONGEST_S", 0.5)
    monkeypatch.setattr(moving, "EVERY_S", 0.01)
    moving.main(tmp_path / "report", None)
    lines = [line.split() for line in (tmp_path / "report").read_text().splitlines()]
    moved = [int(line[1]) for line in lines]
    assert moved[-1] > 0
    assert moved == sorted(moved)
    assert all(count % (2 * 4 * 256) == 0 for count in moved)


def test_ctrl_c_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    bench = subprocess.Popen([sys.executable, "-m", "dairt", "bench", "console"], env=env, start_new_session=True)
    try:
        deadline = time.monotonic() + 20
        while len(started := descendants(bench.pid)) < 2:  # the console, and its cluster
            assert time.monotonic() < deadline
            select.select([], [], [], 0.02)
        os.kill(bench.pid, signal.SIGINT)
        assert bench.wait(10) == 130
        while not all(map(is_gone, started)):
            assert time.monotonic() < deadline
            select.select([], [], [], 0.02)
        assert list(tmp_path.iterdir()) == []
    finally:
        bench.kill()
        bench.wait()


def descendants(pid: int) -> list[int]:
    """All that a process has started, and what that has started in turn."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*children, *(below for child in children for below in descendants(child))]
