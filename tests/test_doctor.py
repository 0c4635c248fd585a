"""A simulation that is not deterministic is found out, and the first event that differs is named."""

import json
import sys
from pathlib import Path

import pytest

from dairt.__main__ import run
from dairt.model.events import Entry, PhaseBegan
from dairt.rehearsal import gallery
from dairt.rehearsal.certificate import Certificate, Mark
from dairt.rehearsal.doctor import CONDITIONS, Condition, Diagnosis, Finding, examine
from dairt.rehearsal.play import play
from telling import story

STORY = """
schema = "dairt.scenario/1"
name   = "short"
[time]
trouble_until = "1s"
settle        = "500ms"
[cluster]
nodes = { prefix = "n", count = 7 }
[[work]]
id     = "w"
kind   = "broadcast"
from   = "n0"
tensor = { shape = [8] }
every  = "200ms"
"""
HASHES = CONDITIONS[:3]
GARBAGE = (CONDITIONS[0], *CONDITIONS[-2:])

# What a careless hand might write: the order of a set of names; a finalizer that has a say in what happens.
BY_HASH = """
honest = Broadcaster._audience
Broadcaster._audience = lambda self, audience: tuple(set(honest(self, audience)))
"""
BY_GARBAGE = """
honest = Broadcaster._audience
collected = []

class Cycle:
    def __init__(self):
        self.itself = self

    def __del__(self):
        collected.append(1)

def audience(self, audience):
    Cycle()
    return honest(self, audience)[len(collected) % 2 :]

Broadcaster._audience = audience
"""


def child(patch: str = "") -> tuple[str, ...]:
    """The command that plays a story with a patch."""
    before = "import sys\nfrom dairt.rehearsal.specimen import main\nfrom dairt.runtime.broadcast import Broadcaster\n"
    return sys.executable, "-c", f"{before}{patch}\nmain(sys.argv[1])"


@pytest.fixture
def short(tmp_path: Path) -> str:
    file = tmp_path / "short.toml"
    file.write_text(STORY)
    return str(file)


def test_a_deterministic_story_is_the_same_under_every_condition(short: str) -> None:
    diagnosis = examine(short, 3, jobs=2)
    assert (diagnosis.exit_code, diagnosis.findings, diagnosis.errors) == (0, (), {})
    assert diagnosis.digest == play(story(head=STORY), seed=3).digest
    assert diagnosis.text() == f"{short}, seed 3: the same under 7 conditions, digest {diagnosis.digest}"


@pytest.mark.parametrize(("patch", "conditions"), [(BY_HASH, HASHES), (BY_GARBAGE, GARBAGE)])
def test_what_depends_on_chance_is_found_and_the_first_event_that_differs_is_named(
    short: str, patch: str, conditions: tuple[Condition, ...]
) -> None:
    diagnosis = examine(short, 3, jobs=2, child=child(patch), conditions=conditions)
    assert diagnosis.exit_code == 4
    assert diagnosis.findings
    for finding in diagnosis.findings:
        assert finding.expected != finding.found
        assert "n0: broadcasts w" in finding.expected
    assert "is the first that differs" in diagnosis.text()


def test_a_story_that_cannot_be_played_is_no_matter_of_chance(short: str) -> None:
    diagnosis = examine(short, 0, jobs=2, child=child("raise ValueError('no such luck')"), conditions=HASHES[:2])
    assert diagnosis.exit_code == 1
    assert diagnosis.errors == dict.fromkeys(("hashes 0", "hashes 1"), "ended with 1: ValueError: no such luck")
    assert diagnosis.text().splitlines()[-1] == f"{short}, seed 0: it cannot be played"


def test_a_run_that_ends_badly_under_one_condition_only_is_not_deterministic(short: str) -> None:
    patch = "import os\nassert os.environ['PYTHONHASHSEED'] != '1', 'unlucky'"
    diagnosis = examine(short, 0, jobs=2, child=child(patch), conditions=HASHES[:2])
    assert (diagnosis.exit_code, list(diagnosis.errors)) == (4, ["hashes 1"])
    assert "ended with 1: AssertionError: unlucky" in diagnosis.text()


def test_a_run_that_goes_on_longer_is_told_from_one_that_ends(short: str) -> None:
    finding = Finding("hashes 1", 12, "", "1.000000000 s  n0: drained")
    assert finding.text().splitlines()[1:] == ["    expected  no such event", "    found     1.000000000 s  n0: drained"]


# ---------------------------------------------------------------------------------------------------- the command


def test_the_command_says_so_with_its_exit_code(
    short: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def examined(patient: str, seed: int, **rest: object) -> Diagnosis:
        asked.append((patient, seed))
        return Diagnosis(patient, seed, "abc", ("hashes 0", "malloc"), (Finding("malloc", 5, "a", "b"),), {})

    monkeypatch.setattr("dairt.commands.doctor.examine", examined)
    assert run(["doctor", short, "--seed", "6", "--json"]) == 4
    said = json.loads(capsys.readouterr().out)
    assert (said["exit_code"], said["findings"][0]["number"], asked) == (4, 5, [(short, 6)])


def test_several_stories_are_examined_and_the_worst_counts(
    short: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def examined(patient: str, seed: int, **rest: object) -> Diagnosis:
        findings = (Finding("malloc", 5, "a", "b"),) if patient == short else ()
        return Diagnosis(patient, seed, "abc", ("hashes 0", "malloc"), findings, {})

    monkeypatch.setattr("dairt.commands.doctor.examine", examined)
    assert run(["doctor", short, "kill_socket"]) == 4
    *_, well = capsys.readouterr().out.splitlines()
    assert well == "kill_socket, seed 0: the same under 2 conditions, digest abc"
    assert run(["doctor"]) == 0
    examined_stories = [line.partition(",")[0] for line in capsys.readouterr().out.splitlines()]
    assert examined_stories == [name for name in gallery.names() if gallery.load(name).ends]


def test_a_story_without_an_end_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "first_look"]) == 2
    assert "give it a [time] to examine it" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------- the certificate


def certified(*times: float) -> Certificate:
    certificate = Certificate()
    for time_s in times:
        certificate(Entry(1, time_s, "n0", PhaseBegan("trouble")))
    return certificate


def test_a_certificate_has_a_mark_for_each_second_in_which_something_happened() -> None:
    marks = certified(0.5, 0.9, 3.0, 3.1, 4.0).marks()
    assert [(mark.second, mark.events) for mark in marks] == [(0, 2), (3, 4), (4, 5)]
    assert certified().marks() == ()


def test_certificates_agree_up_to_the_second_in_which_runs_part() -> None:
    one, other = certified(0.5, 1.5, 2.5).marks(), certified(0.5, 1.6, 2.5).marks()
    assert [a == b for a, b in zip(one, other, strict=True)] == [True, False, False]


def test_a_certificate_ends_with_the_digest_of_its_run() -> None:
    certificate = Certificate()
    report = play(story(), seed=2, listener=certificate)
    assert certificate.hex() == report.digest
    assert certificate.marks()[-1] == Mark(certificate.marks()[-1].second, report.events, report.digest)
