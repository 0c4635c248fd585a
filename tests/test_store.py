"""What holds of a node's store: which version wins, when it is durable, and what becomes of it when the disk refuses."""

import errno

import numpy as np
import pytest
import trio
import trio.testing
from trio.testing import MockClock

from dairt.errors import RemoteProtocolError
from dairt.model import tensor
from dairt.model.events import (
    CheckpointBegun,
    CheckpointDurable,
    CheckpointFailed,
    CheckpointSyncBegun,
    TaskFailed,
    TensorStored,
)
from dairt.model.version import Version
from dairt.protocol.messages import ALL, LOCAL
from dairt.runtime.workers import Lane
from small_host import WALL_S, filled
from store_bench import bench

pytestmark = pytest.mark.trio


async def test_a_newer_version_replaces_and_an_older_or_equal_one_does_not() -> None:
    async with bench() as b:
        one, two = filled(1), filled(2)
        newer = Version(5, "n1", 3)
        assert b.store.offer("k", newer, two, ALL, tensor.checksum(two), "n1")
        for older in (newer, Version(5, "n0", 9), Version(4, "n9", 9)):
            assert not b.store.offer("k", older, two if older == newer else one, ALL, tensor.checksum(two), "n2")
        item = b.store.get("k")
        assert item is not None
        assert (item.version, item.array is two, item.written_at, item.durable) == (newer, True, WALL_S, False)
        assert b.events == [TensorStored("k", newer, two.nbytes, tensor.checksum(two), "n1")]


async def test_one_version_with_two_contents_breaks_the_protocol() -> None:
    async with bench() as b:
        version = b.put("k", 1)
        with pytest.raises(RemoteProtocolError, match="n2 offers other bytes for k 1@n0"):
            b.store.offer("k", version, filled(2), ALL, tensor.checksum(filled(2)), "n2")


async def test_new_versions_are_above_everything_seen_for_any_key() -> None:
    async with bench() as b:
        first = b.store.make_version()
        assert (first, b.store.make_version()) == (Version(1, "n0", 7), Version(2, "n0", 7))
        b.store.offer("k", Version(40, "n1", 1), filled(1), ALL, 1, "n1")
        b.store.offer("k", Version(39, "n1", 1), filled(1), ALL, 1, "n1")
        assert b.store.make_version().counter == 41


async def test_a_checkpoint_is_written_synced_and_named_before_it_is_durable(autojump_clock: MockClock) -> None:
    async with bench() as b:
        version = b.put("k", 1)
        assert b.state("k") == "memory"
        assert await b.store.checkpoint("k", version) == "durable"
        kinds = (CheckpointBegun, CheckpointSyncBegun, CheckpointDurable)
        assert b.names_of(*kinds) == ["CheckpointBegun", "CheckpointSyncBegun", "CheckpointDurable"]
        durable = b.events[-1]
        assert isinstance(durable, CheckpointDurable)
        assert (durable.version, durable.nbytes, durable.seconds > 0) == (version, 4000, True)
        item = b.store.get("k")
        assert item is not None
        assert item.durable
        assert b.state("k") == "durable"
        b.disk.power_cut("lose")
    async with bench(b.disk) as again:
        restored = again.store.get("k")
        assert restored is not None
        assert (restored.version, restored.checksum) == (version, item.checksum)
        assert np.array_equal(restored.array, item.array)


async def test_asking_again_for_what_is_durable_writes_nothing(autojump_clock: MockClock) -> None:
    async with bench() as b:
        first = b.put("k", 1)
        await b.store.checkpoint("k", first)
        second = b.put("k", 2)
        await b.store.checkpoint("k", second)
        assert await b.store.checkpoint("k", second) == "durable"
        assert await b.store.checkpoint("k", first) == "superseded"
        assert b.disk.created == 2


async def test_a_hot_key_is_written_by_one_writer_and_waiting_older_versions_are_superseded(autojump_clock: MockClock) -> None:
    outcomes: dict[int, str] = {}
    async with bench() as b:
        b.disk.gate = trio.Event()

        async def checkpoint(version: Version) -> None:
            outcomes[version.counter] = await b.store.checkpoint("k", version)

        async with trio.open_nursery() as nursery:
            for n in range(6):
                nursery.start_soon(checkpoint, b.put("k", n))
                await trio.testing.wait_all_tasks_blocked()
            assert b.state("k") == "writing"
            b.disk.gate.set()
    assert outcomes == {1: "durable", 2: "superseded", 3: "superseded", 4: "superseded", 5: "superseded", 6: "durable"}
    assert b.disk.created == 2, "the first, and the newest of those that waited"


async def test_a_hot_key_leaves_workers_to_the_others(autojump_clock: MockClock) -> None:
    async with bench() as b:
        b.disk.gate = trio.Event()
        async with trio.open_nursery() as nursery:
            for n in range(5):
                nursery.start_soon(b.store.checkpoint, "k", b.put("k", n))
            await trio.testing.wait_all_tasks_blocked()
            assert [view.busy for view in b.pool.lane_views()] == [0, 1]
            b.disk.gate.set()


