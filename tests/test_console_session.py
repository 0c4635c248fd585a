"""What the console writes: sessions, exports and recordings, never over what is there, and each in one sentence."""

import json
from pathlib import Path

import pytest

from console_samples import AT_WORK, HELLO, seen_after
from console_story import told
from dairt.control.frames import Hello, Story
from dairt.errors import UsageError
from dairt_console.export import FORMATS, free_path, read_format, snapshot_json, write_new
from dairt_console.recording import Recording
from dairt_console.recording_file import RecordingFile
from dairt_console.reducer import Seen
from dairt_console.replay import Times, begin_times, open_recording
from dairt_console.session import Saving, session_path
from test_recording import record, state

__all__ = ["state"]

STORY = Story(5, "# dairt play THIS_FILE --world sim --seed 7\nname = 'x'\n", 3.0, "d1" * 16)
SEEN = seen_after(AT_WORK)


class Clock:
    """A time that only tests let pass."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_session_is_written_when_it_is_told_under_a_name_that_is_free() -> None:
    saving = Saving()
    saving.ask(5, "", SEEN)
    said = saving.told(STORY, SEEN)
    assert said == f"saved · dairt play first-look-session.toml --world sim --seed 7 gives {STORY.digest[:12]}…"
    assert Path("first-look-session.toml").read_text() == STORY.text.replace("THIS_FILE", "first-look-session.toml")
    assert session_path("", SEEN) == Path("first-look-session-2.toml")
    assert saving.told(STORY, SEEN) == "", "nobody asked again"


def test_a_session_is_written_where_a_person_says_and_never_over_anything(here: Path) -> None:
    saving = Saving()
    (here / "taken.toml").write_text("precious")
    with pytest.raises(UsageError, match=r"taken.toml: there is such a file already"):
        saving.ask(5, "taken.toml", SEEN)
    with pytest.raises(UsageError, match=r"a scenario file ends with \.toml"):
        saving.ask(5, "session.json", SEEN)
    saving.ask(5, "my story.toml", SEEN)
    (here / "my story.toml").write_text("precious")
    with pytest.raises(UsageError, match="such a file already"):
        saving.told(STORY, SEEN)
    assert (here / "my story.toml").read_text() == "precious"
    saving.ask(6, "there/none.toml", SEEN)
    with pytest.raises(UsageError, match=r"there/none.toml: cannot be written: No such file"):
        saving.told(Story(6, "", 0.0), SEEN)


def test_a_session_without_a_digest_says_when_there_will_be_one() -> None:
    saving = Saving()
    paused = seen_after([Hello("sim", "first_look.toml", 7, "inject")])
    saving.ask(5, "a b.toml", paused)
    assert saving.told(Story(5, "THIS_FILE", 3.0), paused) == (
        "saved · dairt play 'a b.toml' --world sim --seed 7 · its digest is known once time goes on"
    )
    assert Path("a b.toml").read_text() == "'a b.toml'"


def test_a_session_of_a_cluster_that_is_over_is_the_one_told_last() -> None:
    saving = Saving()
    with pytest.raises(UsageError, match="no session to save"):
        saving.over("", SEEN)
    assert "first-look-session.toml" in saving.over("", seen_after([STORY], SEEN))
    assert Path("first-look-session.toml").exists()


def test_an_answer_that_refuses_is_no_file() -> None:
    saving = Saving()
    saving.ask(5, "", SEEN)
    saving.refused(5)
    assert saving.told(STORY, SEEN) == ""


def test_exports_are_of_three_kinds_and_never_overwrite() -> None:
    assert [read_format(word) for word in FORMATS] == list(FORMATS)
    with pytest.raises(UsageError, match="export png: an export is svg, text, json"):
        read_format("png")
    assert free_path("x", ".svg") == Path("x.svg")
    write_new(Path("x.svg"), "1")
    assert free_path("x", ".svg") == Path("x-2.svg")
    with pytest.raises(UsageError, match="such a file already"):
        write_new(Path("x.svg"), "2")
    assert Path("x.svg").read_text() == "1"


def test_a_snapshot_is_exported_as_json_that_programs_read() -> None:
    exported = json.loads(snapshot_json(SEEN))
    assert [node["name"] for node in exported["nodes"]] == ["n0", "n1", "n2"]
    with pytest.raises(UsageError, match="nothing to export yet"):
        snapshot_json(Seen())


def test_a_console_records_by_itself_goes_back_and_returns() -> None:
    clock = Clock()
    times, seen = Times(Recording(RecordingFile.unnamed()), now=clock), Seen()
    for frame in AT_WORK:
        times.take(seen, frame)
        seen = seen_after([frame], seen)
        clock.now_s += 0.1
    assert times.showing(seen) is seen
    assert times.do("pause") is None, "in the present it is the cluster's own time"
    assert times.seek(11.0) == "t=0:11.00 · L returns to the present"
    assert times.showing(seen).now_s == 11.0
    assert times.do("pause") == "playing ×1"
    clock.now_s += 0.5
    times.showing(seen)
    assert times.tape(seen) is not None
    assert "the past, 0:11.5" in times.obstacle
    assert times.do("live") == "the present"
    assert (times.showing(seen), times.obstacle) == (seen, "")
    times.close()


def test_without_a_recording_there_is_only_the_present_and_it_says_why() -> None:
    times = Times(None)
    times.take(Seen(), HELLO)
    assert times.showing(SEEN) is SEEN
    assert times.tape(SEEN) is None
    for command in ("seek_back", "fault_before", "step_back", "live"):
        assert times.do(command) == "not recording: start without --no-record to go back in time"
    assert times.do("pause") is None
    assert times.seek(1.0) == times.go("1") == times.do("live")
    times.close()


def test_a_folder_that_cannot_be_written_ends_no_console(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(here / "file"))
    assert begin_times(None).go("1").startswith("not recording: ")
    with pytest.raises(UsageError, match="cannot record there"):
        begin_times(here / "none" / "x.rec")


def test_a_recording_saved_while_it_goes_on_can_be_replayed(here: Path) -> None:
    times = Times(record(Recording(RecordingFile.unnamed()), told()))
    assert times.save(here / "x.rec") == f"saved · dairt-console --replay {here / 'x.rec'}"
    times.close()
    replay = Times(open_recording(here / "x.rec"), is_replay=True)
    assert (replay.is_replay, replay.is_live) == (True, False)
    assert "t=0:05.00" in replay.go("5")
    assert replay.showing(Seen()).now_s == pytest.approx(5.0, abs=0.2)
    replay.close()


def test_a_part_that_cannot_be_read_is_said_and_shows_the_present(here: Path) -> None:
    record(Recording(RecordingFile.named(here / "x.rec")), told()).close()
    recording = open_recording(here / "x.rec")
    times = Times(recording, is_replay=True)
    recording._loaded = (-1, Seen(), [])
    with (here / "x.rec").open("r+b") as file:
        file.seek(200)
        file.write(bytes(5000))
    times.do("step_back")
    assert times.showing(SEEN) is SEEN
    assert "cannot be read by this dairt" in times.trouble
    times.close()
