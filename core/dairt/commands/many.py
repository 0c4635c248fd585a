"""Many seeds of one story, or of several: what `dairt play` says of them, and its exit code."""

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter

import msgspec

from dairt.commands.sweep_progress import SweepProgress
from dairt.errors import UsageError
from dairt.model.scenario import Scenario
from dairt.rehearsal import gallery
from dairt.rehearsal.junit import write_junit
from dairt.rehearsal.outcomes import Outcome, Tally, Total
from dairt.rehearsal.sweep import Order, read_seeds, sweep

STOPPED_EXIT = 130


def choose(orders: Sequence[Order], seeds: str) -> dict[Order, range]:
    """The seeds of each story. Of several, those that cannot be played are left out, aloud. Raises UsageError."""
    stories = {order: gallery.load(order.story) for order in orders}
    reasons = {order: _why_not(story, order.world) for order, story in stories.items()}
    if all(reasons.values()):
        return {order: read_seeds("0", story) for order, story in stories.items()}  # whoever plays it says what is wrong
    for order, reason in reasons.items():
        if reason:
            print(f"{stories[order].name} is left out: {reason}", file=sys.stderr)
    return {order: read_seeds(seeds, story) for order, story in stories.items() if not reasons[order]}


def _why_not(story: Scenario, world: str) -> str:
    if not story.ends:
        return "it has no end"
    return "" if world in story.worlds else f"it is for {', '.join(story.worlds)}"


def play_many(orders: dict[Order, range], world: str, jobs: int | None, json: bool, junit: Path | None) -> int:
    """Play the seeds of each story, tell what comes of them, and return the exit code of the worst. Raises UsageError."""
    seeds = sum(len(numbers) for numbers in orders.values())
    if jobs is None:
        jobs = min(os.cpu_count() or 1, seeds) if world == "sim" else 1
    if jobs < 1:
        raise UsageError(f"--jobs {jobs}: one seed at a time is the least")
    audience, begun = _Audience(orders, world, json, junit is not None), perf_counter()
    with ExitStack() as stack:
        if sys.stderr.isatty():
            audience.progress = stack.enter_context(SweepProgress(audience.title, seeds))
        finished = sweep(orders, audience.tell, jobs=jobs)
    if junit is not None:
        write_junit(junit, world, audience.outcomes)
    code = audience.end(perf_counter() - begun)
    return code if finished else STOPPED_EXIT


class _Audience:
    """Who is told of every outcome, and says so to people or programs."""

    def __init__(self, orders: dict[Order, range], world: str, json: bool, is_keeping: bool) -> None:
        stories = {order: gallery.load(order.story) for order in orders}
        self.progress: SweepProgress | None = None
        self.title = next(iter(stories.values())).name if len(stories) == 1 else f"{len(stories)} stories"
        self.outcomes: dict[str, list[Outcome]] = {story.name: [] for story in stories.values()}
        self._names = {order: story.name for order, story in stories.items()}
        self._tallies = {order: Tally(story, world) for order, story in stories.items()}
        self._left = {order: len(numbers) for order, numbers in orders.items()}
        self._world = world
        self._json = json
        self._is_keeping = is_keeping

    def tell(self, order: Order, outcome: Outcome) -> None:
        """One more seed has been played."""
        self._tallies[order].add(outcome)
        if self._is_keeping:
            self.outcomes[self._names[order]].append(msgspec.structs.replace(outcome, metrics={}))
        if self._json:
            print(outcome.json(), flush=True)
        elif outcome.verdict != "held":
            print(outcome.line, flush=True)
        self._left[order] -= 1
        if not self._left[order] and len(self._tallies) > 1:
            self._sum_up(self._tallies[order])
        if self.progress is not None:
            self.progress.tell(outcome)

    def end(self, wall_s: float) -> int:
        """All that could be played was: say what it came to, and return the exit code."""
        tallies = list(self._tallies.values())
        if len(tallies) > 1:
            for order, left in self._left.items():
                if left and self._tallies[order].count:
                    self._sum_up(self._tallies[order])
        last = Total(tallies, self._world) if len(tallies) > 1 else tallies[0]
        print(last.json(wall_s) if self._json else last.text(wall_s))
        return last.exit_code()

    def _sum_up(self, tally: Tally) -> None:
        print(tally.json(tally.played_s) if self._json else tally.brief(), flush=True)
