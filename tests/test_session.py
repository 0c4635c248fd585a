"""An operator's session, saved, is a scenario that plays again to the same digest, whatever was done to its clock."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio

from dairt.__main__ import run
from dairt.control.client import ControlClient, greeted
from dairt.control.frames import Answer, Bye, Latest, Story
from dairt.errors import UsageError
from dairt.model.action import (
    Action,
    Broadcast,
    CutLink,
    DegradeLink,
    GraphRecipe,
    Heal,
    KillNode,
    Link,
    PauseNode,
    PowerCut,
    Put,
    ResetConnection,
    RestartNode,
    RunGraph,
    SkewClock,
    SlowNode,
    StopNode,
    TensorRecipe,
    kind_of,
)
from dairt.model.events import Entry, PhaseBegan
from dairt.model.scenario import Do
from dairt.model.scenario_text import write_scenario
from dairt.model.scenario_toml import parse_scenario
from dairt.rehearsal.digest import Digest
from dairt.rehearsal.session import session
from telling import tell
from test_serve import serving

SEED = 7
OPEN = """schema = "dairt.scenario/1"
name = "open"
[cluster]
nodes = ["a", "b", "c"]
config = { probe_every = "200ms", suspect_after = "600ms", dead_after = "1500ms", reconcile_every = "300ms" }
[[work]]
id = "w"
kind = "broadcast"
from = "a"
tensor = { shape = [64, 64] }
at = "100ms"
every = "300ms"
[[expect]]
always = "versions_only_rise"
"""
TINY = TensorRecipe((32, 32))
DEEDS: tuple[Action, ...] = (
    Broadcast("mine", TINY, "a"),
    RunGraph(GraphRecipe(layers=3, size=16), "b"),
    Put("here", TINY, "c"),
    ResetConnection(Link("a", "any")),
    CutLink(Link("a", "b")),
    DegradeLink(Link("b", "c"), latency_s=0.02),
    Heal("op-2"),
    KillNode("c"),
    RestartNode("c"),
    SlowNode("a", 3),
    PauseNode("b"),
    Heal(),
    SkewClock("a", ahead_s=2.0),
    Heal("op-99"),
    PowerCut("b"),
    RestartNode("b"),
    StopNode("a"),
    Heal(),
    Broadcast("mine", TINY, "b"),
    RunGraph(GraphRecipe(layers=2, size=16), "a"),
    CutLink(Link("c", "any", one_way=True)),
    Heal(),
)


@dataclass
class Operator:
    """A client of a served story."""

    client: ControlClient

    async def answer(self, question: int, *states: str) -> Answer | Story:
        """The first answer to a question that is in one of these states, or the story it asked for."""
        async for frame in self.client:
            match frame:
                case Story(id=number) if number == question:
                    return frame
                case Answer(id=number, state=state) if number == question and state in (*states, "refused"):
                    return frame
        raise AssertionError("the stream ended")

    async def do(self, action: Action, step_s: float = 0.0) -> float:
        """Have it done, after a step where time stands still, and when it was taken."""
        question = await self.client.act(action)
        if step_s:
            await self.client.step(step_s)
        answer = await self.answer(question, "taken")
        assert isinstance(answer, Answer)
        assert answer.state == "taken", answer
        return answer.at_s

    async def set_speed(self, speed: float) -> None:
        await self.answer(await self.client.set_speed(speed), "done")

    async def save(self) -> Story:
        answer = await self.answer(await self.client.save())
        assert isinstance(answer, Story), answer
        return answer


@asynccontextmanager
async def operating(tmp_path: Path, text: str, *arguments: str, world: str = "sim") -> AsyncIterator[Operator]:
    """A story played in a process of its own, and an operator of it."""
    file = written(tmp_path / "base.toml", text)
    ours, theirs = socket.socketpair()
    command = (str(file), "--world", world, "--seed", str(SEED), *arguments, "--control-fd", str(theirs.fileno()))
    with trio.fail_after(60), serving(tmp_path, *command, fds=(theirs.fileno(),)):
        theirs.close()
        async with trio.SocketStream(trio.socket.from_stdlib_socket(ours)) as stream:
            operator = Operator((await greeted(stream, "the story", hello_s=20))[1])
            while not isinstance(await anext(operator.client), Latest):
                pass
            yield operator


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def replayed(path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The digest that `dairt play` prints for a saved session."""
    assert run(["play", str(written(path, text)), "--world", "sim", "--seed", str(SEED)]) == 0
    return capsys.readouterr().out.splitlines()[-1].removeprefix("digest ")


