"""`dairt doctor SCENARIO`: is the same story and seed the same run under other hashes, allocators, garbage collections?"""

import os
import sys
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from dairt.rehearsal import gallery
from dairt.rehearsal.doctor import CONDITIONS, check_patient, examine


def doctor(
    *scenarios: str,
    seed: Annotated[int, Parameter(help="Decides every draw and the order of everything.")] = 0,
    jobs: Annotated[int | None, Parameter(help="Processes at a time; as many as there are processors if not given.")] = None,
    json: Annotated[bool, Parameter(negative="", help="Print each diagnosis as one line of JSON.")] = False,
) -> int:
    """Play scenarios, files or names, in processes that differ in everything a simulation must not depend on.

    Python orders sets by hashes, reuses memory and collects garbage otherwise in each. Of a run that differs from the
    first, the first event that does is named. Without a scenario, all that come with dairt are examined.

    Exits with 0 when every run was the same, 1 when one cannot be played at all, 2 for bad input, 4 when one differed.
    """
    patients = scenarios or tuple(name for name in gallery.names() if gallery.load(name).ends)
    for patient in patients:
        check_patient(gallery.load(patient))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(file=sys.stderr)
    exit_code = 0
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(patients) * len(CONDITIONS))
        for patient in patients:
            progress.update(task, description=patient)
            diagnosis = examine(
                patient, seed, jobs=jobs or os.cpu_count() or 1, after_each=lambda: progress.update(task, advance=1)
            )
            print(diagnosis.json() if json else diagnosis.text(), flush=True)
            exit_code = max(exit_code, diagnosis.exit_code)
    return exit_code
