"""How a node behaves: its members, its sizes and its patience. Every limit has its reason beside it."""

from typing import Literal

import msgspec

from dairt.errors import UsageError
from dairt.model.address import Address
from dairt.model.names import wrong_with_node_name

MIB = 2**20


class Limits(msgspec.Struct, frozen=True):
    """Bounds on what others may make a node hold or wait for. Sizes in bytes, times in seconds."""

    header_max_bytes: int = 1 * MIB  # an op's ONNX node, or an inventory of 4,000 keys, with room
    payload_max_bytes: int = 2048 * MIB  # the largest tensor; a 2 GiB frame is also all that C++ clients write
    bodies_max_bytes: int = 4096 * MIB  # all tensors arriving at once; past that, senders wait
    store_max_bytes: int = 16 * 1024 * MIB  # all tensors held; past that a node says so, before the system ends it
    keys_max: int = 100_000  # each costs a file and a line in every view of the node
    connections_max: int = 512  # accepted at once; file descriptors end at 1,024 on many systems
    asks_per_peer: int = 32  # questions under way to one peer, of each of two kinds: seven busy peers stay below that
    calls_max: int = 64  # users' calls under way on a node; past that callers wait
    idle_per_peer: int = 8  # kept for reuse; more only cost memory
    idle_s: float = 60.0  # a connection nobody used for so long is closed
    stall_s: float = 5.0  # no byte for so long in the middle of a message: the sender counts as stalled
    exchange_s: float = 30.0  # a whole request and its reply, tensors apart
    hello_s: float = 3.0  # from connect to welcome
    drain_s: float = 3.0  # exchanges get so long to end when a node stops
    slowest_bytes_per_s: float = 1.0 * MIB  # a tensor may take so long; below that its sender counts as stalled
    run_lease_s: float = 120.0  # values of a run nobody touched for so long are forgotten
    op_s: float = 60.0  # one op, its inputs fetched; a kernel that takes longer is run elsewhere
    disk_s: float = 10.0  # a checkpoint that takes longer goes on, but nobody waits for it any more

    def exchange_patience_s(self, nbytes: int) -> float:
        """How long a question or answer with a tensor of so many bytes may take."""
        return self.exchange_s + nbytes / self.slowest_bytes_per_s

    def disk_patience_s(self, nbytes: int) -> float:
        """How long to wait for a tensor of so many bytes to be durable."""
        return self.disk_s + nbytes / self.slowest_bytes_per_s


class BadEntry(UsageError):
    """An entry of a node's configuration that could only fail later and elsewhere, and what would be `right`."""

    def __init__(self, node: str, entry: str, right: str) -> None:
        super().__init__(f"node {node!r}: {entry} {right}")
        self.entry = entry
        self.right = right


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

    def lines(self) -> tuple[tuple[str, str], ...]:
        """Every entry and its value, for people; the entries of `limits` with that word before them."""
        plain = [(entry, getattr(self, entry)) for entry in self.__struct_fields__ if entry not in ("members", "limits")]
        limits = [(f"limits.{entry}", getattr(self.limits, entry)) for entry in self.limits.__struct_fields__]
        return tuple((entry, str(value)) for entry, value in [*plain, ("members", len(self.members)), *limits])

    def __post_init__(self) -> None:
        """Raise UsageError, naming the node, for a member that cannot be one; BadEntry for an entry."""
        for name in self.members:
            if wrong := wrong_with_node_name(name):
                raise UsageError(f"node {self.name!r} cannot have a member {name!r}: {wrong}")
        for entry in ("compute_workers", "io_workers", "queue_max", "journal_max"):
            if getattr(self, entry) < 1:
                raise BadEntry(self.name, entry, f"must be at least 1, not {getattr(self, entry)}")
        for entry in ("probe_every_s", "suspect_after_s", "reconcile_every_s", "backoff_first_s", "backoff_max_s"):
            if not 0 < getattr(self, entry) < float("inf"):
                raise BadEntry(self.name, entry.removesuffix("_s"), "must be more than 0, and finite")
        if self.dead_after_s < self.suspect_after_s:
            raise BadEntry(self.name, "dead_after", f"must be at least suspect_after, {self.suspect_after_s:g} s")
        if self.limits.payload_max_bytes > self.limits.bodies_max_bytes:
            raise BadEntry(self.name, "limits.payload_max", "must be at most limits.bodies_max, or it would never fit")
