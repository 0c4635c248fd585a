"""A run as a trace that Chrome and Perfetto show: nodes as processes, workers as threads, ops as slices, faults as instants.

The format is Google's "Trace Event Format"; times are microseconds of the world's clock.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from dairt.model.events import BroadcastEnded, Entry, FaultFired, FaultHealed, OpFinished, OpStarted, PromiseBroken, RunEnded

WORLD = 0  # the process that stands for the world itself
TRUNK = 0  # the thread of a node for what is nobody's
Slice = dict[str, Any]


def trace(entries: Iterable[Entry], nodes: Sequence[str]) -> dict[str, Any]:
    """The trace of these entries. An op that was never finished, lost with its node perhaps, is an instant."""
    tracer = _Tracer(nodes)
    for entry in entries:
        tracer.see(entry)
    return {"displayTimeUnit": "ms", "traceEvents": [*tracer.names(), *tracer.slices, *tracer.unfinished()]}


class _Tracer:
    def __init__(self, nodes: Sequence[str]) -> None:
        self.slices: list[Slice] = []
        self._processes = {"": WORLD, **{node: at for at, node in enumerate(nodes, 1)}}
        self._threads: dict[tuple[str, str], int] = {}
        self._begun: dict[tuple[str, str, str, int], tuple[Entry, str]] = {}  # by node, run, op and attempt
        self._spans = 0

    def see(self, entry: Entry) -> None:
        match entry.event:
            case OpStarted(run=run, op=op, attempt=attempt, worker=worker):
                self._begun[entry.node, run, op, attempt] = (entry, worker)
            case OpFinished(run=run, op=op, attempt=attempt):
                self._op(entry, run, op, attempt)
            case BroadcastEnded(key=key, seconds=seconds, missing=missing):
                self._span(entry, "broadcast", key, seconds, {"missing": list(missing)})
            case RunEnded(graph=graph, run=run, seconds=seconds, outcome=outcome):
                self._span(entry, "run", graph, seconds, {"run": run, "outcome": outcome})
            case FaultFired() | FaultHealed() | PromiseBroken():
                self.slices.append(self._slice(entry, "i", entry.event.line) | {"s": "g"})

    def unfinished(self) -> list[Slice]:
        """The ops that began and did not end."""
        return [
            self._slice(entry, "i", f"{op}, never finished", worker) | {"s": "t"}
            for (_, _, op, _), (entry, worker) in self._begun.items()
        ]

    def names(self) -> list[Slice]:
        """What to call the processes and threads."""
        processes = [_name("process_name", at, TRUNK, name or "world") for name, at in self._processes.items()]
        threads = [_name("thread_name", self._processes[node], at, label) for (node, label), at in self._threads.items()]
        return processes + threads

    def _op(self, entry: Entry, run: str, op: str, attempt: int) -> None:
        begun, worker = self._begun.pop((entry.node, run, op, attempt), (None, ""))
        if begun is not None:
            duration = (entry.time_s - begun.time_s) * 1e6
            more = {"dur": duration, "args": {"run": run, "attempt": attempt}}
            self.slices.append(self._slice(begun, "X", op, worker) | more)

    def _span(self, entry: Entry, kind: str, name: str, seconds: float, args: dict[str, Any]) -> None:
        """Something that began `seconds` ago and may overlap others of its kind, as slices of a thread may not."""
        self._spans += 1
        end = self._slice(entry, "e", f"{kind} {name}") | {"cat": kind, "id": self._spans}
        self.slices += [end | {"ph": "b", "ts": end["ts"] - seconds * 1e6, "args": args}, end]

    def _slice(self, entry: Entry, phase: str, name: str, thread: str = "") -> Slice:
        process = self._processes.setdefault(entry.node, len(self._processes))
        at = self._threads.setdefault((entry.node, thread), len(self._threads) + 1) if thread else TRUNK
        return {"ph": phase, "name": name, "pid": process, "tid": at, "ts": entry.time_s * 1e6}


def _name(kind: str, process: int, thread: int, name: str) -> Slice:
    return {"ph": "M", "name": kind, "pid": process, "tid": thread, "args": {"name": name}}