@pytest.mark.parametrize(
    "call", ["create", "write", "sync", "rename checkpoints/k.chk", "rename checkpoints/k.tmp", "sync names"]
)
async def test_a_disk_that_refuses_leaves_the_previous_checkpoint_and_no_litter(call: str, autojump_clock: MockClock) -> None:
    async with bench() as b:
        first = b.put("k", 1)
        await b.store.checkpoint("k", first)
        second = b.put("k", 2)
        b.disk.refuses = [call]
        assert await b.store.checkpoint("k", second) == "failed"
        assert b.events[-1] == CheckpointFailed("k", second, "No space left on device")
        assert b.names_of(TaskFailed) == [], "the worker did its job"
        assert b.state("k") == "failed"
        assert await b.disk.names("checkpoints") == ["k.chk"]
        b.disk.refuses = []
        async with bench(b.disk) as rebooted:
            assert rebooted.store.views()[0].version >= first
        assert await b.store.checkpoint("k", second) == "durable", "a disk that recovers is used again"
        b.disk.power_cut("lose")
    async with bench(b.disk) as again:
        assert again.store.views()[0].version == second


async def test_when_even_putting_the_old_file_back_fails_a_boot_finds_it(autojump_clock: MockClock) -> None:
    async with bench() as b:
        first = b.put("k", 1)
        await b.store.checkpoint("k", first)
        second = b.put("k", 2)
        rename, calls = b.disk.rename, []

        async def fail_from_the_second(old: str, new: str) -> None:
            calls.append(new)
            if len(calls) > 1:
                raise OSError(errno.EIO, "Input/output error")
            await rename(old, new)

        b.disk.rename = fail_from_the_second  # type: ignore[method-assign]
        assert await b.store.checkpoint("k", second) == "failed"
        b.disk.rename = rename  # type: ignore[method-assign]
        async with bench(b.disk) as again:
            assert again.store.views()[0].version == first
        assert await b.store.checkpoint("k", second) == "durable", "and so does the next write"


async def test_all_who_wait_for_a_write_hear_that_it_failed(autojump_clock: MockClock) -> None:
    outcomes: list[str] = []
    async with bench() as b:
        b.disk.gate, b.disk.refuses = trio.Event(), ["sync"]
        version = b.put("k", 1)

        async def checkpoint() -> None:
            outcomes.append(await b.store.checkpoint("k", version))

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(checkpoint)
            await trio.testing.wait_all_tasks_blocked()
            b.disk.gate.set()
    assert (outcomes, b.disk.created) == (["failed"] * 3, 1)


async def test_whoever_waits_takes_over_from_a_writer_cancelled_in_the_queue(autojump_clock: MockClock) -> None:
    outcomes: list[str] = []
    busy = trio.Event()

    async def hold(_worker: str) -> None:
        await busy.wait()

    async with bench(workers=1) as b, trio.open_nursery() as nursery:
        nursery.start_soon(b.pool.submit, Lane.IO, "something else", hold)
        version = b.put("k", 1)
        await trio.testing.wait_all_tasks_blocked()

        async def checkpoint() -> None:
            outcomes.append(await b.store.checkpoint("k", version))

        async with trio.open_nursery() as first:
            first.start_soon(checkpoint)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(checkpoint)
            await trio.testing.wait_all_tasks_blocked()
            first.cancel_scope.cancel()
        busy.set()
    assert outcomes == ["durable"]


async def test_a_writer_cancelled_in_the_middle_writes_to_the_end(autojump_clock: MockClock) -> None:
    async with bench() as b:
        b.disk.gate = trio.Event()
        version = b.put("k", 1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(b.store.checkpoint, "k", version)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert b.state("k") == "writing", "the key's writer is still there"
        b.disk.gate.set()
        assert await b.store.checkpoint("k", version) == "durable"
        assert b.disk.created == 1


async def test_a_node_that_stops_in_the_middle_of_a_replace_ends_it_first(autojump_clock: MockClock) -> None:
    async with bench() as b:
        await b.store.checkpoint("k", b.put("k", 1))
        rename, renamed = b.disk.rename, trio.Event()

        async def tell(old: str, new: str) -> None:
            await rename(old, new)
            renamed.set()
            await trio.sleep(1)  # so that the node stops here

        b.disk.rename = tell  # type: ignore[method-assign]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(b.store.checkpoint, "k", b.put("k", 2))
            await renamed.wait()
            nursery.cancel_scope.cancel()
    assert await b.disk.names("checkpoints") == ["k.chk"]


async def test_a_node_that_keeps_no_files_says_stored_and_writes_none() -> None:
    async with bench(checkpoint="never") as b:
        assert await b.store.checkpoint("k", b.put("k", 1)) == "stored"
        assert (b.disk.created, b.state("k")) == (0, "memory")


async def test_old_generations_are_kept_as_configured(autojump_clock: MockClock) -> None:
    async with bench() as b:
        for n in range(5):
            await b.store.checkpoint("k", b.put("k", n))
        kept = [name.split("@")[1].lstrip("0") for name in await b.disk.names("checkpoints/old")]
        assert kept == ["3", "4"]


async def test_the_inventory_is_what_concerns_a_member_in_order_and_pages() -> None:
    async with bench() as b:
        for key, audience in (("d", ALL), ("a", ("n1", "n2")), ("c", LOCAL), ("b", ("n2",)), ("e", ALL)):
            b.put(key, 1, audience)
        have, more = b.store.inventory("n1", "", 2)
        assert ([line.key for line in have], more) == (["a", "d"], True)
        have, more = b.store.inventory("n1", "d", 2)
        assert ([line.key for line in have], more) == (["e"], False)
        assert [line.audience for line in b.store.inventory("n3", "", 9)[0]] == [ALL, ALL]
