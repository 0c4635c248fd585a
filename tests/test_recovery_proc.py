"""Recovery with real processes: SIGKILL in the middle of things, SIGTERM, and the sudden death of whoever started them."""

import fcntl
import signal
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import trio

from dairt.model import tensor
from dairt.model.action import KillNode, RestartNode
from dairt.model.events import (
    CheckpointDurable,
    CheckpointRestored,
    CheckpointSyncBegun,
    ChunkSent,
    Entry,
    Event,
    NodeDown,
    PhaseBegan,
)
from dairt.model.scenario import Scenario
from dairt.model.scenario_toml import parse_scenario
from dairt.model.version import Version
from dairt.protocol.messages import Receipt
from dairt.rehearsal.gallery import load
from dairt.rehearsal.play import play
from dairt.rehearsal.separate import ProcessMachines, open_ground
from dairt.rehearsal.stage import Setting, Stage, open_stage
from dairt.rehearsal.timeline import Timeline
from dairt.runtime.cluster import open_cluster
from dairt.runtime.journal import Journal
from dairt.runtime.remote import RemoteMember
from dairt.worlds.files import LOCK_NAME
from dairt.worlds.processes import Child, run_child

DEADLINE_S = 60.0
STORY = """
schema = "dairt.scenario/1"
name = "separate"
[cluster]
nodes = ["n0", "n1", "n2"]
config = { probe_every = "100ms", suspect_after = "500ms", dead_after = "1s", reconcile_every = "100ms" }
"""


def story() -> Scenario:
    return parse_scenario(STORY, "story.toml")


def when(journal: Journal, node: str, enough: Callable[[Event], bool]) -> trio.Event:
    """An event that is set inside the emit of the first event of that node that is `enough`."""
    heard = trio.Event()

    def listen(entry: Entry) -> None:
        if entry.node == node and enough(entry.event):
            heard.set()

    journal.listeners.append(listen)
    return heard


def when_durable(stage: Stage, node: str, keys: Iterable[str]) -> trio.Event:
    """An event that is set when the node has all these keys on its disk, written or found there from now on."""
    missing = dict.fromkeys(keys)

    def is_last(event: Event) -> bool:
        if isinstance(event, CheckpointDurable | CheckpointRestored):
            missing.pop(event.key, None)
        return not missing

    return when(stage.journal, node, is_last)


async def held(stage: Stage, node: str) -> dict[str, tuple[Version, int]]:
    """What the node holds now, by its own word: version and checksum by key."""
    member = stage.cluster.member(node)
    assert isinstance(member, RemoteMember)
    seen = await member.watch(0)
    return {item.key: (item.version, item.checksum) for item in seen.report.node.checkpoints}


def is_half_sent(event: Event, key: str, peer: str) -> bool:
    return isinstance(event, ChunkSent) and (event.key, event.peer) == (key, peer) and event.offset_pct >= 50


@pytest.mark.trio
async def test_a_node_killed_in_the_middle_of_a_broadcast_has_every_acknowledged_tensor_in_the_end(tmp_path: Path) -> None:
    weights = {f"w{n}": np.random.default_rng(n).standard_normal(2**20, np.float32) for n in range(4)}
    receipts: dict[str, Receipt] = {}
    with trio.fail_after(DEADLINE_S):
        async with open_stage(Setting(story(), "proc", 0, data=tmp_path)) as stage:

            async def broadcast_all() -> None:
                for key, array in weights.items():
                    receipts[key] = await stage.cluster.broadcast(key, array, source="n0")

            await stage.cluster.start_all()
            half_sent = when(stage.journal, "n0", lambda e: is_half_sent(e, "w2", "n1"))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(broadcast_all)
                await half_sent.wait()
                await stage.inject(KillNode("n1"))
            assert "n1" in receipts["w1"].durable
            back = when_durable(stage, "n1", weights)
            await stage.inject(RestartNode("n1"))
            await back.wait()
            promised = {key: (receipts[key].version, tensor.checksum(array)) for key, array in weights.items()}
            assert await held(stage, "n1") == promised


