"""The doctor: is the same story and seed the same run, whatever order Python gives its hashes, memory and garbage?

Each condition is a process of its own. Where a run differs from the first one, the first event that differs is named.
"""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import trio

from dairt.errors import UsageError
from dairt.model.events import Entry
from dairt.model.scenario import Scenario
from dairt.rehearsal.specimen import Briefing
from dairt.rehearsal.stage import check_world

CHILD = (sys.executable, "-m", "dairt.rehearsal.specimen")
NOT_DETERMINISTIC_EXIT = 4


class Condition(msgspec.Struct, frozen=True):
    """What is other than usual in one process: variables of its environment, when it collects garbage."""

    name: str
    variables: dict[str, str]
    gc_threshold: int | None = None


CONDITIONS = (
    Condition("hashes 0", {"PYTHONHASHSEED": "0"}),
    Condition("hashes 1", {"PYTHONHASHSEED": "1"}),
    Condition("hashes 4294967295", {"PYTHONHASHSEED": "4294967295"}),
    Condition("debug allocator", {"PYTHONHASHSEED": "0", "PYTHONMALLOC": "debug"}),
    Condition("malloc", {"PYTHONHASHSEED": "0", "PYTHONMALLOC": "malloc"}),
    Condition("garbage never collected", {"PYTHONHASHSEED": "0"}, 0),
    Condition("garbage collected all the time", {"PYTHONHASHSEED": "0"}, 50),
)


class Finding(msgspec.Struct, frozen=True):
    """A run under one condition that was not the run under the first; texts are "" where a run has no such event.

    `number` counts events from 1.
    """

    condition: str
    number: int
    expected: str
    found: str

    def text(self) -> str:
        """The finding, in three lines."""
        lines = [f"✗ {self.condition}: event {self.number} is the first that differs"]
        lines.append(f"    expected  {self.expected or 'no such event'}")
        lines.append(f"    found     {self.found or 'no such event'}")
        return "\n".join(lines)


class Diagnosis(msgspec.Struct, frozen=True):
    """What came of all runs of one story. `errors` has what conditions under which the run did not end well said last."""

    story: str
    seed: int
    digest: str
    conditions: tuple[str, ...]
    findings: tuple[Finding, ...]
    errors: dict[str, str]

    @property
    def exit_code(self) -> int:
        """0 for the same run under every condition, 4 when not, 1 when the story cannot be played under any."""
        if len(self.errors) == len(self.conditions):
            return 1
        return NOT_DETERMINISTIC_EXIT if self.findings or self.errors else 0

    def text(self) -> str:
        """The diagnosis for people; its last line is the sum."""
        lines = [finding.text() for finding in self.findings]
        lines += [f"✗ {condition}: {error}" for condition, error in self.errors.items()]
        sick, all_of_them = len(self.findings) + len(self.errors), len(self.conditions)
        if self.exit_code == 1:
            said = "it cannot be played"
        elif sick:
            said = f"not deterministic, it differs under {sick} of {all_of_them} conditions"
        else:
            said = f"the same under {all_of_them} conditions, digest {self.digest}"
        lines.append(f"{self.story}, seed {self.seed}: {said}")
        return "\n".join(lines)

    def json(self) -> str:
        """The diagnosis for programs."""
        return msgspec.json.encode({**msgspec.to_builtins(self), "exit_code": self.exit_code}).decode()


def check_patient(scenario: Scenario) -> None:
    """Raise UsageError unless the story can be played in the simulated world, and comes to an end."""
    check_world(scenario, "sim")
    if not scenario.ends:
        raise UsageError(f"{scenario.source}: {scenario.name} runs until it is stopped: give it a [time] to examine it")


def examine(
    story: str,
    seed: int,
    *,
    jobs: int,
    child: Sequence[str] = CHILD,
    conditions: Sequence[Condition] = CONDITIONS,
    after_each: Callable[[], None] = lambda: None,
) -> Diagnosis:
    """Play a story once under each condition, `jobs` at a time, and compare; `child` is the command that plays it."""
    with TemporaryDirectory(prefix="dairt-doctor-") as folder:
        runs = {condition.name: _Run(condition, Path(folder) / f"{number}") for number, condition in enumerate(conditions)}
        trio.run(_play_all, runs.values(), story, seed, jobs, child, after_each)
        errors = {name: run.error for name, run in runs.items() if run.error}
        sound = {name: run for name, run in runs.items() if not run.error}
        first = next(iter(sound.values()), None)
        differing = {name: run for name, run in sound.items() if first is not None and run.digest != first.digest}
        findings = tuple(_first_difference(name, first, run) for name, run in differing.items() if first is not None)
    return Diagnosis(story, seed, first.digest if first else "", tuple(runs), findings, errors)


@dataclass
class _Run:
    """One run under one condition, and the file of its events."""

    condition: Condition
    events: Path
    digest: str = ""
    error: str = ""

    async def play(self, story: str, seed: int, child: Sequence[str]) -> None:
        briefing = Briefing(story, seed, str(self.events), self.condition.gc_threshold)
        command = [*child, msgspec.json.encode(briefing).decode()]
        variables = {**os.environ, **self.condition.variables}
        ended = await trio.run_process(command, env=variables, capture_stdout=True, capture_stderr=True, check=False)
        if ended.returncode:
            self.error = f"ended with {ended.returncode}: {_last_words(ended.stderr.decode(errors='replace'))}"
        else:
            self.digest = ended.stdout.decode().strip()


async def _play_all(
    runs: Iterable[_Run], story: str, seed: int, jobs: int, child: Sequence[str], after_each: Callable[[], None]
) -> None:
    places = trio.CapacityLimiter(jobs)

    async def play(run: _Run) -> None:
        async with places:
            await run.play(story, seed, child)
            after_each()

    async with trio.open_nursery() as nursery:
        for run in runs:
            nursery.start_soon(play, run)


def _first_difference(name: str, first: _Run, other: _Run) -> Finding:
    number = 0
    with first.events.open("rb") as expected, other.events.open("rb") as found:
        for number, (one, another) in enumerate(zip_longest(expected, found, fillvalue=b""), 1):
            if one != another:
                return Finding(name, number, *_shown(one, another))
    return Finding(name, number + 1, first.digest, other.digest)  # in what JSON cannot say, such as the sign of a NaN


def _last_words(stderr: str) -> str:
    """The last line that says anything: a traceback of a group ends with a frame drawn round it."""
    lines = [line.strip(" |+-") for line in stderr.splitlines()]
    return next((line for line in reversed(lines) if line), "and said nothing")


def _shown(one: bytes, another: bytes) -> tuple[str, str]:
    """Two different events as people read them, or as they are where that reads the same."""
    said = _line(one), _line(another)
    return said if said[0] != said[1] else (one.decode().strip(), another.decode().strip())


def _line(event: bytes) -> str:
    if not event:
        return ""
    entry = msgspec.json.decode(event, type=Entry)
    return f"{entry.time_s:.9f} s  {entry.node or 'world'}: {entry.event.line}"
