"""What a checkpoint survives: the power cut at every single disk call, torn files, rot, and strangers."""

import random
from collections.abc import Iterator

import numpy as np
import pytest
import trio
from trio.testing import MockClock

from dairt.model import tensor
from dairt.model.events import CheckpointDurable, CheckpointRestored, CheckpointSetAside, Event
from dairt.model.tensor_file import FileStamp, encode_file
from dairt.model.version import Version
from dairt.protocol.messages import ALL, LOCAL
from dairt.runtime.host import Disk
from dairt.runtime.store import Store
from dairt.runtime.workers import WorkerPool
from dairt.worlds.faults import Faults
from dairt.worlds.faulty_disk import FaultyDisk
from dairt.worlds.sim.clock import VirtualClock
from dairt.worlds.sim.dice import Dice
from dairt.worlds.sim.disk import SimDisk, Unsynced
from small_host import WALL_S, filled, small_config, small_host


class Plug(SimDisk):
    """A disk whose power goes in the middle of a chosen call, and takes the node with it."""

    def __init__(self, seed: int, unsynced: Unsynced) -> None:
        super().__init__("n0", Dice(seed))
        self.faults = Faults(lambda: 0.0, Dice(0))
        self.pull_at = 0
        self._unsynced = unsynced
        self._life = trio.CancelScope()

    async def spend(self, seconds: float = 0.0, *, since: int | None = None) -> None:
        if self.calls + 1 != self.pull_at:
            return await super().spend(seconds, since=since)
        since = self.power_cuts if since is None else since
        self.faults.switch_off("n0")
        self.power_cut(self._unsynced)
        self._life.cancel()
        with trio.CancelScope(shield=True):  # the call is in flight: first it fails, then its caller is gone
            await super().spend(seconds, since=since)

    def next_life(self) -> trio.CancelScope:
        self.faults.switch_on("n0")
        self._life = trio.CancelScope()
        return self._life


class World:
    """One node's disk through several lives, and what was ever promised of it."""

    def __init__(self, disk: Plug, keep_generations: int) -> None:
        self.disk = disk
        self.keep_generations = keep_generations
        self.values: dict[Version, float] = {}
        self.promised: dict[str, Version] = {}
        self.events: list[Event] = []

    async def live(self, puts: list[tuple[str, float]], *, at_once: bool = False) -> None:
        """Boot, check what came back, put one after the other or all at once; until the end or until the plug is pulled."""
        with self.disk.next_life():
            host = small_host(FaultyDisk(self.disk, "n0", self.disk.faults), self._emit)
            config = small_config(keep_generations=self.keep_generations)
            try:
                async with WorkerPool(host, config) as pool:
                    store = Store(host, config, pool, nonce=self.disk.power_cuts)
                    restored = await store.restore()
                    assert restored.set_aside == 0, "what has its final name is whole"
                    self._check(store)
                    await self._put_all(store, puts, at_once)
            except* OSError:
                assert self.disk.faults.is_off("n0"), "a boot fails only with the power"

    async def _put_all(self, store: Store, puts: list[tuple[str, float]], at_once: bool) -> None:
        async with trio.open_nursery() as nursery:
            for key, value in puts:
                version = self._put(store, key, value)
                if at_once:
                    nursery.start_soon(store.checkpoint, key, version)
                    await trio.lowlevel.checkpoint()
                else:
                    await store.checkpoint(key, version)

    def _put(self, store: Store, key: str, value: float) -> Version:
        version, array = store.make_version(), filled(value)
        assert version not in self.values, "no version is given out twice"
        self.values[version] = value
        assert store.offer(key, version, array, ALL, tensor.checksum(array), "n0")
        return version

    def _emit(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, CheckpointDurable):
            self.promised[event.key] = max(event.version, self.promised.get(event.key, event.version))

    def _check(self, store: Store) -> None:
        for key, version in self.promised.items():
            item = store.get(key)
            assert item is not None, f"{key} {version} was durable and is gone"
            assert item.version >= version, f"{key} {version} was durable; only {item.version} is left"
        for view in store.views():
            item = store.get(view.key)
            assert item is not None
            assert np.array_equal(item.array, filled(self.values[item.version])), "never a part of a tensor, never another's"
            assert view.state == "durable"


PUTS = [("w", 1.0), ("w", 2.0), ("w", 3.0)]
MORE_PUTS = [("w", 4.0), ("w", 5.0)]
POWER: list[tuple[Unsynced, int]] = [("keep", 0), ("lose", 0), *((("torn", seed)) for seed in range(4))]


