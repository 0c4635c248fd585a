"""How soon the console answers, what it costs, and that the cluster it watches goes on as fast: on a real terminal.

The console is another process, of another package; only its screen and what its probe writes down are looked at.
"""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic

from dairt.bench.sim import Row
from dairt.bench.terminal import END_S, Terminal
from dairt.errors import DairtError

FEW, MANY = 64, 1000  # nodes
LENIENCE = 1.5  # for many of them
FIRST_FRAME = "dairt ▸"
# A key, and what its answer has on the screen that was not there: of every kind there is, from one line to a whole page.
KEYS = (
    ("F", "view held at"),
    ("F", "view goes on"),
    ("\x1b[B", "▸ n1 "),
    ("\x1b[A", "▸ n0 "),
    ("4", "NODE↓"),
    ("7", "follows"),
    ("6", "Fault timeline"),
    ("1", "Graph runs"),
)
CYCLES = 5  # of these keys a round
SETTLE_S = 2.0  # after the first frame
WATCH_S = 4.0
BETWEEN_S = (0.05, 0.083, 0.116)  # keys, so that they fall on all moments between two looks


@dataclass(frozen=True)
class Watched:
    """What one round with the console gave: times in ms, the processor in % of one core, the cluster in MB/s."""

    first_ms: float
    keys_ms: list[float]
    stall_ms: float
    cpu: float
    end_ms: float
    moved: float = 0.0
    moved_stopped: float = 0.0


def measure(rounds: int) -> Iterator[Row]:
    """Measure one thing after another, `rounds` times each."""
    with TemporaryDirectory(prefix="dairt-bench-") as folder:
        for nodes, lenience in ((FEW, 1.0), (MANY, LENIENCE)):
            told = [sys.executable, "-m", "dairt.bench.told", str(nodes)]
            ends = [signal.SIGTERM if turn % 2 else None for turn in range(rounds)]
            yield from _answers(f"{nodes:,} nodes", lenience, [_watched(Path(folder), told, end) for end in ends])
        yield from _beside_a_busy_cluster(Path(folder), rounds)


def _answers(what: str, lenience: float, seen: Sequence[Watched]) -> Iterator[Row]:
    def row(name: str, unit: str, target: float, values: list[float]) -> Row:
        spread = median(values), min(values), max(values)
        return Row(f"{what}: {name}", unit, *spread, target * lenience, len(values), at_most=True)

    yield row("first frame", "ms", 700, [one.first_ms for one in seen])
    yield row("key to screen, median", "ms", 0, [median(one.keys_ms) for one in seen])
    yield row("key to screen, p95", "ms", 50, [_percentile(one.keys_ms, 95) for one in seen])
    yield row("key to screen, slowest", "ms", 0, [max(one.keys_ms) for one in seen])
    yield row("longest stall of the loop", "ms", 60, [one.stall_ms for one in seen])
    yield row("processor while watching", "% of a core", 20, [one.cpu for one in seen])
    yield row("q or SIGTERM to the end", "ms", 1000, [one.end_ms for one in seen])


def _beside_a_busy_cluster(folder: Path, rounds: int) -> Iterator[Row]:
    """The cluster is measured by itself and with the console, in turn, so that other load befalls both."""
    report = folder / "moved"
    moving = [sys.executable, "-m", "dairt.bench.moving", str(report)]
    alone, seen = [], []
    for turn in range(rounds):
        alone.append(_alone(moving, report))
        seen.append(_watched(folder, moving, signal.SIGTERM if turn % 2 else None, report))
    yield from _answers("busy sockets", 1.0, seen)
    shown, stopped = [one.moved for one in seen], [one.moved_stopped for one in seen]
    for name, values in (("unwatched", alone), ("watched", shown), ("by a stopped console", stopped)):
        yield Row(f"broadcasts, {name}", "MB/s", median(values), min(values), max(values), 0, rounds)
    for name, values in (("watched", shown), ("by a stopped console", stopped)):
        shares = [100 * value / before for value, before in zip(values, alone, strict=True)]
        yield Row(f"broadcasts, {name}", "% of alone", median(shares), min(shares), max(shares), 95, rounds)


