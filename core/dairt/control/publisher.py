"""What runs in the world's own thread for those who watch: cheap, bounded, and unable to disturb the world.

It is an Instrument and not a task, so that a watched simulation takes the same steps as an unwatched one.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec
import trio

from dairt.model.action import Action
from dairt.model.events import Entry, OpCommitted, OpFinished, OpStarted
from dairt.model.views import GraphView, NodeDetail, PromiseView, Snapshot, TensorView

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
    """As much of a stage as is needed to watch it. `clock` is None where time is real; `taken` only ever grows.

    `look_into` gives what looks at a tensor, to be called in any thread, or raises a DairtError that says why not; `check`,
    from any thread, raises a UsageError for an action that no scenario could say. `save` and `ending` tell what operators did
    as a scenario.
    """

    @property
    def clock(self) -> SteerableClock | None: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def taken(self) -> Sequence[Taken]: ...
    @property
    def graphs(self) -> Mapping[str, GraphView]: ...
    def look_into(self, node: str, key: str) -> Callable[[], TensorView]: ...
    def snapshot(self) -> Snapshot: ...
    def check(self, action: Action) -> None: ...
    def save(self, tell: Callable[[str, float, str], None]) -> None: ...
    def ending(self, seconds: float, digest: str) -> str: ...
    def detail(self, node: str) -> NodeDetail: ...


class Ending(Protocol):
    """As much of a report as the last snapshot shows."""

    @property
    def seconds(self) -> float: ...
    @property
    def promises(self) -> tuple[PromiseView, ...]: ...
    @property
    def digest(self) -> str: ...
    @property
    def verdict(self) -> str: ...


@dataclass(frozen=True)
class News:
    """What changed since the last news: the newest snapshot (None: it did not), entries and how many before them were lost."""

    snapshot: Snapshot | None
    entries: tuple[Entry, ...]
    dropped: int
    taken: tuple[Taken, ...] = ()
    graphs: tuple[GraphView, ...] = ()
    details: tuple[NodeDetail, ...] = ()


class Publisher(trio.abc.Instrument):
    """Posts news at most 15 times a real second.

    A snapshot that raises ends the posting, not the world: trio would drop an instrument that raises. `failure` keeps it.
    """

    def __init__(self, post: Callable[[News], None]) -> None:
        self.failure: Exception | None = None
        self.watched: tuple[str, ...] = ()  # the nodes somebody looks closely at; set from any thread
        self._post = post
        self._stage: Stage | None = None
        self._last: Snapshot | None = None
        self._entries: deque[Entry] = deque(maxlen=ENTRIES_KEPT)
        self._noted = 0  # entries since the last news, kept or not
        self._taken = 0  # actions told of
        self._graphs: Mapping[str, GraphView] = {}  # told of, as far as the stage still knows them
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
            details = tuple(self._stage.detail(node.name) for node in self._last.nodes if node.name in self.watched)
        except Exception as exc:  # a bug in a view must not change the run it looks at; it is raised afterwards; noqa: dairt
            self.failure, self._last, self._due = exc, None, math.inf
            self._tell(self._stage, None)
            return
        self._tell(self._stage, self._last, details)
        ended = time.perf_counter()
        self._due = ended + max(PUBLISH_EVERY_S, WORLD_SHARE * (ended - begun))

    def _tell(self, stage: Stage, snapshot: Snapshot | None, details: tuple[NodeDetail, ...] = ()) -> None:
        taken = tuple(stage.taken[self._taken :])
        known = dict(stage.graphs)
        graphs = tuple(graph for digest, graph in known.items() if digest not in self._graphs)
        self._post(News(snapshot, tuple(self._entries), self._noted - len(self._entries), taken, graphs, details))
        self._entries.clear()
        self._noted = 0
        self._taken += len(taken)
        self._graphs = known


def _ended(last: Snapshot, ending: Ending) -> Snapshot:
    nodes = tuple(msgspec.structs.replace(node, state="down", sockets=0) for node in last.nodes)
    return msgspec.structs.replace(last, time_s=ending.seconds, phase="over", nodes=nodes, promises=ending.promises)


def _turn() -> None:
    # The first may still run in the batch at hand, after which the loop could wait for long; the second makes it turn.
    trio.lowlevel.current_trio_token().run_sync_soon(_nothing)


def _nothing() -> None:
    pass
