"""`dairt play SCENARIO`: tell a story of trouble, once or from many seeds, and say whether its promises held."""

import os
import sys
from contextlib import ExitStack, nullcontext
from pathlib import Path
from time import perf_counter
from traceback import format_exc
from typing import Annotated

import msgspec
from cyclopts import Parameter

from dairt.commands.sweep_progress import SweepProgress
from dairt.errors import UsageError
from dairt.rehearsal import gallery
from dairt.rehearsal.folder import RunFolder
from dairt.rehearsal.junit import write_junit
from dairt.rehearsal.outcomes import Outcome, Tally, crash, outcome_of
from dairt.rehearsal.play import play as play_scenario
from dairt.rehearsal.sweep import Order, read_seeds, sweep

STOPPED_EXIT = 130


def play(
    scenario: str,
    /,
    *,
    world: Annotated[
        str, Parameter(help="sim (virtual time, exact replay), tcp (sockets on loopback) or proc (a process a node).")
    ] = "sim",
    seed: Annotated[int | None, Parameter(help="Decides every draw and, in sim, the order of everything. [0]")] = None,
    seeds: Annotated[
        str | None, Parameter(help="Many, such as 0..999, or by the story's own name for them, such as ci.")
    ] = None,
    jobs: Annotated[int | None, Parameter(help="Of many seeds, how many are played at once in sim. [one a core]")] = None,
    data: Annotated[
        Path | None, Parameter(help="Folder for the nodes' files in real worlds; a temporary one if not given.")
    ] = None,
    allow_python: Annotated[bool, Parameter(negative="", help="Run the Python code that the scenario names.")] = False,
    report: Annotated[
        Path | None, Parameter(help="A new folder to make: run.json, events, faults, a trace and report.html.")
    ] = None,
    junit: Annotated[Path | None, Parameter(help="A file to write as JUnit XML, one test case a seed.")] = None,
    json: Annotated[bool, Parameter(negative="", help="Print the report as one line of JSON, of many seeds one each.")] = False,
) -> int:
    """Play a scenario: a file, or the name of one that comes with dairt.

    The same scenario and seed in sim give the same digest, the last line. Ctrl-C heals what is broken, and stops.
    Many seeds end with a table of what was measured; each that fails is told at once, with the command that replays it.

    Exits with 0 when all promises held, 1 when one was broken, 2 for bad input, 3 when a fault never fired; many seeds
    with the worst of theirs.
    """
    if seeds is not None:
        for flag, given in (("seed", seed), ("data", data), ("report", report)):
            if given is not None:
                raise UsageError(f"--seeds {seeds} goes without --{flag}")
        return _play_many(Order(scenario, world, allow_python), seeds, jobs, json, junit)
    if jobs is not None:
        raise UsageError(f"--jobs {jobs} goes with --seeds, such as --seeds 0..99")
    return _play_one(Order(scenario, world, allow_python), seed or 0, data, json, report, junit)


def _play_one(order: Order, seed: int, data: Path | None, json: bool, folder: Path | None, junit: Path | None) -> int:
    story = gallery.load(order.story)
    try:
        with RunFolder(folder, story) if folder is not None else nullcontext() as keeper:
            report = play_scenario(
                story, world=order.world, seed=seed, data=data, listener=keeper, allow_python=order.allow_python
            )
            if keeper is not None:
                keeper.finish(report)
    except UsageError:
        raise
    except Exception:  # a bug: its traceback follows, and whoever looks into it wants the seed first; noqa: dairt
        print(f"again: {order.again(seed)}", file=sys.stderr)
        if junit is not None:
            write_junit(junit, story.name, order.world, [crash(seed, order.again(seed), format_exc())])
        raise
    if junit is not None:
        write_junit(junit, story.name, order.world, [outcome_of(report)])
    print(report.json() if json else report.text())
    return report.exit_code


def _play_many(order: Order, asked: str, jobs: int | None, json: bool, junit: Path | None) -> int:
    story = gallery.load(order.story)
    numbers = read_seeds(asked, story)
    if jobs is None:
        jobs = min(os.cpu_count() or 1, len(numbers)) if order.world == "sim" else 1
    if jobs < 1:
        raise UsageError(f"--jobs {jobs}: one seed at a time is the least")
    tally, begun = Tally(story, order.world), perf_counter()
    outcomes: list[Outcome] = []
    with ExitStack() as stack:
        progress = stack.enter_context(SweepProgress(story.name, len(numbers))) if sys.stderr.isatty() else None

        def tell(outcome: Outcome) -> None:
            tally.add(outcome)
            if junit is not None:
                outcomes.append(msgspec.structs.replace(outcome, metrics={}))
            if json:
                print(outcome.json(), flush=True)
            elif outcome.verdict != "held":
                print(outcome.line, flush=True)
            if progress is not None:
                progress.tell(outcome)

        finished = sweep(order, numbers, tell, jobs=jobs)
    wall_s = perf_counter() - begun
    if junit is not None:
        write_junit(junit, story.name, order.world, outcomes)
    print(tally.json(wall_s) if json else tally.text(wall_s))
    return tally.exit_code() if finished else STOPPED_EXIT
