"""A recording knows any moment as the live console knew it, in bounded space; and nothing in a file is trusted."""

import os
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console_story import told
from dairt.control.frames import Entries, Latest
from dairt.errors import UsageError
from dairt.model.events import Entry, FaultFired, PhaseBegan
from dairt_console import recording as recording_module
from dairt_console.recording import Recording
from dairt_console.recording_file import RecordingFile, state_folder
from dairt_console.recording_format import FILE_HEAD, MAGIC, PART_MAGIC, Frame
from dairt_console.reducer import LinkChanged, Seen, apply

CAME_S = 0.05  # between two frames


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where unnamed recordings are."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "dairt"


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_module, "PART_FRAMES", 7)
    monkeypatch.setattr(recording_module, "WAITING_MAX", 1000)  # a whole story comes at once here


def live(frames: Sequence[Frame]) -> Iterator[tuple[float, Seen]]:
    """What a console knows after each frame, and the latest of the world's times it was told."""
    seen, at_s = Seen(), 0.0
    for frame in frames:
        seen = apply(seen, frame)
        match frame:
            case Latest(snapshot):
                at_s = max(at_s, snapshot.time_s)
            case Entries(entries):
                at_s = max(at_s, entries[-1].time_s)
        yield at_s, seen


def record(recording: Recording, frames: Sequence[Frame]) -> Recording:
    seen = Seen()
    for number, frame in enumerate(frames):
        recording.record(seen, frame, number * CAME_S)
        seen = apply(seen, frame)
    return recording


def log_of(seen: Seen) -> list[object]:
    return [seen.log[place] for place in range(seen.log.first, seen.log.last)]


def moments(frames: Sequence[Frame]) -> dict[float, Seen]:
    """What was known last at each of the world's times."""
    return dict(live(frames))


def assert_same(recording: Recording, known: dict[float, Seen], times: Sequence[float]) -> None:
    for at_s in times:
        found = recording.at(at_s)
        assert found == known[at_s]
        assert log_of(found) == log_of(known[at_s])


@pytest.mark.usefixtures("small_parts")
def test_any_moment_of_a_recording_is_as_it_was_live(tmp_path: Path) -> None:
    frames, known = told(), moments(told())
    times = list(known)
    recording = record(Recording(RecordingFile.named(tmp_path / "x.rec")), frames)
    assert_same(recording, known, [*times, *reversed(times)])
    recording.close()
    replayed = Recording(RecordingFile.read(tmp_path / "x.rec"))
    assert_same(replayed, known, [times[40], *times, *reversed(times)])
    assert (replayed.first_s, replayed.last_s) == (times[0], times[-1])
    assert replayed.at(times[50] + 1e-9) == known[times[50]]
    assert replayed.at(1e9) == known[times[-1]]
    assert replayed.at(1e9).link == LinkChanged("finished", "over", 0)
    replayed.close()


FAULT_TOO = st.booleans()


@st.composite
def histories(draw: st.DrawFn) -> list[Frame]:
    """Frames of a world whose time may stand still, and in which this and that is told."""
    snapshot = next(frame.snapshot for frame in told() if isinstance(frame, Latest))
    frames: list[Frame] = []
    now, seq = 0.0, 0
    for _ in range(draw(st.integers(1, 40))):
        now += draw(st.sampled_from([0.0, 0.1, 2.5]))
        if draw(st.booleans()):
            frames.append(
                Latest(type(snapshot)(**{**{f: getattr(snapshot, f) for f in snapshot.__struct_fields__}, "time_s": now}))
            )
        else:
            count = draw(st.integers(1, 4))
            event = FaultFired("f", "link.cut", "cut") if draw(FAULT_TOO) else PhaseBegan("x")
            frames.append(Entries(tuple(Entry(seq + i, now, "n0", event) for i in range(count)), draw(st.integers(0, 2))))
            seq += count
    return frames


@given(histories(), st.integers(1, 9), st.data())
def test_however_it_is_cut_into_parts_and_wherever_one_goes_it_is_as_it_was(
    frames: list[Frame], part: int, data: st.DataObject
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording_module, "PART_FRAMES", part)
        patch.setattr(recording_module, "WAITING_MAX", 1000)
        recording = record(Recording(RecordingFile.unnamed()), frames)
        known = moments(frames)
        for at_s in data.draw(st.lists(st.sampled_from(sorted(known)), max_size=6)):
            found = recording.at(at_s)
            assert found == known[at_s]
            assert log_of(found) == log_of(known[at_s])
        recording.close()


@pytest.mark.usefixtures("small_parts")
def test_a_recording_stays_in_its_bounds_and_what_is_kept_still_plays(tmp_path: Path) -> None:
    frames, known = told(), moments(told())
    limit = 40_000
    recording = record(Recording(RecordingFile.named(tmp_path / "x.rec", limit)), frames)
    recording.close()
    assert (tmp_path / "x.rec").stat().st_size <= limit
    replayed = Recording(RecordingFile.read(tmp_path / "x.rec"))
    assert 0 < replayed.first_s < replayed.last_s == max(known)
    kept = [at_s for at_s in known if at_s > replayed.first_s]
    for at_s in [*kept, *reversed(kept)]:
        found, right = replayed.at(at_s), known[at_s]
        assert (found.snapshot, found.entries, found.work) == (right.snapshot, right.entries, right.work)
        assert found.log.last == right.log.last
        assert log_of(found) == log_of(right)[len(right.log) - len(found.log) :]
    replayed.close()


