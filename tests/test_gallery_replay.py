"""The gallery is the same run in every process, at every speed, and however often time is held."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import trio

from dairt.control.throttle import Throttle
from dairt.model.events import Entry
from dairt.rehearsal import gallery
from dairt.rehearsal.play import play
from telling import Listener

ENDING = [name for name in gallery.names() if gallery.load(name).ends]
SHORT = "kill_socket"
PATIENCE_S = 240.0


@contextmanager
def the_gallery(hash_seed: str) -> Iterator["subprocess.Popen[str]"]:
    """A process with hashes of its own that plays every story from seed 7."""
    command = [sys.executable, "-m", "dairt", "play", *ENDING, "--seed", "7", "--jobs", "1", "--json"]
    variables = {**os.environ, "PYTHONHASHSEED": hash_seed}
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def digests(process: "subprocess.Popen[str]") -> dict[str, str]:
    out, _ = process.communicate(timeout=PATIENCE_S)
    lines = [json.loads(line) for line in out.splitlines()]
    return {line["replay"]: line["digest"] for line in lines if "digest" in line}


def test_every_story_is_the_same_in_processes_with_other_hashes() -> None:
    with ExitStack() as stack:
        processes = [stack.enter_context(the_gallery(hash_seed)) for hash_seed in ("1", "2")]
        first, second = (digests(process) for process in processes)
    assert first == second
    assert len(first) == len(ENDING)
    assert all(first.values())


@pytest.mark.parametrize("speed", [20.0, 200.0])
def test_a_story_is_the_same_at_every_speed(speed: float) -> None:
    story = gallery.load(SHORT)
    unlimited, paced = play(story, seed=7), play(story, seed=7, speed=speed)
    assert (paced.digest, paced.events) == (unlimited.digest, unlimited.events)
    assert paced.wall_s > paced.seconds / speed / 2


class Holding(Listener):
    """An onlooker who holds time at each of some moments, and lets it go again from another thread."""

    def __init__(self, *moments: float) -> None:
        super().__init__(lambda me, entry: self._begin(entry))
        self.held_at: list[float] = []
        self.let_go_at: list[float] = []
        self._moments = list(moments)
        self._throttle: Throttle | None = None

    def _begin(self, entry: Entry) -> None:
        if self._throttle is None:
            assert self.stage.clock is not None
            self._throttle = Throttle(self.stage.clock, self._held)
            self._go_on()

    def _go_on(self) -> None:
        """Run to the next moment, or on to the end."""
        assert self._throttle is not None
        assert self.stage.clock is not None
        if self._moments:
            self._throttle.step(self._moments.pop(0) - self.stage.clock.now)
        else:
            self._throttle.set_speed(float("inf"))

    def _held(self) -> None:
        assert self.stage.clock is not None
        self.held_at.append(self.stage.clock.now)
        token = trio.lowlevel.current_trio_token()
        threading.Timer(0.05, lambda: token.run_sync_soon(self._let_go)).start()

    def _let_go(self) -> None:
        assert self.stage.clock is not None
        self.let_go_at.append(self.stage.clock.now)
        self._go_on()


def test_a_story_is_the_same_after_pause_and_resume() -> None:
    story, holding = gallery.load(SHORT), Holding(0.5, 1.1, 3.0)
    held = play(story, seed=7, onlooker=holding)
    assert held.digest == play(story, seed=7).digest
    assert [round(at_s, 1) for at_s in holding.held_at] == [0.5, 1.1, 3.0]
    assert holding.let_go_at == holding.held_at, "time went on while it was held"
    assert held.wall_s > 3 * 0.05
