"""Checkpoints read back while a node is up: what is whole is said to be, what is not is found, and made good when asked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import trio
import trio.testing

from dairt.errors import Refused, UsageError
from dairt.model import tensor
from dairt.model.action import Put, RestoreCheckpoint, TensorRecipe, VerifyCheckpoint, kind_of, nodes_of
from dairt.model.action_toml import keys_of
from dairt.model.events import (
    ActionRefused,
    CheckpointDamaged,
    CheckpointDurable,
    CheckpointSetAside,
    CheckpointVerified,
    Event,
)
from dairt.model.scenario import Scenario
from dairt.model.version import Version
from dairt.protocol.messages import ALL
from dairt.rehearsal.stage import Setting, open_stage
from dairt.runtime.store import Store
from dairt.runtime.workers import WorkerPool
from dairt.worlds.sim.dice import Dice
from dairt.worlds.sim.disk import SimDisk
from small_host import filled, small_config, small_host
from telling import story, tell


@dataclass
class Bench:
    """A store, its disk, and all it reported."""

    store: Store
    disk: SimDisk
    events: list[Event]

    async def put(self, key: str, value: float) -> Version:
        version, array = self.store.make_version(), filled(value)
        assert self.store.offer(key, version, array, ALL, tensor.checksum(array), "n0")
        assert await self.store.checkpoint(key, version) == "durable"
        return version

    async def tear(self, name: str) -> None:
        """Leave of a file only that it is there."""
        file = await self.disk.create(name)
        await file.write([b"torn"])
        await file.aclose()

    def told(self, *kinds: type[Event]) -> list[tuple[str, Version]]:
        """The events of these kinds, and of which version each is."""
        about = (CheckpointVerified, CheckpointDamaged, CheckpointDurable)
        return [(type(e).__name__, e.version) for e in self.events if isinstance(e, about) and isinstance(e, kinds)]


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    disk, events = SimDisk("n0", Dice(0)), list[Event]()
    host, config = small_host(disk, events.append), small_config(workers=1)
    async with WorkerPool(host, config) as pool:
        store = Store(host, config, pool, nonce=7)
        await store.restore()
        with trio.fail_after(5):
            yield Bench(store, disk, events)


VERDICTS = (CheckpointVerified, CheckpointDamaged)
OLD = "checkpoints/old/w@{:020}@n0@7.chk"


@pytest.mark.trio
async def test_every_file_of_a_key_is_read_back_and_said_to_be_whole(autojump_clock: trio.testing.MockClock) -> None:
    async with bench() as b:
        first, second = await b.put("w", 1.0), await b.put("w", 2.0)
        await b.put("v", 3.0)
        await b.store.scrub("w")
        assert b.told(*VERDICTS) == [("CheckpointVerified", first), ("CheckpointVerified", second)]
        assert [view.on_disk for view in b.store.views() if view.key == "w"] == [(first, second)]


@pytest.mark.trio
async def test_what_is_damaged_is_found_and_only_a_restore_changes_it(autojump_clock: trio.testing.MockClock) -> None:
    async with bench() as b:
        first, second = await b.put("w", 1.0), await b.put("w", 2.0)
        await b.tear("checkpoints/w.chk")
        await b.store.scrub()
        assert b.told(*VERDICTS) == [("CheckpointVerified", first), ("CheckpointDamaged", second)]
        b.events.clear()
        await b.store.scrub("w", repair=True)
        assert b.told(CheckpointDurable) == [("CheckpointDurable", second)]
        b.events.clear()
        await b.store.scrub("w")
        assert b.told(*VERDICTS) == [("CheckpointVerified", first), ("CheckpointVerified", second)]
        assert [view.state for view in b.store.views()] == ["durable"]


@pytest.mark.trio
async def test_a_damaged_generation_is_set_aside_and_the_newest_left_alone(autojump_clock: trio.testing.MockClock) -> None:
    async with bench() as b:
        first, second = await b.put("w", 1.0), await b.put("w", 2.0)
        await b.tear(OLD.format(first.counter))
        b.events.clear()
        await b.store.scrub("w", repair=True)
        assert b.told(CheckpointDurable) == []
        [aside] = [event for event in b.events if isinstance(event, CheckpointSetAside)]
        assert aside.file == OLD.format(first.counter)
        assert await b.disk.names("checkpoints/aside") == [OLD.format(first.counter).rpartition("/")[2]]
        assert [view.on_disk for view in b.store.views()] == [(second,)]


@pytest.mark.trio
async def test_a_put_during_a_scrub_waits_for_it_and_becomes_durable(autojump_clock: trio.testing.MockClock) -> None:
    async with bench() as b:
        await b.put("w", 1.0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(b.store.scrub, "w")
            await trio.lowlevel.checkpoint()
            nursery.start_soon(b.put, "w", 2.0)
        kinds = [type(event) for event in b.events if isinstance(event, (CheckpointVerified, CheckpointDurable))]
        assert kinds == [CheckpointDurable, CheckpointVerified, CheckpointDurable]


@pytest.mark.trio
async def test_a_key_that_is_not_held_is_named() -> None:
    async with bench() as b:
        with pytest.raises(UsageError, match="n0 holds no 'nosuch'"):
            await b.store.scrub("nosuch")


ROT = """
[[work]]
id = "w"
kind = "broadcast"
tensor = { shape = [64] }
from = "a"
at = "100ms"
[[do]]
do = "disk.bitflip"
at = "1s"
node = "b"
file = "checkpoints/w"
"""
CARE = '[[do]]\ndo = "checkpoint.{}"\nat = "{}"\nnode = {}\nkey = "w"\n'


@pytest.mark.parametrize("seed", range(3))
def test_rot_is_found_and_mended_in_a_story_and_every_promise_holds(seed: int) -> None:
    care = [CARE.format("verify", "1200ms", '["a", "b"]'), CARE.format("restore", "1500ms", '"b"')]
    report, heard = tell(story(ROT + "".join(care)), seed)
    assert report.verdict == "held", report.text()
    assert [entry.node for entry in heard.heard(CheckpointVerified)] == ["a"]
    assert [entry.node for entry in heard.heard(CheckpointDamaged)] == ["b", "b"]
    assert [entry.node for entry in heard.heard(CheckpointDurable)][3:] == ["b"]


def test_care_for_a_node_that_is_down_is_refused_in_one_sentence() -> None:
    down = '[[do]]\ndo = "node.kill"\nat = "1s"\nnode = "b"\n' + CARE.format("verify", "1200ms", '"b"')
    _, heard = tell(story(ROT.partition("[[do]]")[0] + down))
    [refused] = [entry.event for entry in heard.heard(ActionRefused)]
    assert isinstance(refused, ActionRefused)
    assert refused.reason == "b is down"


@pytest.mark.parametrize("action", [VerifyCheckpoint("a"), RestoreCheckpoint("a+b", "w"), VerifyCheckpoint("b", "x/y z")])
def test_care_is_read_from_a_scenario_as_it_was_written(action: VerifyCheckpoint | RestoreCheckpoint) -> None:
    node = 'node = ["a", "b"]' if action.node == "a+b" else f'node = "{action.node}"'
    entry = f'[[do]]\ndo = "{kind_of(action)}"\nat = "1s"\n{node}\n' + (f'key = "{action.key}"\n' if action.key else "")
    assert [do.action for do in story(entry).actions] == [action]
    assert keys_of(action).get("key", "") == action.key
    assert nodes_of(action) == tuple(action.node.split("+"))


@pytest.mark.trio
async def test_a_node_in_a_process_of_its_own_reads_its_files_back_too() -> None:
    async with open_stage(Setting(Scenario("apart", ("n0",)), "proc", 0)) as stage:
        with trio.fail_after(30):
            await stage.cluster.start("n0")
            await stage.inject(Put("w", TensorRecipe((4,)), "n0"))
            await stage.inject(VerifyCheckpoint("n0", "w"))
            while not any(isinstance(entry.event, CheckpointVerified) for entry in stage.journal.since(0, 1000)[0]):
                await stage.journal.wait(stage.journal.last_seq)
            with pytest.raises(Refused, match="holds no 'nosuch'"):
                await stage.inject(VerifyCheckpoint("n0", "nosuch"))