@pytest.mark.trio
async def test_a_trigger_stops_a_process_at_the_very_event(tmp_path: Path) -> None:
    fault = """
    [[fault]]
    id = "mid-sync"
    on = { event = "checkpoint_sync_begun", node = "n1", nth = 2 }
    kind = "node.kill"
    node = "n1"
    """
    told: list[Event] = []
    with trio.fail_after(DEADLINE_S):
        async with open_stage(Setting(parse_scenario(STORY + fault, "story.toml"), "proc", 0, data=tmp_path)) as stage:
            stage.journal.listeners.append(lambda entry: told.append(entry.event) if entry.node == "n1" else None)
            down = when(stage.journal, "n1", lambda e: isinstance(e, NodeDown))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(Timeline(stage).run)
                await when(stage.journal, "", lambda e: isinstance(e, PhaseBegan)).wait()
                for key in ("a", "b"):
                    nursery.start_soon(partial(stage.cluster.broadcast, key, np.ones(3), source="n0"))
                await down.wait()
                nursery.cancel_scope.cancel()
    last = told[: told.index(next(event for event in told if isinstance(event, NodeDown)))]
    assert sum(isinstance(event, CheckpointSyncBegun) for event in last) == 2
    assert isinstance(last[-1], CheckpointSyncBegun)


@pytest.mark.trio
async def test_a_node_that_a_stranger_kills_is_down_and_the_story_goes_on(tmp_path: Path) -> None:
    journal = Journal(trio.current_time, 1000)
    with trio.fail_after(DEADLINE_S):
        async with open_ground(Setting(story(), "proc", 0, data=tmp_path), journal) as ground:
            assert isinstance(ground.machines, ProcessMachines)
            async with open_cluster(ground.machines, story().nodes, journal) as cluster:
                down = when(journal, "n2", lambda e: isinstance(e, NodeDown) and "SIGKILL" in e.reason)
                await cluster.start_all()
                ground.machines.children["n2"].signal(signal.SIGKILL)
                await down.wait()
                receipt = await cluster.broadcast("w", np.ones(3), source="n0")
                assert receipt.durable == ("n0", "n1")


@pytest.mark.trio
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_a_node(number: signal.Signals, tmp_path: Path) -> None:
    with trio.fail_after(DEADLINE_S):
        async with trio.open_nursery() as nursery:
            command = [sys.executable, "-m", "dairt", "node", "--name=n0", "--listen=127.0.0.1:0", f"--data={tmp_path}"]
            child: Child = await nursery.start(run_child, command, "n0 up at 127.0.0.1:")
            child.signal(number)
            assert await child.wait() == 0


@pytest.mark.trio
async def test_no_node_outlives_the_sudden_death_of_whoever_started_it(tmp_path: Path) -> None:
    parent = f"""
import sys, trio
from pathlib import Path
from dairt.model.scenario_toml import parse_scenario
from dairt.rehearsal.separate import ProcessMachines, open_ground
from dairt.rehearsal.stage import Setting, open_stage
async def main():
    async with open_stage(Setting(parse_scenario({STORY!r}, "story.toml"), "proc", 0, data=Path({str(tmp_path)!r}))) as stage:
        await stage.cluster.start_all()
        print("up", file=sys.stderr, flush=True)
        await trio.sleep_forever()
trio.run(main)
"""
    with trio.fail_after(DEADLINE_S):
        async with trio.open_nursery() as nursery:
            child: Child = await nursery.start(run_child, [sys.executable, "-c", parent], "up")
            child.signal(signal.SIGKILL)
            for name in ("n0", "n1", "n2"):
                await unlocked(tmp_path / name)


async def unlocked(folder: Path) -> None:
    """Wait until no process lives in a node's folder."""
    with (folder / LOCK_NAME).open("rb") as lock:
        await trio.to_thread.run_sync(fcntl.flock, lock, fcntl.LOCK_EX, abandon_on_cancel=True)


def test_the_killed_socket_is_not_noticed_with_a_process_a_node() -> None:
    report = play(load("kill_socket"), world="proc")
    assert report.exit_code == 0, report.text()
