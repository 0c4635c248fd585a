"""Code of the user's own that a story names: never without leave, and then like any other work and promise."""

from pathlib import Path

import pytest

from dairt.errors import UsageError
from dairt.model.action import Action, CallPython
from dairt.model.events import ActionRefused, BroadcastEnded, Entry, Event, PhaseBegan
from dairt.model.scenario import Scenario
from dairt.model.scenario_toml import parse_scenario
from dairt.rehearsal.play import play
from telling import HEAD, Listener

CODE = '''
import numpy as np
from dairt.rehearsal.promises import Promise

async def work(cluster):
    await cluster.broadcast("mine", np.zeros(4, np.float32), source="b")

def not_async(cluster):
    pass

class Few(Promise):
    """At most two broadcasts."""
    def __init__(self):
        self.count = 0
    def see(self, entry):
        self.count += type(entry.event).__name__ == "BroadcastEnded"
        return "too many broadcasts" if self.count > 2 else ""
'''
WORK = '[[work]]\nid = "own"\nkind = "python"\ncall = "{call}"\nevery = "500ms"\nuntil = "{until}"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own_code_of_mine.py").write_text(CODE)
    monkeypatch.delitem(__import__("sys").modules, "own_code_of_mine", raising=False)
    return tmp_path


def own(folder: Path, call: str = "own_code_of_mine:work", until: str = "900ms", expect: str = "") -> Scenario:
    return parse_scenario(HEAD + WORK.format(call=call, until=until) + expect, str(folder / "own.toml"))


def test_code_is_refused_by_name_without_leave(folder: Path) -> None:
    with pytest.raises(
        UsageError, match=r"own.toml:9: work 'own' runs the Python code own_code_of_mine:work; give --allow-python"
    ):
        play(own(folder))
    with pytest.raises(UsageError, match=r"the promise own_code_of_mine:Few runs the Python code"):
        play(parse_scenario(f'{HEAD}[[expect]]\nalways = "own_code_of_mine:Few"\n', str(folder / "own.toml")))


def test_work_and_promises_of_ones_own_are_played(folder: Path) -> None:
    few = '[[expect]]\nalways = "own_code_of_mine:Few"\n'
    listener = Listener()
    report = play(own(folder, expect=few), allow_python=True, onlooker=listener)
    assert report.verdict == "held"
    assert [e.event.key for e in listener.heard(BroadcastEnded) if isinstance(e.event, BroadcastEnded)] == ["mine", "mine"]
    report = play(own(folder, until="2s", expect=few), allow_python=True)
    assert (report.verdict, report.reason) == ("violated", "own_code_of_mine:Few")


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("no_such_module_of_mine:work", "cannot import no_such_module_of_mine"),
        ("own_code_of_mine:wrok", "there is no function 'wrok' in own_code_of_mine"),
        ("own_code_of_mine:not_async", "must be an async function of a cluster"),
    ],
)
def test_code_that_is_not_there_is_one_sentence(call: str, told: str, folder: Path) -> None:
    with pytest.raises(UsageError, match=f"own.toml:9: .*{told}"):
        play(own(folder, call), allow_python=True)


@pytest.mark.parametrize("allowed", [False, True])
def test_an_operator_cannot_call_what_the_story_does_not_name(allowed: bool, folder: Path) -> None:
    asked: list[Action] = [CallPython("os:getcwd")]

    def react(me: Listener, entry: Entry) -> None:
        if entry.event == PhaseBegan("trouble"):
            me.inbox.put(asked.pop())

    listener = Listener(react)
    play(parse_scenario(HEAD, str(folder / "own.toml")), allow_python=allowed, onlooker=listener)
    refused: list[Event] = [e.event for e in listener.heard(ActionRefused)]
    assert refused == [ActionRefused("call os:getcwd", "os:getcwd is none of the story's own code, and nothing else is called")]
