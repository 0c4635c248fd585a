"""A bar for whoever waits for a graph run, on a terminal's stderr; gone when the run is over."""

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from dairt.model.events import BroadcastEnded, Entry, OpCommitted, OpLost, RunBegun


class RunProgress:
    """A journal listener that draws: weights as they are broadcast, then ops as their results are committed."""

    def __init__(self, name: str) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"))
        self._progress = Progress(*columns, TimeElapsedColumn(), console=Console(file=sys.stderr), transient=True)
        self._task = self._progress.add_task(f"{name}: weights", total=None, note="")
        self._name = name
        self._run = ""
        self._lost = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()

    def __call__(self, entry: Entry) -> None:
        """Hear of an event."""
        match entry.event:
            case BroadcastEnded() if not self._run:
                self._progress.advance(self._task)
            case RunBegun(run=run, graph=graph, ops=ops) if graph == self._name:
                self._run = run
                self._progress.reset(self._task, description=f"{graph}: ops", total=ops)
            case OpCommitted(run=run) if run == self._run:
                self._progress.advance(self._task)
            case OpLost(run=run) if run == self._run:
                self._lost += 1
                self._progress.update(self._task, note=f"{self._lost} lost, run again")