def test_a_session_of_many_deeds_with_pauses_and_steps_plays_again_to_the_same_digest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    times: list[float] = []

    async def act() -> Story:
        async with operating(tmp_path, OPEN) as operator:
            for number, deed in enumerate(DEEDS):
                await operator.set_speed((20.0, 0.0, 2.0, 0.5)[number % 4])
                times.append(await operator.do(deed, step_s=0.3 if number % 4 == 1 else 0.0))
            await operator.set_speed(1.0)
            return await operator.save()

    story = trio.run(act)
    assert len(DEEDS) >= 20
    assert len(dict.fromkeys(map(kind_of, DEEDS))) >= 10
    assert story.at_s > times[-1]
    saved = parse_scenario(story.text, "saved.toml")
    assert [do.action for do in saved.actions] == list(DEEDS)
    assert [do.at_s for do in saved.actions] == times
    assert f"# digest {story.digest}" in story.text
    assert replayed(tmp_path / "saved.toml", story.text, capsys) == story.digest


def test_saving_changes_nothing_and_every_save_holds_all_up_to_then(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def act() -> list[Story]:
        async with operating(tmp_path, OPEN, "--speed", "5") as operator:
            stories = [await operator.save()]
            for deed in DEEDS[:4]:
                await operator.do(deed)
                stories.append(await operator.save())
            return stories

    stories = trio.run(act)
    assert [len(parse_scenario(story.text, "saved.toml").actions) for story in stories] == [0, 1, 2, 3, 4]
    digests = [replayed(tmp_path / f"{number}.toml", story.text, capsys) for number, story in enumerate(stories)]
    assert digests == [story.digest for story in stories]
    assert len(dict.fromkeys(digests)) == 5


def test_while_time_stands_still_a_session_is_told_at_once_and_without_a_digest(tmp_path: Path) -> None:
    async def act() -> Story:
        async with operating(tmp_path, OPEN, "--speed", "0") as operator:
            return await operator.save()

    story = trio.run(act)
    assert story.digest == ""
    assert parse_scenario(story.text, "saved.toml").stop_at_s == story.at_s
    assert "digest" not in story.text


def test_a_story_that_is_over_tells_all_of_its_session_and_bye_tells_its_digest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = OPEN.replace("[[work]]", '[time]\ntrouble_until = "1s"\nsettle = "1s"\n[[work]]')

    async def act() -> tuple[Story, list[object]]:
        async with operating(tmp_path, text, "--speed", "2") as operator:
            await operator.do(DEEDS[0])
            await operator.do(DEEDS[4])
            return await operator.save(), [frame async for frame in operator.client]

    midway, rest = trio.run(act)
    [whole] = [frame for frame in rest if isinstance(frame, Story)]
    bye = rest[-1]
    assert isinstance(bye, Bye)
    assert (whole.id, whole.digest) == (0, bye.digest)
    assert f"the digest of all before {midway.at_s:g} s is {midway.digest}" in midway.text
    assert replayed(tmp_path / "whole.toml", whole.text, capsys) == bye.digest
    assert replayed(tmp_path / "midway.toml", midway.text, capsys) == bye.digest, "nothing was done after it"


@pytest.mark.parametrize(
    ("action", "right"),
    [
        (KillNode("nobody"), "node.kill: the action: node cannot be 'nobody'; there is 'a', 'b', 'c'"),
        (DegradeLink(Link("a", "b")), "link.degrade: the action needs a latency, a jitter or a bandwidth"),
        (SlowNode("a", 1), "node.slow: the action needs a factor of at least 2"),
        (SkewClock("a", ahead_s=-2.0), "node.clock: the action: ahead must be"),
    ],
)
def test_what_no_scenario_could_say_is_refused_with_a_sentence(tmp_path: Path, action: Action, right: str) -> None:
    async def act() -> object:
        async with operating(tmp_path, OPEN) as operator:
            return await operator.answer(await operator.client.act(action), "taken")

    refused = trio.run(act)
    assert isinstance(refused, Answer)
    assert (refused.state, refused.reason[: len(right)]) == ("refused", right)


def test_a_client_has_one_save_at_a_time(tmp_path: Path) -> None:
    async def act() -> object:
        async with operating(tmp_path, OPEN, "--speed", "0.0001") as operator:
            await operator.client.save()
            return await operator.answer(await operator.client.save())

    refused = trio.run(act)
    assert isinstance(refused, Answer)
    assert (refused.state, "already" in refused.reason) == ("refused", True)


def test_a_story_without_an_end_stops_where_it_says_and_its_digest_knows_nothing_later() -> None:
    stopped, listener = tell(parse_scenario(OPEN.replace("[[work]]", '[time]\nstop_at = "1500ms"\n[[work]]', 1), "open.toml"))
    begun = next(entry.time_s for entry in listener.entries if entry.event == PhaseBegan("open end"))
    digest = Digest()
    for entry in listener.entries:
        if entry.time_s < begun + 1.5:
            digest(entry)
    assert stopped.verdict == "held"
    assert stopped.digest == digest.hex()
    assert listener.entries[-1].time_s >= begun + 1.5


@pytest.mark.parametrize("entry", ['stop_at = "1505us"', 'stop_at = "1s"\nsettle = "1s"'])
def test_a_wrong_stop_is_one_sentence(entry: str) -> None:
    with pytest.raises(UsageError, match=r"^open.toml:\d+: .*(multiple of 10ms, where a tick begins|settle)"):
        parse_scenario(OPEN.replace("[[work]]", f"[time]\n{entry}\n[[work]]", 1), "open.toml")


def test_a_stop_is_written_down_and_reads_back() -> None:
    story = parse_scenario(OPEN, "open.toml")
    stopping = session(story, (), 12.34)
    assert parse_scenario(write_scenario(stopping), "open.toml").stop_at_s == 12.34


def test_a_session_finds_the_files_of_its_story_from_anywhere() -> None:
    graph = RunGraph(GraphRecipe(onnx="net.onnx"))
    told = session(parse_scenario(OPEN, "stories/open.toml"), (Do(1.0, graph),), 2.0)
    [do] = told.actions
    assert isinstance(do.action, RunGraph)
    assert do.action.graph.onnx == str(Path("stories/net.onnx").absolute())


def test_a_digest_does_not_depend_on_when_it_is_asked_for() -> None:
    entries = [Entry(number, time_s, "", PhaseBegan(str(number))) for number, time_s in enumerate((0.0, 1.0, 1.0, 2.0))]
    asked, unasked = Digest(), Digest()
    for entry in entries:
        asked(entry)
        asked.before(entry.time_s)
        unasked(entry)
    first = Digest()
    first(entries[0])
    assert asked.hex() == unasked.hex()
    halfway = Digest()
    for entry in entries[:3]:
        halfway(entry)
    assert halfway.before(1.0) == first.hex() != halfway.before(1.5) == halfway.hex()


def test_a_session_on_real_sockets_is_a_story_to_explore_in_simulated_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def act() -> Story:
        async with operating(tmp_path, OPEN, world="tcp") as operator:
            for deed in (DEEDS[0], DEEDS[3], DEEDS[7], DEEDS[8]):
                await operator.do(deed)
            return await operator.save()

    story = trio.run(act)
    assert story.digest == ""
    assert len(parse_scenario(story.text, "saved.toml").actions) == 4
    first, again = (replayed(tmp_path / f"{name}.toml", story.text, capsys) for name in ("one", "two"))
    assert first == again != ""
