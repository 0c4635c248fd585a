"""More journals and worlds in which promises are broken or kept: those that need times, and trouble that excuses."""

from dairt.model.action import (
    Action,
    CutLink,
    DegradeLink,
    DiskError,
    DiskFull,
    FsyncError,
    KillNode,
    Link,
    PauseNode,
    RestartNode,
    RotBit,
    SlowNode,
    WipeNode,
    kind_of,
)
from dairt.model.events import (
    BroadcastAcked,
    BroadcastBegun,
    CheckpointBegun,
    CheckpointDurable,
    CheckpointFailed,
    CheckpointRestored,
    CheckpointSyncBegun,
    Event,
    FaultFired,
    FaultHealed,
    NodeDown,
    NodeDrained,
    OpCommitted,
    OpFinished,
    OpLost,
    OpStarted,
    PeerDied,
    PeerReturned,
    PeerSuspected,
    PhaseBegan,
    ReconnectDelayed,
    RunBegun,
    TaskFailed,
    TensorStored,
)
from dairt.model.views import LaneView, NodeView, PeerView
from promise_cases import BOOTED, NEW, OLD, Case, Said, acked, ended, node, world

ACTIONS: dict[str, Action] = {
    "cut": CutLink(Link("n1", "any")),
    "slow link": DegradeLink(Link("n1", "n0"), latency_s=0.1),
    "snail link": DegradeLink(Link("n1", "n0"), latency_s=3.0),
    "slow": SlowNode("n1"),
    "pause": PauseNode("n1"),
    "kill": KillNode("n1"),
    "restart": RestartNode("n1"),
    "wipe": WipeNode("n1"),
    "rot": RotBit("n1"),
    "full": DiskFull("n1"),
    "unreadable": DiskError("n1", "read"),
    "no sync": FsyncError("n1", times=0),
}
GONE, DRAINED = NodeDown("killed"), NodeDrained()
ALL_UP: list[Said] = [("n0", BOOTED, 0.0), ("n1", BOOTED, 0.0), ("n2", BOOTED, 0.0)]
WRITTEN: list[Said] = [
    ("n1", TensorStored("w", OLD, 4, 5, "n0")),
    ("n1", CheckpointBegun("w", OLD)),
    ("n1", CheckpointSyncBegun("w", OLD)),
]
DURABLE: Said = ("n1", CheckpointDurable("w", OLD, 4, 5, 0.1))
FAILED: Said = ("n1", CheckpointFailed("w", OLD, "no room"))
ACK: Event = BroadcastAcked("w", OLD, "n1", "durable", 0.1, 5)


def fired(fault: str, at_s: float) -> Said:
    return "", FaultFired(fault, kind_of(ACTIONS[fault]), fault), at_s


def healed(fault: str, at_s: float) -> Said:
    return "", FaultHealed(fault, kind_of(ACTIONS[fault]), fault), at_s


def started(op: str, attempt: int = 1, worker: str = "compute-0", on: str = "n1") -> Said:
    return on, OpStarted("r", op, attempt, worker)


def finished(op: str, worker: str = "compute-0", on: str = "n1") -> Said:
    return on, OpFinished("r", op, 1, worker, 0.1)


def busy(*, peak: int = 0, sockets: int = 0, doubts: bool = False) -> NodeView:
    peer = PeerView("n1", "suspect" if doubts else "alive", sockets, 0, 0, 0.0)
    return NodeView("n0", "n0", "up", lanes=(LaneView("io", 0, 8, 0, 2, peak),), peers=(peer,))


BEGUN: Said = ("n0", RunBegun("r", "g", 2))
LOST: Said = ("n0", OpLost("r", "a", "n1", "killed"))

