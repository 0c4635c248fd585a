"""What a run leaves behind: its folder, its page, its trace, and JUnit XML."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest

from dairt.__main__ import run
from dairt.errors import UsageError
from dairt.model.events import BroadcastEnded, Entry, FaultFired, NodeBooted, OpFinished, OpStarted, RunEnded
from dairt.model.version import Version
from dairt.rehearsal import gallery
from dairt.rehearsal.folder import RunFolder
from dairt.rehearsal.html import SHOWN_MAX, page
from dairt.rehearsal.junit import junit
from dairt.rehearsal.outcomes import Outcome, crash, outcome_of
from dairt.rehearsal.play import play
from dairt.rehearsal.report import Report
from dairt.rehearsal.timeline_svg import FAULTS_MAX, timeline
from dairt.rehearsal.trace import trace
from telling import HEAD, story

NEVER = HEAD + '[[fault]]\nid = "f"\non = { event = "run_begun" }\nkind = "node.kill"\nnode = "a"\n'
FILES = ["events.jsonl", "faults.jsonl", "report.html", "run.json", "trace.json"]
EVIL = "<script>alert('&')</script>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one run of a story with faults, broadcasts and runs."""
    path = tmp_path_factory.mktemp("reports") / "deep" / "run"
    told = gallery.load("kill_socket")
    with RunFolder(path, told) as keeper:
        keeper.finish(play(told, seed=4, listener=keeper))
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_run_leaves_a_folder_and_nothing_beside_it(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert list(folder.parent.iterdir()) == [folder]


def test_run_json_says_how_to_play_it_again_and_how_the_digest_stood_each_second(folder: Path) -> None:
    told = json.loads((folder / "run.json").read_text())
    report = play(gallery.load("kill_socket"), seed=4)
    assert (told["seed"], told["world"], told["verdict"], told["replay"]) == (4, "sim", "held", report.replay)
    assert told["digest"] == told["certificate"][-1]["digest"] == report.digest
    times = [line["time_s"] for line in lines(folder / "events.jsonl")]
    assert [mark["second"] for mark in told["certificate"]] == sorted({int(time_s) for time_s in times})
    assert sorted(told["versions"]) == ["dairt", "numpy", "python", "trio"]


def test_every_event_is_in_the_folder_and_reads_back(folder: Path) -> None:
    told = json.loads((folder / "run.json").read_text())
    entries = [msgspec.json.decode(line, type=Entry) for line in (folder / "events.jsonl").read_bytes().splitlines()]
    assert len(entries) == told["events"]
    assert any(entry.event.detail for entry in entries)


def test_what_became_of_each_fault_is_in_the_folder(folder: Path, tmp_path: Path) -> None:
    said = [(line["what"], line["fault"]) for line in lines(folder / "faults.jsonl")]
    planned, fired = ["cut-mid-tensor", "cut-mid-run"], ["cut-mid-tensor", "cut-mid-run"]
    assert said == [*(("planned", fault) for fault in planned), *(("fired", fault) for fault in fired)]
    told = story(NEVER.removeprefix(HEAD))
    with RunFolder(tmp_path / "never", told) as keeper:
        keeper.finish(play(told, listener=keeper))
    assert [line["what"] for line in lines(tmp_path / "never" / "faults.jsonl")] == ["planned", "skipped"]


def test_a_run_folder_is_never_overwritten(folder: Path) -> None:
    before = (folder / "run.json").read_bytes()
    with pytest.raises(UsageError, match="it is there already"), RunFolder(folder, story()):
        pass
    assert (folder / "run.json").read_bytes() == before
    assert list(folder.parent.iterdir()) == [folder]


def test_a_run_that_does_not_end_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(KeyError), RunFolder(tmp_path / "run", story()):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot make this folder"), RunFolder(tmp_path / "file" / "run", story()):
        pass


def test_the_page_is_well_formed_and_needs_no_network(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    assert balanced(text)
    assert not re.search(r"(?:src|href)=|url\(|@import|https?://", text)
    for word in ("cut-mid-tensor", "every_run_has_one_result", "--seed 4", "prefers-color-scheme"):
        assert word in text


def test_whatever_a_story_says_is_escaped() -> None:
    evil = msgspec.structs.replace(story(), name=EVIL, summary=EVIL, nodes=("a",))
    report = msgspec.structs.replace(play(story()), scenario=EVIL, source=EVIL, reason=EVIL)
    entries = [Entry(1, 0.1, "a", NodeBooted(EVIL, 0, 0, 0)), Entry(2, 0.2, "", FaultFired(EVIL, "link.cut", EVIL))]
    text = page(report, evil, entries)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert balanced(text)


def test_the_list_of_events_is_bounded_and_says_so() -> None:
    entries = [Entry(at, 0.1, "a", NodeBooted("x", 0, 0, 0)) for at in range(SHOWN_MAX + 7)]
    text = page(play(story()), story(), entries, unkept=3)
    assert f"{SHOWN_MAX} of {SHOWN_MAX + 7} and more events shown" in text
    assert text.count('<td class="time">') == SHOWN_MAX


def test_a_fault_is_drawn_from_its_firing_to_its_healing_on_the_nodes_it_names() -> None:
    entries = [
        Entry(1, 0.0, "a", NodeBooted("x", 0, 0, 0)),
        Entry(2, 2.0, "", FaultFired("f", "node.kill", "kill a", ("a",))),
        Entry(3, 4.0, "b", BroadcastEnded("w", Version(1, "b", 1), 3, (), 1.0)),
    ]
    text = timeline(("a", "b"), entries, 10.0)
    [hit] = re.findall(r'<rect class="hit" x="([\d.]+)"', text)
    assert float(hit) == 150 + 850 * 0.2
    [(x, width)] = re.findall(r'<rect class="broadcast" x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="7.0"', text)
    assert (float(x), float(width)) == (150 + 850 * 0.3, 85.0)


def test_a_drawing_of_too_many_faults_says_what_it_leaves_out() -> None:
    entries = [Entry(at, 0.1 * at, "", FaultFired(f"f{at}", "node.kill", "kill a")) for at in range(FAULTS_MAX + 5)]
    assert "5 more strikes of faults are not drawn" in timeline(("a",), entries, 10.0)


def test_a_trace_has_each_op_on_its_worker_and_each_fault(folder: Path) -> None:
    events = json.loads((folder / "trace.json").read_text())["traceEvents"]
    finished = [line for line in lines(folder / "events.jsonl") if line["event"]["type"] == "op_finished"]
    assert len([event for event in events if event["ph"] == "X"]) == len(finished) > 0
    assert all(event["dur"] >= 0 for event in events if event["ph"] == "X")
    assert len([event for event in events if event["ph"] == "i" and event["name"].startswith("FAULT")]) == 2
    processes = {event["args"]["name"] for event in events if event["name"] == "process_name"}
    assert processes == {"world", "n0", "n1", "n2"}


def test_an_op_that_was_lost_is_in_the_trace_and_runs_may_overlap() -> None:
    entries = [
        Entry(1, 1.0, "a", OpStarted("r", "op", 1, "compute-0")),
        Entry(1, 2.0, "b", OpStarted("r", "op", 2, "compute-0")),
        Entry(1, 2.5, "b", OpFinished("r", "op", 2, "compute-0", 0.5)),
        Entry(2, 3.0, "a", RunEnded("r", "g", "done", "d", 2.0)),
    ]
    events = [event for event in trace(entries, ["a", "b"])["traceEvents"] if event["ph"] != "M"]
    assert [(e["ph"], e["name"], e["pid"], e["ts"]) for e in events] == [
        ("X", "op", 2, 2e6),
        ("b", "run g", 1, 1e6),
        ("e", "run g", 1, 3e6),
        ("i", "op, never finished", 1, 1e6),
    ]


def test_junit_has_a_test_case_a_seed_in_order() -> None:
    held = outcome_of(play(story()))
    broken = msgspec.structs.replace(held, seed=2, verdict="violated", reason="p\0 & <q>", exit_code=1)
    suites = ET.fromstring(junit("sim", {"s": [broken, crash(9, "again 9", "Traceback\nboom"), held]}))
    assert {name: suites.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "3",
        "failures": "1",
        "errors": "1",
    }
    cases = list(suites.iter("testcase"))
    assert [case.get("name") for case in cases] == ["seed 0", "seed 2", "seed 9"]
    assert [[child.tag for child in case] for case in cases] == [[], ["failure"], ["error"]]
    assert cases[1][0].get("message") == "p� & <q>"
    assert (cases[1][0].text or "").endswith(f"again: {held.replay}")
    assert cases[2][0].get("message") == "boom"


def test_the_command_writes_a_folder_and_junit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("never.toml").write_text(NEVER)
    assert run(["play", "never.toml", "--report", "out", "--junit", "one.xml"]) == 3
    assert sorted(path.name for path in Path("out").iterdir()) == FILES
    assert len(list(ET.parse("one.xml").iter("failure"))) == 1
    assert run(["play", "never.toml", "--report", "out"]) == 2
    assert run(["play", "never.toml", "--seeds", "0..2", "--jobs", "1", "--junit", "many.xml"]) == 3
    assert [case.get("name") for case in ET.parse("many.xml").iter("testcase")] == ["seed 0", "seed 1", "seed 2"]
    assert run(["play", "never.toml", "--seeds", "0..2", "--report", "other"]) == 2
    assert "--report other is for one seed of one scenario" in capsys.readouterr().err


def test_a_run_that_a_bug_ended_is_an_error_in_junit_and_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def planted(*args: object, **options: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("dairt.commands.play.play_scenario", planted)
    with pytest.raises(ZeroDivisionError):
        run(["play", "kill_socket", "--report", str(tmp_path / "out"), "--junit", str(tmp_path / "one.xml")])
    assert [path.name for path in tmp_path.iterdir()] == ["one.xml"]
    [error] = ET.parse(tmp_path / "one.xml").iter("error")
    assert error.get("message") == "ZeroDivisionError: planted"


def test_the_line_that_replays_a_run_says_whether_python_was_allowed() -> None:
    report: Report = play(story(), allow_python=True)
    assert report.replay == "dairt play short.toml --world sim --seed 0 --allow-python"
    assert isinstance(outcome_of(report), Outcome)


def balanced(text: str) -> bool:
    """Whether every element of a page is closed, in order."""
    return not _Balance(text).open


class _Balance(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        return

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag
