"""Journals and worlds in which promises are broken or kept, by `promise: what happens`; the newer ones in promise_cases_2."""

from collections.abc import Sequence

from dairt.model.events import (
    BroadcastAcked,
    BroadcastBegun,
    CheckpointDurable,
    CheckpointRestored,
    Event,
    NodeBooted,
    NodeDown,
    NodeDrained,
    OpCommitted,
    OpLost,
    RunBegun,
    RunEnded,
    TensorStored,
)
from dairt.model.version import Version
from dairt.model.views import CheckpointView, NodeView, Snapshot

OLD, NEW = Version(1, "n0", 7), Version(2, "n0", 7)
BOOTED = NodeBooted("n0:1", 0, 0, 1)


def node(
    name: str, *held: tuple[str, Version, int], state: str = "up", sockets: int = 0, litter: tuple[str, ...] = ()
) -> NodeView:
    checkpoints = tuple(
        CheckpointView(key, version, "float32", (1,), 4, checksum, 0.0, "durable") for key, version, checksum in held
    )
    return NodeView(name, name, state, checkpoints=checkpoints, sockets=sockets, litter=litter)  # type: ignore[arg-type]


def world(*nodes: NodeView) -> Snapshot:
    return Snapshot(0.0, "sim", "test", 0, "verdict", 1.0, nodes)


def acked(key: str, version: Version, checksum: int, outcome: str = "durable", member: str = "n1") -> list[tuple[str, Event]]:
    return [
        ("n0", BroadcastBegun(key, version, 4, ("n1", "n2"))),
        ("n0", BroadcastAcked(key, version, member, outcome, 0.1, checksum)),
    ]


def ended(run: str, digest: str = "d", outcome: str = "done", graph: str = "g") -> tuple[str, Event]:
    return "n0", RunEnded(run, graph, outcome, digest, 0.1)  # type: ignore[arg-type]


Said = tuple[str, Event] | tuple[str, Event, float]
Case = tuple[Sequence[Said], Snapshot | None]
BROKEN: dict[str, Case] = {
    "acked_broadcast_on_all_live: a live node lacks it": (
        acked("w", OLD, 5),
        world(node("n0", ("w", OLD, 5)), node("n1", ("w", OLD, 5)), node("n2")),
    ),
    "acked_broadcast_on_all_live: a live node has an older one": (
        acked("w", NEW, 5),
        world(node("n1", ("w", NEW, 5)), node("n2", ("w", OLD, 4))),
    ),
    "acked_broadcast_on_all_live: a live node has other bytes": (acked("w", OLD, 5), world(node("n2", ("w", OLD, 6)))),
    "no_partial_tensor_visible: two nodes store different bytes": (
        [("n0", TensorStored("w", OLD, 4, 5, "n0")), ("n1", TensorStored("w", OLD, 4, 6, "n0"))],
        None,
    ),
    "no_partial_tensor_visible: the disk has other bytes than memory": (
        [("n0", TensorStored("w", OLD, 4, 5, "n0")), ("n0", CheckpointDurable("w", OLD, 4, 6, 0.1))],
        None,
    ),
    "no_partial_tensor_visible: other bytes are restored": (
        [("n0", TensorStored("w", OLD, 4, 5, "n0")), ("n0", CheckpointRestored("w", OLD, 6))],
        None,
    ),
    "no_partial_tensor_visible: a receipt is for other bytes": (
        [("n0", TensorStored("w", OLD, 4, 5, "n0")), *acked("w", OLD, 6)],
        None,
    ),
    "no_partial_tensor_visible: other bytes are seen": (
        [("n0", TensorStored("w", OLD, 4, 5, "n0"))],
        world(node("n1", ("w", OLD, 6))),
    ),
    "durable_survives_restart: nothing comes back": ([("n0", CheckpointDurable("w", OLD, 4, 5, 0.1)), ("n0", BOOTED)], None),
    "durable_survives_restart: an older one comes back": (
        [("n1", CheckpointDurable("w", NEW, 4, 5, 0.1)), ("n1", CheckpointRestored("w", OLD, 4)), ("n1", BOOTED)],
        None,
    ),
    "durable_survives_restart: a receipt is forgotten": ([*acked("w", OLD, 5), ("n1", BOOTED)], None),
    "versions_only_rise: a version falls": (
        [("n0", TensorStored("w", NEW, 4, 5, "n0")), ("n0", TensorStored("w", OLD, 4, 4, "n0"))],
        None,
    ),
    "versions_only_rise: what was restored is replaced by an older one": (
        [("n0", CheckpointRestored("w", NEW, 5)), ("n0", BOOTED), ("n0", TensorStored("w", OLD, 4, 4, "n1"))],
        None,
    ),
    "every_run_has_one_result: two results": ([("n0", RunBegun("r", "g", 1)), ended("r"), ended("r")], None),
    "every_run_has_one_result: no result": ([("n0", RunBegun("r", "g", 1))], world()),
    "every_run_has_one_result: it failed": ([("n0", RunBegun("r", "g", 1)), ended("r", outcome="failed")], None),
    "every_run_has_one_result: it never began": ([ended("r")], None),
    "every_run_has_one_result: it began twice": ([("n0", RunBegun("r", "g", 1)), ("n1", RunBegun("r", "g", 1))], None),
    "op_committed_once: twice": ([("n0", OpCommitted("r", "a", "n1", 1)), ("n0", OpCommitted("r", "a", "n2", 2))], None),
    "runs_give_the_same_answer: they differ": ([ended("r1", "d1"), ended("r2", "d2")], None),
    "every_node_returns: one is down": ([], world(node("n0"), node("n1", state="down"))),
    "nothing_is_left_behind: a task goes on": ([], world(node("n1", state="down", litter=("task x",)))),
    "nothing_is_left_behind: a file is unfinished": (
        [("n1", NodeDrained())],
        world(node("n1", state="down", litter=("file x.tmp",))),
    ),
    "no_leaked_sockets: a stopped node has one": ([], world(node("n0"), node("n1", state="down", sockets=1))),
}

