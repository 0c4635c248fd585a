"""Nodes that stand still, are slow, lose their power or their disk, or have a wrong clock: and what the others make of it."""

import numpy as np
import pytest
import trio

from dairt.errors import UsageError
from dairt.model.action import LoseUnsynced, PauseNode, SkewClock, SlowNode, TornWrites
from dairt.model.events import (
    CheckpointDurable,
    CheckpointRestored,
    CheckpointSyncBegun,
    NodeBooted,
    NodeDown,
    PeerDied,
    PeerReturned,
    PeerSuspected,
    SocketRemoved,
)
from dairt.model.scenario import DiskModel
from dairt.model.scenario_toml import parse_scenario
from dairt.rehearsal.hosts import Hosts, Parts
from dairt.rehearsal.play import play
from dairt.runtime.journal import Journal
from dairt.worlds.faults import Faults
from dairt.worlds.faulty_compute import spoil
from dairt.worlds.sim.dice import Dice
from dairt.worlds.verdicts import Wrong
from ground_bench import Bench, on_the_bench


def of_n1(bench: Bench) -> int:
    """How many things n1 has said."""
    return sum(entry.node == "n1" for entry in bench.entries)


def test_a_paused_node_does_nothing_and_then_goes_on_where_it_was() -> None:
    async def story(bench: Bench) -> None:
        bench.apply(PauseNode("n1"))
        said = of_n1(bench)
        await bench.until(lambda: bool(bench.events(PeerDied, "n0")))
        assert of_n1(bench) == said
        bench.heal()
        await bench.until(lambda: bool(bench.events(PeerReturned, "n0")))
        assert len(bench.events(NodeBooted, "n1")) == 1, "it did not restart"
        assert await receipt_outcome(bench, "n1") == "durable"

    on_the_bench(story)


async def receipt_outcome(bench: Bench, member: str) -> str:
    return (await bench.send("after", 1.0)).members[member].outcome


def test_a_pause_shorter_than_the_patience_of_others_goes_unnoticed() -> None:
    async def story(bench: Bench) -> None:
        bench.apply(PauseNode("n1"))
        await trio.sleep(0.5)
        bench.heal()
        await trio.sleep(10)
        assert not bench.events(PeerSuspected)

    on_the_bench(story)


def test_a_paused_node_can_be_killed_and_its_next_life_is_not_paused() -> None:
    async def story(bench: Bench) -> None:
        bench.apply(PauseNode("n1"))
        await trio.sleep(1)
        await bench.cluster.kill("n1")
        await bench.cluster.start("n1")
        assert len(bench.events(NodeBooted, "n1")) == 2
        bench.apply(SlowNode("n2", 2), "another")
        assert await receipt_outcome(bench, "n1") == "durable"

    on_the_bench(story)


def test_the_power_of_a_paused_node_can_be_cut() -> None:
    async def story(bench: Bench) -> None:
        await bench.send("x", 1.0)
        bench.apply(PauseNode("n1"))
        await trio.sleep(0.5)
        await bench.power_cut("n1")
        await bench.cluster.start("n1")
        assert bench.value("n1", "x") == 1.0

    on_the_bench(story)


def test_two_pauses_of_a_node_end_with_the_last_of_them() -> None:
    async def story(bench: Bench) -> None:
        bench.apply(PauseNode("n1"), "first")
        bench.apply(PauseNode("n1+n2"), "second")
        bench.heal("first")
        said = of_n1(bench)
        await trio.sleep(10)
        assert of_n1(bench) == said
        bench.heal("second")
        await bench.until(lambda: any(event.peer == "n1" for event in bench.events(PeerReturned, "n0")))

    on_the_bench(story)


def test_a_slow_node_takes_its_time_and_is_not_declared_dead() -> None:
    async def story(bench: Bench) -> None:
        began = trio.current_time()
        await bench.send("before", 1.0, "n1")
        usual_s, began = trio.current_time() - began, trio.current_time()
        bench.apply(SlowNode("n1", 8))
        await bench.send("after", 2.0, "n1")
        assert trio.current_time() - began > 1.5 * usual_s
        await trio.sleep(20)
        assert not bench.events(PeerDied)

    on_the_bench(story)


def test_a_power_cut_is_silent_and_the_others_learn_of_it_by_the_silence() -> None:
    async def story(bench: Bench) -> None:
        await bench.send("x", 1.0)
        said = of_n1(bench)
        began = trio.current_time()
        await bench.power_cut("n1")
        assert [entry.event for entry in bench.entries if entry.node == "n1"][said:] == [NodeDown("killed")]
        assert trio.current_time() == began, "nothing was waited for"
        took_s = await bench.until(lambda: bool(bench.events(PeerSuspected, "n0")))
        assert took_s > 1.4
        assert not bench.events(SocketRemoved, "n0"), "no reset came"

    on_the_bench(story, suspect_after_s=2.0, probe_every_s=0.5)


