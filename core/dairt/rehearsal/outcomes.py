"""What many seeds came to: one outcome each, and the distributions of all that was measured."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from dairt.model.scenario import STATISTICS, Scenario, Statistic
from dairt.rehearsal.judge import out_of_bounds
from dairt.rehearsal.metrics import METRICS, percentile
from dairt.rehearsal.report import EXIT_CODES, Report

CRASHED = "crashed"  # a bug ended the run: the worst that can come of a seed
# From best to worst: what the exit code of a sweep says when seeds came to different ends.
RANKING = ("held", "stopped", "inconclusive", "violated", CRASHED)
EXITS = {**{str(verdict): code for verdict, code in EXIT_CODES.items()}, CRASHED: 1}
SHOWN: tuple[Statistic, ...] = ("p50", "p95", "p99", "max")


class Outcome(msgspec.Struct, frozen=True):
    """What one seed came to; `reason` of a crash is its traceback. `states` are of the story's expectations, in its order."""

    seed: int
    verdict: str
    reason: str
    exit_code: int
    replay: str
    seconds: float
    wall_s: float
    events: int
    digest: str
    metrics: dict[str, list[float]]
    states: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """It in one line, with the command that plays it again."""
        reason = f": {(self.reason.strip() or ' ').splitlines()[-1]}" if self.reason else ""
        return f"seed {self.seed} {self.verdict}{reason}; again: {self.replay}"

    def json(self) -> str:
        """It in one line of JSON."""
        return msgspec.json.encode(self).decode()


def outcome_of(report: Report) -> Outcome:
    """What a sweep keeps of a report."""
    kept = {name: getattr(report, name) for name in Outcome.__struct_fields__ if name != "states"}
    return Outcome(**kept, states=tuple(promise.state for promise in report.promises))


def crash(seed: int, replay: str, reason: str) -> Outcome:
    """The outcome of a seed whose run a bug ended."""
    return Outcome(seed, CRASHED, reason, EXITS[CRASHED], replay, 0.0, 0.0, 0, "", {})


class Tally:
    """The outcomes of a sweep of one story, added up."""

    def __init__(self, story: Scenario, world: str) -> None:
        self.failures: list[Outcome] = []
        self.played_s = 0.0  # that all seeds took, one by one
        self._story = story
        self._world = world
        self._verdicts: dict[str, int] = {}
        self._values: dict[str, list[float]] = {name: [] for name in METRICS}
        self._happened: dict[int, None] = {}  # the expectations that held in some seed, by their place

    @property
    def count(self) -> int:
        """How many seeds there are so far."""
        return sum(self._verdicts.values())

    def add(self, outcome: Outcome) -> None:
        """Count one more."""
        self._verdicts[outcome.verdict] = self._verdicts.get(outcome.verdict, 0) + 1
        self.played_s += outcome.wall_s
        if outcome.verdict != "held":
            self.failures.append(outcome)
        for name, values in outcome.metrics.items():
            self._values.setdefault(name, []).extend(values)
        self._happened |= {at: None for at, state in enumerate(outcome.states) if state == "holds"}

    def worst(self) -> str:
        """The worst verdict, of a seed or of them all."""
        return max([*self._verdicts, *self.of_all()], key=RANKING.index, default="held")

    def exit_code(self) -> int:
        """That of the worst verdict."""
        return EXITS[self.worst()]

    def of_all(self) -> dict[str, list[str]]:
        """What only all seeds together can say: metrics out of bounds, and what should happen sometimes and never did."""
        said: dict[str, list[str]] = {}
        for at, expectation in enumerate(self._story.expectations):
            match expectation.kind:
                case "sometimes" if at not in self._happened:
                    said.setdefault("inconclusive", []).append(f"{expectation}: not in any seed")
                case "metric":
                    values = self._values.get(expectation.promise, [])
                    if reason := out_of_bounds(expectation, values, pooled=True):
                        said.setdefault("violated", []).append(f"{expectation}: {reason}")
        return said

    def verdicts(self) -> dict[str, int]:
        """How many seeds came to each verdict, the best first."""
        return {verdict: self._verdicts[verdict] for verdict in RANKING if verdict in self._verdicts}

    def distributions(self) -> dict[str, dict[str, float]]:
        """Of every metric with any value: how many values, and the p50, p95, p99 and max of them all."""
        return {
            name: {"values": len(values)} | {statistic: percentile(values, STATISTICS[statistic]) for statistic in SHOWN}
            for name, values in self._values.items()
            if values
        }

    def text(self, wall_s: float) -> str:
        """For people: how many came to what, and a table of the metrics."""
        lines = [f"{self._story.name} in the world {self._world}: {_ends(self.verdicts(), wall_s)}"]
        distributions = self.distributions()
        if distributions:
            lines.append(_row("metric", ["values", *SHOWN]))
        lines += [_row(name, [f"{number:.4g}" for number in row.values()]) for name, row in distributions.items()]
        return "\n".join([*lines, *self._remarks()])

    def brief(self) -> str:
        """For people who swept many stories: without the table; its seconds are those that its seeds took, one by one."""
        return "\n".join([f"{self._story.name}: {_ends(self.verdicts(), self.played_s)}", *self._remarks()])

    def _remarks(self) -> list[str]:
        return [f"{verdict}: {reason}" for verdict, reasons in self.of_all().items() for reason in reasons]

    def json(self, wall_s: float) -> str:
        """For programs: the same, in one line."""
        summary = {
            "scenario": self._story.name,
            "world": self._world,
            "seeds": self.count,
            "wall_s": wall_s,
            "exit_code": self.exit_code(),
            "verdicts": self.verdicts(),
            "of_all": self.of_all(),
            "failed": [outcome.seed for outcome in self.failures],
            "metrics": self.distributions(),
        }
        return msgspec.json.encode(summary).decode()


class Total:
    """The tallies of many stories, added up."""

    def __init__(self, tallies: Sequence[Tally], world: str) -> None:
        self._stories = len(tallies)
        self._world = world
        self._worst = max((tally.worst() for tally in tallies), key=RANKING.index, default="held")
        counts = {verdict: sum(tally.verdicts().get(verdict, 0) for tally in tallies) for verdict in RANKING}
        self._verdicts = {verdict: count for verdict, count in counts.items() if count}

    def exit_code(self) -> int:
        """That of the worst verdict of any story."""
        return EXITS[self._worst]

    def text(self, wall_s: float) -> str:
        """For people, in one line."""
        return f"{self._stories} stories in the world {self._world}: {_ends(self._verdicts, wall_s)}"

    def json(self, wall_s: float) -> str:
        """For programs, in one line."""
        counted = {"stories": self._stories, "world": self._world, "seeds": sum(self._verdicts.values()), "wall_s": wall_s}
        return msgspec.json.encode({**counted, "exit_code": self.exit_code(), "verdicts": self._verdicts}).decode()


def _ends(verdicts: Mapping[str, int], wall_s: float) -> str:
    """How many seeds there were, how fast, and what they came to."""
    seeds = sum(verdicts.values())
    rate = f", {seeds / wall_s:.1f} a second" if wall_s else ""
    said = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()) or "none"
    return f"{seeds} {'seed' if seeds == 1 else 'seeds'} in {wall_s:.1f} s{rate}: {said}"


def _row(name: str, cells: Iterable[str]) -> str:
    return f"  {name:20}{''.join(f'{cell:>12}' for cell in cells)}"
