"""What can be seen: frozen views of a world at one moment, for the console, reports and promises."""

from typing import Literal

import msgspec

from dairt.model.version import Version

NodeState = Literal["starting", "up", "draining", "down", "paused"]
PeerState = Literal["alive", "suspect", "dead"]
RunState = Literal["running", "done", "failed"]
CheckpointState = Literal["writing", "durable", "failed", "memory"]


class LaneView(msgspec.Struct, frozen=True):
    """One lane of a node's worker pool: tasks waiting, of at most `capacity`; workers busy, of `workers`.

    `peak` is the most that have waited at once since the node booted.
    """

    lane: str
    queued: int
    capacity: int
    busy: int
    workers: int
    peak: int = 0


class WorkerView(msgspec.Struct, frozen=True):
    """One named worker; `task` is "" when it is idle."""

    name: str
    lane: str
    task: str
    done: int


class PeerView(msgspec.Struct, frozen=True):
    """One peer as a node sees it. `sockets` are open connections to it (idle or in use); bytes since boot."""

    name: str
    state: PeerState
    sockets: int
    tx_bytes: int
    rx_bytes: int
    silent_s: float


class CheckpointView(msgspec.Struct, frozen=True):
    """One key of one node: its newest version in memory, and how far that version is on disk."""

    key: str
    version: Version
    dtype: str
    shape: tuple[int, ...]
    nbytes: int
    checksum: int
    written_at: float
    state: CheckpointState


class NodeView(msgspec.Struct, frozen=True):
    """One node. `sockets` counts open connections both ways; bytes since boot.

    `litter` is what one that is down has left behind: a `task …` that goes on, a `file …` that was never finished.
    """

    name: str
    address: str
    state: NodeState
    incarnation: int = 0
    restarts: int = 0
    up_s: float = 0.0
    lanes: tuple[LaneView, ...] = ()
    workers: tuple[WorkerView, ...] = ()
    peers: tuple[PeerView, ...] = ()
    checkpoints: tuple[CheckpointView, ...] = ()
    sockets: int = 0
    tx_bytes: int = 0
    rx_bytes: int = 0
    litter: tuple[str, ...] = ()


class RunView(msgspec.Struct, frozen=True):
    """One graph run, as its coordinator sees it."""

    run: str
    graph: str
    coordinator: str
    state: RunState
    total: int
    done: int
    running: int
    lost: int
    started_s: float
    seconds: float
    digest: str = ""


class FaultView(msgspec.Struct, frozen=True):
    """One fault, planned by the scenario or injected by an operator. `left_s` is -1 where it lasts until healed."""

    id: str
    kind: str
    text: str
    state: Literal["planned", "active", "done", "healed", "skipped"]
    left_s: float = -1.0


class PromiseView(msgspec.Struct, frozen=True):
    """One promise and whether it holds so far."""

    promise: str
    state: Literal["holds", "pending", "broken"]
    reason: str = ""


class Snapshot(msgspec.Struct, frozen=True):
    """A whole world at one moment. `speed` is virtual seconds a real second (1 in real worlds, 0 paused, inf unlimited)."""

    time_s: float
    world: str
    scenario: str
    seed: int
    phase: str
    speed: float
    nodes: tuple[NodeView, ...]
    runs: tuple[RunView, ...] = ()
    faults: tuple[FaultView, ...] = ()
    promises: tuple[PromiseView, ...] = ()
    wall_s: float = 0.0


class NodeReport(msgspec.Struct, frozen=True):
    """What one node says of itself: its own view, and the runs it coordinates."""

    node: NodeView
    runs: tuple[RunView, ...] = ()
