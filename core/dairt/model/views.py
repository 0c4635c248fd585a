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
    """One key of one node: its newest version in memory, and how far that version is on disk.

    `on_disk` are the versions that have a file, rising: the last is what a boot would bring back, the others are kept.
    """

    key: str
    version: Version
    dtype: str
    shape: tuple[int, ...]
    nbytes: int
    checksum: int
    written_at: float
    state: CheckpointState
    on_disk: tuple[Version, ...] = ()


class TensorView(msgspec.Struct, frozen=True):
    """What is in a tensor: `least`, `most` and `mean` of its finite elements, and its first ones.

    Counts are of the first `looked_at` elements, which are all but for a large one.
    """

    version: Version
    dtype: str
    shape: tuple[int, ...]
    nbytes: int
    looked_at: int
    least: float
    most: float
    mean: float
    zeros: int
    nans: int
    infinite: int
    first: tuple[float, ...]


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
    """One graph run, as its coordinator sees it. `digest` is of its outputs, `graph_digest` of the graph it runs."""

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
    graph_digest: str = ""


class OpView(msgspec.Struct, frozen=True):
    """One op of a graph, and what its outputs are, such as `float32 [64, 64]`, as far as that is known beforehand.

    Ops of one layer wait for none of each other: it is the longest way there from the graph's inputs, in ops.
    """

    name: str
    kernel: str
    layer: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    specs: tuple[str, ...] = ()


class GraphView(msgspec.Struct, frozen=True):
    """The shape of a graph. `layers` says how many ops each layer has; one too large to be drawn has no more than these."""

    digest: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    layers: tuple[int, ...]
    ops: tuple[OpView, ...] = ()


class FaultView(msgspec.Struct, frozen=True):
    """One fault, planned by the scenario or injected by an operator. `left_s` is -1 where it lasts until healed.

    `target` is whom it befalls: nodes, or the two sides of a link, of which `one_way` faults befall only what goes from the
    first to the second. `when` is what it waits for, `in_s` how long until it strikes (again), -1 where no time is known. It
    has struck `fired` times; `reason` says why it was skipped.
    """

    id: str
    kind: str
    text: str
    state: Literal["planned", "active", "done", "healed", "skipped"]
    left_s: float = -1.0
    target: tuple[str, ...] = ()
    one_way: bool = False
    when: str = ""
    in_s: float = -1.0
    fired: int = 0
    reason: str = ""


class StepView(msgspec.Struct, frozen=True):
    """What is no fault of a story: work it gives, or what an operator did, now (`operator`) or in a saved session (`do`).

    It is `active` while some of it is under way. `times` it was given, at `at_s` last; `in_s` is how long until it is given
    (again), -1 where it is not. `failed` of them could not be done, the last for this `reason`. Times are the world's.
    """

    id: str
    source: Literal["work", "do", "operator"]
    kind: str
    text: str
    state: Literal["planned", "active", "done", "refused"]
    when: str = ""
    in_s: float = -1.0
    at_s: float = -1.0
    times: int = 0
    under_way: int = 0
    failed: int = 0
    reason: str = ""


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
    steps: tuple[StepView, ...] = ()


class TaskView(msgspec.Struct, frozen=True, order=True):
    """One task of a node: `depth` in its tree (0 is the root), its name, and where in its own code it waits for what."""

    depth: int
    name: str
    place: str
    waits_for: str = ""


class NodeDetail(msgspec.Struct, frozen=True):
    """What only somebody who looks closely at one node sees: its configuration, and its tasks as a tree, depth first.

    `tasks_total` counts those left out too. Where the tasks cannot be seen, `hidden` says why.
    """

    name: str
    config: tuple[tuple[str, str], ...] = ()
    tasks: tuple[TaskView, ...] = ()
    tasks_total: int = 0
    hidden: str = ""


class NodeReport(msgspec.Struct, frozen=True):
    """What one node says of itself: its own view, and the runs it coordinates."""

    node: NodeView
    runs: tuple[RunView, ...] = ()
