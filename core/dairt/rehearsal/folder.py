"""A folder a run: run.json, events.jsonl, faults.jsonl, trace.json and report.html; there in full, or not at all."""

import os
import platform
import shutil
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from dairt.errors import UsageError
from dairt.model.events import Entry, FaultFired, FaultHealed, FaultSkipped, OpFinished, OpStarted
from dairt.model.scenario import Scenario
from dairt.rehearsal.certificate import Certificate
from dairt.rehearsal.html import page
from dairt.rehearsal.report import Report
from dairt.rehearsal.trace import trace

KEPT_MAX = 100_000  # entries held for the timeline and the trace; events.jsonl has them all
PACKAGES = ("dairt", "numpy", "trio")


class RunFolder:
    """A journal listener that writes down a run: `with RunFolder(path, story) as folder`, play, `folder.finish(report)`.

    It is written beside its place under another name, and renamed when it is finished; without that nothing is left.
    """

    def __init__(self, path: Path, scenario: Scenario) -> None:
        self._path = path
        self._scenario = scenario
        self._certificate = Certificate()
        self._encoder = msgspec.json.Encoder()
        self._kept: list[Entry] = []
        self._unkept = 0
        self._draft: Path
        self._events: BinaryIO
        self._faults: BinaryIO

    def __enter__(self) -> Self:
        """Begin the folder. Raises UsageError where something is in its place, or nothing can be written."""
        if self._path.exists() and not (self._path.is_dir() and not any(self._path.iterdir())):
            raise UsageError(f"--report {self._path}: it is there already; give a folder that is not, a run has one of its own")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._draft = Path(mkdtemp(prefix=f".{self._path.name}.", suffix=".tmp", dir=self._path.parent))
            self._draft.chmod(0o755)
        except OSError as exc:
            raise UsageError(f"--report {self._path}: cannot make this folder: {exc.strerror}") from exc
        self._events = (self._draft / "events.jsonl").open("wb")
        self._faults = (self._draft / "faults.jsonl").open("wb")
        for fault in self._scenario.faults:
            self._line(self._faults, {"what": "planned", "fault": fault.id, "text": str(fault), "place": fault.place})
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Leave nothing of a folder that was not finished."""
        self._events.close()
        self._faults.close()
        shutil.rmtree(self._draft, ignore_errors=True)

    def __call__(self, entry: Entry) -> None:
        """Hear of an event: a journal listener."""
        self._certificate(entry)
        self._line(self._events, entry)
        match entry.event:
            case FaultFired(fault=fault, kind=kind, text=text):
                self._fault(entry, "fired", fault, kind, text)
            case FaultHealed(fault=fault, kind=kind, text=text):
                self._fault(entry, "healed", fault, kind, text)
            case FaultSkipped(fault=fault, kind=kind, reason=reason):
                self._fault(entry, "skipped", fault, kind, reason)
        if entry.event.detail and not isinstance(entry.event, OpStarted | OpFinished):
            return
        if len(self._kept) < KEPT_MAX:
            self._kept.append(entry)
        else:
            self._unkept += 1

    def finish(self, report: Report) -> None:
        """Write the rest, and put the folder in its place. Raises UsageError if something has come there meanwhile."""
        self._events.close()
        self._faults.close()
        (self._draft / "run.json").write_bytes(msgspec.json.format(msgspec.json.encode(self._run(report))) + b"\n")
        (self._draft / "trace.json").write_bytes(msgspec.json.encode(trace(self._kept, self._scenario.nodes)))
        text = page(report, self._scenario, self._kept, self._unkept)
        (self._draft / "report.html").write_text(text, encoding="utf-8")
        try:
            os.replace(self._draft, self._path)
        except OSError as exc:
            raise UsageError(f"--report {self._path}: cannot put the folder there: {exc.strerror}") from exc

    def _run(self, report: Report) -> dict[str, object]:
        """What run.json says: the report, what it was made with, and how the digest stood at each second."""
        versions = {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
        marks = self._certificate.marks() if report.digest else ()
        return {"schema": "dairt.run/1", **report.values(), "versions": versions, "certificate": marks}

    def _fault(self, entry: Entry, what: str, fault: str, kind: str, text: str) -> None:
        self._line(self._faults, {"what": what, "fault": fault, "time_s": entry.time_s, "kind": kind, "text": text})

    def _line(self, file: BinaryIO, value: object) -> None:
        file.write(self._encoder.encode(value) + b"\n")
