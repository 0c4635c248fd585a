"""What can be asked for, by a scenario, a test or a person at the console: one vocabulary for trouble and for work.

Each kind is one struct that says what it does; `lasts` where it has to be healed. Times are in seconds, sizes in bytes.
`LinkTrouble` and `HostTrouble` act before they return; `NodeTrouble` ends and starts lives, which takes a while.
"""

from dairt.model.action.base import ANY, JOIN, GraphRecipe, Link, TensorRecipe, named
from dairt.model.action.connections import CutAfter, HalfOpen, HangConnections, RefuseConnections, ResetConnection, SlowClose
from dairt.model.action.disks import DiskCalls, DiskError, DiskFull, FsyncError, LoseUnsynced, RotBit, SlowDisk, TornWrites
from dairt.model.action.frames import FRAME_MAX_BYTES, CorruptFrame, DuplicateFrame, ReplayFrame, TruncateFrame
from dairt.model.action.keeping import RestoreCheckpoint, VerifyCheckpoint
from dairt.model.action.links import BlackholeLink, CutLink, DegradeLink, HoldLink
from dairt.model.action.nodes import (
    KillNode,
    PauseNode,
    PowerCut,
    RestartNode,
    SkewClock,
    SlowNode,
    StopNode,
    Unsynced,
    WipeNode,
)
from dairt.model.action.tensors import FlipResult, NanResult
from dairt.model.action.work import Broadcast, CallPython, Heal, Put, RunGraph
from dairt.model.action.worlds import LIMITS, why_not, worlds_of

__all__ = [
    "ANY",
    "FRAME_MAX_BYTES",
    "JOIN",
    "LIMITS",
    "Action",
    "BlackholeLink",
    "Broadcast",
    "CallPython",
    "ConnectionTrouble",
    "CorruptFrame",
    "CutAfter",
    "CutLink",
    "DegradeLink",
    "DiskCalls",
    "DiskError",
    "DiskFull",
    "DiskTrouble",
    "DownNode",
    "DuplicateFrame",
    "FaultAction",
    "FlipResult",
    "FrameTrouble",
    "FsyncError",
    "GraphRecipe",
    "HalfOpen",
    "HangConnections",
    "Heal",
    "HoldLink",
    "HostTrouble",
    "KeepingAction",
    "KillNode",
    "Link",
    "LinkTrouble",
    "LoseUnsynced",
    "NanResult",
    "NodeTrouble",
    "PauseNode",
    "PowerCut",
    "Put",
    "RefuseConnections",
    "ReplayFrame",
    "ResetConnection",
    "RestartNode",
    "RestoreCheckpoint",
    "RotBit",
    "RunGraph",
    "SkewClock",
    "SlowClose",
    "SlowDisk",
    "SlowNode",
    "StopNode",
    "TensorRecipe",
    "TensorTrouble",
    "TornWrites",
    "TruncateFrame",
    "Unsynced",
    "VerifyCheckpoint",
    "WaitingTrouble",
    "WipeNode",
    "WorkAction",
    "WorldTrouble",
    "kind_of",
    "named",
    "nodes_of",
    "target_of",
    "why_not",
    "worlds_of",
]

ConnectionTrouble = ResetConnection | HalfOpen | SlowClose | RefuseConnections | HangConnections | CutAfter
FrameTrouble = CorruptFrame | TruncateFrame | DuplicateFrame | ReplayFrame
LinkTrouble = ConnectionTrouble | CutLink | BlackholeLink | DegradeLink | HoldLink | FrameTrouble
DiskTrouble = DiskError | DiskFull | SlowDisk | FsyncError | TornWrites | LoseUnsynced | RotBit
TensorTrouble = NanResult | FlipResult
# What is in effect, and befalls nothing before a frame, a byte, a disk's call or a kernel comes by.
WaitingTrouble = FrameTrouble | CutAfter | DiskError | DiskFull | FsyncError | TensorTrouble
HostTrouble = PauseNode | SlowNode | SkewClock | DiskTrouble | TensorTrouble
WorldTrouble = LinkTrouble | HostTrouble  # what is in effect before whoever asks for it goes on
DownNode = StopNode | KillNode | PowerCut | WipeNode  # what keeps a node down until healed, or until it is started again
NodeTrouble = DownNode | RestartNode
FaultAction = WorldTrouble | NodeTrouble
WorkAction = Broadcast | Put | RunGraph | CallPython
KeepingAction = VerifyCheckpoint | RestoreCheckpoint
Action = FaultAction | Heal | WorkAction | KeepingAction


def kind_of(action: Action) -> str:
    """The action's name as scenario files write it, such as `conn.reset`."""
    return str(type(action).__struct_config__.tag)


def nodes_of(action: Action) -> tuple[str, ...]:
    """The nodes that an action names, `any` left out."""
    match action:
        case Broadcast(source=node) | RunGraph(coordinator=node) | Put(node=node):
            return (node,) if node else ()
        case Heal() | CallPython():
            return ()
    if isinstance(action, LinkTrouble):
        return tuple(node for node in (*named(action.link.a), *named(action.link.b)) if node != ANY)
    return named(action.node)


def target_of(action: Action) -> tuple[str, ...]:
    """Whom an action befalls: nodes, or the two sides of a link as `Link` has them."""
    return (action.link.a, action.link.b) if isinstance(action, LinkTrouble) else nodes_of(action)
