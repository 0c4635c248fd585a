"""How a node behaves: its members, its sizes and its patience. Every limit has its reason beside it."""

from typing import Literal

import msgspec

from dairt.model.address import Address

MIB = 2**20


class Limits(msgspec.Struct, frozen=True):
    """Bounds on what others may make a node hold or wait for. Sizes in bytes, times in seconds."""

    header_max_bytes: int = 1 * MIB  # an op's ONNX node, or an inventory of 4,000 keys, with room
    payload_max_bytes: int = 2048 * MIB  # the largest tensor; a 2 GiB frame is also all that C++ clients write
    bodies_max_bytes: int = 4096 * MIB  # all tensors arriving at once; past that, senders wait
    connections_max: int = 512  # accepted at once; file descriptors end at 1,024 on many systems
    idle_per_peer: int = 8  # kept for reuse; more only cost memory
    idle_s: float = 60.0  # a connection nobody used for so long is closed
    stall_s: float = 5.0  # no byte for so long in the middle of a message: the sender counts as stalled
    exchange_s: float = 30.0  # a whole request and its reply, tensors apart
    hello_s: float = 3.0  # from connect to welcome
    drain_s: float = 3.0  # exchanges get so long to end when a node stops
    slowest_bytes_per_s: float = 1.0 * MIB  # a tensor may take so long; below that its sender counts as stalled
    run_lease_s: float = 120.0  # values of a run nobody touched for so long are forgotten
    op_s: float = 60.0  # one op, its inputs fetched; a kernel that takes longer is run elsewhere


class NodeConfig(msgspec.Struct, frozen=True):
    """One node. `members` maps every node's name, its own included, to its address."""

    name: str
    address: Address
    members: dict[str, Address]
    cluster: str = "dairt"
    compute_workers: int = 2
    io_workers: int = 2
    queue_max: int = 64  # tasks waiting in a lane; past that the submitter waits
    probe_every_s: float = 0.5
    suspect_after_s: float = 2.0
    dead_after_s: float = 5.0
    reconcile_every_s: float = 1.0
    backoff_first_s: float = 0.05
    backoff_max_s: float = 2.0
    checkpoint: Literal["every-put", "never"] = "every-put"
    keep_generations: int = 2  # older checkpoints of a key kept in old/
    journal_max: int = 10_000  # entries kept for people
    fingerprint: str = ""  # of this machine's numerics; graph runs use only nodes that share the coordinator's
    bare_from_anywhere: bool = False  # bare TENS frames carry no identity, so by default only loopback may send them
    rehearsal: bool = False  # may be told to break itself
    limits: Limits = Limits()
