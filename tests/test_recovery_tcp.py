"""Recovery on real sockets, headless: connections are killed, links cut and nodes lost, and the cluster must be whole again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dairt.model.action import CutLink, GraphRecipe, Heal, KillNode, Link, ResetConnection, RestartNode
from dairt.model.events import (
    ChunkSent,
    OpCommitted,
    OpStarted,
    PeerDied,
    PeerReturned,
    RunEnded,
    SocketRemoved,
    TensorStored,
)
from dairt.model.graph import evaluate
from dairt.model.layered import layered_graph
from dairt.runtime.node import Node
from dairt.worlds.fingerprint import fingerprint
from dairt.worlds.kernels import apply
from loopback_world import loopback_world

ALL = ("n0", "n1", "n2")
QUICK: dict[str, Any] = {"probe_every_s": 0.05, "suspect_after_s": 0.4, "dead_after_s": 0.8, "reconcile_every_s": 0.1}


def tensor(mib: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(int(mib * 2**18)).astype(np.float32)


async def test_a_socket_reset_in_mid_tensor_is_removed_and_the_tensor_arrives(tmp_path: Path) -> None:
    async with loopback_world(tmp_path) as world:
        faults = world.stage.trouble
        world.on(
            lambda e: isinstance(e.event, ChunkSent) and e.event.peer == "n2" and e.event.offset_pct > 30,
            lambda: faults.strike("f", ResetConnection(Link("n0", "n2")), None),
        )
        receipt = await world.cluster.broadcast("w", tensor(16))
        assert receipt.durable == ALL
        assert world.held("w") == dict.fromkeys(ALL, receipt.checksum)
        assert "n2" in {event.peer for event in world.events(SocketRemoved, "n0")}
        assert len([event for event in world.events(TensorStored, "n2") if event.key == "w"]) == 1


async def test_every_idle_socket_killed_at_once_costs_no_call(tmp_path: Path) -> None:
    async with loopback_world(tmp_path) as world:
        await world.cluster.broadcast("w", tensor(1))
        await world.stage.inject(ResetConnection(Link("any", "any")))
        receipt = await world.cluster.broadcast("w", tensor(1, 2))
        assert receipt.durable == ALL


async def test_a_run_whose_sockets_are_reset_gives_the_same_bits(tmp_path: Path) -> None:
    graph = layered_graph(GraphRecipe(layers=6, width=4, size=128), 1)
    feeds = {
        name: np.random.default_rng(2).standard_normal(spec.shape).astype(spec.dtype) for name, spec in graph.inputs.items()
    }
    expected = evaluate(graph, feeds, apply)
    async with loopback_world(tmp_path) as world:
        faults = world.stage.trouble
        world.on(
            lambda e: isinstance(e.event, OpStarted) and e.node == "n1",
            lambda: faults.strike("f", ResetConnection(Link("n0", "n1")), None),
        )
        outputs = await world.cluster.run(graph, feeds, coordinator="n0")
        assert {name: array.tobytes() for name, array in outputs.items()} == {n: a.tobytes() for n, a in expected.items()}
        assert world.events(SocketRemoved)
        committed = [event.op for event in world.events(OpCommitted)]
        assert sorted(committed) == sorted(op.name for op in graph.ops)
        assert [event.outcome for event in world.events(RunEnded)] == ["done"]


async def test_a_node_killed_in_mid_run_is_done_without_and_the_bits_are_the_same(tmp_path: Path) -> None:
    graph = layered_graph(GraphRecipe(layers=6, width=4, size=128), 1)
    feeds = {
        name: np.random.default_rng(2).standard_normal(spec.shape).astype(spec.dtype) for name, spec in graph.inputs.items()
    }
    expected = evaluate(graph, feeds, apply)
    async with loopback_world(tmp_path) as world:
        world.on(
            lambda e: isinstance(e.event, OpStarted) and e.node == "n2",
            lambda: world.stage.cluster._nursery.start_soon(world.stage.inject, KillNode("n2")),
        )
        outputs = await world.cluster.run(graph, feeds, coordinator="n0")
        assert {name: array.tobytes() for name, array in outputs.items()} == {n: a.tobytes() for n, a in expected.items()}


async def test_a_node_killed_and_started_again_has_every_acknowledged_tensor(tmp_path: Path) -> None:
    async with loopback_world(tmp_path, **QUICK) as world:
        before = await world.cluster.broadcast("before", tensor(1, 1))
        await world.stage.inject(KillNode("n1"))
        during = await world.cluster.broadcast("during", tensor(1, 2))
        assert during.missing == ("n1",)
        await world.stage.inject(RestartNode("n1"))
        assert world.held("before")["n1"] == before.checksum
        await world.until(lambda: world.held("during").get("n1") == during.checksum)


@pytest.mark.parametrize("victim", ["n0", "n2"])
async def test_a_cut_off_node_is_found_dead_and_returns_and_catches_up_when_healed(tmp_path: Path, victim: str) -> None:
    others = [name for name in ALL if name != victim]
    async with loopback_world(tmp_path, **QUICK) as world:
        await world.stage.inject(CutLink(Link(victim, "any")))
        await world.until(lambda: all(victim in {e.peer for e in world.events(PeerDied, name)} for name in others))
        receipt = await world.cluster.broadcast("w", tensor(1), source=others[0])
        assert receipt.missing == (victim,)
        await world.stage.inject(Heal())
        await world.until(lambda: all(victim in {e.peer for e in world.events(PeerReturned, name)} for name in others))
        await world.until(lambda: world.held("w") == dict.fromkeys(ALL, receipt.checksum))


@pytest.mark.parametrize(
    "key", ["x" * 512, "é" * 256, "a/b", "..", "\n"], ids=["512 letters", "512 bytes", "slash", "dots", "newline"]
)
async def test_any_key_is_kept_on_a_real_disk_in_all_its_generations(tmp_path: Path, key: str) -> None:
    async with loopback_world(tmp_path) as world:
        for seed in range(3):
            receipt = await world.cluster.broadcast(key, tensor(0.01, seed))
            assert receipt.durable == ALL
        await world.stage.inject(RestartNode("n1"))
        assert world.held(key) == dict.fromkeys(ALL, receipt.checksum)
        assert len(list((tmp_path / "n1" / "checkpoints" / "old").iterdir())) == 2
    assert not (tmp_path / "n1" / "checkpoints" / "aside").exists()


async def test_nodes_tell_each_other_how_they_compute(tmp_path: Path) -> None:
    async with loopback_world(tmp_path) as world:
        assert (await world.cluster.broadcast("w", tensor(0.01))).durable == ALL
        node = world.cluster.member("n0")
        assert isinstance(node, Node)
        assert {peer.fingerprint for peer in node.peers.values()} == {node.config.fingerprint} == {fingerprint()}
