"""`dairt play SCENARIO`: tell stories of trouble, once or from many seeds, and say whether their promises held."""

import sys
from contextlib import nullcontext
from pathlib import Path
from traceback import format_exc
from typing import Annotated

from cyclopts import Parameter

from dairt.commands.many import choose, play_many
from dairt.errors import UsageError
from dairt.rehearsal import gallery
from dairt.rehearsal.folder import RunFolder
from dairt.rehearsal.junit import write_junit
from dairt.rehearsal.outcomes import crash, outcome_of
from dairt.rehearsal.play import play as play_scenario
from dairt.rehearsal.sweep import Order


def play(
    *scenarios: str,
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
    """Play scenarios: files, or names of those that come with dairt; without any, all of those.

    The same scenario and seed in sim give the same digest, the last line. Ctrl-C heals what is broken, and stops.
    Many seeds end with a table of what was measured, several scenarios with a line each; what fails is told at once, with
    the command that replays it. Of several scenarios, those without an end or not for this world are left out.

    Exits with 0 when all promises held, 1 when one was broken, 2 for bad input, 3 when a fault never fired; many seeds
    with the worst of theirs.
    """
    if seeds is not None and seed is not None:
        raise UsageError(f"--seeds {seeds} goes without --seed")
    if seeds is None and len(scenarios) == 1:
        if jobs is not None:
            raise UsageError(f"--jobs {jobs} goes with --seeds, such as --seeds 0..99")
        return _play_one(Order(scenarios[0], world, allow_python), seed or 0, data, json, report, junit)
    for flag, given in (("data", data), ("report", report)):
        if given is not None:
            raise UsageError(f"--{flag} {given} is for one seed of one scenario")
    orders = choose([Order(story, world, allow_python) for story in scenarios or gallery.names()], seeds or f"{seed or 0}")
    return play_many(orders, world, jobs, json, junit)


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
            write_junit(junit, order.world, {story.name: [crash(seed, order.again(seed), format_exc())]})
        raise
    if junit is not None:
        write_junit(junit, order.world, {story.name: [outcome_of(report)]})
    print(report.json() if json else report.text())
    return report.exit_code
