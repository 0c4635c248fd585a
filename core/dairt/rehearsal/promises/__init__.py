"""What must hold of a run: one fold a promise, fed every event at its emit, and asked about a snapshot at its time.

`see` gives the reason why an event has broken the promise for good, and "" while it has not. `judge` gives the reason why
the promise does not hold of the world as it is now. A new promise is one class, whose docstring states exactly what is
promised, over what, and with which exceptions; its line in PROMISES; and a planted bug (`tests/planted`) that breaks it.
"""

from dairt.rehearsal.promises.base import Promise
from dairt.rehearsal.promises.broadcasts import (
    AckedBroadcastOnAllLive,
    CorruptFrameNeverDelivered,
    NobodyHoldsWhatIsNotForThem,
    NoPartialTensorVisible,
)
from dairt.rehearsal.promises.checkpoints import (
    AckedOnlyWhenDurable,
    BitRotIsNeverLoaded,
    DurableSurvivesRestart,
    EnospcKeepsThePreviousCheckpoint,
    FsyncErrorMeansNotAcked,
    OneWriterAKey,
)
from dairt.rehearsal.promises.members import (
    DeadPeerIsSuspectedInTime,
    PartedPeerStaysLost,
    ReconnectsBackOff,
    SlowPeerIsNotDeclaredDead,
    WronglySuspectedNodeReturns,
)
from dairt.rehearsal.promises.resources import (
    EveryNodeReturns,
    NoCancellationIsSwallowed,
    NoLeakedSockets,
    NothingIsLeftBehind,
    QueuesStayWithinBounds,
)
from dairt.rehearsal.promises.runs import (
    EveryRunHasOneResult,
    EveryTaskEndsOnce,
    LostResultRecomputedOnlyIfNeeded,
    OpCommittedOnce,
    OpComputedOnceANode,
    PoisonOpIsGivenUp,
    RunsGiveTheSameAnswer,
)
from dairt.rehearsal.promises.trouble import ActionOf
from dairt.rehearsal.promises.versions import AckedWriteIsNotLost, LiveNodesAgree, VersionsOnlyRise

__all__ = ["PROMISES", "ActionOf", "Promise"]

PROMISES: dict[str, type[Promise]] = {
    "acked_broadcast_on_all_live": AckedBroadcastOnAllLive,
    "no_partial_tensor_visible": NoPartialTensorVisible,
    "corrupt_frame_never_delivered": CorruptFrameNeverDelivered,
    "nobody_holds_what_is_not_for_them": NobodyHoldsWhatIsNotForThem,
    "versions_only_rise": VersionsOnlyRise,
    "live_nodes_agree": LiveNodesAgree,
    "acked_write_is_not_lost": AckedWriteIsNotLost,
    "durable_survives_restart": DurableSurvivesRestart,
    "acked_only_when_durable": AckedOnlyWhenDurable,
    "fsync_error_means_not_acked": FsyncErrorMeansNotAcked,
    "enospc_keeps_the_previous_checkpoint": EnospcKeepsThePreviousCheckpoint,
    "bit_rot_is_never_loaded": BitRotIsNeverLoaded,
    "one_writer_a_key": OneWriterAKey,
    "dead_peer_is_suspected_in_time": DeadPeerIsSuspectedInTime,
    "slow_peer_is_not_declared_dead": SlowPeerIsNotDeclaredDead,
    "parted_peer_stays_lost": PartedPeerStaysLost,
    "wrongly_suspected_node_returns": WronglySuspectedNodeReturns,
    "reconnects_back_off": ReconnectsBackOff,
    "every_run_has_one_result": EveryRunHasOneResult,
    "every_task_ends_once": EveryTaskEndsOnce,
    "op_committed_once": OpCommittedOnce,
    "op_computed_once_a_node": OpComputedOnceANode,
    "runs_give_the_same_answer": RunsGiveTheSameAnswer,
    "poison_op_is_given_up": PoisonOpIsGivenUp,
    "lost_result_recomputed_only_if_needed": LostResultRecomputedOnlyIfNeeded,
    "queues_stay_within_bounds": QueuesStayWithinBounds,
    "every_node_returns": EveryNodeReturns,
    "no_leaked_sockets": NoLeakedSockets,
    "nothing_is_left_behind": NothingIsLeftBehind,
    "no_cancellation_is_swallowed": NoCancellationIsSwallowed,
}