def test_a_kill_is_heard_at_once_where_a_power_cut_is_not() -> None:
    async def story(bench: Bench) -> None:
        await bench.send("x", 1.0)
        await bench.cluster.kill("n1")
        assert await bench.until(lambda: bool(bench.events(SocketRemoved, "n0"))) < 1.0

    on_the_bench(story)


def test_what_was_acknowledged_survives_a_power_cut_and_comes_back() -> None:
    async def story(bench: Bench) -> None:
        for value in range(3):
            await bench.send("x", value)
        for name in ("n0", "n1", "n2"):
            await bench.power_cut(name, "lose")
        for name in ("n0", "n1", "n2"):
            await bench.cluster.start(name)
            assert bench.value(name, "x") == 2.0
        assert len(bench.events(CheckpointRestored)) == 3

    on_the_bench(story)


@pytest.mark.parametrize("seed", range(8))
def test_a_power_cut_in_the_middle_of_a_sync_leaves_the_version_before(seed: int) -> None:
    async def story(bench: Bench) -> None:
        await bench.send("x", 1.0)
        bench.when(CheckpointSyncBegun, "n1", lambda: bench.ground.power_cut("n1", ""))
        await bench.send("x", 2.0)
        for name in bench.cluster.names:  # n1 is to get the second version from nobody
            await bench.cluster.kill(name)
        assert len(bench.events(CheckpointDurable, "n1")) == 1
        await bench.cluster.start("n1")
        assert bench.value("n1", "x") == 1.0

    on_the_bench(story, seed)


def test_a_node_whose_power_comes_back_is_met_again_by_the_others() -> None:
    async def story(bench: Bench) -> None:
        await bench.send("x", 1.0)
        await bench.power_cut("n1")
        await bench.until(lambda: len(bench.events(PeerDied)) == 2)
        await bench.send("x", 2.0)
        await bench.cluster.start("n1")
        await bench.until(lambda: len(bench.events(PeerReturned)) >= 2 and bench.value("n1", "x") == 2.0)

    on_the_bench(story)


@pytest.mark.parametrize("action", [TornWrites("n1"), LoseUnsynced("n1")])
def test_what_is_not_synced_can_be_made_to_vanish_with_a_mere_kill(action: TornWrites | LoseUnsynced) -> None:
    async def story(bench: Bench) -> None:
        await bench.send("x", 1.0)
        bench.apply(action)
        await bench.cluster.kill("n1")
        await bench.cluster.start("n1")
        assert bench.value("n1", "x") == 1.0, "what was acknowledged was synced"

    on_the_bench(story, disk=DiskModel(unsynced="keep"))


@pytest.mark.parametrize("ended_by", ["kill", "stop"])
def test_while_a_disk_loses_what_is_not_synced_it_does_so_however_a_node_ends(ended_by: str) -> None:
    async def story(bench: Bench) -> None:
        disk = bench.disk("n1")
        file = await disk.create("not synced")
        await file.write([b"x"])
        await disk.sync_names("")
        for fault, size in (("", 1), ("lose", 0)):
            if fault:
                bench.apply(LoseUnsynced("n1"), fault)
            await (bench.cluster.kill if ended_by == "kill" else bench.cluster.stop)("n1")
            await bench.cluster.start("n1")
            assert await disk.size("not synced") == size

    on_the_bench(story)


def test_a_wiped_node_never_gives_a_version_out_again() -> None:
    async def story(bench: Bench) -> None:
        await bench.send("x", 1.0, "n1")
        first = bench.held("n1", "x")
        for name in ("n0", "n1", "n2"):
            await bench.cluster.kill(name)
        await bench.ground.wipe("n1")
        await bench.cluster.start("n1")
        assert bench.held("n1", "x") is None
        await bench.send("x", 2.0, "n1")
        again = bench.held("n1", "x")
        assert first is not None
        assert again is not None
        assert (first.version.counter, first.version.origin) == (again.version.counter, again.version.origin)
        assert first.version != again.version

    on_the_bench(story)


def test_a_wiped_node_gets_everything_back_from_the_others() -> None:
    async def story(bench: Bench) -> None:
        await bench.send("x", 1.0)
        await bench.cluster.kill("n1")
        await bench.ground.wipe("n1")
        await bench.cluster.start("n1")
        await bench.until(lambda: bench.value("n1", "x") == 1.0)

    on_the_bench(story)


