"""What can happen: frozen events, each with its one line of text. Emitted once, synchronously, through `Host.emit`.

An event names no node and no time: whoever emits it is known by its host, and the journal stamps it (`Entry`).
Events with `detail = True` come in great number (a chunk, a message): they feed triggers, promises and the digest, but are
not kept for people to read.
"""

import msgspec

from dairt.model.events.base import EventBase, Level, size_text
from dairt.model.events.nodes import (
    DoorFull,
    NodeBooted,
    NodeDown,
    NodeDrained,
    PeerDied,
    PeerReturned,
    PeerSuspected,
    ProtocolBroken,
    ReconnectDelayed,
    SocketOpened,
    SocketRemoved,
)
from dairt.model.events.rehearsal import (
    ActionRefused,
    FaultFired,
    FaultHealed,
    FaultLanded,
    FaultSkipped,
    PhaseBegan,
    PromiseBroken,
)
from dairt.model.events.runs import (
    OpCommitted,
    OpFinished,
    OpLost,
    OpStarted,
    RunBegun,
    RunEnded,
    TaskFailed,
)
from dairt.model.events.tensors import (
    BareTensorReceived,
    BroadcastAcked,
    BroadcastBegun,
    BroadcastEnded,
    CaughtUp,
    CheckpointBegun,
    CheckpointDamaged,
    CheckpointDurable,
    CheckpointFailed,
    CheckpointRestored,
    CheckpointSetAside,
    CheckpointSyncBegun,
    CheckpointVerified,
    ChunkSent,
    TensorStored,
    TensorSummed,
)

__all__ = [
    "EVENT_TYPES",
    "ActionRefused",
    "BareTensorReceived",
    "BroadcastAcked",
    "BroadcastBegun",
    "BroadcastEnded",
    "CaughtUp",
    "CheckpointBegun",
    "CheckpointDamaged",
    "CheckpointDurable",
    "CheckpointFailed",
    "CheckpointRestored",
    "CheckpointSetAside",
    "CheckpointSyncBegun",
    "CheckpointVerified",
    "ChunkSent",
    "DoorFull",
    "Entry",
    "Event",
    "EventBase",
    "FaultFired",
    "FaultHealed",
    "FaultLanded",
    "FaultSkipped",
    "Level",
    "NodeBooted",
    "NodeDown",
    "NodeDrained",
    "OpCommitted",
    "OpFinished",
    "OpLost",
    "OpStarted",
    "PeerDied",
    "PeerReturned",
    "PeerSuspected",
    "PhaseBegan",
    "PromiseBroken",
    "ProtocolBroken",
    "ReconnectDelayed",
    "RunBegun",
    "RunEnded",
    "SocketOpened",
    "SocketRemoved",
    "TaskFailed",
    "TensorStored",
    "TensorSummed",
    "event_name",
    "size_text",
]

Event = (
    NodeBooted | NodeDrained | NodeDown
    | SocketOpened | SocketRemoved | ReconnectDelayed | DoorFull | PeerSuspected | PeerDied | PeerReturned | ProtocolBroken
    | TensorStored | ChunkSent
    | CheckpointBegun | CheckpointSyncBegun | CheckpointDurable | CheckpointFailed | CheckpointRestored | CheckpointSetAside
    | CheckpointVerified | CheckpointDamaged
    | BroadcastBegun | BroadcastAcked | BroadcastEnded | CaughtUp
    | BareTensorReceived | TensorSummed | TaskFailed
    | RunBegun | OpStarted | OpFinished | OpCommitted | OpLost | RunEnded
    | FaultFired | FaultLanded | FaultHealed | FaultSkipped | ActionRefused | PhaseBegan | PromiseBroken
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
