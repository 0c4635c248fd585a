"""What can happen: frozen events, each with its one line of text. Emitted once, synchronously, through `Host.emit`.

An event names no node and no time: whoever emits it is known by its host, and the journal stamps it (`Entry`).
Events with `detail = True` come in great number (a chunk, a message): they feed triggers, promises and the digest, but are
not kept for people to read.
"""

from typing import ClassVar, Literal

import msgspec

from dairt.model.version import Version

Level = Literal["info", "good", "warn", "bad"]


def size_text(nbytes: int) -> str:
    """A number of bytes as people read it: 512 B, 64.0 KiB, 4.0 MiB."""
    amount = float(nbytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            break
        amount /= 1024
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


class EventBase(msgspec.Struct, frozen=True):
    """What every event has: a tag (its name in scenario files), a level, and one line of text (its name, if no more)."""

    level: ClassVar[Level] = "info"
    detail: ClassVar[bool] = False

    @property
    def line(self) -> str:
        return str(type(self).__struct_config__.tag).replace("_", " ")


class NodeBooted(EventBase, frozen=True, tag="node_booted"):
    """A node has restored its checkpoints and listens."""

    address: str
    restored: int
    set_aside: int
    incarnation: int
    level = "good"

    @property
    def line(self) -> str:
        aside = f", {self.set_aside} set aside" if self.set_aside else ""
        return f"up at {self.address}, {self.restored} keys restored{aside}"


class NodeDrained(EventBase, frozen=True, tag="node_drained"):
    """A node has closed its doors and finished its exchanges."""

    @property
    def line(self) -> str:
        return "drained and stopped"


class NodeDown(EventBase, frozen=True, tag="node_down"):
    """A node is gone without farewell."""

    reason: str
    level = "bad"

    @property
    def line(self) -> str:
        return f"down: {self.reason}"


class SocketOpened(EventBase, frozen=True, tag="socket_opened"):
    """A connection to a peer passed its hello."""

    peer: str

    @property
    def line(self) -> str:
        return f"socket to {self.peer} open"


class SocketRemoved(EventBase, frozen=True, tag="socket_removed"):
    """A dead socket was found and removed."""

    peer: str
    reason: str
    level = "warn"

    @property
    def line(self) -> str:
        return f"dead socket to {self.peer} removed: {self.reason}"


class ReconnectDelayed(EventBase, frozen=True, tag="reconnect_delayed"):
    """A peer could not be reached; the next try waits `delay_s`."""

    peer: str
    attempt: int
    delay_s: float
    level = "warn"

    @property
    def line(self) -> str:
        return f"{self.peer} unreachable, try {self.attempt + 1} in {self.delay_s * 1e3:.0f} ms"


class PeerSuspected(EventBase, frozen=True, tag="peer_suspected"):
    """A peer has been silent for `silent_s`."""

    peer: str
    silent_s: float
    level = "warn"

    @property
    def line(self) -> str:
        return f"suspects {self.peer}: silent for {self.silent_s:.1f} s"


class PeerDied(EventBase, frozen=True, tag="peer_died"):
    """A suspected peer stayed silent and counts as dead."""

    peer: str
    silent_s: float
    level = "bad"

    @property
    def line(self) -> str:
        return f"counts {self.peer} as dead: silent for {self.silent_s:.1f} s"


class PeerReturned(EventBase, frozen=True, tag="peer_returned"):
    """A peer answers again."""

    peer: str
    level = "good"

    @property
    def line(self) -> str:
        return f"{self.peer} is back"


class ProtocolBroken(EventBase, frozen=True, tag="protocol_broken"):
    """Somebody sent what the protocol does not allow; the connection is aborted, the node goes on."""

    address: str
    reason: str
    level = "warn"

    @property
    def line(self) -> str:
        return f"{self.address} broke the protocol: {self.reason}"


class TensorStored(EventBase, frozen=True, tag="tensor_stored"):
    """A newer version of a key became visible on this node."""

    key: str
    version: Version
    nbytes: int
    checksum: int
    source: str

    @property
    def line(self) -> str:
        return f"holds {self.key} {self.version}, {size_text(self.nbytes)} from {self.source}"


class ChunkSent(EventBase, frozen=True, tag="chunk_sent"):
    """A chunk of a tensor was handed to the network; `offset` is the first byte after it."""

    peer: str
    key: str
    offset: int
    total: int
    detail = True

    @property
    def line(self) -> str:
        return f"{self.key}: {self.offset}/{self.total} bytes to {self.peer}"

    @property
    def offset_pct(self) -> float:
        """How much of the tensor has been sent, in percent."""
        return 100.0 * self.offset / self.total


class CheckpointBegun(EventBase, frozen=True, tag="checkpoint_begun"):
    """A key's new version is about to be written."""

    key: str
    version: Version
    detail = True

    @property
    def line(self) -> str:
        return f"writing checkpoint of {self.key} {self.version}"


class CheckpointSyncBegun(EventBase, frozen=True, tag="checkpoint_sync_begun"):
    """The bytes are written and about to be synced."""

    key: str
    version: Version
    detail = True

    @property
    def line(self) -> str:
        return f"syncing checkpoint of {self.key} {self.version}"


class CheckpointDurable(EventBase, frozen=True, tag="checkpoint_durable"):
    """A version is written, synced, renamed, and its name synced."""

    key: str
    version: Version
    nbytes: int
    checksum: int
    seconds: float

    @property
    def line(self) -> str:
        return f"checkpoint {self.key} {self.version} durable, {size_text(self.nbytes)} in {self.seconds * 1e3:.1f} ms"


class CheckpointFailed(EventBase, frozen=True, tag="checkpoint_failed"):
    """The disk refused; the previous checkpoint stands, and nobody is told that the new one is durable."""

    key: str
    version: Version
    reason: str
    level = "bad"

    @property
    def line(self) -> str:
        return f"checkpoint {self.key} {self.version} failed: {self.reason}"


class CheckpointRestored(EventBase, frozen=True, tag="checkpoint_restored"):
    """A key came back from disk at boot."""

    key: str
    version: Version
    checksum: int

    @property
    def line(self) -> str:
        return f"restored {self.key} {self.version}"


class CheckpointSetAside(EventBase, frozen=True, tag="checkpoint_set_aside"):
    """A torn or corrupt file was found at boot and moved out of the way."""

    file: str
    reason: str
    level = "warn"

    @property
    def line(self) -> str:
        return f"set {self.file} aside: {self.reason}"


class BroadcastBegun(EventBase, frozen=True, tag="broadcast_begun"):
    """The origin holds a new version and starts telling the others."""

    key: str
    version: Version
    nbytes: int
    members: tuple[str, ...]

    @property
    def line(self) -> str:
        return f"broadcasts {self.key} {self.version}, {size_text(self.nbytes)}, to {', '.join(self.members) or 'nobody'}"


class BroadcastAcked(EventBase, frozen=True, tag="broadcast_acked"):
    """One member's answer reached the origin: stored, durable, superseded or unreachable."""

    key: str
    version: Version
    member: str
    outcome: str
    seconds: float
    checksum: int
    detail = True

    @property
    def line(self) -> str:
        return f"{self.member} says {self.outcome} to {self.key} {self.version}"


class BroadcastEnded(EventBase, frozen=True, tag="broadcast_ended"):
    """Every member has answered or been given up."""

    key: str
    version: Version
    durable: int
    missing: tuple[str, ...]
    seconds: float

    @property
    def line(self) -> str:
        missing = f"; missing {', '.join(self.missing)}" if self.missing else ""
        return f"broadcast {self.key} {self.version}: durable on {self.durable}, {self.seconds * 1e3:.1f} ms{missing}"


class CaughtUp(EventBase, frozen=True, tag="caught_up"):
    """Anti-entropy brought a version this node had missed."""

    key: str
    version: Version
    source: str
    level = "good"

    @property
    def line(self) -> str:
        return f"caught up on {self.key} {self.version} from {self.source}"


class BareTensorReceived(EventBase, frozen=True, tag="bare_tensor_received"):
    """A bare TENS frame came in, as the C++ program sends them."""

    address: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def line(self) -> str:
        return f"bare tensor {self.dtype}{list(self.shape)} from {self.address}"


class TensorSummed(EventBase, frozen=True, tag="tensor_summed"):
    """A COMPUTE worker has summed a bare tensor."""

    key: str
    total: float
    worker: str

    @property
    def line(self) -> str:
        return f"sum of {self.key} is {self.total:g}, by {self.worker}"


class TaskFailed(EventBase, frozen=True, tag="task_failed"):
    """A task's kernel refused its input; the worker goes on."""

    task: str
    worker: str
    reason: str
    level = "warn"

    @property
    def line(self) -> str:
        return f"{self.task} failed on {self.worker}: {self.reason}"


class RunBegun(EventBase, frozen=True, tag="run_begun"):
    """A graph run starts; this node coordinates it."""

    run: str
    graph: str
    ops: int

    @property
    def line(self) -> str:
        return f"runs {self.graph}, {self.ops} ops ({self.run})"


class OpStarted(EventBase, frozen=True, tag="op_started"):
    """A worker of this node takes an op."""

    run: str
    op: str
    attempt: int
    worker: str
    detail = True

    @property
    def line(self) -> str:
        return f"{self.worker} starts {self.op}, attempt {self.attempt}"


class OpFinished(EventBase, frozen=True, tag="op_finished"):
    """A worker of this node has an op's results."""

    run: str
    op: str
    attempt: int
    worker: str
    seconds: float
    detail = True

    @property
    def line(self) -> str:
        return f"{self.worker} finished {self.op} in {self.seconds * 1e3:.2f} ms"


class OpCommitted(EventBase, frozen=True, tag="op_committed"):
    """The coordinator accepted the first result of an op; later ones are dropped."""

    run: str
    op: str
    node: str
    attempt: int
    detail = True

    @property
    def line(self) -> str:
        return f"{self.op} committed from {self.node}"


class OpLost(EventBase, frozen=True, tag="op_lost"):
    """An op's attempt, or its result, was lost with a socket or a node; it runs again if still needed."""

    run: str
    op: str
    node: str
    reason: str
    level = "warn"

    @property
    def line(self) -> str:
        return f"{self.op} lost on {self.node}, runs again: {self.reason}"


class RunEnded(EventBase, frozen=True, tag="run_ended"):
    """A run has its one result (`digest` over the outputs), or failed saying why."""

    run: str
    graph: str
    outcome: Literal["done", "failed"]
    digest: str
    seconds: float
    reason: str = ""

    @property
    def line(self) -> str:
        how = f"answer {self.digest}" if self.outcome == "done" else f"failed: {self.reason}"
        return f"{self.graph} {self.outcome} in {self.seconds * 1e3:.0f} ms, {how} ({self.run})"


class FaultFired(EventBase, frozen=True, tag="fault_fired"):
    """Trouble from a scenario or an operator takes effect."""

    fault: str
    kind: str
    text: str
    level = "warn"

    @property
    def line(self) -> str:
        return f"FAULT {self.text}"


class FaultHealed(EventBase, frozen=True, tag="fault_healed"):
    """A lasting fault is over."""

    fault: str
    kind: str
    text: str
    level = "good"

    @property
    def line(self) -> str:
        return f"HEALED {self.text}"


class FaultSkipped(EventBase, frozen=True, tag="fault_skipped"):
    """A fault could not take effect; the reason says why."""

    fault: str
    kind: str
    reason: str

    @property
    def line(self) -> str:
        return f"skipped {self.kind} {self.fault}: {self.reason}"


class ActionRefused(EventBase, frozen=True, tag="action_refused"):
    """Something asked for could not be done; the reason says what would be right."""

    action: str
    reason: str
    level = "warn"

    @property
    def line(self) -> str:
        return f"could not {self.action}: {self.reason}"


class PhaseBegan(EventBase, frozen=True, tag="phase_began"):
    """A scenario enters its next part: trouble, settle, verdict."""

    phase: str

    @property
    def line(self) -> str:
        return f"phase: {self.phase}"


class PromiseBroken(EventBase, frozen=True, tag="promise_broken"):
    """What must hold does not."""

    promise: str
    reason: str
    level = "bad"

    @property
    def line(self) -> str:
        return f"PROMISE BROKEN {self.promise}: {self.reason}"


Event = (
    NodeBooted | NodeDrained | NodeDown
    | SocketOpened | SocketRemoved | ReconnectDelayed | PeerSuspected | PeerDied | PeerReturned | ProtocolBroken
    | TensorStored | ChunkSent
    | CheckpointBegun | CheckpointSyncBegun | CheckpointDurable | CheckpointFailed | CheckpointRestored | CheckpointSetAside
    | BroadcastBegun | BroadcastAcked | BroadcastEnded | CaughtUp
    | BareTensorReceived | TensorSummed | TaskFailed
    | RunBegun | OpStarted | OpFinished | OpCommitted | OpLost | RunEnded
    | FaultFired | FaultHealed | FaultSkipped | ActionRefused | PhaseBegan | PromiseBroken
)  # fmt: skip


class Entry(msgspec.Struct, frozen=True):
    """An event as the journal keeps it: numbered, stamped (seconds on the world's clock) and with its node's name.

    `node` is "" for what the world itself says (faults, phases, promises).
    """

    seq: int
    time_s: float
    node: str
    event: Event


def event_name(event: Event) -> str:
    """An event's name as scenario files write it, such as `chunk_sent`."""
    return str(type(event).__struct_config__.tag)


EVENT_TYPES: dict[str, type[EventBase]] = {str(t.__struct_config__.tag): t for t in Event.__args__}
