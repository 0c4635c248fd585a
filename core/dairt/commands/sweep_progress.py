"""A bar for whoever waits for many seeds, on a terminal's stderr: how many, how fast, how long still; gone at the end."""

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from dairt.rehearsal.outcomes import Outcome


class SweepProgress:
    """Told of each outcome. What is printed meanwhile goes above the bar, where stdout is a terminal too."""

    def __init__(self, name: str, seeds: int) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
        self._progress = Progress(
            *columns,
            TextColumn("[red]{task.fields[note]}"),
            console=Console(file=sys.stderr),
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
        )
        self._task = self._progress.add_task(name, total=seeds, note="")
        self._failed = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()

    def tell(self, outcome: Outcome) -> None:
        """One more seed has been played."""
        self._failed += outcome.verdict != "held"
        self._progress.update(self._task, advance=1, note=f"{self._failed} failed" if self._failed else "")


class _Rate(TextColumn):
    """Seeds a second."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "")
