"""Which node runs an op: the one where its inputs and its turn come soonest."""

from collections.abc import Sequence

import msgspec

# What a link and a core do, roughly: one TCP stream over loopback or 10 GbE, and one thread of a dense kernel. Only their
# ratio matters: 20 operations are worth moving a byte. (Measured: onnxruntime's convolutions at 70 to 180 GFLOP/s a core.)
LINK_BYTES_S = 1.0e9
CORE_FLOP_S = 50.0e9

# What an op costs however small it is: a message, a hand-over to a worker, a reply.
OP_S = 0.2e-3


class Seat(msgspec.Struct, frozen=True):
    """One node an op could go to: input bytes it lacks, seconds of work it was given and has not finished, and all given."""

    node: str
    missing_bytes: int
    queued_s: float
    given_s: float


def work_s(flops: float) -> float:
    """How long an op is assumed to take on one core."""
    return OP_S + flops / CORE_FLOP_S


def place(seats: Sequence[Seat], slots: int) -> str:
    """The node where an op is expected to start first, `slots` of its ops running at a time.

    Ties go to the node that was given the least so far (so that a network with two branches moves round all nodes), then
    by name: the same on every machine.
    """
    best = min(seats, key=lambda seat: (seat.missing_bytes / LINK_BYTES_S + seat.queued_s / slots, seat.given_s, seat.node))
    return best.node