async def crash_and_reboot(unsynced: Unsynced, seed: int, pull_at: int, keep_generations: int) -> bool:
    """Pull the plug in call number `pull_at` of a life; say whether that life got so far."""
    world = World(Plug(seed, unsynced), keep_generations)
    world.disk.pull_at = pull_at
    await world.live(PUTS)
    reached, world.disk.pull_at = world.disk.calls >= pull_at, 0
    await world.live(MORE_PUTS)
    await world.live([])
    assert world.promised["w"].counter >= 2
    assert await world.disk.names("checkpoints") == ["w.chk"], "no unfinished file is left"
    return reached


@pytest.mark.parametrize("keep_generations", [0, 2])
@pytest.mark.parametrize("unsynced, seed", POWER)
def test_a_durable_checkpoint_survives_a_power_cut_in_any_disk_call(
    unsynced: Unsynced, seed: int, keep_generations: int
) -> None:
    async def main() -> int:
        pull_at = 1
        while await crash_and_reboot(unsynced, seed, pull_at, keep_generations):
            pull_at += 1
        return pull_at

    calls = trio.run(main, clock=VirtualClock())
    assert calls > 15, "three checkpoints take more calls than that"


@pytest.mark.parametrize("seed", range(12))
def test_durable_checkpoints_survive_many_crashes_among_concurrent_puts(seed: int) -> None:
    async def main() -> None:
        dice = random.Random(seed)
        world = World(Plug(seed, "torn"), keep_generations=2)
        for life in range(8):
            world.disk.pull_at = world.disk.calls + dice.randint(1, 60)
            await world.live([(dice.choice("abc"), life + n / 100) for n in range(12)], at_once=True)
        world.disk.pull_at = 0
        await world.live([])
        assert len(world.promised) > 0

    trio.run(main, clock=VirtualClock())


async def restore(disk: Disk) -> tuple[Store, list[Event]]:
    events: list[Event] = []
    host, config = small_host(disk, events.append), small_config()
    async with WorkerPool(host, config) as pool:
        store = Store(host, config, pool, nonce=9)
        await store.restore()
    return store, events


async def lay(disk: Disk, name: str, data: bytes) -> None:
    file = await disk.create(name)
    await file.write([data])
    await file.aclose()


def file_bytes(key: str, value: float, counter: int = 1) -> bytes:
    return b"".join(encode_file(filled(value), FileStamp(key, Version(counter, "n0", 5), 100.0, ALL)))


WHOLE = file_bytes("w", 7.0)
PLAIN = b"".join(tensor.encode(filled(7.0)))


def bad_files() -> Iterator[tuple[str, bytes, str]]:
    yield "empty", b"", "no bytes"
    yield "torn short", WHOLE[:-1], "the file ends with"
    yield "torn in the middle", WHOLE[:1024] + bytes(512) + WHOLE[1536:], "checksum"
    yield "zeroed head", bytes(512) + WHOLE[512:], "begin with"
    yield "one bit", WHOLE[:2000] + bytes([WHOLE[2000] ^ 4]) + WHOLE[2001:], "checksum"
    yield "mark cleared", WHOLE[:6] + b"\0" + WHOLE[7:], "bytes after the tensor"
    yield "another key's", file_bytes("v", 7.0), "holds the key 'v'"
    yield "not a tensor", b"hello world, this is no tensor", "begin with"
    yield "plain, too long", PLAIN + b"x", "bytes after the tensor"
    yield "plain, too short", PLAIN[:-1], "here are"


BAD = list(bad_files())


@pytest.mark.trio
@pytest.mark.parametrize("data, reason", [case[1:] for case in BAD], ids=[case[0] for case in BAD])
async def test_a_bad_checkpoint_is_set_aside_with_its_reason(data: bytes, reason: str, autojump_clock: MockClock) -> None:
    disk = SimDisk("n0", Dice(0))
    await lay(disk, "checkpoints/w.chk", data)
    await lay(disk, "checkpoints/x.chk", file_bytes("x", 1.0))
    store, events = await restore(disk)
    [aside] = [event for event in events if isinstance(event, CheckpointSetAside)]
    assert aside.file == "checkpoints/w.chk"
    assert reason in aside.reason
    assert (await disk.names("checkpoints"), await disk.names("checkpoints/aside")) == (["x.chk"], ["w.chk"])
    assert store.get("w") is None
    assert store.get("x") is not None


