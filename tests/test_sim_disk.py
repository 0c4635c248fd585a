"""What a simulated power cut takes and what it may not take."""

import errno
import random
from functools import partial

import pytest
import trio
from trio.testing import MockClock

from dairt.worlds.sim.dice import Dice
from dairt.worlds.sim.disk import SECTOR_BYTES, SimDisk, Unsynced

pytestmark = pytest.mark.trio

SEEDS = range(40)
OLD, NEW = b"o" * 3000, b"n" * 3000


async def write(disk: SimDisk, name: str, data: bytes, *, sync: bool = True) -> None:
    file = await disk.create(name)
    await file.write([data])
    if sync:
        await file.sync()
    await file.aclose()


async def read(disk: SimDisk, name: str) -> bytes | None:
    if name not in await disk.names(""):
        return None
    view = memoryview(bytearray(await disk.size(name) + 1))
    file = await disk.open(name)
    return bytes(view[: await file.read_into(view)])


def is_bit_of(number: int, bit: int) -> bool:
    return bool(number >> bit & 1)


async def replaced(seed: int, *, sync: bool = True, sync_names: bool = True) -> SimDisk:
    """A disk on which `x` was durably OLD and was then replaced by NEW."""
    disk = SimDisk("n0", Dice(seed))
    await write(disk, "x", OLD)
    await disk.sync_names("")
    await write(disk, "x.tmp", NEW, sync=sync)
    await disk.rename("x.tmp", "x")
    if sync_names:
        await disk.sync_names("")
    return disk


@pytest.mark.parametrize("unsynced", ["keep", "lose", "torn"])
async def test_what_was_synced_survives(unsynced: Unsynced, autojump_clock: MockClock) -> None:
    for seed in SEEDS:
        disk = await replaced(seed)
        disk.power_cut(unsynced)
        assert await disk.names("") == ["x"]
        assert await read(disk, "x") == NEW


async def test_a_rename_that_was_not_synced_has_happened_or_not(autojump_clock: MockClock) -> None:
    seen = []
    for seed in SEEDS:
        disk = await replaced(seed, sync_names=False)
        disk.power_cut("torn")
        seen.append(await read(disk, "x"))
        assert seen[-1] in (OLD, NEW)
    assert OLD in seen
    assert NEW in seen


async def test_a_rename_across_folders_loses_the_file_in_neither(autojump_clock: MockClock) -> None:
    for seed in SEEDS:
        disk = SimDisk("n0", Dice(seed))
        await write(disk, "x", OLD)
        await disk.sync_names("")
        await disk.rename("x", "f/x")
        disk.power_cut("torn")
        assert len([*await disk.names(""), *await disk.names("f")]) == 1


async def test_syncing_a_folder_settles_what_came_before_on_the_same_names(autojump_clock: MockClock) -> None:
    for seed in SEEDS:
        disk = SimDisk("n0", Dice(seed))
        await write(disk, "a", OLD)
        await disk.rename("a", "b")
        await disk.rename("b", "f/b")
        await disk.sync_names("f")
        disk.power_cut("torn")
        assert (await disk.names(""), await disk.names("f")) == ([], ["b"])


async def test_a_name_synced_before_its_bytes_leaves_a_torn_file(autojump_clock: MockClock) -> None:
    torn = 0
    for seed in SEEDS:
        disk = await replaced(seed, sync=False)
        disk.power_cut("torn")
        content = await read(disk, "x")
        assert content is not None
        torn += content != NEW
        for start in range(0, len(content), SECTOR_BYTES):
            sector = content[start : start + SECTOR_BYTES]
            assert sector in (NEW[: len(sector)], bytes(len(sector))), "a sector is written whole or not at all"
    assert torn > len(SEEDS) // 2


async def test_bytes_before_the_last_sync_are_never_touched(autojump_clock: MockClock) -> None:
    for seed in SEEDS:
        disk = SimDisk("n0", Dice(seed))
        file = await disk.create("x")
        await file.write([OLD])
        await file.sync()
        await disk.sync_names("")
        await file.write([NEW])
        disk.power_cut("torn")
        content = await read(disk, "x")
        assert content is not None
        assert content.startswith(OLD)


async def test_keep_and_lose_do_what_they_say(autojump_clock: MockClock) -> None:
    kept, lost = [await replaced(0, sync=False, sync_names=False) for _ in range(2)]
    kept.power_cut("keep")
    lost.power_cut("lose")
    assert (await kept.names(""), await read(kept, "x")) == (["x"], NEW)
    assert (await lost.names(""), await read(lost, "x")) == (["x"], OLD)


async def test_the_end_of_a_process_loses_nothing(autojump_clock: MockClock) -> None:
    disk = SimDisk("n0", Dice(0))
    with trio.CancelScope() as life:
        await write(disk, "x", NEW, sync=False)
        life.cancel()
        await trio.lowlevel.checkpoint()
    assert await read(disk, "x") == NEW


