"""The connection is reset at every byte of every header of two broadcasts, and at every edge of a chunk, either way.

What must hold: both broadcasts end with a durable receipt of every member; all hold the same newest version with the right
bytes, and do so after a power cut; nobody ever saw a part of a tensor; no connection is left open.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
import numpy as np

from dairt.model import tensor
from dairt.model.events import Event, TensorStored
from dairt.model.version import Version
from dairt.protocol.messages import Receipt
from dairt.rehearsal.guillotine import Cut
from dairt.rehearsal.guillotine_wire import CutCard, Line, Way, Wire
from dairt.rehearsal.guillotine_world import Nodes, World, boot, live
from dairt.runtime.checkpoints import FOLDER
from dairt.worlds.sim.dice import Dice
from dairt.worlds.sim.disk import SimDisk
from dairt.worlds.sim.network import SimNetwork

NODES = ("a", "b", "c")
KEY = "weights"
CHUNKS = (2.5, 1.5)  # of the two broadcasts' tensors: the first opens the connections, the second finds them open

# A frame (protocol/wire.py): length, big-endian; 8 bytes; length of the header, little-endian; digest; header; the body's
# chunks, each after its digest.
LENGTH_BYTES = 8
HEADER_LENGTH = slice(16, 20)
HEADER_AT = 28
DIGEST_BYTES = 8


@dataclass(frozen=True)
class ResetAt:
    """A connection is reset when its receiving end has had so many bytes."""

    seed: int
    line: Line
    way: Way
    offset: int
    what: str

    @property
    def where(self) -> str:
        """See Cut."""
        return f"reset of {self.line} after {self.offset} bytes {self.way}, {self.what}"

    def fall(self) -> str:
        """See Cut."""
        return _play(self.seed, Wire((self.line, self.way, self.offset)))


@dataclass(frozen=True)
class Uncut:
    """The story as it goes when nothing is cut: what does not hold then need not be looked for further on."""

    reason: str
    where: str = "nowhere"

    def fall(self) -> str:
        """See Cut."""
        return self.reason


def cuts(seed: int) -> Iterator[Cut]:
    """No cut at all, then every point worth cutting, of every connection that carries a broadcast."""
    wire = Wire(None)
    yield Uncut(_play(seed, wire))
    for line in wire.lines():
        frames = {way: list(read_frames(wire.heard(line, way))) for way in Way}
        if any(frame.kind == "offer" for way in Way for frame in frames[way]):
            for way in Way:
                edges = dict(edge for frame in frames[way] for edge in frame.edges())
                yield from (ResetAt(seed, line, way, offset, what) for offset, what in sorted(edges.items()))


@dataclass(frozen=True)
class Frame:
    """Where a frame of some kind lies in a stream."""

    kind: str
    number: int
    start: int
    header_end: int
    end: int

    def edges(self) -> Iterator[tuple[int, str]]:
        """Every byte of the header, and each edge of a chunk and of its digest, and the bytes next to these."""
        for offset in range(self.start, self.header_end + 1):
            yield offset, f"{offset - self.start} bytes into the {self._title}"
        chunk_start, number = self.header_end, 1
        while chunk_start < self.end:
            chunk_end = min(chunk_start + DIGEST_BYTES + tensor.CHUNK_BYTES, self.end)
            for edge in (chunk_start, chunk_start + DIGEST_BYTES, chunk_end):
                for offset in (edge - 1, edge, edge + 1):
                    if self.header_end < offset <= self.end:
                        yield offset, f"{offset - chunk_start} bytes into chunk {number} of the {self._title}"
            chunk_start, number = chunk_end, number + 1

    @property
    def _title(self) -> str:
        return f"{self.kind}, frame {self.number}"


def read_frames(stream: bytes) -> Iterator[Frame]:
    """The frames of one direction of a connection."""
    start, number = 0, 1
    while start < len(stream):
        end = start + LENGTH_BYTES + int.from_bytes(stream[start : start + LENGTH_BYTES], "big")
        rest = stream[start:end]
        header_end = HEADER_AT + int.from_bytes(rest[HEADER_LENGTH], "little")
        kind = msgspec.msgpack.decode(rest[HEADER_AT:header_end])["type"]
        yield Frame(kind, number, start, start + header_end, end)
        start, number = end, number + 1


@dataclass
class _Watch:
    """What is seen of a run while it goes on."""

    arrays: list[np.ndarray]
    nodes: Nodes = field(default_factory=dict)
    torn: str = ""
    receipts: list[Receipt] = field(default_factory=list)
    versions: dict[Version, np.ndarray] = field(default_factory=dict)

    def heard(self, name: str, event: Event) -> None:
        """Look at what a node shows of the tensor whenever it says anything."""
        if isinstance(event, TensorStored) and event.source == name:
            self.versions[event.version] = self.arrays[len(self.receipts)]
        if name in self.nodes:
            self.look(name)

    def look(self, name: str) -> None:
        item = self.nodes[name].store.get(KEY)
        if item is not None and not np.array_equal(item.array, self.versions[item.version]):
            self.torn = self.torn or f"{name} shows {item.version} with other bytes than were sent"


def _play(seed: int, wire: Wire) -> str:
    """Broadcast twice from the first node, over this wire; say what does not hold."""
    dice = Dice(seed)
    network = SimNetwork(dice)
    disks = {name: SimDisk(name, dice) for name in NODES}
    watch = _Watch([_make(chunks) for chunks in CHUNKS])

    async def story(nodes: Nodes) -> None:
        watch.nodes = nodes
        for array in watch.arrays:
            watch.receipts.append(await nodes[NODES[0]].broadcast(KEY, array))
        for name in nodes:
            watch.look(name)

    live(World(dice, network, disks, lambda name: CutCard(network.card(name), name, wire), watch.heard), seed, story)
    return watch.torn or _judge_receipts(watch) or _judge_nodes(watch, disks) or wire.left_open()


def _make(chunks: float) -> np.ndarray:
    return tensor.freeze(np.arange(chunks * tensor.CHUNK_BYTES / 8, dtype=np.float64) + chunks)


def _judge_receipts(watch: _Watch) -> str:
    for number, receipt in enumerate(watch.receipts, 1):
        for name in NODES:
            part = receipt.members.get(name)
            if part is None or part.outcome != "durable":
                return (
                    f"broadcast {number} ended without {name}: {f'{part.outcome}, {part.reason}' if part else 'no word of it'}"
                )
    return ""


def _judge_nodes(watch: _Watch, disks: dict[str, SimDisk]) -> str:
    newest = watch.receipts[-1]
    for name, node in watch.nodes.items():
        item = node.store.get(KEY)
        if item is None or item.version != newest.version or item.checksum != newest.checksum:
            return f"{name} holds {item and item.version}, not {newest.version} with its checksum"
        if node.traffic.sockets:
            return f"{name} counts {node.traffic.sockets} sockets after it drained"
        disks[name].power_cut("lose")
        kept = boot(disks[name], KEY, FOLDER).item
        if kept is None or kept.version != newest.version or not np.array_equal(kept.array, watch.versions[newest.version]):
            return f"{name} acked {newest.version} as durable, and restores {kept and kept.version}"
    return ""
