"""What the disk refused is written again by itself: whole, soon, and less and less often while it goes on refusing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from dairt.model.action import FsyncError
from dairt.model.events import CheckpointBegun, CheckpointFailed
from dairt.protocol.messages import ALL, LOCAL
from dairt.runtime.store import AGAIN_MAX_S
from dairt.worlds.faults import Faults
from dairt.worlds.faulty_disk import FaultyDisk
from dairt.worlds.sim.dice import Dice
from dairt.worlds.sim.disk import SimDisk
from store_bench import Bench, D, TroubledDisk, bench, bench_on

pytestmark = pytest.mark.trio


@asynccontextmanager
async def writing_again(b: Bench[D]) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(b.store.write_again)
        yield
        nursery.cancel_scope.cancel()


async def test_a_disk_that_has_room_again_gets_its_checkpoint_without_a_new_put(autojump_clock: MockClock) -> None:
    async with bench_on(TroubledDisk(), within_s=600) as b, writing_again(b):
        b.disk.refuses = ["write"]
        versions = {key: b.put(key, 1, audience) for key, audience in (("k", ALL), ("own", LOCAL))}
        for key, version in versions.items():
            assert await b.store.checkpoint(key, version) == "failed"
        b.disk.refuses = []
        await b.until(lambda: (b.state("k"), b.state("own")) == ("durable", "durable"))
    b.disk.power_cut("lose")
    async with bench(b.disk) as again:
        assert {view.key: view.version for view in again.store.views()} == versions


async def test_a_disk_that_goes_on_refusing_is_tried_less_and_less_and_with_one_key_at_a_time(
    autojump_clock: MockClock,
) -> None:
    async with bench_on(TroubledDisk(), within_s=600) as b, writing_again(b):
        b.disk.refuses = ["sync"]
        for key in "abcd":
            assert await b.store.checkpoint(key, b.put(key, 1)) == "failed"
        begun, first = trio.current_time(), b.disk.created
        await trio.sleep(AGAIN_MAX_S * 10)
        assert 10 <= b.disk.created - first <= 20
        assert trio.current_time() - begun < AGAIN_MAX_S * 10 + 1
        tried = [event.key for event in b.events if isinstance(event, CheckpointFailed)][4:]
        assert tried[:5] == ["a", "b", "c", "d", "a"], "a key that never fits keeps no other from its turn"
        b.disk.refuses = []
        await b.until(lambda: all(b.state(key) == "durable" for key in "abcd"), AGAIN_MAX_S + 1)
        written = b.disk.created
        await trio.sleep(AGAIN_MAX_S * 3)
        assert b.disk.created == written, "what is durable is not written again"


async def test_after_a_failed_sync_the_whole_file_is_written_anew(autojump_clock: MockClock) -> None:
    faults = Faults(trio.current_time, Dice(0))
    inner = SimDisk("n0", Dice(0))
    async with bench_on(FaultyDisk(inner, "n0", faults), within_s=600) as b, writing_again(b):
        faults.apply("sync", FsyncError("n0", times=2))
        version = b.put("k", 1)
        assert await b.store.checkpoint("k", version) == "failed"
        await b.until(lambda: b.state("k") == "durable")
    assert b.names_of(CheckpointBegun) == ["CheckpointBegun"] * 3
    inner.power_cut("lose")
    async with bench_on(inner) as again:
        item = again.store.get("k")
        assert item is not None
        assert (item.version, float(item.array[0])) == (version, 1.0)


async def test_a_write_that_failed_in_the_very_last_step_leaves_the_older_generations_as_they_are(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        for n in range(3):
            await b.store.checkpoint("k", b.put("k", n))
        b.disk.refuses = ["sync names"]
        last = b.put("k", 9)
        for _ in range(3):
            assert await b.store.checkpoint("k", last) == "failed"
        b.disk.refuses = []
        assert await b.store.checkpoint("k", last) == "durable"
        kept = [name.split("@")[1].lstrip("0") for name in await b.disk.names("checkpoints/old")]
        assert kept == ["2", "3"], "the version itself is no generation before it"
