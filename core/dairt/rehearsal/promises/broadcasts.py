"""Promises about broadcasts: what was acknowledged is everywhere, and nobody has other bytes, or what is not for him."""

from dairt.model.events import (
    BroadcastAcked,
    BroadcastBegun,
    CheckpointDurable,
    CheckpointRestored,
    Entry,
    TensorStored,
)
from dairt.model.version import Version
from dairt.model.views import Snapshot
from dairt.rehearsal.promises.base import Promise, held_by


class AckedBroadcastOnAllLive(Promise):
    """Every broadcast that some member acknowledged as durable is held, with the same checksum, by every live node.

    A node that holds a superseding version will do; only the nodes the broadcast was for count, its origin among them.
    """

    is_state = True

    def __init__(self) -> None:
        self._audiences: dict[tuple[str, Version], tuple[str, ...]] = {}
        self._acked: dict[str, tuple[Version, int, tuple[str, ...]]] = {}

    def see(self, entry: Entry) -> str:
        match entry.event:
            case BroadcastBegun(key=key, version=version, members=members):
                self._audiences[key, version] = (*members, entry.node)
            case BroadcastAcked(key=key, version=version, outcome="durable", checksum=checksum):
                newest = self._acked.get(key)
                if newest is None or newest[0] < version:
                    self._acked[key] = version, checksum, self._audiences.get((key, version), ())
        return ""

    def judge(self, last: Snapshot) -> str:
        for key, (version, checksum, audience) in self._acked.items():
            for node in last.nodes:
                held = held_by(node, key)
                if node.state != "up" or node.name not in audience:
                    continue
                if held is None or held.version < version:
                    what = "nothing" if held is None else str(held.version)
                    return f"{key} {version} was acknowledged, but {node.name} holds {what}"
                if held.version == version and held.checksum != checksum:
                    return f"{node.name} holds {key} {version} with other bytes than were acknowledged"
        return ""


class NoPartialTensorVisible(Promise):
    """Whoever holds a version of a key, in memory, on disk or in a receipt, holds the same bytes."""

    def __init__(self) -> None:
        self._checksums: dict[tuple[str, Version], tuple[int, str]] = {}

    def see(self, entry: Entry) -> str:
        match entry.event:
            case TensorStored(key=key, version=version, checksum=checksum):
                return self._compare(entry.node, key, version, checksum)
            case CheckpointDurable(key=key, version=version, checksum=checksum):
                return self._compare(entry.node, key, version, checksum)
            case CheckpointRestored(key=key, version=version, checksum=checksum):
                return self._compare(entry.node, key, version, checksum)
            case BroadcastAcked(key=key, version=version, member=member, outcome="durable" | "stored", checksum=checksum):
                return self._compare(member, key, version, checksum)
        return ""

    def judge(self, last: Snapshot) -> str:
        for node in last.nodes:
            for held in node.checkpoints:
                if reason := self._compare(node.name, held.key, held.version, held.checksum):
                    return reason
        return ""

    def _compare(self, node: str, key: str, version: Version, checksum: int) -> str:
        first, holder = self._checksums.setdefault((key, version), (checksum, node))
        return "" if checksum == first else f"{node} and {holder} hold different bytes as {key} {version}"


class CorruptFrameNeverDelivered(Promise):
    """What becomes visible on a node that did not make it has the checksum that its origin gave it.

    Over every version that a node stores after hearing of it from another, however it came: offered, or pulled in
    anti-entropy. The origin's own storing of it, which comes first, says what is right; versions whose making nobody saw,
    such as those restored from disk only, are passed over.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[str, Version], int] = {}

    def see(self, entry: Entry) -> str:
        match entry.event:
            case TensorStored(key=key, version=version, checksum=checksum) if version.origin == entry.node:
                self._made.setdefault((key, version), checksum)
            case TensorStored(key=key, version=version, checksum=checksum, source=source):
                made = self._made.get((key, version), checksum)
                if made != checksum:
                    return f"{entry.node} took {key} {version} from {source} with other bytes than {version.origin} made"
        return ""


class NobodyHoldsWhatIsNotForThem(Promise):
    """A version of a key becomes visible only on the node that made it and on those that it was broadcast to.

    Over all versions of which the beginning of the broadcast, or of the put, was seen; a put is for its own node only.
    """

    def __init__(self) -> None:
        self._audiences: dict[tuple[str, Version], tuple[str, ...]] = {}

    def see(self, entry: Entry) -> str:
        match entry.event:
            case BroadcastBegun(key=key, version=version, members=members):
                self._audiences[key, version] = (*members, entry.node)
            case TensorStored(key=key, version=version, source=source):
                audience = self._audiences.get((key, version), (entry.node,))
                if entry.node not in audience:
                    return f"{entry.node} took {key} {version} from {source}, which is for {', '.join(audience)} only"
        return ""