async def test_a_call_that_has_begun_runs_to_its_end_when_cancelled(autojump_clock: MockClock) -> None:
    disk = SimDisk("n0", Dice(0))
    file = await disk.create("x")
    began = trio.current_time()
    with trio.move_on_after(1e-6) as scope:
        await file.write([NEW])
        scope.cancel()
        await trio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    assert trio.current_time() - began > 1e-6
    assert await read(disk, "x") == NEW


async def test_a_call_in_flight_when_the_power_goes_has_no_effect_and_says_so(autojump_clock: MockClock) -> None:
    disk = SimDisk("n0", Dice(0))
    file = await disk.create("x")
    await disk.sync_names("")
    async with trio.open_nursery() as nursery:

        async def in_flight() -> None:
            with pytest.raises(OSError, match="power was cut") as caught:
                await file.write([NEW])
            assert caught.value.errno == errno.EIO

        nursery.start_soon(in_flight)
        await trio.sleep(1e-6)
        disk.power_cut("keep")
    with pytest.raises(OSError, match="power was cut"):
        await file.sync()
    assert await read(disk, "x") == b""


async def test_one_seed_gives_one_story(autojump_clock: MockClock) -> None:
    contents, times = [], []
    for _ in range(2):
        began = trio.current_time()
        disk = await replaced(7, sync=False)
        disk.power_cut("torn")
        contents.append(await read(disk, "x"))
        times.append(trio.current_time() - began)
    assert contents[0] == contents[1]
    assert times[0] == pytest.approx(times[1], abs=1e-9)


async def test_what_happens_to_one_file_does_not_change_how_long_another_takes(autojump_clock: MockClock) -> None:
    async def time_of_y(others: int) -> float:
        disk = SimDisk("n0", Dice(3))
        for n in range(others):
            await write(disk, f"x{n}", OLD)
        file = await disk.create("y")
        began = trio.current_time()
        await file.sync()
        return trio.current_time() - began

    assert await time_of_y(0) == pytest.approx(await time_of_y(5), abs=1e-9)


async def test_bytes_of_a_sync_that_failed_are_lost_though_a_later_sync_succeeds(autojump_clock: MockClock) -> None:
    disk = SimDisk("n0", Dice(0))
    file = await disk.create("x")
    await disk.sync_names("")
    await file.write([b"a" * SECTOR_BYTES])
    await file.lose_sync()
    await file.write([b"b" * SECTOR_BYTES])
    await file.sync()
    assert await read(disk, "x") == b"a" * SECTOR_BYTES + b"b" * SECTOR_BYTES, "the cache has it all"
    disk.power_cut("lose")
    assert await read(disk, "x") == bytes(SECTOR_BYTES) + b"b" * SECTOR_BYTES


async def test_what_is_at_stake_is_kept_or_lost_thing_by_thing(autojump_clock: MockClock) -> None:
    for kept in range(2**5):
        disk = SimDisk("n0", Dice(0))
        await write(disk, "x.tmp", b"n" * (2 * SECTOR_BYTES + 10), sync=False)
        await disk.sync_names("")
        await disk.rename("x.tmp", "x")
        assert disk.at_stake() == (
            "names x.tmp, x", "length of x", "sector 0 of x", "sector 1 of x", "sector 2 of x",
        )  # fmt: skip
        disk.power_cut(partial(is_bit_of, kept))
        assert disk.at_stake() == ()
        content = await read(disk, "x" if kept & 1 else "x.tmp")
        whole = b"".join((b"n" if kept >> n & 1 else b"\0") * size for n, size in ((2, 512), (3, 512), (4, 10)))
        assert content is not None
        assert content == (whole if kept & 2 else whole.rstrip(b"\0"))


async def test_nothing_is_at_stake_once_all_is_synced(autojump_clock: MockClock) -> None:
    disk = await replaced(0)
    assert disk.at_stake() == ()


async def test_a_flipped_bit_is_one_bit_of_one_file_and_survives_a_power_cut(autojump_clock: MockClock) -> None:
    disk = SimDisk("n0", Dice(0))
    assert disk.flip_bit(random.Random(0)) == ""
    for name in ("x", "yz"):
        await write(disk, name, OLD)
    await disk.sync_names("")
    assert disk.listing() == ("x", "yz")
    assert disk.flip_bit(random.Random(0), "z") == ""
    assert disk.flip_bit(random.Random(0), "y") == "yz"
    disk.power_cut("lose")
    content = await read(disk, "yz")
    assert content is not None
    assert sum((a ^ b).bit_count() for a, b in zip(content, OLD, strict=True)) == 1
    assert await read(disk, "x") == OLD


async def test_a_wiped_disk_is_a_new_one(autojump_clock: MockClock) -> None:
    disk = await replaced(0)
    file = await disk.open("x")
    await disk.wipe()
    assert await disk.names("") == []
    with pytest.raises(OSError, match="power was cut"):
        await file.read_into(memoryview(bytearray(1)))
    disk.power_cut("keep")
    assert await disk.names("") == []