KEPT: dict[str, Case] = {
    "acked_broadcast_on_all_live: a newer one supersedes": (
        acked("w", OLD, 5),
        world(node("n0", ("w", OLD, 5)), node("n1", ("w", NEW, 6)), node("n2", state="down")),
    ),
    "acked_broadcast_on_all_live: nobody said durable": (acked("w", OLD, 5, "stored"), world(node("n1"))),
    "acked_broadcast_on_all_live: it was not for that node": (acked("w", OLD, 5), world(node("n9"))),
    "no_partial_tensor_visible: same bytes": (
        [("n0", TensorStored("w", OLD, 4, 5, "n0")), ("n1", TensorStored("w", OLD, 4, 5, "n0"))],
        world(node("n1", ("w", OLD, 5))),
    ),
    "no_partial_tensor_visible: another version": (
        [("n0", TensorStored("w", OLD, 4, 5, "n0")), ("n1", TensorStored("w", NEW, 4, 6, "n0"))],
        None,
    ),
    "durable_survives_restart: it comes back": (
        [("n0", CheckpointDurable("w", OLD, 4, 5, 0.1)), ("n0", CheckpointRestored("w", NEW, 5)), ("n0", BOOTED)],
        None,
    ),
    "versions_only_rise: a new life begins lower": (
        [("n0", TensorStored("w", NEW, 4, 5, "n0")), ("n0", NodeDown("killed")), ("n0", TensorStored("w", OLD, 4, 4, "n1"))],
        None,
    ),
    "every_run_has_one_result: one each": ([("n0", RunBegun("r", "g", 1)), ended("r")], world()),
    "op_committed_once: again after it was lost": (
        [
            ("n0", OpCommitted("r", "a", "n1", 1)),
            ("n0", OpLost("r", "a", "n1", "killed")),
            ("n0", OpCommitted("r", "a", "n2", 2)),
        ],
        None,
    ),
    "op_committed_once: once each": ([("n0", OpCommitted("r", "a", "n1", 1)), ("n0", OpCommitted("r2", "a", "n1", 1))], None),
    "runs_give_the_same_answer: of two graphs": ([ended("r1", "d1"), ended("r2", "d2", graph="h")], None),
    "every_node_returns: all up": ([], world(node("n0"))),
    "nothing_is_left_behind: but by one that was killed": (
        [("n1", NodeDrained()), ("n1", BOOTED), ("n1", NodeDown("killed"))],
        world(node("n1", state="down", litter=("file x.tmp",))),
    ),
    "no_leaked_sockets: a live node has some": ([], world(node("n0", sockets=3), node("n1", state="down"))),
}
