"""A recording: every frame with its time, and what was known at any moment of it, found within a few dozen milliseconds."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from dairt.control.frames import Entries, Latest
from dairt.model.events import CheckpointDurable, FaultFired
from dairt_console.event_log import KEPT as LOG_KEPT
from dairt_console.event_log import EventLog
from dairt_console.past_log import PastLog
from dairt_console.recording_file import RecordingFile
from dairt_console.recording_format import Frame, Outline, Stamped
from dairt_console.reducer import Seen, apply, for_reading
from dairt_console.transport_tape import Mark, MarkKind

PART_S = 5.0  # of this console's time
PART_FRAMES = 200
PART_VIEWS = 1_500  # of nodes: what is folded again to find a moment
MARKS_A_PART = 50  # of a kind; more would not be told apart on any bar
WAITING_MAX = 8  # parts not yet on disk; a disk that is slower ends the recording, not the console


@dataclass
class _Part:
    """The part being recorded, or one that waits to be written."""

    number: int
    seen: Seen  # when it began
    frames: list[Stamped] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    views: int = 0
    last_place: int = 0

    @property
    def outline(self) -> Outline:
        return Outline(self.frames[0][1], self.frames[-1][1], self.seen.log.last, self.last_place, tuple(self.marks))


class Recording:
    """Written with `record`, read with `at`, also while it is written. Times are the world's own, and never go back."""

    def __init__(self, file: RecordingFile) -> None:
        self.failure = ""  # one sentence, once nothing more can be recorded
        self._file = file
        self._writer = ThreadPoolExecutor(1, "recording")
        self._waiting: list[tuple[_Part, Future[None]]] = []
        self._open: _Part | None = None
        written = file.outlines
        self._next = written[-1][0] + 1 if written else 0
        self._at_s = written[-1][1].last_s if written else 0.0
        # What was folded and unpacked last, as most steps are small: a part, how far into it, and what was known there.
        self._cursor: tuple[int, int, Seen] = (-1, 0, Seen())
        self._loaded: tuple[int, Seen, list[Stamped]] = (-1, Seen(), [])
        self._marked: tuple[tuple[int, int], list[Mark]] = ((-1, -1), [])
        self._past_log = PastLog(self._parts, self._entries)

    # -- writing -------------------------------------------------------------------------------------------------------

    def record(self, before: Seen, frame: Frame, came_s: float) -> None:
        """Add a frame that came at `came_s` of this console's time; `before` is what was known until then."""
        self._past_log.newest = before.log
        if self.failure:
            return
        if self._open is None:
            self._open = _Part(self._next, before, last_place=before.log.last)
            self._next += 1
        part = self._open
        self._at_s = max(self._at_s, _time_of(frame))
        part.frames.append((came_s, self._at_s, frame))
        match frame:
            case Latest(snapshot):
                part.views += len(snapshot.nodes)
            case Entries(entries):
                part.last_place += len(for_reading(entries))
                _add_marks(part.marks, frame, self._at_s)
        if len(part.frames) >= PART_FRAMES or part.views >= PART_VIEWS or came_s - part.frames[0][0] >= PART_S:
            self._close_part()

    def close(self) -> None:
        """Write what is still to be written, and close the file."""
        self._close_part()
        self._writer.shutdown()
        self._file.close()

    def save(self, path: Path) -> None:
        """Write all there is to a new file. Raises UsageError."""
        self._close_part()
        for _, written in self._waiting:
            written.result()
        self._file.copy_to(path)

    def _close_part(self) -> None:
        part, self._open = self._open, None
        self._forget_written()
        if part is None:
            return
        if len(self._waiting) >= WAITING_MAX:
            self.failure = f"recording ended at {self._at_s:.1f} s: the disk is too slow for it"
            return
        self._waiting.append((part, self._writer.submit(self._write, part)))

    def _write(self, part: _Part) -> None:
        """In the writer's thread. Nothing comes after a part that is missing."""
        if self.failure:
            return
        try:
            self._file.add(part.number, part.outline, part.seen, part.frames)
        except OSError as exc:
            self.failure = f"recording ended at {part.outline.first_s:.1f} s: {exc.strerror}"

    def _forget_written(self) -> None:
        while self._waiting and self._waiting[0][1].done():
            self._waiting.pop(0)[1].result()

    # -- reading -------------------------------------------------------------------------------------------------------

    @property
    def is_empty(self) -> bool:
        """True while nothing was recorded."""
        return not self._parts()

    @property
    def first_s(self) -> float:
        """The earliest moment that is still there."""
        parts = self._parts()
        return parts[0][1].first_s if parts else 0.0

    @property
    def last_s(self) -> float:
        """The latest moment."""
        return self._at_s

    @property
    def marks(self) -> list[Mark]:
        """The moments worth going to, in order."""
        parts = self._parts()
        ends = (parts[0][0], parts[-1][0]) if parts else (-1, -1)
        if ends != self._marked[0]:  # all but the last are as they will stay
            self._marked = (ends, [mark for _, outline in parts[:-1] for mark in outline.marks])
        return [*self._marked[1], *(parts[-1][1].marks if parts else ())]

    def at(self, time_s: float) -> Seen:
        """What was known at a moment: all that came until then, and nothing after. Raises UsageError when it cannot be read."""
        parts = self._parts()
        if not parts:
            return Seen()
        number = parts[max(bisect_right(parts, time_s, key=lambda part: part[1].first_s) - 1, 0)][0]
        began, frames = self._part(number)
        end = bisect_right(frames, time_s, key=lambda stamped: stamped[1])
        at, seen = self._cursor[1:]
        if self._cursor[0] != number or at > end:
            log = began.log
            at, seen = 0, replace(began, log=EventLog(log.last, log.last, log.dropped, [], log.last))
        for _, _, frame in frames[at:end]:
            seen = apply(seen, frame)
        self._cursor = (number, end, seen)
        first = max(began.log.first, seen.log.last - LOG_KEPT, parts[0][1].first_place if parts[0][0] else 0)
        return replace(seen, log=self._past_log.at(min(first, seen.log.last), seen.log))

    def step(self, time_s: float, by: int) -> float:
        """The moment of the next (1) or the previous (-1) look at the world; the last or the first where there is none."""
        parts = self._parts()
        if not parts:
            return time_s
        index = max(bisect_right(parts, time_s, key=lambda part: part[1].first_s) - 1, 0)
        while 0 <= index < len(parts):
            looks = [at_s for _, at_s, frame in self._part(parts[index][0])[1] if isinstance(frame, Latest)]
            later = [at_s for at_s in looks if (at_s > time_s if by > 0 else at_s < time_s)]
            if later:
                return later[0] if by > 0 else later[-1]
            index += by
        return self.last_s if by > 0 else self.first_s

    def mark(self, time_s: float, kind: MarkKind, by: int) -> float | None:
        """The next (1) or the previous (-1) moment of that kind; None where there is none."""
        times = [mark.at_s for mark in self.marks if mark.kind == kind]
        if by > 0:
            return next((at_s for at_s in times if at_s > time_s), None)
        return next((at_s for at_s in reversed(times) if at_s < time_s), None)

    def _parts(self) -> list[tuple[int, Outline]]:
        """The numbers and outlines of all parts, oldest first."""
        self._forget_written()
        parts = self._file.outlines
        last = parts[-1][0] if parts else -1
        held = [part for part, _ in self._waiting] + ([self._open] if self._open is not None else [])
        return [*parts, *((part.number, part.outline) for part in held if part.number > last)]

    def _held(self, number: int) -> _Part | None:
        """A part that is still in memory."""
        held = [part for part, _ in self._waiting] + ([self._open] if self._open is not None else [])
        return next((part for part in held if part.number == number), None)

    def _part(self, number: int) -> tuple[Seen, list[Stamped]]:
        if (held := self._held(number)) is not None:
            return held.seen, held.frames
        if self._loaded[0] != number:
            self._loaded = (number, *self._file.part(number))
        return self._loaded[1:]

    def _entries(self, number: int) -> Sequence[Entries]:
        if (held := self._held(number)) is not None:
            return [frame for _, _, frame in held.frames if isinstance(frame, Entries)]
        return self._file.entries(number)


def _time_of(frame: Frame) -> float:
    """The world's time that a frame tells; one that tells none comes when it comes."""
    match frame:
        case Latest(snapshot):
            return snapshot.time_s
        case Entries(entries) if entries:
            return entries[-1].time_s
        case _:
            return -math.inf


def _add_marks(marks: list[Mark], told: Entries, at_s: float) -> None:
    """Mark the moment from which on this was known."""
    for entry in told.entries:
        kind: MarkKind | None = None
        match entry.event:
            case FaultFired():
                kind = "fault"
            case CheckpointDurable():
                kind = "checkpoint"
        if kind is None or Mark(at_s, kind) in marks:
            continue
        if sum(mark.kind == kind for mark in marks) < MARKS_A_PART:
            marks.append(Mark(at_s, kind))
