"""The power goes at every disk call of a few puts, and whatever was not synced survives in every way that it can.

What must hold: the next boot finds the last acked version or a newer one, with the right bytes, and never a torn one; it
leaves no unfinished file behind; and what it found is still there after another power cut.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dairt.model import tensor
from dairt.model.events import Event, TensorStored
from dairt.model.version import Version
from dairt.rehearsal.guillotine import Cut
from dairt.rehearsal.guillotine_world import Nodes, Remains, World, boot, live
from dairt.runtime.checkpoints import FOLDER, UNFINISHED
from dairt.runtime.host import Buffer, File
from dairt.worlds.sim.dice import Dice
from dairt.worlds.sim.disk import SimDisk
from dairt.worlds.sim.network import SimNetwork

NODE = "a"
KEY = "weights"
# Elements of float64 and how many puts: a file of ten sectors, every subset of which is tried, and one of forty.
SIZES = {"small": (605, 2), "large": (2540, 3)}
EXHAUSTIVE_MAX = 10  # things at stake, all subsets of which are tried
LISTED_MAX = 4  # lost things that are named one by one
DRAWS = 256  # subsets of more things, next to the systematic ones

Versions = dict[Version, np.ndarray]
Draw = Callable[[int], int]  # so many random bits


@dataclass(frozen=True)
class Moment:
    """A disk in the middle of a call, and what has been promised by then. `versions` is all there ever is."""

    size: str
    number: int
    call: str
    disk: SimDisk
    acked: Version | None
    versions: Versions


def cuts(seed: int) -> Iterator[Cut]:
    """Every call of every story, with every way in which what is not synced may survive."""
    for size, (elements, puts) in SIZES.items():
        for moment in record(seed, size, elements, puts):
            draw = Dice(seed).stream("guillotine", size, str(moment.number)).getrandbits
            for kept in survivals(moment.disk.at_stake(), draw):
                yield PowerCut(moment, kept)


def record(seed: int, size: str, elements: int, puts: int) -> list[Moment]:
    """Put again and again on one node, and keep its disk as it is at every call of it."""
    dice = Dice(seed)
    disk, network = SimDisk(NODE, dice), SimNetwork(dice)
    versions: Versions = {}
    acked: list[Version] = []
    moments: list[Moment] = []

    def note(call: str) -> None:
        moments.append(Moment(size, len(moments) + 1, call, copy.deepcopy(disk), acked[-1] if acked else None, versions))

    def heard(name: str, event: Event) -> None:
        if isinstance(event, TensorStored):
            versions[event.version] = arrays[len(acked)]

    async def story(nodes: Nodes) -> None:
        for array in arrays:
            receipt = await nodes[NODE].put(KEY, array)
            assert receipt.members[NODE].outcome == "durable", "nothing is broken while this is recorded"
            acked.append(receipt.version)

    arrays = [tensor.freeze(np.arange(elements, dtype=np.float64) + 1000 * put) for put in range(1, puts + 1)]
    live(World(dice, network, {NODE: RecordedDisk(disk, note)}, network.card, heard), seed, story)
    note("the end")
    return moments


@dataclass(frozen=True)
class PowerCut:
    """The power goes at a moment; bit n of `kept` says whether the n-th thing at stake survives."""

    moment: Moment
    kept: int

    @property
    def where(self) -> str:
        """See Cut."""
        things = self.moment.disk.at_stake()
        lost = [thing for number, thing in enumerate(things) if not self.kept >> number & 1]
        loss = f"lost: {', '.join(lost)}" if len(lost) <= LISTED_MAX else f"lost: {len(lost)} of the {len(things)} at stake"
        call = f"power cut at call {self.moment.number} of the {self.moment.size} tensor's puts, {self.moment.call}"
        return f"{call}; {loss if lost else 'nothing lost'}"

    def fall(self) -> str:
        """See Cut."""
        disk = copy.deepcopy(self.moment.disk)
        disk.power_cut(lambda number: bool(self.kept >> number & 1))
        first = boot(disk, KEY, FOLDER)
        if reason := self._judge(first):
            return reason
        disk.power_cut("lose")
        second = boot(disk, KEY, FOLDER)
        if reason := self._judge(second):
            return f"after another power cut: {reason}"
        if _version(first) != _version(second):
            return f"the boot found {_version(first)}, and after another power cut {_version(second)}"
        return ""

    def _judge(self, remains: Remains) -> str:
        moment, item = self.moment, remains.item
        if any(name.endswith(UNFINISHED) for name in remains.files):
            return f"an unfinished file is left: {', '.join(remains.files)}"
        if item is None:
            return f"{moment.acked} was acked, and nothing is restored" if moment.acked else ""
        if item.version not in moment.versions:
            return f"{item.version} is restored, which nobody ever put"
        if not np.array_equal(item.array, moment.versions[item.version]):
            return f"{item.version} is restored with other bytes than were put"
        if moment.acked is not None and item.version < moment.acked:
            return f"{moment.acked} was acked, and the older {item.version} is restored"
        return ""


def survivals(things: Sequence[str], draw: Draw) -> Iterator[int]:
    """The ways in which what is at stake may survive a power cut, as numbers whose bit n says whether thing n does.

    All subsets of the changes of names, with all of the sectors, with the length of the file kept or not.
    """
    names = [n for n, thing in enumerate(things) if thing.startswith("names ")]
    lengths = [n for n, thing in enumerate(things) if thing.startswith("length ")]
    sectors = [n for n, thing in enumerate(things) if thing.startswith("sector ")]
    assert len(names) + len(lengths) + len(sectors) == len(things), f"something else is at stake: {things}"
    lasts = _bits([n for n in sectors if n + 1 not in sectors])
    whole = _bits(lengths)
    for some_names in subsets(names, draw):
        for some_sectors in subsets(sectors, draw):
            yield some_names | some_sectors | whole
            if lasts & ~some_sectors:  # a file whose last sector survives has its length
                yield some_names | some_sectors


def subsets(members: Sequence[int], draw: Draw) -> Iterator[int]:
    """All subsets of up to ten members; of more every prefix, all but one, one alone, and 256 drawn ones."""
    count = len(members)
    if count <= EXHAUSTIVE_MAX:
        chosen = list(range(1 << count))
    else:
        everything = (1 << count) - 1
        prefixes = [(1 << length) - 1 for length in range(count + 1)]
        singles = [1 << n for n in range(count)]
        chosen = [*prefixes, *(everything - single for single in singles), *singles, *(draw(count) for _ in range(DRAWS))]
    for subset in dict.fromkeys(chosen):
        yield _bits([member for n, member in enumerate(members) if subset >> n & 1])


def _bits(numbers: Sequence[int]) -> int:
    return sum(1 << number for number in numbers)


def _version(remains: Remains) -> Version | None:
    return remains.item.version if remains.item else None


class RecordedDisk:
    """A SimDisk that says what it is called for before each call has any effect."""

    def __init__(self, inner: SimDisk, note: Callable[[str], None]) -> None:
        self._inner = inner
        self._note = note

    async def names(self, folder: str) -> Sequence[str]:
        """See Disk."""
        self._note(f"names of {folder}")
        return await self._inner.names(folder)

    async def size(self, name: str) -> int:
        """See Disk."""
        self._note(f"size of {name}")
        return await self._inner.size(name)

    async def open(self, name: str) -> File:
        """See Disk."""
        self._note(f"open {name}")
        return RecordedFile(await self._inner.open(name), name, self._note)

    async def create(self, name: str) -> File:
        """See Disk."""
        self._note(f"create {name}")
        return RecordedFile(await self._inner.create(name), name, self._note)

    async def rename(self, old: str, new: str) -> None:
        """See Disk."""
        self._note(f"rename {old} to {new}")
        await self._inner.rename(old, new)

    async def sync_names(self, folder: str) -> None:
        """See Disk."""
        self._note(f"sync names of {folder}")
        await self._inner.sync_names(folder)

    async def remove(self, name: str) -> None:
        """See Disk."""
        self._note(f"remove {name}")
        await self._inner.remove(name)

    async def lock(self) -> None:
        """See Disk."""
        self._note("lock")
        await self._inner.lock()


class RecordedFile:
    """An open descriptor of a RecordedDisk."""

    def __init__(self, inner: File, name: str, note: Callable[[str], None]) -> None:
        self._inner = inner
        self._name = name
        self._note = note

    async def write(self, buffers: Sequence[Buffer]) -> None:
        """See File."""
        self._note(f"write {self._name}")
        await self._inner.write(buffers)

    async def read_into(self, view: memoryview) -> int:
        """See File."""
        self._note(f"read {self._name}")
        return await self._inner.read_into(view)

    async def sync(self) -> None:
        """See File."""
        self._note(f"sync {self._name}")
        await self._inner.sync()

    async def aclose(self) -> None:
        """See File."""
        await self._inner.aclose()
