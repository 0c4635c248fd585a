"""What happens to tensors: held, sent, broadcast, checkpointed, restored, received bare."""

from dairt.model.events.base import EventBase, size_text
from dairt.model.version import Version


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


class CheckpointVerified(EventBase, frozen=True, tag="checkpoint_verified"):
    """A version's file was read back, and is whole."""

    key: str
    version: Version
    seconds: float
    level = "good"

    @property
    def line(self) -> str:
        return f"checkpoint {self.key} {self.version} is whole on disk"


class CheckpointDamaged(EventBase, frozen=True, tag="checkpoint_damaged"):
    """A version's file was read back, and is not what was written."""

    key: str
    version: Version
    reason: str
    level = "bad"

    @property
    def line(self) -> str:
        return f"checkpoint {self.key} {self.version} is damaged on disk: {self.reason}"


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