@pytest.mark.trio
async def test_a_torn_checkpoint_gives_way_to_the_newest_good_generation(autojump_clock: MockClock) -> None:
    disk = SimDisk("n0", Dice(0))
    old = "checkpoints/old/w@{:020}@n0@5.chk"
    await lay(disk, "checkpoints/w.chk", WHOLE[:-1])
    await lay(disk, old.format(9), file_bytes("w", 9.0, 9)[:-1])
    await lay(disk, old.format(8), file_bytes("w", 8.0, 8))
    await lay(disk, old.format(7), file_bytes("w", 7.0, 7))
    store, events = await restore(disk)
    item = store.get("w")
    assert item is not None
    assert (item.version, item.durable, float(item.array[0])) == (Version(8, "n0", 5), True, 8.0)
    assert [type(event) for event in events] == [CheckpointSetAside, CheckpointSetAside, CheckpointRestored]
    assert await disk.names("checkpoints") == ["w.chk"], "the generation has taken the place"
    assert len(await disk.names("checkpoints/old")) == 1
    assert store.make_version().counter == 11, "above what was set aside: it came after the generation 9"


@pytest.mark.trio
@pytest.mark.parametrize("rot", [10, 2000, -9], ids=["head", "elements", "checksum"])
async def test_new_versions_are_above_a_rotten_one_whose_stamp_can_still_be_read(rot: int, autojump_clock: MockClock) -> None:
    disk = SimDisk("n0", Dice(0))
    data = bytearray(file_bytes("w", 7.0, 40))
    data[rot] ^= 4
    await lay(disk, "checkpoints/w.chk", bytes(data))
    store, _ = await restore(disk)
    assert store.get("w") is None
    assert store.make_version().counter == 41


@pytest.mark.trio
async def test_a_rotten_stamp_uses_up_no_counters(autojump_clock: MockClock) -> None:
    disk = SimDisk("n0", Dice(0))
    data = file_bytes("w", 7.0, 2**62 - 1)
    await lay(disk, "checkpoints/w.chk", data[:2000] + b"\xff" + data[2001:])
    store, _ = await restore(disk)
    assert store.make_version().counter == 1


@pytest.mark.trio
async def test_what_is_set_aside_never_hides_what_was_before(autojump_clock: MockClock) -> None:
    disk = SimDisk("n0", Dice(0))
    for _ in range(3):
        await lay(disk, "checkpoints/w.chk", b"nonsense")
        await restore(disk)
    assert await disk.names("checkpoints/aside") == ["w.chk", "w.chk.1", "w.chk.2"]


@pytest.mark.trio
async def test_strangers_are_set_aside_and_unfinished_files_removed(autojump_clock: MockClock) -> None:
    disk = SimDisk("n0", Dice(0))
    await lay(disk, "checkpoints/notes.txt", b"buy milk")
    await lay(disk, "checkpoints/w.tmp", WHOLE)
    _, events = await restore(disk)
    assert events == [CheckpointSetAside("checkpoints/notes.txt", "its name does not end in .chk")]
    assert await disk.names("checkpoints") == []


@pytest.mark.trio
async def test_a_plain_tensor_of_the_other_program_is_restored_as_version_zero(autojump_clock: MockClock) -> None:
    disk = SimDisk("n0", Dice(0))
    known_answer = bytes.fromhex(
        "54454e5301010000020000000000000002000000000000000300000000000000"
        "0600000000000000000000000000803f0000004000004040000080400000a040"
    )
    await lay(disk, "checkpoints/latest_tensor.chk", known_answer)
    store, _ = await restore(disk)
    item = store.get("latest_tensor")
    assert item is not None
    assert np.array_equal(item.array, np.arange(6, dtype=np.float32).reshape(2, 3))
    assert (item.version, item.audience, item.written_at, item.durable) == (Version(0, "", 0), LOCAL, WALL_S, True)
    assert store.make_version() > item.version


@pytest.mark.trio
@pytest.mark.parametrize("key", ["a/b", "..", "weights/ü", "100%", "a@b", "x.tmp", "x" * 512, "A", "~.chk"])
async def test_every_key_comes_back_under_its_own_name(key: str, autojump_clock: MockClock) -> None:
    disk = SimDisk("n0", Dice(0))
    events: list[Event] = []
    host, config = small_host(disk, events.append), small_config()
    async with WorkerPool(host, config) as pool:
        store = Store(host, config, pool, nonce=1)
        for value in (1.0, 2.0):
            array = filled(value)
            version = store.make_version()
            store.offer(key, version, array, ("n1", "n2"), tensor.checksum(array), "n0")
            assert await store.checkpoint(key, version) == "durable"
    restored, _ = await restore(disk)
    item = restored.get(key)
    assert item is not None
    assert (item.key, item.version, item.audience) == (key, version, ("n1", "n2"))
    [name] = await disk.names("checkpoints")
    await disk.remove(f"checkpoints/{name}")
    restored, _ = await restore(disk)
    item = restored.get(key)
    assert item is not None
    assert item.version.counter == 1
