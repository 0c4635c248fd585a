"""`dairt run`: a real network over three nodes, with and without a killed socket, gives the same bits; and they are right."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dairt.model.action import Link, ResetConnection
from dairt.model.events import Entry, OpCommitted, RunBegun, RunEnded, SocketRemoved
from dairt.model.expression import GraphBuilder
from dairt.model.onnx import read_onnx
from dairt.rehearsal import gallery
from dairt.rehearsal.errand import GraphErrand
from dairt.rehearsal.play import play
from small_world import SmallWorld, in_small_world
from squeezenet import image, reference, squeezenet

MODEL = squeezenet(1)
GRAPH = read_onnx(MODEL, "squeezenet")
INPUT = next(iter(GRAPH.inputs))
[OUTPUT] = GRAPH.outputs


def dairt(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dairt", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=cwd, check=False)


def run_in_story(world: str, feed: np.ndarray, story: str = "kill_socket") -> tuple[np.ndarray, list[Entry]]:
    """SqueezeNet's answer, run through a story of trouble, and all that happened."""
    errand, entries = GraphErrand(GRAPH, {INPUT: feed}), list[Entry]()
    report = play(gallery.load(story), world=world, seed=3, errand=errand, listener=entries.append)
    assert errand.outputs is not None, errand.failure
    assert report.verdict == "held"
    return errand.outputs[OUTPUT], entries


@pytest.mark.parametrize("world", ["sim", "tcp"])
def test_squeezenet_through_a_killed_socket_has_the_bits_of_a_run_in_peace_and_they_are_right(world: str) -> None:
    feed = image(5)
    answer, entries = run_in_story(world, feed)
    run = next(e.event.run for e in entries if isinstance(e.event, RunBegun) and e.event.graph == "squeezenet")
    begun = next(at for at, e in enumerate(entries) if isinstance(e.event, RunBegun) and e.event.run == run)
    ended = next(at for at, e in enumerate(entries) if isinstance(e.event, RunEnded) and e.event.run == run)
    assert any(isinstance(e.event, SocketRemoved) for e in entries[begun:ended]), "no socket died under this run"
    assert len({e.event.node for e in entries if isinstance(e.event, OpCommitted) and e.event.run == run}) == 3

    in_peace: dict[str, np.ndarray] = {}

    async def story(world: SmallWorld) -> None:
        in_peace.update(await world.cluster.run(GRAPH, {INPUT: feed}))

    in_small_world(story)
    assert answer.tobytes() == in_peace[OUTPUT].tobytes()
    assert len(np.unique(answer)) >= 100
    np.testing.assert_allclose(answer, reference(MODEL, feed), rtol=1e-4, atol=1e-9)


def test_another_image_has_another_answer() -> None:
    one, _ = run_in_story("sim", image(5))
    two, _ = run_in_story("sim", image(6))
    assert not np.array_equal(one, two)


@pytest.mark.parametrize("seed", range(3))
def test_an_mlp_with_branches_equals_plain_numpy_though_its_sockets_die(seed: int) -> None:
    dice = np.random.default_rng(seed)
    x, w1, w2, w3 = (dice.standard_normal(shape).astype(np.float32) for shape in ((8, 16), (16, 32), (16, 32), (64, 4)))
    b = dice.standard_normal(4).astype(np.float32)
    g = GraphBuilder("branches")
    fed = g.input("x", (8, 16))
    left, right = (fed @ w1).relu(), (fed @ w2).tanh()
    graph = g.build(g.node("concat", [left, right], axis=1) @ w3 + b)
    plain = np.concatenate([np.maximum(x @ w1, 0), np.tanh(x @ w2)], axis=1) @ w3 + b

    async def story(world: SmallWorld) -> None:
        def strike(entry: Entry) -> None:
            if isinstance(entry.event, OpCommitted):
                world.faults.apply("f", ResetConnection(Link("any", "any")))

        world.journal.listeners.append(strike)
        [answer] = (await world.cluster.run(graph, {"x": x})).values()
        assert answer.tobytes() == plain.tobytes()

    in_small_world(story, seed)


def test_the_command_prints_the_same_digest_on_any_number_of_nodes_and_writes_the_outputs(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(MODEL)
    np.save(tmp_path / "image.npy", image(5))
    given = ("run", "net.onnx", "--input", f"{INPUT}=image.npy", "--world")
    alone = dairt(*given, "sim", "--nodes", "1", cwd=tmp_path)
    three = dairt(*given, "tcp", "--nodes", "3", "--output", "out", "--json", cwd=tmp_path)
    assert (alone.returncode, three.returncode) == (0, 0), alone.stderr + three.stderr
    assert alone.stdout.splitlines()[-1] == f"digest {json.loads(three.stdout)['digest']}"
    written = np.load(tmp_path / "out" / f"{OUTPUT}.npy")
    assert len(np.unique(written)) >= 100


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("missing.onnx",), "missing.onnx"),
        (("garbage.onnx",), "garbage.onnx"),
        (("net.onnx", "--input", "nonsense"), "NAME=FILE.npy"),
        (("net.onnx", "--input", "nobody=image.npy"), "nobody"),
        (("net.onnx", "--input", f"{INPUT}=garbage.onnx"), "garbage.onnx"),
        (("net.onnx", "--input", f"{INPUT}=small.npy"), INPUT),
        (("net.onnx", "--input", f"{INPUT}=pickled.npy"), "pickled.npy"),
        (("net.onnx", "--nodes", "0"), "--nodes"),
        (("net.onnx", "--nodes", "5", "--scenario", "kill_socket"), "--nodes 5"),
        (("net.onnx", "--scenario", "no_such_story"), "no_such_story"),
        (("net.onnx", "--world", "moon"), "moon"),
        (("net.onnx", "--output", "net.onnx/inside"), "--output"),
    ],
)
def test_bad_input_gets_one_sentence(tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    (tmp_path / "net.onnx").write_bytes(MODEL)
    (tmp_path / "garbage.onnx").write_bytes(b"\x00garbage")
    np.save(tmp_path / "small.npy", np.zeros((1, 2), np.float32))
    np.save(tmp_path / "image.npy", image(5))
    np.save(tmp_path / "pickled.npy", np.array([{}], dtype=object), allow_pickle=True)
    done = dairt("run", *arguments, cwd=tmp_path)
    assert done.returncode == 2, done
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith("dairt: ")
    assert sentence in line