def _watched(folder: Path, cluster: Sequence[str], end: signal.Signals | None, moved: Path | None = None) -> Watched:
    """One console from its start to its end, by this signal or by q."""
    report = folder / "probe"
    with Terminal([sys.executable, "-m", "dairt_console.bench", str(report), *cluster]) as terminal:
        first_ms = 1e3 * (terminal.wait_for(FIRST_FRAME) - terminal.began)
        terminal.rest(SETTLE_S)
        began = monotonic()
        terminal.rest(WATCH_S)
        watched = monotonic()
        keys_ms = [_answer_ms(terminal, number) for number in range(CYCLES * len(KEYS))]
        ended = monotonic()
        stopped = _stopped(terminal, moved) if moved is not None else 0.0
        end_ms = _end_ms(terminal, end)
    stall_ms = 1e3 * max(line[1] for line in _lines(report, began, ended))
    rate = _rate(moved, began, watched) if moved is not None else 0.0
    return Watched(first_ms, keys_ms, stall_ms, 100 * _slope(report, began, watched, 2), end_ms, rate, stopped)


def _answer_ms(terminal: Terminal, number: int) -> float:
    keys, answer = KEYS[number % len(KEYS)]
    terminal.rest(BETWEEN_S[number % len(BETWEEN_S)])
    terminal.forget()
    pressed = monotonic()
    terminal.press(keys)
    return 1e3 * (terminal.wait_for(answer) - pressed)


def _end_ms(terminal: Terminal, end: signal.Signals | None) -> float:
    """Until all is over; raises DairtError when the terminal is not as it was, or the exit code not as it should be."""
    terminal.forget()
    asked = monotonic()
    if end is None:
        terminal.press("q")
    else:
        terminal.process.send_signal(end)
    at, code = terminal.wait_end()
    if not terminal.restored or code != (0 if end is None else 128 + end):
        raise DairtError(f"the console ended with exit code {code}, its terminal {'' if terminal.restored else 'not '}restored")
    return 1e3 * (at - asked)


def _stopped(terminal: Terminal, moved: Path) -> float:
    """What the cluster moves while the console stands still."""
    terminal.process.send_signal(signal.SIGSTOP)
    began = monotonic()
    terminal.rest(WATCH_S)
    terminal.process.send_signal(signal.SIGCONT)
    return _rate(moved, began, monotonic())


def _alone(moving: Sequence[str], report: Path) -> float:
    """What the cluster moves when nobody watches."""
    report.unlink(missing_ok=True)
    process = subprocess.Popen(moving, start_new_session=True)  # Ctrl-C is for us to hear
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(SETTLE_S + WATCH_S)
            raise DairtError(f"the cluster of the bench ended with exit code {code}")
        ended = monotonic()
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_S)
        process.kill()
        process.wait()
    return _rate(report, ended - WATCH_S, ended)


def _rate(moved: Path, began: float, ended: float) -> float:
    """MB/s between the two times."""
    return _slope(moved, began, ended, 1) / 1e6


def _slope(report: Path, began: float, ended: float, column: int) -> float:
    """By how much the column of a report grew a second."""
    lines = _lines(report, began, ended)
    return (lines[-1][column] - lines[0][column]) / (lines[-1][0] - lines[0][0])


def _lines(report: Path, began: float, ended: float) -> list[list[float]]:
    """The lines of a report that were written between the two times; raises DairtError when there are too few of them."""
    lines = [[float(part) for part in line.split()] for line in report.read_text().splitlines(True) if line.endswith("\n")]
    lines = [line for line in lines if began <= line[0] <= ended]
    if len(lines) < 2:
        raise DairtError(f"nothing was measured in {ended - began:.1f} s: this machine is too busy, or the window too short")
    return lines


def _percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that so many percent are not above."""
    return sorted(values)[-(-len(values) * percent // 100) - 1]