def test_a_skewed_clock_bends_stamps_and_nothing_else() -> None:
    async def story(bench: Bench) -> None:
        bench.apply(SkewClock("n1", behind_s=3600.0))
        bench.apply(SkewClock("n1+n2", ahead_s=60.0), "another")
        for name in ("n0", "n1", "n2"):
            await bench.send(name, 1.0, name)
        stamps = [item.written_at for name in ("n0", "n1", "n2") if (item := bench.held(name, name)) is not None]
        truth = bench.ground.wall()
        assert [round(stamp - truth) for stamp in stamps] == [0, -3540, 60]
        await trio.sleep(10)
        assert not bench.events(PeerSuspected)
        bench.heal()
        await bench.send("x", 1.0, "n1")
        item = bench.held("n1", "x")
        assert item is not None
        assert item.written_at == pytest.approx(bench.ground.wall() + 60.0, abs=1.0)

    on_the_bench(story)


def test_where_power_cannot_be_cut_the_reason_is_given() -> None:
    parts = Parts(
        card=lambda name: pytest.fail("no card is asked for"), disks={}, processors={}, dice=Dice(0), wall=lambda: 0.0
    )
    hosts = Hosts(parts, Faults(lambda: 0.0, Dice(0)), {}, Journal(lambda: 0.0, 1))
    with pytest.raises(UsageError, match="cannot cut the power of n1: what a real disk keeps"):
        hosts.power_cut("n1")


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
def test_a_flipped_bit_changes_one_bit_of_one_result(dtype: str) -> None:
    for n in range(20):
        before = [np.zeros((3, 2), dtype), np.zeros((0,), dtype)]
        after = spoil(before, Wrong("bitflip", Dice(n).draws("flip")))
        assert sum(int(byte).bit_count() for array in after for byte in array.tobytes()) == 1
        assert after[0].dtype == dtype
        assert not before[0].any(), "what the kernel gave is left alone"


def test_nan_takes_the_place_of_one_element_where_a_type_has_it() -> None:
    draws = Dice(0).draws("nan")
    after = spoil([np.zeros(3, np.int32), np.zeros((2, 2), np.float32)], Wrong("nan", draws))
    assert not after[0].any()
    assert np.isnan(after[1]).sum() == 1
    assert not spoil([np.zeros(3, np.int32)], Wrong("nan", draws))[0].any()


STORY = """
schema = "dairt.scenario/1"
name   = "trouble-at-home"
time   = { trouble_until = "6s", settle = "6s" }

[cluster]
nodes  = { prefix = "n", count = 4 }
config = { probe_every = "250ms", suspect_after = "1s", dead_after = "3s" }

[disk.default]
fsync             = { p50 = "2ms", p99 = "40ms" }
unsynced_on_crash = "torn"

[[network.link]]
link    = ["n0", "n1"]
latency = { dist = "uniform", min = "5ms", max = "20ms" }

[[work]]
id = "weights"
kind = "broadcast"
from = "n0"
tensor = { dtype = "float32", shape = [64, 64] }
every = "100ms"
until = "6s"

[[fault]]
id = "power"
on = { event = "checkpoint_sync_begun", node = "n3", nth = 5 }
kind = "node.power_cut"
node = "n3"
for = "1s"

[[fault]]
id = "pause"
at = "2s"
for = "2s"
kind = "node.pause"
node = "n1"

[[fault]]
id = "slow"
at = "1s"
for = "2s"
kind = "node.slow"
node = "n2"
factor = 4

[[fault]]
id = "wipe"
at = "4500ms"
for = "500ms"
kind = "node.wipe"
node = "n3"

[[fault]]
id = "full"
at = "3s"
for = "1s"
kind = "disk.full"
node = "n2"

[[fault]]
id = "fsync"
at = "5s"
for = "500ms"
kind = "disk.fsync_error"
node = "n2"

[[expect]]
always = "durable_survives_restart"
[[expect]]
always = "no_partial_tensor_visible"
[[expect]]
eventually = "acked_broadcast_on_all_live"
within = "4s"
[[expect]]
finally = "every_node_returns"
[[expect]]
finally = "no_leaked_sockets"
"""


@pytest.mark.parametrize("seed", range(2))
def test_a_story_of_trouble_at_home_holds_and_replays_bit_for_bit(seed: int) -> None:
    first, second = (play(parse_scenario(STORY, "story.toml"), seed=seed) for _ in range(2))
    assert (first.verdict, first.reason) == ("held", "")
    assert first.digest == second.digest
