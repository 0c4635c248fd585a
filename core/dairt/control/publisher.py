"""What runs in the world's own thread for those who watch: cheap, bounded, and unable to disturb the world.

It is an Instrument and not a task, so that a watched simulation takes the same steps as an unwatched one.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec
import trio

from dairt.model.events import Entry, OpCommitted, OpFinished, OpStarted
from dairt.model.views import PromiseView, Snapshot

PUBLISH_EVERY_S = 1 / 15  # faster than eyes, and than the ten redraws a second of the console
WORLD_SHARE = 20  # taking snapshots may use one twentieth of the world's thread, however large the world is
ENTRIES_KEPT = 2000  # of the newest entries, for clients that fall behind; two screens of a fast log a second
STREAMED = (OpStarted, OpFinished, OpCommitted)  # the details people do watch: the task stream is drawn from them


class SteerableClock(Protocol):
    """A clock whose time others may hold, or let go faster."""

    speed: float

    @property
    def now(self) -> float: ...


class Journal(Protocol):
    """As much of the journal as is needed to follow it."""

    @property
    def listeners(self) -> list[Callable[[Entry], None]]: ...
    @property
    def last_seq(self) -> int: ...
    def since(self, seq: int, limit: int) -> tuple[tuple[Entry, ...], int]: ...


class Taken(Protocol):
    """An operator's action as the timeline took it."""

    @property
    def at_s(self) -> float: ...
    @property
    def id(self) -> str: ...


class Stage(Protocol):
    """As much of a stage as is needed to watch it. `clock` is None where time is real; `taken` only ever grows."""

    @property
    def clock(self) -> SteerableClock | None: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def taken(self) -> Sequence[Taken]: ...
    def snapshot(self) -> Snapshot: ...


class Ending(Protocol):
    """As much of a report as the last snapshot shows."""

    @property
    def seconds(self) -> float: ...
    @property
    def promises(self) -> tuple[PromiseView, ...]: ...


@dataclass(frozen=True)
class News:
    """What changed since the last news: the newest snapshot (None: it did not), entries and how many before them were lost."""

    snapshot: Snapshot | None
    entries: tuple[Entry, ...]
    dropped: int
    taken: tuple[Taken, ...] = ()


class Publisher(trio.abc.Instrument):
    """Posts news at most 15 times a real second.

    A snapshot that raises ends the posting, not the world: trio would drop an instrument that raises. `failure` keeps it.
    """

    def __init__(self, post: Callable[[News], None]) -> None:
        self.failure: Exception | None = None
        self._post = post
        self._stage: Stage | None = None
        self._last: Snapshot | None = None
        self._entries: deque[Entry] = deque(maxlen=ENTRIES_KEPT)
        self._noted = 0  # entries since the last news, kept or not
        self._taken = 0  # actions told of
        self._due = math.inf

    def watch(self, stage: Stage) -> None:
        """Post what there is already, at once, and from now on what happens."""
        before = stage.journal.last_seq
        self._entries.extend(stage.journal.since(max(0, before - ENTRIES_KEPT), ENTRIES_KEPT)[0])
        self._noted = before
        stage.journal.listeners.append(self._note)
        self._stage = stage
        self._publish()

    def hurry(self) -> None:
        """Post at the next turn of the world's loop, and make it turn: a paused world shows that it is."""
        if self._stage is not None and self.failure is None:
            self._due = 0.0
        trio.lowlevel.current_trio_token().run_sync_soon(_turn)

    def close(self, ending: Ending) -> None:
        """Post what happened last: every node was stopped, and the promises had their verdict."""
        if self._stage is None:
            return
        self._stage.journal.listeners.remove(self._note)
        self._tell(self._stage, _ended(self._last, ending) if self._last is not None else None)
        self._stage, self._due = None, math.inf

    def after_io_wait(self, timeout: float) -> None:
        """Between two batches of tasks, so that no task is in the middle of a step."""
        if time.perf_counter() >= self._due:
            self._publish()

    def _note(self, entry: Entry) -> None:
        if not entry.event.detail or isinstance(entry.event, STREAMED):
            self._entries.append(entry)
            self._noted += 1

    def _publish(self) -> None:
        assert self._stage is not None
        begun = time.perf_counter()
        try:
            self._last = self._stage.snapshot()
        except Exception as exc:  # a bug in a view must not change the run it looks at; it is raised afterwards; noqa: dairt
            self.failure, self._last, self._due = exc, None, math.inf
            self._tell(self._stage, None)
            return
        self._tell(self._stage, self._last)
        ended = time.perf_counter()
        self._due = ended + max(PUBLISH_EVERY_S, WORLD_SHARE * (ended - begun))

    def _tell(self, stage: Stage, snapshot: Snapshot | None) -> None:
        taken = tuple(stage.taken[self._taken :])
        self._post(News(snapshot, tuple(self._entries), self._noted - len(self._entries), taken))
        self._entries.clear()
        self._noted = 0
        self._taken += len(taken)


def _ended(last: Snapshot, ending: Ending) -> Snapshot:
    nodes = tuple(msgspec.structs.replace(node, state="down", sockets=0) for node in last.nodes)
    return msgspec.structs.replace(last, time_s=ending.seconds, phase="over", nodes=nodes, promises=ending.promises)


def _turn() -> None:
    # The first may still run in the batch at hand, after which the loop could wait for long; the second makes it turn.
    trio.lowlevel.current_trio_token().run_sync_soon(_nothing)


def _nothing() -> None:
    pass
