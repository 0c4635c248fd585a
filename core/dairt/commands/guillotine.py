"""`dairt guillotine STORY`: cut a small story off at every point where it can be, and say what did not hold."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from dairt.errors import UsageError
from dairt.rehearsal.guillotine import execute, find_cuts


def guillotine(
    story: str,
    /,
    *,
    seed: Annotated[int, Parameter(help="Decides the order of everything, and which of many survivals are drawn.")] = 0,
    only: Annotated[int | None, Parameter(help="The number of one cut; with its traceback if it ends by a bug.")] = None,
    json: Annotated[bool, Parameter(negative="", help="Print the tally as one line of JSON.")] = False,
) -> int:
    """Cut a small simulated story off at every point where it can be, one point a run.

    broadcast: the connection is reset at every byte of every header, and at every edge of a chunk, in both directions.
    Every member must hold the same tensor durably in the end; nobody may ever see a part of it.

    checkpoint: the power goes at every disk call of a few puts, and what was not synced survives in every way it can.
    The next boot must find the last acked version or a newer one, and never a torn one.

    Exits with 0 when all held, 1 when not, 2 for bad input.
    """
    cuts = list(enumerate(find_cuts(story, seed), 1))
    if only is not None:
        if not 1 <= only <= len(cuts):
            raise UsageError(f"--only {only}: the cuts of {story} are numbered from 1 to {len(cuts)}")
        cuts = [cuts[only - 1]]
        print(cuts[0][1].where, file=sys.stderr)
    with _progress(story, len(cuts)) as after_each:
        tally = execute(story, cuts, seed=seed, after_each=after_each, lets_bugs_out=only is not None)
    print(tally.json() if json else tally.text())
    return tally.exit_code


@contextmanager
def _progress(story: str, cuts: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal's stderr, gone when all is over."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[found]}"))
    console = Console(file=sys.stderr)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(story, total=cuts, found="")

        def after_each(violations: int) -> None:
            progress.update(task, advance=1, found=f"{violations} violations" if violations else "")

        yield after_each