BROKEN: dict[str, Case] = {
    "every_run_has_one_result: another node was killed": ([("n0", RunBegun("r", "g", 1)), ("n1", GONE)], world()),
    "every_run_has_one_result: its coordinator was killed before": (
        [("n1", GONE), ("n1", BOOTED), ("n1", RunBegun("r", "g", 1))],
        world(),
    ),
    "every_run_has_one_result: it failed after its coordinator had come back": (
        [fired("restart", 1.0), ("n1", DRAINED), ("n1", BOOTED), ("n1", RunBegun("r", "g", 1)), ended("r", outcome="failed")],
        None,
    ),
    "every_run_has_one_result: another node was stopped": (
        [("n0", RunBegun("r", "g", 1)), fired("restart", 1.0), ended("r", outcome="failed")],
        None,
    ),
    "every_run_has_one_result: it is told of again after it was excused": (
        [("n1", RunBegun("r", "g", 1)), ("n1", GONE), ended("r")],
        None,
    ),
    "corrupt_frame_never_delivered: other bytes arrive": (
        [("n0", TensorStored("w", OLD, 4, 5, "n0")), ("n1", TensorStored("w", OLD, 4, 6, "n0"))],
        None,
    ),
    "nobody_holds_what_is_not_for_them: a put travels": (
        [("n0", BroadcastBegun("w", OLD, 4, ())), ("n1", TensorStored("w", OLD, 4, 5, "n0"))],
        None,
    ),
    "live_nodes_agree: they do not": (
        [("n0", BroadcastBegun("w", OLD, 4, ("n1",)))],
        world(node("n0", ("w", OLD, 5)), node("n1", ("w", NEW, 5))),
    ),
    "live_nodes_agree: one has nothing": (
        [("n0", BroadcastBegun("w", OLD, 4, ("n1",)))],
        world(node("n0", ("w", OLD, 5)), node("n1")),
    ),
    "acked_write_is_not_lost: nobody has it": (acked("w", NEW, 5), world(node("n0", ("w", OLD, 5)), node("n1"))),
    "acked_write_is_not_lost: who has it is down": (acked("w", OLD, 5), world(node("n0", ("w", OLD, 5), state="down"))),
    "acked_write_is_not_lost: another's disk was wiped": (
        [*acked("w", OLD, 5, member="n2"), fired("wipe", 1.0)],
        world(node("n0"), node("n1")),
    ),
    "durable_survives_restart: the disk was wiped before": (
        [fired("wipe", 0.1), DURABLE, ("n1", GONE), ("n1", BOOTED)],
        None,
    ),
    "acked_only_when_durable: it becomes so later": (
        [("n0", ACK, 1.0), ("n1", CheckpointDurable("w", OLD, 4, 5, 0.1), 1.1)],
        None,
    ),
    "acked_only_when_durable: it never does": ([("n0", ACK)], world()),
    "fsync_error_means_not_acked: every sync fails": ([fired("no sync", 0.1), *WRITTEN, DURABLE], None),
    "fsync_error_means_not_acked: it is acknowledged": ([*WRITTEN, FAILED, ("n0", ACK)], None),
    "fsync_error_means_not_acked: only the sync was tried again": (
        [*WRITTEN, FAILED, ("n1", CheckpointSyncBegun("w", OLD)), DURABLE],
        None,
    ),
    "enospc_keeps_the_previous_checkpoint: the node ends": ([fired("full", 0.1), FAILED, ("n1", NodeDown("no room"))], None),
    "enospc_keeps_the_previous_checkpoint: it is gone": (
        [DURABLE, ("n1", CheckpointFailed("w", NEW, "no room")), fired("kill", 3.0), ("n1", GONE), ("n1", BOOTED)],
        None,
    ),
    "bit_rot_is_never_loaded: it is": (
        [("n0", TensorStored("w", OLD, 4, 5, "n0")), ("n1", CheckpointRestored("w", OLD, 6))],
        None,
    ),
    "one_writer_a_key: two": ([("n1", CheckpointBegun("w", OLD)), ("n1", CheckpointBegun("w", NEW))], None),
    "dead_peer_is_suspected_in_time: nobody does": ([*ALL_UP, ("n1", GONE, 1.0), ("n0", DRAINED, 9.0)], None),
    "dead_peer_is_suspected_in_time: one does not": (
        [*ALL_UP, ("n1", DRAINED, 1.0), ("n0", PeerSuspected("n1", 2.0), 3.0), ("n0", BOOTED, 9.0)],
        None,
    ),
    "dead_peer_is_suspected_in_time: who boots later does not": (
        [("n1", BOOTED, 0.0), ("n1", GONE, 1.0), ("n0", BOOTED, 5.0), ("n0", PhaseBegan("settle"), 19.0)],
        None,
    ),
    "slow_peer_is_not_declared_dead: nothing is wrong": ([*ALL_UP, ("n0", PeerDied("n1", 5.0), 9.0)], None),
    "slow_peer_is_not_declared_dead: it is only slow": (
        [*ALL_UP, fired("slow", 1.0), fired("slow link", 1.0), ("n0", PeerDied("n1", 5.0), 9.0)],
        None,
    ),
    "slow_peer_is_not_declared_dead: the cut is long healed": (
        [*ALL_UP, fired("cut", 1.0), healed("cut", 2.0), ("n0", PeerDied("n1", 5.0), 9.0)],
        None,
    ),
    "slow_peer_is_not_declared_dead: another was cut off": (
        [*ALL_UP, fired("kill", 1.0), ("n1", GONE, 1.0), ("n0", PeerDied("n2", 5.0), 9.0)],
        None,
    ),
    "parted_peer_stays_lost: it is back in the middle of a cut": (
        [*ALL_UP, fired("cut", 1.0), ("n0", PeerSuspected("n1", 2.0), 3.0), ("n0", PeerReturned("n1"), 4.0)],
        None,
    ),
    "parted_peer_stays_lost: from the dead": (
        [*ALL_UP, fired("cut", 1.0), ("n0", PeerDied("n1", 5.0), 6.0), ("n0", PeerReturned("n1"), 7.0)],
        None,
    ),
    "wrongly_suspected_node_returns: it is suspected": ([], world(busy(doubts=True), node("n1"))),
    "reconnects_back_off: too soon": ([("n0", ReconnectDelayed("n1", 1, 0.0))], None),
    "reconnects_back_off: not doubled": ([("n0", ReconnectDelayed("n1", 3, 0.05))], None),
    "reconnects_back_off: above the cap": ([("n0", ReconnectDelayed("n1", 20, 2.5))], None),
    "reconnects_back_off: in step": ([("n0", ReconnectDelayed("n1", 1, 0.04)), ("n2", ReconnectDelayed("n1", 1, 0.04))], None),
    "every_task_ends_once: it never ends": ([started("a"), started("b")], None),
    "every_task_ends_once: it outlives its run": ([BEGUN, started("a"), ended("r")], world()),
    "every_task_ends_once: it ends twice": ([started("a"), finished("a"), finished("a")], None),
    "op_computed_once_a_node: twice": ([finished("a"), finished("a")], None),
    "poison_op_is_given_up: it is not": ([BEGUN, *[LOST] * 18], None),
    "poison_op_is_given_up: another is": ([BEGUN, *[LOST] * 3, ended("r", outcome="failed")], None),
    "poison_op_is_given_up: nothing comes of it": ([BEGUN], world()),
    "lost_result_recomputed_only_if_needed: its holder is well": (
        [BEGUN, ("n0", OpCommitted("r", "a", "n2", 1)), LOST],
        None,
    ),
    "lost_result_recomputed_only_if_needed: nothing was lost": (
        [BEGUN, ("n0", OpCommitted("r", "a", "n2", 1)), started("a", 2)],
        None,
    ),
    "queues_stay_within_bounds: too many have waited": ([], world(busy(peak=9))),
    "queues_stay_within_bounds: too many sockets": ([], world(busy(sockets=11))),
    "no_cancellation_is_swallowed: a restart takes long": ([*ALL_UP, fired("restart", 1.0), ("n1", DRAINED, 9.0)], None),
    "no_cancellation_is_swallowed: the end takes long": (
        [*ALL_UP, ("", PhaseBegan("verdict"), 1.0), ("n0", DRAINED, 2.0), ("n1", DRAINED, 9.0)],
        None,
    ),
}