@pytest.mark.usefixtures("small_parts")
def test_a_torn_file_plays_up_to_its_last_whole_part(tmp_path: Path) -> None:
    file, known = tmp_path / "x.rec", moments(told())
    record(Recording(RecordingFile.named(file)), told()).close()
    whole = Recording(RecordingFile.read(file))
    with file.open("r+b") as torn:
        torn.truncate(file.stat().st_size // 2)
    shorter = Recording(RecordingFile.read(file))
    assert shorter.first_s == whole.first_s
    assert shorter.last_s < whole.last_s
    assert_same(shorter, known, [at_s for at_s in known if at_s < shorter.last_s])
    shorter.close()
    whole.close()


@pytest.mark.parametrize(
    ("data", "right"),
    [
        (b"", "it is no file with anything in it"),
        (b"hello, world" * 9, "it is no recording of dairt-console"),
        (FILE_HEAD.pack(MAGIC, 99), "version 99"),
        (FILE_HEAD.pack(MAGIC, 1), "nothing was recorded"),
        (FILE_HEAD.pack(MAGIC, 1) + PART_MAGIC + bytes(99), "nothing was recorded"),
    ],
)
def test_what_is_no_recording_is_one_sentence(data: bytes, right: str, tmp_path: Path) -> None:
    (tmp_path / "x.rec").write_bytes(data)
    with pytest.raises(UsageError, match=f"x.rec: .*{right}"):
        RecordingFile.read(tmp_path / "x.rec")


def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "x.rec").write_bytes(b"precious")
    with pytest.raises(UsageError, match="such a file already"):
        RecordingFile.named(tmp_path / "x.rec")
    recording = record(Recording(RecordingFile.unnamed()), told())
    with pytest.raises(UsageError, match="such a file already"):
        recording.save(tmp_path / "x.rec")
    recording.close()
    assert (tmp_path / "x.rec").read_bytes() == b"precious"


@given(st.binary(max_size=300))
def test_garbage_is_refused_and_does_no_harm(data: bytes) -> None:
    entry = b"\x95\xcb" + bytes(8) + b"\xcb" + bytes(8) + b"\x00\x00\x90"
    packed = zlib.compress(data)
    head = struct.pack("<8sQIIII", PART_MAGIC, 0, len(entry), len(packed), len(packed), zlib.crc32(entry + packed + packed))
    path = state_folder().parent / "garbage.rec"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(FILE_HEAD.pack(MAGIC, 1) + head + entry + packed + packed)
    file = RecordingFile.read(path)
    try:
        with pytest.raises(UsageError, match="cannot be read by this dairt"):
            Recording(file).at(0.0)
    finally:
        file.close()


def test_a_part_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(Recording(RecordingFile.named(tmp_path / "x.rec")), told()).close()
    monkeypatch.setattr("dairt_console.recording_format.BODY_MAX_BYTES", 1000)
    replayed = Recording(RecordingFile.read(tmp_path / "x.rec"))
    with pytest.raises(UsageError, match="more than 1000 bytes"):
        replayed.at(0.0)
    replayed.close()


def test_an_unnamed_recording_leaves_nothing_and_can_be_saved(state: Path, tmp_path: Path) -> None:
    recording = record(Recording(RecordingFile.unnamed()), told())
    assert list(state.iterdir()) == []
    recording.save(tmp_path / "kept.rec")
    recording.close()
    kept = Recording(RecordingFile.read(tmp_path / "kept.rec"))
    assert kept.at(kept.last_s) == [seen for _, seen in live(told())][-1]
    kept.close()


def test_a_full_disk_ends_the_recording_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> int:
        raise OSError(28, os.strerror(28))

    recording = Recording(RecordingFile.unnamed())
    monkeypatch.setattr("os.pwrite", full)
    record(recording, told())
    recording.close()
    assert recording.failure == "recording ended at 0.0 s: No space left on device"


def test_a_disk_that_is_too_slow_ends_the_recording_and_not_the_console(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(recording_module, "PART_FRAMES", 7)
    monkeypatch.setattr(RecordingFile, "add", lambda *arguments: go_on.wait())
    recording = record(Recording(RecordingFile.unnamed()), told())
    go_on.set()
    recording.close()
    assert "the disk is too slow" in recording.failure


@pytest.mark.usefixtures("small_parts")
def test_faults_and_checkpoints_are_marked_where_they_were_known() -> None:
    recording = record(Recording(RecordingFile.unnamed()), told())
    faults = [mark.at_s for mark in recording.marks if mark.kind == "fault"]
    assert len(faults) == 3
    assert [mark.at_s for mark in recording.marks] == sorted(mark.at_s for mark in recording.marks)
    at_s, found = 0.0, []
    while (there := recording.mark(at_s, "fault", 1)) is not None:
        found.append(there)
        at_s = there
        assert any(isinstance(entry.event, FaultFired) for entry in recording.at(there).entries[-30:])
    assert found == list(dict.fromkeys(faults))
    assert recording.mark(found[-1], "fault", -1) == found[-2]
    assert recording.mark(found[0], "fault", -1) is None
    assert recording.mark(0.0, "checkpoint", 1) is not None
    recording.close()


@pytest.mark.usefixtures("small_parts")
def test_stepping_goes_from_look_to_look_and_back() -> None:
    frames = told()
    looks = list(dict.fromkeys(frame.snapshot.time_s for frame in frames if isinstance(frame, Latest)))
    recording = record(Recording(RecordingFile.unnamed()), frames)
    at_s, there = looks[0], [looks[0]]
    while at_s < looks[-1]:
        at_s = recording.step(at_s, 1)
        there.append(at_s)
    assert there == looks
    back = [at_s]
    while at_s > looks[0]:
        at_s = recording.step(at_s, -1)
        back.append(at_s)
    assert back == looks[::-1]
    assert recording.step(looks[-1], 1) == recording.last_s
    recording.close()
