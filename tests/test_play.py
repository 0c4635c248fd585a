"""Stories played to their end: they hold, they replay, and a planted bug makes them fail."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import trio

from dairt.errors import UsageError
from dairt.model.action import GraphRecipe, Heal, KillNode, RunGraph, TensorRecipe
from dairt.model.events import FaultHealed, NodeDrained, RunEnded
from dairt.model.graph import evaluate
from dairt.model.ops import Kernel
from dairt.rehearsal import gallery
from dairt.rehearsal.loopback import loopback_members
from dairt.rehearsal.play import play
from dairt.rehearsal.recipes import make_feeds, make_graph, make_tensor
from dairt.rehearsal.stage import Setting, open_stage
from dairt.runtime.execute import outputs_digest
from dairt.worlds import kernels
from dairt.worlds.faults import Faults
from dairt.worlds.sim.clock import VirtualClock
from dairt.worlds.sim.compute import SimCompute
from dairt.worlds.sim.scheduler import seeded
from planted import planted
from telling import HEAD, Listener, shortened, story, tell

TOLD = [name for name in gallery.names() if gallery.load(name).time is not None]
GRAPH = GraphRecipe(layers=3, width=3, size=16)
RUNS = '[[work]]\nid = "g"\nkind = "graph"\ngraph = { layers = 3, width = 3, size = 16 }\nfrom = "a"\nevery = "500ms"\n'


@pytest.mark.parametrize("name", TOLD)
def test_every_story_holds_and_replays_and_another_seed_differs(name: str) -> None:
    scenario = gallery.load(name)
    first, again, other = play(scenario, seed=7), play(scenario, seed=7), play(scenario, seed=8)
    assert first.verdict == "held", first.text()
    assert other.verdict == "held", other.text()
    assert (first.digest, first.events) == (again.digest, again.events)
    assert first.digest != other.digest


def test_a_seed_replays_in_another_process_with_other_hashes() -> None:
    def digest(hash_seed: str) -> str:
        command = [sys.executable, "-m", "dairt", "play", "node_restarts_from_checkpoint", "--seed", "5"]
        done = subprocess.run(
            command, env={**os.environ, "PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True
        )
        return done.stdout.splitlines()[-1]

    assert digest("1") == digest("2") == f"digest {play(gallery.load('node_restarts_from_checkpoint'), seed=5).digest}"


@pytest.mark.parametrize(("name", "settle_s"), [("kill_socket", 0.7), ("node_restarts_from_checkpoint", 1.5)])
def test_the_same_stories_hold_on_real_sockets(name: str, settle_s: float) -> None:
    report = play(shortened(gallery.load(name), 2.8, settle_s), world="tcp")
    assert report.verdict == "held", report.text()
    assert report.digest == ""


def test_the_answer_is_the_one_numpy_gives_alone() -> None:
    _, listener = tell(story(RUNS), seed=3)
    graph = make_graph(GRAPH, 3, Path())
    expected = outputs_digest(evaluate(graph, make_feeds(graph, 3), kernels.apply))
    ended = [e.event for e in listener.heard(RunEnded)]
    assert len(ended) == 6
    assert {e.digest for e in ended if isinstance(e, RunEnded)} == {expected}


# ------------------------------------------------------------------------------------------------ planted bugs


def test_a_node_that_never_catches_up_breaks_its_promise() -> None:
    with planted("never_catches_up"):
        report = play(gallery.load("partition_heals"))
    assert (report.verdict, report.exit_code, report.reason) == ("violated", 1, "acked_broadcast_on_all_live")
    assert report.text().splitlines()[-2] == f"again: {report.replay}"


def test_a_disk_that_forgets_breaks_a_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    async def lie(self: object, *args: object) -> None:
        await trio.lowlevel.checkpoint()

    monkeypatch.setattr("dairt.runtime.checkpoints.CheckpointFiles.write", lie)
    work = '[[work]]\nid = "w"\nkind = "broadcast"\nfrom = "a"\ntensor = { shape = [8] }\n'
    fault = '[[fault]]\nid = "f"\nat = "1s"\nkind = "node.restart"\nnode = "b"\n'
    report = play(story(f'{work}{fault}[[expect]]\nalways = "durable_survives_restart"\n'))
    assert report.reason == "durable_survives_restart"


def test_a_processor_that_miscounts_breaks_a_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    right = SimCompute.run

    async def wrong(self: SimCompute, kernel: Kernel, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        results = await right(self, kernel, inputs)
        return (
            [np.nextafter(result, np.float32(2)) for result in results]
            if self._name == "c" and trio.current_time() > 1
            else results
        )

    monkeypatch.setattr(SimCompute, "run", wrong)
    report = play(story(RUNS + '[[expect]]\nalways = "runs_give_the_same_answer"\n'))
    assert report.reason == "runs_give_the_same_answer"


def test_a_socket_left_open_breaks_a_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Faults, "leave", lambda self, connection: None)
    monkeypatch.setattr("dairt.worlds.faulty_connection.FaultyConnection.is_open", True)
    report = play(story(RUNS + '[[expect]]\nfinally = "no_leaked_sockets"\n'))
    assert report.reason == "no_leaked_sockets"


DEATH = '[[fault]]\nid = "f"\non = {{ event = "{0}", node = "{1}" }}\nkind = "node.kill"\nnode = "{1}"\n'
ONE_RESULT = '[[expect]]\nfinally = "every_run_has_one_result"\n'


def test_a_run_that_cannot_end_breaks_a_promise() -> None:
    with planted("lost_attempt_forgotten"):
        report = play(story(RUNS + DEATH.format("op_started", "b") + ONE_RESULT))
    assert report.reason == "every_run_has_one_result"


def test_a_run_whose_coordinator_was_killed_is_excused_by_name() -> None:
    report = play(story(RUNS + DEATH.format("op_committed", "a") + ONE_RESULT))
    assert report.verdict == "held"
    assert "is excused: a, its coordinator, is down: killed (f)" in report.promises[0].reason


# ------------------------------------------------------------------------------------------------ the rest


def test_a_run_that_takes_too_long_is_ended_without_a_verdict() -> None:
    report = play(story(head=HEAD.replace("settle =", 'wall_limit = "1us"\nsettle =')))
    assert (report.verdict, report.exit_code) == ("inconclusive", 3)
    assert "wall_limit" in report.reason


@pytest.mark.parametrize(
    ("entries", "world", "told"),
    [
        ('[[expect]]\nfinally = "evry_node_returns"\n', "sim", "there is no promise 'evry_node_returns'; did you mean"),
        ("", "mars", "--world cannot be 'mars'"),
        ("", "tcp", "short is not for the world 'tcp'; its worlds are sim"),
    ],
)
def test_what_cannot_be_played_is_refused_before_anything_starts(entries: str, world: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        play(story(entries, head='worlds = ["sim"]\n' + HEAD), world=world)


def test_the_report_tells_programs_what_it_tells_people() -> None:
    report = play(story('[[fault]]\nid = "f"\nat = "1s"\nfor = "1s"\nkind = "link.cut"\nlink = ["a", "b"]\n'))
    told = json.loads(report.json())
    assert (told["verdict"], told["exit_code"], told["digest"]) == ("held", 0, report.digest)
    assert [h["what"] for h in told["happened"]] == ["fired", "healed"]
    assert report.text().splitlines()[-1] == f"digest {report.digest}"
    assert told["replay"] == "dairt play short.toml --world sim --seed 0"


def test_a_seed_too_large_for_a_report_is_refused() -> None:
    with pytest.raises(UsageError, match="--seed"):
        play(story(), seed=2**63)


def test_an_onlooker_sees_the_stage_before_the_first_node_and_the_report_after_the_last() -> None:
    report, listener = tell(story())
    assert listener.reports == [report]
    assert len(listener.heard(NodeDrained)) == 3


def test_everyone_uses_the_one_door() -> None:
    async def act() -> None:
        async with open_stage(Setting(story(), "sim", 0, clock, controller)) as stage:
            healed: list[object] = []
            stage.journal.listeners.append(lambda entry: healed.append(entry.event))
            await stage.cluster.start_all()
            await stage.inject(KillNode("b"), "mine")
            assert [(f.id, f.state) for f in stage.snapshot().faults] == [("mine", "active")]
            assert [n.state for n in stage.snapshot().nodes] == ["up", "down", "up"]
            await stage.inject(RunGraph(GRAPH, "a"))
            await stage.inject(Heal())
            assert [n.state for n in stage.snapshot().nodes] == ["up", "up", "up"]
            assert [run.state for run in stage.snapshot().runs] == ["done"]
            assert any(isinstance(event, FaultHealed) for event in healed)

    clock = VirtualClock()
    with seeded(0) as controller:
        trio.run(act, clock=clock)


def test_files_stay_where_they_were_asked_for(tmp_path: Path) -> None:
    work = '[[work]]\nid = "w"\nkind = "broadcast"\nfrom = "a"\ntensor = { shape = [8] }\n'
    head = HEAD.replace('"3s"', '"500ms"').replace('"2s"', '"100ms"')
    assert play(story(work, head=head), world="tcp", data=tmp_path).verdict == "held"
    assert sorted(path.name for path in tmp_path.glob("*/checkpoints/*.chk")) == ["w.chk"] * 3


def test_a_port_that_is_taken_is_passed_over_aloud(capsys: pytest.CaptureFixture[str]) -> None:
    taken = loopback_members(["a"])["a"].port
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(("127.0.0.1", taken))
        door.listen()
        capsys.readouterr()
        members = loopback_members(["a", "b"])
    ports = [address.port for address in members.values()]
    assert taken not in ports
    assert len(dict.fromkeys(ports)) == 2
    assert "are taken: a on" in capsys.readouterr().err


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int8", "uint64", "bool"])
@pytest.mark.parametrize("fill", ["seeded", "zeros", "ones", "range"])
def test_a_recipe_gives_the_same_tensor_for_the_same_use(dtype: str, fill: str) -> None:
    recipe = TensorRecipe((3, 4), dtype, fill)
    array = make_tensor(recipe, 1, "k", 1)
    assert (array.shape, array.dtype) == ((3, 4), np.dtype(dtype))
    assert np.array_equal(array, make_tensor(recipe, 1, "k", 1))
    if fill == "seeded" and dtype != "bool":
        assert not np.array_equal(array, make_tensor(recipe, 1, "k", 2))


def test_a_graph_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read the graph .*no\.onnx: No such file"):
        make_graph(GraphRecipe("no.onnx"), 0, tmp_path)


def test_a_listener_alone_does_not_end_a_story() -> None:
    assert tell(story(), 0, Listener())[0].verdict == "held"
