"""A failing story made small: what it can do without is taken away for as long as the same promise stays broken."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from dairt.errors import UsageError
from dairt.model.events import Entry, PromiseBroken
from dairt.model.scenario import Fault, Scenario, Work
from dairt.model.scenario_text import write_scenario
from dairt.model.scenario_toml import parse_scenario
from dairt.rehearsal.play import play
from dairt.rehearsal.report import Report
from dairt.rehearsal.simpler import cut_after, fewer_nodes, less_around, less_time, simpler_faults, simpler_work, with_faults

T = TypeVar("T")
Move = Callable[[Scenario], Iterator[Scenario]]
MOVES: tuple[Move, ...] = (less_around, fewer_nodes, less_time, simpler_faults, simpler_work)
Tell = Callable[[Scenario, int], None]
replace = msgspec.structs.replace


class _Stopped(Exception):
    """Somebody has had enough: the smallest story so far will do."""


@dataclass(frozen=True)
class Shrunk:
    """A failing story and the small one, which breaks the same `promise` from the same seed; `plays` were needed."""

    before: Scenario
    after: Scenario
    seed: int
    promise: str
    plays: int
    finished: bool

    def text(self, file: str) -> str:
        """The small story as a scenario file of that name, saying what has become of the long one."""
        before, after = self.before, self.after
        heading = [
            f"Shrunk from {before.source or before.name}, seed {self.seed}, which breaks {self.promise} just as this does:",
            f"  dairt play {file} --seed {self.seed}",
            f"Faults {_count(before.faults, after.faults)}, work {_count(before.work, after.work)}, "
            f"nodes {_count(before.nodes, after.nodes)}, expectations {_count(before.expectations, after.expectations)}.",
        ]
        gone = [fault.id for fault in before.faults if fault.id not in [kept.id for kept in after.faults]]
        if gone:
            heading.append(f"Not needed: {', '.join(gone)}.")
        was, now = _told(before), _told(after)
        notes = {name: f"was: {was[name]}" for name, text in now.items() if was[name] != text}
        return write_scenario(after, heading=heading, notes=notes)


def shrink(story: Scenario, seed: int, tell: Tell = lambda story, plays: None, *, allow_python: bool = False) -> Shrunk:
    """Make a story whose seed breaks a promise in the simulated world as small as can be; Ctrl-C ends it early.

    It goes through delta debugging (Zeller and Hildebrandt, 2002) of its faults, its operator's actions and its work, then
    has nodes taken away and numbers made rounder, until nothing more can be spared. `tell` hears of each smaller story and
    how many were played. Raises UsageError for a story whose promises hold.
    """
    trial = _Trial(story, seed, tell, allow_python)
    report = trial.first()
    finished = True
    try:
        _forget_what_came_too_late(trial, report)
        while _pass(trial):
            continue
    except _Stopped:
        finished = False
    return Shrunk(story, trial.smallest, seed, trial.promise, trial.plays, finished)


def ddmin(items: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> list[T]:
    """Some of `items`, which fail, that still do, none of which can be left out alone."""
    if not items or fails([]):
        return []
    left, parts = list(items), 2
    while len(left) > 1:
        size = -(-len(left) // parts)
        for begin in range(0, len(left), size):
            rest = left[:begin] + left[begin + size :]
            if fails(rest):
                left, parts = rest, max(parts - 1, 2)
                break
        else:
            if size == 1:
                break
            parts = min(parts * 2, len(left))
    return left


def _pass(trial: "_Trial") -> bool:
    """Try to spare everything once; say whether anything was."""
    before = trial.smallest
    ddmin(before.faults, lambda faults: trial.fails(with_faults(trial.smallest, faults)))
    ddmin(before.actions, lambda actions: trial.fails(replace(trial.smallest, actions=tuple(actions))))
    ddmin(before.work, lambda work: trial.fails(replace(trial.smallest, work=tuple(work))))
    for move in MOVES:
        while any(trial.fails(simpler) for simpler in move(trial.smallest)):
            continue
    return trial.smallest != before


def _forget_what_came_too_late(trial: "_Trial", report: Report) -> None:
    """At once spare all other expectations, and what had not happened when the promise broke."""
    story, broken_s = trial.smallest, trial.broken_s
    struck = [happened.id for happened in report.happened if happened.what == "fired" and happened.time_s <= broken_s]
    wanted = tuple(expectation for expectation in story.expectations if expectation.promise == trial.promise)
    trial.fails(replace(story, expectations=wanted))
    trial.fails(with_faults(trial.smallest, [fault for fault in story.faults if fault.id in struck]))
    for simpler in cut_after(trial.smallest, broken_s):
        trial.fails(simpler)


class _Trial:
    """Plays stories and keeps the smallest that still breaks the promise. A story counts as it reads once written."""

    def __init__(self, story: Scenario, seed: int, tell: Tell, allow_python: bool) -> None:
        self.smallest = story
        self.promise = ""
        self.broken_s = 0.0
        self.plays = 0
        self._seed = seed
        self._tell = tell
        self._allow_python = allow_python
        self._tried: dict[str, None] = {}

    def first(self) -> Report:
        """Play the story as it is, and settle which promise it is about: the first that it breaks."""
        broken: dict[str, float] = {}

        def hear(entry: Entry) -> None:
            if isinstance(entry.event, PromiseBroken):
                broken.setdefault(entry.event.promise, entry.time_s)

        self.plays = 1
        report = play(self.smallest, seed=self._seed, listener=hear, allow_python=self._allow_python)
        if report.verdict != "violated" or not broken:
            name = self.smallest.source or self.smallest.name
            raise UsageError(f"{name} with seed {self._seed} is {report.verdict}: there is no broken promise to shrink it to")
        self.promise, self.broken_s = next(iter(broken.items()))
        return report

    def fails(self, story: Scenario) -> bool:
        """Say whether a story still breaks the promise; if so it is the smallest now. A story tried before does not count."""
        text = write_scenario(story)
        if text in self._tried or story == self.smallest:
            return False
        self._tried[text] = None
        try:
            story = parse_scenario(text, story.source)
            self.plays += 1
            report = play(story, seed=self._seed, until_broken=self.promise, allow_python=self._allow_python)
        except UsageError:
            return False  # something in it needs what was taken away
        if report.verdict == "stopped":
            raise _Stopped
        still = [promise.promise for promise in report.promises if promise.state == "broken"]
        if self.promise not in still:
            return False
        self.smallest = story
        self._tell(story, self.plays)
        return True


def _told(story: Scenario) -> dict[str, str]:
    """Every work and fault by its id, as a sentence."""
    entries: list[Work | Fault] = [*story.work, *story.faults]
    return {entry.id: str(entry) for entry in entries}


def _count(before: Sequence[object], after: Sequence[object]) -> str:
    return f"{len(before)} → {len(after)}" if len(before) != len(after) else str(len(after))
