"""Worlds seen at one moment, made by hand, for the console's tests: a three-node cluster at work, and in trouble."""

from collections.abc import Iterable

from dairt.control.frames import Answer, ClientFrame, Entries, Hello, Latest, ServerFrame
from dairt.model.events import BroadcastEnded, Entry, Event, FaultFired, NodeBooted, NodeDown, SocketRemoved
from dairt.model.version import Version
from dairt.model.views import (
    CheckpointState,
    CheckpointView,
    FaultView,
    LaneView,
    NodeState,
    NodeView,
    PeerView,
    RunView,
    Snapshot,
    WorkerView,
)
from dairt_console.reducer import LinkChanged, Seen, apply

NAMES = ("n0", "n1", "n2")
WALL_S = 1_700_000_000.0
HELLO = Hello("tcp", "first-look", 7, "inject")


def checkpoint(
    key: str, counter: int, origin: str, *, state: CheckpointState = "durable", age_s: float = 8.0
) -> CheckpointView:
    """One key of one node; float32, 512x512."""
    version = Version(counter, origin, 1)
    return CheckpointView(key, version, "float32", (512, 512), 2**20, 0xC0FFEE, WALL_S - age_s, state)


def node(name: str, state: NodeState = "up", *, at_s: float = 0.0, queued: int = 0) -> NodeView:
    """One node as it is `at_s`: it has sent 1 MiB and received 2 MiB for each second."""
    if state == "down":
        return NodeView(name, f"127.0.0.1:500{name[1:]}", state, restarts=1)
    return NodeView(
        name,
        f"127.0.0.1:500{name[1:]}",
        state,
        incarnation=1,
        up_s=at_s,
        lanes=(LaneView("compute", queued, 64, min(queued, 2), 2), LaneView("io", 0, 64, 1, 2)),
        workers=tuple(WorkerView(f"compute-{i}", "compute", "", 3) for i in range(2)),
        peers=tuple(PeerView(peer, "alive", 2, 100, 100, 0.1) for peer in NAMES if peer != name),
        checkpoints=(checkpoint("weights", 4, "n0"), checkpoint("gradients", 3, "n2", age_s=2.0)),
        sockets=4,
        tx_bytes=int(at_s * 2**20),
        rx_bytes=int(at_s * 2**21),
    )


def run(name: str = "r2", state: str = "running", done: int = 7) -> RunView:
    """A run of twelve ops, coordinated by n1."""
    ended = state == "done"
    return RunView(
        name, "layered-4x3", "n1", "done" if ended else "running", 12, done, 2, 1, float(name[1:]), 0.24, "a1b2c3d4e5f6" * ended
    )


def snapshot(at_s: float = 12.3, **changes: object) -> Snapshot:
    """The cluster at work; `changes` replace parts of it."""
    parts: dict[str, object] = {
        "nodes": tuple(node(name, at_s=at_s) for name in NAMES),
        "runs": (run("r1", "done", 12), run()),
        "speed": 1.0,
        "faults": (),
        **changes,
    }
    return Snapshot(time_s=at_s, world="tcp", scenario="first-look", seed=7, phase="trouble", wall_s=WALL_S, **parts)  # type: ignore[arg-type]


def trouble(at_s: float = 14.0) -> Snapshot:
    """n2 is down, and the link between the others is cut."""
    nodes = (node("n0", at_s=at_s, queued=64), node("n1", at_s=at_s), node("n2", "down"))
    faults = (
        FaultView("op-1", "conn.reset", "reset the sockets n0↔n1", "done", target=("n0", "n1"), fired=1),
        FaultView("op-2", "link.cut", "cut n0↔n1", "active", target=("n0", "n1"), fired=1),
        FaultView("op-3", "node.kill", "kill n2", "active", target=("n2",), fired=1),
    )
    return snapshot(at_s, nodes=nodes, faults=faults)


def entries(*said: Event, first: int = 1, start_s: float = 0.1) -> Entries:
    """The events, numbered, half a second apart, told by the nodes in turn."""
    return Entries(tuple(Entry(first + i, start_s + i / 2, NAMES[i % 3], event) for i, event in enumerate(said)))


HISTORY = entries(
    NodeBooted("127.0.0.1:5000", 0, 0, 1),
    NodeBooted("127.0.0.1:5001", 0, 0, 1),
    NodeBooted("127.0.0.1:5002", 2, 1, 1),
    BroadcastEnded("weights", Version(4, "n0", 1), 3, (), 0.0123),
    SocketRemoved("n0", "connection reset by peer"),
)
BAD_NEWS = entries(
    FaultFired("op-2", "link.cut", "cut n0↔n1", ("n0", "n1")),
    FaultFired("op-3", "node.kill", "kill n2", ("n2",)),
    NodeDown("killed"),
    first=9,
    start_s=12.6,
)


def seen_after(frames: Iterable[ServerFrame | LinkChanged], start: Seen | None = None) -> Seen:
    """What is known after these frames."""
    seen = start or Seen()
    for frame in frames:
        seen = apply(seen, frame)
    return seen


AT_WORK = (HELLO, HISTORY, Latest(snapshot(11.0)), Latest(snapshot(11.6)), Latest(snapshot(12.3)))
IN_TROUBLE = (*AT_WORK, BAD_NEWS, Latest(trouble()))


class Recorder:
    """Stands in for the link: keeps what was sent, and answers each question with the next of `answers`."""

    def __init__(self) -> None:
        self.sent: list[ClientFrame] = []

    def __call__(self, frame: ClientFrame, /) -> None:
        self.sent.append(frame)

    def answer(self, state: str, reason: str = "", *, at_s: float = 0.0, fault: str = "") -> Answer:
        """An answer to the latest question."""
        return Answer(self.sent[-1].id, state, reason, at_s, fault)  # type: ignore[arg-type]
