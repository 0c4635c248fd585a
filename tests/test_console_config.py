"""What a person sets once: read strictly, printed as it reads back, and heeded by the console."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from console_samples import AT_WORK, Recorder
from dairt.errors import UsageError
from dairt_console.__main__ import run
from dairt_console.actions import BY_ID
from dairt_console.app import ConsoleApp
from dairt_console.config import PAGES, Config, load, parse, written
from terminal import ALTERNATE_ON, Terminal

SWAPPED = '[keys]\nkill_socket = ["f5", "?"]\nhelp = "f1"\ndown = ["down", "ctrl+n"]\n'


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person without settings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


def test_without_a_file_all_is_as_it_comes() -> None:
    assert load(None) == Config()


def test_what_is_printed_reads_back_as_the_same() -> None:
    for config in (Config(), parse(SWAPPED + "", "x"), parse('theme = "nord"\nlooks = 5\nstart = "runs"\n' + SWAPPED, "x")):
        assert parse(written(config), "x") == config


def test_the_usual_file_is_found_and_another_can_be_named(home: Path) -> None:
    usual = home / "dairt" / "console.toml"
    usual.parent.mkdir()
    usual.write_text('theme = "nord"\n')
    other = home / "other.toml"
    other.write_text("looks = 3\n")
    assert load(None).theme == "nord"
    assert (load(other).theme, load(other).looks) == (Config().theme, 3)


def test_a_key_moves_from_one_command_to_another() -> None:
    config = parse(SWAPPED, "x")
    assert config.keymap == {"kill_socket": "f5,question_mark", "help": "f1", "down": "down,ctrl+n"}
    assert {command.id: command.key for command in config.commands}["kill_socket"] == "f5"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("theme = ", "is no TOML"),
        ('theme = "nrd"', "did you mean 'nord'"),
        ("theme = 3", "theme"),
        ("looks = 0", "looks must be a whole number from 1 to 30, not 0"),
        ("looks = 2.5", "looks must be a whole number from 1 to 30, not 2.5"),
        ('start = "nowhere"', "start cannot be 'nowhere'"),
        ('world = "moon"', "world cannot be 'moon'"),
        ("read_only = 1", "read_only"),
        ('colour = "red"', "no key 'colour'"),
        ("keys = 3", "keys"),
        ('[keys]\nkill_sockets = "f5"', "did you mean 'kill_socket'"),
        ('[keys]\nkill_socket = "b"', "cannot have 'b', which means broadcast"),
        ('[keys]\nkill_socket = "?"\n', "'?'"),
        ('[keys]\nkill_socket = ["f5", "f5"]', "cannot have 'f5', which means kill_socket"),
        ('[keys]\nkill_socket = "hyper+x"', "cannot have the key 'hyper+x'"),
        ('[keys]\nkill_socket = "nosuch"', "cannot have the key 'nosuch'"),
        ("[keys]\nkill_socket = []", "must be a key or a list of some"),
        ("[keys]\nkill_socket = 5", "must be a key or a list of some"),
    ],
)
def test_what_is_wrong_with_it_is_one_sentence_that_names_the_file(text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text, "console.toml")
    sentence = str(caught.value)
    assert sentence.startswith("console.toml: ")
    assert told in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize("command", ["quit", "help", "agree", "down"])
def test_every_command_that_is_named_is_one(command: str) -> None:
    if command in BY_ID:
        assert parse(f'[keys]\n{command} = "f9"', "x").keys == {command: ("f9",)}
    else:
        with pytest.raises(UsageError, match="is no command"):
            parse(f'[keys]\n{command} = "f9"', "x")


def test_the_console_heeds_it() -> None:
    async def main() -> None:
        config = parse('theme = "nord"\nstart = "nodes"\nread_only = true\n' + SWAPPED, "x")
        app = ConsoleApp(Recorder(), "first_look", "", config=config)
        async with app.run_test(size=(100, 30)) as pilot:
            for frame in AT_WORK:
                app.deliver(frame)
            app.look()
            await pilot.press("ctrl+n")
            assert (app.theme, app.desk.front.NAME, app.desk.front.chosen().node) == ("nord", "nodes", "n1")
            assert "lets it act" in app.obstacle
            await pilot.press("R", "question_mark")
            assert type(app.screen).__name__ == "Choose"
            await pilot.press("escape", "f1")
            assert type(app.screen).__name__ == "Help"

    asyncio.run(main())


def test_it_is_printed_without_a_terminal(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    assert run(["--print-config", "--theme", "nord", "--page", "faults"]) == 0
    printed = parse(capsys.readouterr().out, "printed")
    assert (printed.theme, printed.start) == ("nord", "faults")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--config", "nosuch.toml"], "nosuch.toml: cannot be read: No such file or directory"),
        (["--theme", "nrd"], "--theme cannot be 'nrd'; did you mean 'nord'?"),
        (["--looks", "99"], "--looks must be a whole number from 1 to 30, not 99"),
        (["--page", "nowhere"], "--page"),
        (["--role", "king"], "--role"),
    ],
)
def test_a_wrong_option_is_one_sentence_and_exit_code_2(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1


def test_a_bad_file_opens_no_screen(home: Path) -> None:
    (home / "dairt").mkdir()
    (home / "dairt" / "console.toml").write_text('start = "nowhere"\n')
    with Terminal([sys.executable, "-m", "dairt_console"], env={"XDG_CONFIG_HOME": str(home)}) as terminal:
        assert terminal.exit_code() == 2
        assert ALTERNATE_ON not in terminal.raw
        assert b"start cannot be 'nowhere'" in terminal.raw


def test_every_page_can_be_the_first() -> None:
    async def first(page: str) -> str:
        app = ConsoleApp(Recorder(), "first_look", "", config=Config(start=page))
        async with app.run_test(size=(100, 30)):
            return app.desk.front.NAME

    assert [asyncio.run(first(page)) for page in PAGES] == list(PAGES)


def test_no_color_is_heeded(home: Path) -> None:
    fake = str(Path(__file__).with_name("console_fake.py"))
    with Terminal([sys.executable, fake, "obeys"], env={"NO_COLOR": "1"}) as terminal:
        terminal.wait_for("3/3 up")
        terminal.press("q")
        assert terminal.exit_code() == 0
        assert not coloured(terminal.raw)


def coloured(raw: bytes) -> list[bytes]:
    """The colours that are not grey."""
    found = re.findall(rb"[34]8;2;(\d+);(\d+);(\d+)", raw)
    return [b";".join(rgb) for rgb in found if len(set(rgb)) > 1]


def test_the_settings_in_the_manual_are_settings() -> None:
    manual = (Path(__file__).parent.parent / "docs" / "console.md").read_text(encoding="utf-8")
    block = manual[manual.index('    theme = "nord"') : manual.index("No key may mean")]
    assert parse("\n".join(line.strip() for line in block.splitlines()), "console.md").keys == {"kill_socket": ("x", "ctrl+k")}
