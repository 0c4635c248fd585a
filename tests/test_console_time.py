"""Time in the running console: back and forth with keys, mouse and words; and what it writes, on a real terminal too."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from console_samples import Recorder
from console_story import told
from dairt.control.frames import Act, Save, SetSpeed, Story
from dairt_console.__main__ import run
from dairt_console.app import ConsoleApp
from dairt_console.recording import Recording
from dairt_console.recording_file import RecordingFile
from dairt_console.recording_format import Frame
from dairt_console.replay import Times, begin_times, open_recording
from terminal import Terminal
from test_recording import record, state

__all__ = ["state"]

CONSOLE = [sys.executable, "-m", "dairt_console"]
STORY = Story(1, "# dairt play THIS_FILE --world sim --seed 7\n", 9.0, "d1" * 16)
RUNNING = told()[:-4]  # before its cluster ends


class Watched:
    """A running console, its keys and its screen."""

    def __init__(self, app: ConsoleApp, pilot: Pilot[int], recorder: Recorder) -> None:
        self.app, self.pilot, self.recorder = app, pilot, recorder

    async def press(self, *keys: str) -> str:
        """Press these keys; the screen then."""
        await self.pilot.press(*keys)
        await self.pilot.pause()
        return self.text

    async def write(self, line: str) -> str:
        """Give a line to `:`; the screen then."""
        await self.press("colon")
        for letter in line:
            await self.pilot.press({" ": "space", ".": "full_stop", ":": "colon", "-": "minus"}.get(letter, letter))
        return await self.press("enter")

    @property
    def text(self) -> str:
        return "\n".join(strip.text.rstrip() for strip in self.app.screen._compositor.render_strips())

    @property
    def at_s(self) -> float:
        """The moment on the screen."""
        tape = self.app.times.tape(self.app.seen)
        assert tape is not None
        return tape.at_s


def watch(times: Times, script: Callable[[Watched], Awaitable[None]], frames: tuple[Frame, ...] = RUNNING) -> None:
    """Run a console that has heard these frames, and let the script use it."""

    async def main() -> None:
        recorder = Recorder()
        app = ConsoleApp(recorder, "a-story", "starting", times=times)
        async with app.run_test(size=(100, 30)) as pilot:
            for frame in frames:
                app.deliver(frame)
            app.look()
            await pilot.pause()
            await script(Watched(app, pilot, recorder))

    asyncio.run(main())
    times.close()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_running_console_goes_back_in_time_acts_on_nothing_there_and_returns() -> None:
    async def script(console: Watched) -> None:
        assert "LIVE" in console.text
        text = await console.press("left_parenthesis")
        assert "fault at t=0:05" in text
        assert "PAST t=0:05" in text
        assert re.search(r"◀ past .*t=0:05", text.splitlines()[0])
        assert "L live" in text.splitlines()[-1]
        assert "kill socket" not in text.splitlines()[-1]
        assert "this is the past, 0:05" in await console.press("x")
        assert console.recorder.sent == []
        assert "LIVE" in await console.press("L")
        await console.press("x", "enter")
        assert [type(frame) for frame in console.recorder.sent] == [Act]

    watch(begin_times(None), script)


def test_the_keys_of_time_steer_the_cluster_in_the_present_and_the_recording_in_the_past() -> None:
    async def script(console: Watched) -> None:
        await console.press("p")
        assert [type(frame) for frame in console.recorder.sent] == [SetSpeed]
        await console.press("left_curly_bracket")
        first = console.at_s
        assert "playing" in await console.press("p")
        assert "held" in await console.press("p")
        assert "×2" in await console.press("greater_than_sign", "p")
        await console.press("p", "comma")
        before = console.at_s
        assert first - 1 < before
        await console.press("full_stop")
        assert console.at_s > before
        assert len(console.recorder.sent) == 1

    watch(begin_times(None), script)


def test_a_click_on_the_bar_goes_there_and_one_on_its_buttons_does_what_they_say() -> None:
    async def script(console: Watched) -> None:
        line = next(number for number, text in enumerate(console.text.splitlines()) if "├" in text and "LIVE" in text)
        first, last = (console.text.splitlines()[line].index(edge) for edge in "├┤")
        await console.pilot.click(offset=((first + last) // 2, line))
        assert console.at_s == pytest.approx(5.0, abs=0.5)
        await console.pilot.click(offset=(console.text.splitlines()[line].index("◀◀"), line))
        assert console.at_s == pytest.approx(3.0, abs=0.2)
        await console.pilot.click(offset=(console.text.splitlines()[line].index("PAST"), line))
        assert "LIVE" in console.text

    watch(begin_times(None), script)


def test_a_moment_can_be_written_and_a_wrong_one_is_one_sentence() -> None:
    async def script(console: Watched) -> None:
        assert "PAST t=0:03.5" in await console.write("at 3.5")
        assert "a moment is written" in await console.write("at noon")
        assert console.at_s == 3.5

    watch(begin_times(None), script)


def test_a_replay_shows_every_page_at_any_moment_and_is_never_acted_on(here: Path) -> None:
    record(Recording(RecordingFile.named(here / "x.rec")), told()).close()

    async def script(console: Watched) -> None:
        assert "▷ replay" in console.text
        await console.press("p")
        await console.write("at 5.5")
        texts = [await console.press(str(page)) for page in range(1, 8)]
        assert all("REPLAY t=0:05.5 held" in text for text in texts)
        assert len(dict.fromkeys(texts)) == 7
        assert "nothing can be done to it" in await console.press("1", "x")
        assert "■ finished" not in console.text
        assert "REPLAY t=0:10.0" in await console.press("L")
        assert console.recorder.sent == []

    watch(Times(open_recording(here / "x.rec"), is_replay=True), script, ())


def test_a_session_is_asked_for_told_and_written(here: Path) -> None:
    async def script(console: Watched) -> None:
        await console.press("S")
        [question] = console.recorder.sent
        assert isinstance(question, Save)
        console.app.deliver(Story(question.id, STORY.text, STORY.at_s, STORY.digest))
        console.app.look()
        await console.pilot.pause()
        assert "saved · dairt play a-story-session.toml --world sim --seed 7 gives d1d1d1d1d1d1" in console.text
        assert (here / "a-story-session.toml").exists()

    watch(begin_times(None), script)


def test_a_session_of_a_cluster_that_is_over_is_saved_all_the_same(here: Path) -> None:
    async def script(console: Watched) -> None:
        assert "saved · dairt play mine.toml" in await console.write("save mine.toml")
        assert "there is such a file already" in await console.write("save mine.toml")

    watch(begin_times(None), script, (*told()[:-2], Story(0, STORY.text, 10.0, STORY.digest), *told()[-2:]))


@pytest.mark.parametrize(("word", "begins"), [("svg", "<svg"), ("text", "╭─ Nodes 3"), ("json", "{")])
def test_a_screen_is_exported_and_never_over_a_file(word: str, begins: str, here: Path) -> None:
    async def script(console: Watched) -> None:
        assert "written: out" in await console.write(f"export {word} out")
        assert "there is such a file already" in await console.write(f"export {word} out")

    watch(begin_times(None), script)
    assert (here / "out").read_text().startswith(begins)


def test_without_a_recording_the_bar_says_so_and_everything_else_works() -> None:
    async def script(console: Watched) -> None:
        assert "not recording" in console.text
        assert "not recording" in await console.press("left_parenthesis")
        await console.press("b")
        assert len(console.recorder.sent) == 1

    watch(Times(None), script)


# ------------------------------------------------------------------------------------------------ on a real terminal


def test_a_session_on_a_terminal_is_recorded_saved_played_headless_and_replayed(here: Path, state: Path) -> None:
    arguments = ["--world", "sim", "--seed", "7", "--record", "a.rec"]
    with Terminal([*CONSOLE, *arguments], env={"XDG_STATE_HOME": str(state)}) as terminal:
        terminal.wait_for("3/3 up", "LIVE")
        terminal.press("c")
        terminal.wait_for("Cut the link")
        terminal.press("\r")
        terminal.wait_for("FAULT cut n0↔n1")
        terminal.press("S")
        terminal.wait_for("saved · dairt play first_look-session.toml --world sim --seed 7 gives")
        terminal.press("(")
        terminal.wait_for("PAST", "fault at t=")
        terminal.press("q")
        assert terminal.exit_code() == 0
        assert terminal.left_clean
    digest = re.search(r"^# digest (\w+)$", (here / "first_look-session.toml").read_text(), re.MULTILINE)
    assert digest is not None
    played = subprocess.run(
        [sys.executable, "-m", "dairt", "play", "first_look-session.toml", "--world", "sim", "--seed", "7"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert played.stdout.splitlines()[-1] == f"digest {digest[1]}"
    with Terminal([*CONSOLE, "--replay", "a.rec"]) as terminal:
        terminal.wait_for("▷ replay", "3/3 up", "REPLAY")
        terminal.press("L")
        terminal.wait_for("the end of the recording")
        terminal.press("(")
        terminal.wait_for("fault at t=")
        assert terminal.children() == [], "a replay needs no cluster"
        os.kill(terminal.process.pid, signal.SIGTERM)
        assert terminal.exit_code() == 128 + signal.SIGTERM
        assert terminal.left_clean


def test_a_console_that_is_killed_leaves_no_recording(state: Path) -> None:
    with Terminal([*CONSOLE, "--world", "sim"], env={"XDG_STATE_HOME": str(state)}) as terminal:
        terminal.wait_for("3/3 up", "LIVE")
        assert list((state / "dairt").iterdir()) == []
        terminal.process.kill()
        terminal.process.wait()
    assert list((state / "dairt").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "right"),
    [
        (["--replay", "none.rec"], "none.rec: cannot be read: No such file"),
        (["--replay", "bad.rec"], "bad.rec: it is no recording of dairt-console"),
        (["--record", "bad.rec"], "bad.rec: there is such a file already"),
        (["--record", "a.rec", "--no-record"], "--record a.rec goes without --no-record"),
        (["--record", "a.rec", "--replay", "bad.rec"], "--record a.rec goes without --replay bad.rec"),
    ],
)
def test_a_wrong_file_is_one_sentence_and_exit_code_2(
    arguments: list[str], right: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "bad.rec").write_text("hello, world")
    for stream in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(f"sys.{stream}.isatty", lambda: True)
    assert run(arguments) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("dairt-console: ")
    assert right in line