KEPT: dict[str, Case] = {
    "every_run_has_one_result: its coordinator was killed": ([("n1", RunBegun("r", "g", 1)), ("n1", GONE)], world()),
    "every_run_has_one_result: its coordinator was stopped": (
        [("n1", RunBegun("r", "g", 1)), fired("restart", 1.0), ("n1", ended("r", outcome="failed")[1]), ("n1", DRAINED)],
        world(),
    ),
    "corrupt_frame_never_delivered: the same bytes arrive": (
        [("n0", TensorStored("w", OLD, 4, 5, "n0")), ("n1", TensorStored("w", OLD, 4, 5, "n0"))],
        None,
    ),
    "nobody_holds_what_is_not_for_them: it was for them": (
        [("n0", BroadcastBegun("w", OLD, 4, ("n1",))), ("n1", TensorStored("w", OLD, 4, 5, "n0"))],
        None,
    ),
    "live_nodes_agree: one is down, and a key is not for all": (
        [("n0", BroadcastBegun("w", OLD, 4, ("n1", "n2"))), ("n0", BroadcastBegun("p", OLD, 4, ()))],
        world(node("n0", ("w", OLD, 5), ("p", OLD, 5)), node("n1", ("w", OLD, 5)), node("n2", state="down")),
    ),
    "acked_write_is_not_lost: a newer one is there": (acked("w", OLD, 5), world(node("n0"), node("n2", ("w", NEW, 5)))),
    "acked_write_is_not_lost: the only disk was wiped": ([*acked("w", OLD, 5), fired("wipe", 1.0)], world(node("n0"))),
    "durable_survives_restart: but not a wipe": ([DURABLE, fired("wipe", 1.0), ("n1", GONE), ("n1", BOOTED)], None),
    "durable_survives_restart: but not a flipped bit": ([DURABLE, fired("rot", 1.0), ("n1", GONE), ("n1", BOOTED)], None),
    "durable_survives_restart: unless nothing can be read": (
        [DURABLE, fired("unreadable", 1.0), ("n1", GONE, 2.0), ("n1", BOOTED, 3.0)],
        None,
    ),
    "acked_only_when_durable: it was": ([DURABLE, ("n0", ACK)], world()),
    "acked_only_when_durable: it was restored": ([("n1", CheckpointRestored("w", OLD, 5)), ("n0", ACK)], world()),
    "fsync_error_means_not_acked: it was written anew": ([*WRITTEN, FAILED, *WRITTEN[1:], DURABLE, ("n0", ACK)], None),
    "fsync_error_means_not_acked: the disk is well again": (
        [fired("no sync", 0.1), *WRITTEN, healed("no sync", 1.0), DURABLE],
        None,
    ),
    "enospc_keeps_the_previous_checkpoint: a fault ends the node": (
        [DURABLE, FAILED, fired("kill", 3.0), ("n1", GONE), ("n1", CheckpointRestored("w", OLD, 5)), ("n1", BOOTED)],
        None,
    ),
    "bit_rot_is_never_loaded: what was stored is": (
        [("n0", TensorStored("w", OLD, 4, 5, "n0")), ("n1", CheckpointRestored("w", OLD, 5))],
        None,
    ),
    "one_writer_a_key: one after the other": (
        [*WRITTEN, DURABLE, *WRITTEN[1:], ("n1", GONE), ("n1", BOOTED), *WRITTEN[1:], FAILED, *WRITTEN[1:]],
        None,
    ),
    "dead_peer_is_suspected_in_time: all do": (
        [
            *ALL_UP,
            ("n1", GONE, 1.0),
            ("n0", PeerSuspected("n1", 2.0), 3.0),
            ("n2", PeerDied("n1", 2.0), 3.5),
            ("n0", BOOTED, 9.0),
        ],
        None,
    ),
    "dead_peer_is_suspected_in_time: it came back": (
        [*ALL_UP, ("n1", GONE, 1.0), ("n1", BOOTED, 2.0), ("n1", GONE, 9.0)],
        None,
    ),
    "dead_peer_is_suspected_in_time: bytes were held": (
        [*ALL_UP, fired("cut", 0.5), healed("cut", 1.5), ("n1", GONE, 1.0), ("n0", DRAINED, 9.0)],
        None,
    ),
    "slow_peer_is_not_declared_dead: it was cut off": ([*ALL_UP, fired("cut", 3.0), ("n0", PeerDied("n1", 5.0), 8.0)], None),
    "slow_peer_is_not_declared_dead: it stood still": ([*ALL_UP, fired("pause", 3.0), ("n0", PeerDied("n1", 5.0), 8.0)], None),
    "slow_peer_is_not_declared_dead: the way was endless": (
        [*ALL_UP, fired("snail link", 3.0), ("n0", PeerDied("n1", 5.0), 8.0)],
        None,
    ),
    "slow_peer_is_not_declared_dead: it was told to stop": (
        [*ALL_UP, fired("restart", 3.0), ("n0", PeerDied("n1", 5.0), 8.0)],
        None,
    ),
    "parted_peer_stays_lost: it is back when the cut is healed": (
        [
            *ALL_UP,
            fired("cut", 1.0),
            ("n0", PeerSuspected("n1", 2.0), 3.0),
            healed("cut", 4.0),
            ("n0", PeerReturned("n1"), 4.1),
        ],
        None,
    ),
    "parted_peer_stays_lost: it was suspected before the cut": (
        [*ALL_UP, ("n0", PeerSuspected("n1", 2.0), 3.0), fired("cut", 3.5), ("n0", PeerReturned("n1"), 3.6)],
        None,
    ),
    "parted_peer_stays_lost: another one was cut off": (
        [*ALL_UP, fired("cut", 1.0), ("n0", PeerSuspected("n2", 2.0), 3.0), ("n0", PeerReturned("n2"), 4.0)],
        None,
    ),
    "parted_peer_stays_lost: the observer began a new life": (
        [*ALL_UP, fired("cut", 1.0), ("n0", PeerDied("n1", 5.0), 6.0), ("n0", GONE, 6.5), ("n0", PeerReturned("n1"), 7.0)],
        None,
    ),
    "wrongly_suspected_node_returns: it has": ([], world(busy(), node("n1"))),
    "wrongly_suspected_node_returns: it is down": ([], world(busy(doubts=True), node("n1", state="down"))),
    "reconnects_back_off: they do": (
        [
            ("n0", ReconnectDelayed("n1", 1, 0.04)),
            ("n2", ReconnectDelayed("n1", 1, 0.03)),
            ("n0", ReconnectDelayed("n1", 20, 2.0)),
        ],
        None,
    ),
    "every_task_ends_once: each in its way": (
        [
            *(started("a"), finished("a"), started("b"), ("n1", TaskFailed("b", "compute-0", "no"))),
            *(started("c"), ("n1", GONE), started("d"), finished("d")),
        ],
        world(),
    ),
    "op_computed_once_a_node: once a life": ([finished("a"), ("n1", GONE), finished("a"), finished("a", on="n2")], None),
    "poison_op_is_given_up: it is": ([BEGUN, *[LOST] * 16, ended("r", outcome="failed")], world()),
    "poison_op_is_given_up: a kernel refused": (
        [BEGUN, started("a"), ("n1", TaskFailed("a", "compute-0", "no")), ended("r", outcome="failed")],
        world(),
    ),
    "poison_op_is_given_up: a result came in between": (
        [BEGUN, *[LOST] * 12, ("n0", OpCommitted("r", "a", "n1", 13)), *[LOST] * 12, ended("r")],
        world(),
    ),
    "lost_result_recomputed_only_if_needed: its holder is lost": (
        [BEGUN, ("n0", OpCommitted("r", "a", "n1", 1)), LOST, started("a", 2)],
        None,
    ),
    "lost_result_recomputed_only_if_needed: its holder is suspected": (
        [BEGUN, ("n0", OpCommitted("r", "a", "n2", 1)), ("n0", PeerSuspected("n2", 2.0)), LOST],
        None,
    ),
    "lost_result_recomputed_only_if_needed: an old attempt is late": (
        [BEGUN, ("n0", OpCommitted("r", "a", "n2", 2)), started("a", 1)],
        None,
    ),
    "queues_stay_within_bounds: just so": ([], world(busy(peak=8, sockets=10))),
    "no_cancellation_is_swallowed: it ends in time": (
        [*ALL_UP, fired("restart", 1.0), ("n1", DRAINED, 5.9), ("n1", BOOTED, 6.0), ("", PhaseBegan("verdict"), 20.0)],
        None,
    ),
    "no_cancellation_is_swallowed: it stood still": (
        [*ALL_UP, fired("restart", 1.0), fired("pause", 1.1), ("n1", DRAINED, 9.0)],
        None,
    ),
}
