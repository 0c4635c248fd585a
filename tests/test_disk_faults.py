"""Disks that fail, fill up, rot or take their time under a node: what was acknowledged stands, and the node goes on."""

from pathlib import Path

import numpy as np
import pytest
import trio

from dairt.model.action import DiskError, DiskFull, FlipResult, FsyncError, GraphRecipe, NanResult, RotBit, SlowDisk
from dairt.model.events import CaughtUp, CheckpointFailed, CheckpointSetAside, NodeDown, PeerSuspected
from dairt.rehearsal.recipes import make_feeds, make_graph
from ground_bench import NAMES, Bench, on_the_bench


@pytest.mark.parametrize("calls", ["write", "sync", "names"])
def test_an_error_of_the_disk_means_not_acknowledged_and_what_was_before_stands(calls: str) -> None:
    async def story(bench: Bench) -> None:
        await bench.send("x", 1.0)
        bench.apply(DiskError("n1", calls))  # type: ignore[arg-type]  # one of DiskCalls
        receipt = await bench.send("x", 2.0)
        assert {name: at.outcome for name, at in receipt.members.items()} == {"n0": "durable", "n1": "failed", "n2": "durable"}
        assert bench.value("n1", "x") == 2.0, "it is held in memory, and served"
        bench.heal()
        await restart_alone(bench, "n1")
        assert bench.value("n1", "x") in (1.0, 2.0)
        assert (await bench.send("x", 3.0, "n1")).members["n1"].outcome == "durable"
        await restart_alone(bench, "n1")
        assert bench.value("n1", "x") == 3.0

    on_the_bench(story)


async def restart_alone(bench: Bench, name: str) -> None:
    """Take the power of one node and start it, with nobody else there to make anything good."""
    for other in NAMES:
        if other != name:
            await bench.cluster.kill(other)
    await bench.power_cut(name, "lose")
    await bench.cluster.start(name)


def test_a_failed_fsync_is_not_made_good_by_the_next_one() -> None:
    async def story(bench: Bench) -> None:
        await bench.send("x", 1.0)
        bench.apply(FsyncError("n1"))
        assert (await bench.send("x", 2.0)).members["n1"].outcome == "failed"
        assert (await bench.send("x", 3.0)).members["n1"].outcome == "durable"
        await restart_alone(bench, "n1")
        assert bench.value("n1", "x") == 3.0

    on_the_bench(story)


def test_after_a_failed_fsync_the_version_before_is_what_is_found_at_boot() -> None:
    async def story(bench: Bench) -> None:
        await bench.send("x", 1.0)
        bench.apply(FsyncError("n1", times=0))
        for value in (2.0, 3.0):
            assert (await bench.send("x", value)).members["n1"].outcome == "failed"
        await restart_alone(bench, "n1")
        assert bench.value("n1", "x") == 1.0

    on_the_bench(story)


def test_a_full_disk_leaves_the_version_before_and_a_node_that_serves() -> None:
    async def story(bench: Bench) -> None:
        await bench.send("x", 1.0)
        bench.apply(DiskFull("n1", after_bytes=1000))
        assert (await bench.send("x", 2.0)).members["n1"].outcome == "failed"
        assert [event.reason for event in bench.events(CheckpointFailed, "n1")] == ["No space left on device"]
        assert bench.value("n1", "x") == 2.0
        await restart_alone(bench, "n1")
        assert bench.value("n1", "x") == 1.0, "it boots on a full disk"
        bench.heal()
        assert (await bench.send("x", 3.0, "n1")).members["n1"].outcome == "durable"

    on_the_bench(story)


def test_a_node_without_a_disk_that_works_stays_down_until_it_works() -> None:
    async def story(bench: Bench) -> None:
        await bench.send("x", 1.0)
        bench.apply(DiskError("n1"))
        await bench.cluster.kill("n1")
        with pytest.raises(OSError, match="Input/output error"):
            await bench.cluster.start("n1")
        assert not bench.cluster.is_up("n1")
        bench.heal()
        await bench.cluster.start("n1")
        assert bench.value("n1", "x") == 1.0

    on_the_bench(story)


def test_a_slow_disk_makes_acknowledgements_late_and_nobody_suspicious() -> None:
    async def story(bench: Bench) -> None:
        bench.apply(SlowDisk("n1", latency_s=0.2))
        began = trio.current_time()
        receipt = await bench.send("x", 1.0)
        assert receipt.members["n1"].outcome == "durable"
        assert trio.current_time() - began > 1.0, "create, write, sync, rename and the sync of names"
        await trio.sleep(10)
        assert not bench.events(PeerSuspected)

    on_the_bench(story)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("versions", [1, 2])
def test_bit_rot_is_found_at_boot_and_made_good_by_a_peer(versions: int, seed: int) -> None:
    async def story(bench: Bench) -> None:
        for value in range(versions):
            await bench.send("x", value)
        newest = versions - 1.0
        assert bench.apply(RotBit("n1", "checkpoints/x.chk")) == 1
        await bench.cluster.kill("n1")
        await bench.cluster.start("n1")
        assert len(bench.events(CheckpointSetAside, "n1")) == 1
        assert bench.value("n1", "x") in (None, newest, newest - 1), "what has rotted is never loaded"
        await bench.until(lambda: bool(bench.events(CaughtUp, "n1")))
        assert bench.value("n1", "x") == newest
        await restart_alone(bench, "n1")
        assert bench.value("n1", "x") == newest, "it is on disk again"

    on_the_bench(story, seed)


def test_rot_in_an_older_generation_does_no_harm() -> None:
    async def story(bench: Bench) -> None:
        await bench.send("x", 1.0)
        await bench.send("x", 2.0)
        assert bench.apply(RotBit("n1", "checkpoints/old/")) == 1
        await restart_alone(bench, "n1")
        assert bench.value("n1", "x") == 2.0

    on_the_bench(story)


def test_a_boot_that_the_disk_fails_once_is_tried_again() -> None:
    async def story(bench: Bench) -> None:
        await bench.send("x", 1.0)
        await bench.cluster.kill("n1")
        bench.apply(DiskError("n1", "read", times=1))
        await bench.cluster.start("n1")
        assert [event.reason for event in bench.events(NodeDown, "n1")] == ["killed", "[Errno 5] Input/output error"]
        assert bench.value("n1", "x") == 1.0

    on_the_bench(story)


@pytest.mark.parametrize("action", [NanResult("n1"), FlipResult("n1", times=1)])
def test_a_processor_that_lies_is_believed_and_the_answer_is_another(action: NanResult | FlipResult) -> None:
    async def story(bench: Bench) -> None:
        graph = make_graph(GraphRecipe(layers=3, width=3, size=16), 1, Path())
        feeds = make_feeds(graph, 1)
        [truth] = (await bench.cluster.run(graph, feeds)).values()
        [again] = (await bench.cluster.run(graph, feeds)).values()
        bench.apply(action)
        [lie] = (await bench.cluster.run(graph, feeds)).values()
        assert truth.tobytes() == again.tobytes()
        assert truth.tobytes() != lie.tobytes()
        assert np.isnan(lie).any() == isinstance(action, NanResult)

    on_the_bench(story)
