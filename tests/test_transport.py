"""Going through a recording: what is shown, what the bar says of it, and what a click on it means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console_story import told
from dairt.control.frames import Latest
from dairt.errors import UsageError
from dairt_console.draw.spans import text_of, width_of
from dairt_console.draw.transport import transport_bar
from dairt_console.recording import Recording
from dairt_console.recording_file import RecordingFile
from dairt_console.reducer import Seen, apply
from dairt_console.transport import Transport
from dairt_console.transport_tape import Mark, Tape
from test_recording import moments, record, state

__all__ = ["state"]  # every recording here is in a folder of its own

MARKS = (Mark(100.0, "checkpoint"), Mark(400.0, "fault"), Mark(401.0, "checkpoint"))
LIVE = Tape(0.0, 761.3, 761.3, "live", True, 1.0, MARKS)
PAST = Tape(0.0, 761.3, 300.0, "past", False, 1.0, MARKS)


@pytest.fixture
def recording() -> Recording:
    return record(Recording(RecordingFile.unnamed()), told())


def present() -> Seen:
    seen = Seen()
    for frame in told():
        seen = apply(seen, frame)
    return seen


def test_the_bar_says_where_in_time_this_is_and_what_happened_when() -> None:
    assert text_of(transport_bar(LIVE, 100).line) == (
        " ◀◀ ◂ ▮▮ ▸ ▶▶  0:00 ├───────▾────────────────────✕────────────────────────●┤ 12:41 LIVE ▾ckpt ✕fault"
    )
    assert text_of(transport_bar(PAST, 80).line) == (
        " ◀◀ ◂ ▶  ▸ ▶▶  0:00 ├────▾────────●───✕───────────────┤ 12:41 PAST t=5:00.0 held"
    )
    assert text_of(transport_bar(PAST, 30).line) == " PAST t=5:00.0 held of 12:41"
    assert "REPLAY t=5:00.0 ×2" in text_of(transport_bar(Tape(0.0, 761.3, 300.0, "replay", True, 2.0), 80).line)
    assert "not recording" in text_of(transport_bar(None, 80).line)


@given(st.integers(40, 300), st.floats(0, 1), st.sampled_from(["live", "past", "replay"]))
def test_the_bar_fits_and_a_click_goes_where_it_points(width: int, share: float, shown: str) -> None:
    tape = Tape(10.0, 110.0, 10 + 100 * share, shown, False, 1.0, MARKS)  # type: ignore[arg-type]
    bar = transport_bar(tape, width)
    assert width_of(bar.line) <= width
    text = text_of(bar.line)
    first, cells = bar.bar
    if cells:
        assert (bar.at(first), bar.at(first + cells - 1)) == (10.0, 110.0)
        there = bar.at(text.index("●"))
        assert isinstance(there, float)
        assert abs(there - tape.at_s) <= 100 / (cells - 1) / 2 + 1e-9
    for x, button in ((text.find("◀◀"), "fault_before"), (text.find("▸"), "step"), (text.find("▶▶"), "fault_after")):
        assert x < 0 or bar.at(x) == button
    if cells and shown != "live":
        assert bar.at(text.index(shown.upper())) == "live"
    assert bar.at(width + 5) is None


def test_the_present_is_shown_until_somebody_goes_back_and_again_once_they_return(recording: Recording) -> None:
    transport, now = Transport(recording), present()
    assert transport.seen(now) is now
    assert transport.obstacle == ""
    assert transport.tape(now).shown == "live"
    transport.seek(4.0)
    assert transport.seen(now) == recording.at(4.0) != now
    assert "this is the past, 0:04.0: L returns" in transport.obstacle
    assert (transport.tape(now).shown, transport.tape(now).is_moving) == ("past", False)
    transport.live()
    assert transport.seen(now) is now
    recording.close()


def test_the_past_plays_at_its_own_pace_and_ends_in_the_present(recording: Recording) -> None:
    transport = Transport(recording)
    transport.seek(4.0)
    transport.advance(1.0)
    assert transport.tape(present()).at_s == 4.0, "it is held until it is played"
    transport.toggle()
    transport.pace(1)
    transport.advance(1.0)
    assert transport.tape(present()).at_s == 6.0
    transport.advance(60.0)
    assert transport.is_live
    recording.close()


def test_a_replay_plays_from_its_beginning_holds_at_its_end_and_begins_again(recording: Recording) -> None:
    transport = Transport(recording, is_replay=True)
    assert transport.tape(Seen()).at_s == recording.first_s
    transport.advance(2.0)
    assert transport.tape(Seen()).at_s == recording.first_s + 2.0
    transport.advance(60.0)
    assert (transport.tape(Seen()).at_s, transport.tape(Seen()).is_moving) == (recording.last_s, False)
    assert "nothing can be done to it" in transport.obstacle
    transport.toggle()
    assert transport.tape(Seen()).at_s == recording.first_s
    transport.live()
    assert transport.seen(Seen()) == present()
    recording.close()


def test_jumps_go_to_what_happened_and_say_where_nothing_did(recording: Recording) -> None:
    transport, now = Transport(recording), present()
    faults = [mark.at_s for mark in recording.marks if mark.kind == "fault"]
    there = []
    while "no fault before" not in transport.jump("fault", -1):
        there.append(transport.tape(now).at_s)
    assert there == faults[::-1]
    transport.jump("fault", 1)
    assert transport.tape(now).at_s == faults[1]
    transport.jump("checkpoint", -1)
    assert faults[0] <= transport.tape(now).at_s < faults[1]
    transport.live()
    assert transport.jump("fault", 1) == "this is the present already"
    recording.close()


def test_from_the_present_a_fault_of_this_very_moment_is_the_previous_one(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = [mark.at_s for mark in recording.marks if mark.kind == "fault"][-1]
    monkeypatch.setattr(Recording, "last_s", property(lambda self: fault))
    transport = Transport(recording)
    transport.jump("fault", -1)
    assert transport.tape(present()).at_s == fault
    recording.close()


def test_steps_and_skips_go_back_from_the_present_and_return_to_it(recording: Recording) -> None:
    transport, now = Transport(recording), present()
    looks = [frame.snapshot.time_s for frame in told() if isinstance(frame, Latest)]
    transport.step(-1)
    assert transport.tape(now).at_s == max(look for look in looks if look < recording.last_s)
    transport.step(1)
    assert transport.tape(now).at_s == recording.last_s
    transport.skip(-1)
    assert transport.tape(now).at_s == pytest.approx(recording.last_s * 0.95)
    transport.skip(1)
    assert transport.is_live
    recording.close()


@pytest.mark.parametrize(("word", "at_s"), [("2.5", 2.5), ("0:03", 3.0), ("0:00:04.5", 4.5), ("99", 10.0)])
def test_a_moment_can_be_named(word: str, at_s: float, recording: Recording) -> None:
    transport = Transport(recording)
    transport.go(word)
    assert transport.tape(present()).at_s == pytest.approx(at_s, abs=0.01)
    recording.close()


@pytest.mark.parametrize("word", ["", "soon", "1:2:3:4", "-5", "nan", "inf"])
def test_what_is_no_moment_is_one_sentence(word: str, recording: Recording) -> None:
    with pytest.raises(UsageError, match=r"a moment is written 12\.5, 1:02 or 1:02:03"):
        Transport(recording).go(word)
    recording.close()


def test_before_anything_is_recorded_there_is_no_past() -> None:
    recording = Recording(RecordingFile.unnamed())
    transport = Transport(recording)
    assert transport.seek(3.0) == "nothing is recorded yet"
    assert transport.is_live
    assert text_of(transport_bar(transport.tape(Seen()), 80).line).count("●") == 1
    recording.close()


def test_replayed_moments_are_those_that_were_live(recording: Recording) -> None:
    transport, known = Transport(recording, is_replay=True), moments(told())
    for at_s in list(known)[::7]:
        transport.seek(at_s)
        assert transport.seen(Seen()) == known[at_s]
    recording.close()
