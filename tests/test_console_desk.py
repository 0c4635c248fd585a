"""The desk: seven pages behind one set of keys, what they act on, and the lines a person writes."""

from collections.abc import Iterator

import pytest
from textual.binding import Binding
from textual.widget import Widget

from console_samples import AT_WORK, HELLO, IN_TROUBLE, snapshot, trouble
from console_watch import Console, watch
from dairt.control.frames import Hello, Latest, SetSpeed, Watch
from dairt.model.action import (
    CutLink,
    DegradeLink,
    Link,
    Put,
    RunGraph,
    VerifyCheckpoint,
    WipeNode,
)
from dairt_console.actions import BY_ID, COMMANDS
from dairt_console.app import ConsoleApp
from dairt_console.config import PAGES
from dairt_console.keys import MOVEMENT
from dairt_console.reducer import LinkChanged, Seen
from dairt_console.screens.overlays import Choose, Confirm, Help, help_lines

SIM = (*AT_WORK, Hello("sim", "first-look", 7, "inject"), Latest(snapshot(12.4, speed=1.0)))


# -- pages -------------------------------------------------------------------------------------------------------------


def test_every_page_has_its_number_and_says_where_one_is() -> None:
    async def script(console: Console) -> None:
        for number, name in enumerate(PAGES, 1):
            await console.press(str(number))
            header, bar, *_ = console.text.split("\n")
            assert f"first_look ▸ {name}" in header
            assert f"[{number} " in bar
            assert console.front is console.app.desk.pages[name]

    watch(script, IN_TROUBLE)


def test_enter_goes_in_escape_comes_out_and_minus_goes_back_to_the_page_before() -> None:
    async def script(console: Console) -> None:
        await console.press("4", "down", "enter")
        assert "nodes ▸ n1" in console.text
        await console.press("right_square_bracket")
        assert "nodes ▸ n2" in console.text
        await console.press("left_square_bracket", "escape")
        assert "nodes ▸" not in console.text
        assert "▸ n1" in console.text
        await console.press("7", "minus")
        assert console.front.NAME == "nodes"

    watch(script)


def test_only_the_page_in_front_is_told_what_is_seen() -> None:
    async def script(console: Console) -> None:
        shown: list[str] = []
        for page in console.app.desk.pages.values():

            def show(seen: Seen, *, elapsed_s: float, name: str = page.NAME) -> None:
                shown.append(name)

            page.show = show  # type: ignore[method-assign]
        await console.feed([Latest(trouble())])
        assert shown == ["overview"]
        await console.press("7")
        await console.feed([Latest(trouble(15.0))])
        assert set(shown[1:]) == {"events"}

    watch(script)


def test_what_a_page_tells_the_cluster_is_sent() -> None:
    async def script(console: Console) -> None:
        await console.press("4", "enter")
        assert console.sent == [Watch(0, ("n0",))]

    watch(script)


def test_an_action_is_about_what_is_chosen_on_the_page_in_front() -> None:
    async def script(console: Console) -> None:
        await console.press("4", "down", "down", "w")
        await console.press("3", "a")
        assert [type(action) for action in console.sent] == [RunGraph, Put]
        assert [getattr(console.sent[0], "coordinator", ""), getattr(console.sent[1], "node", "")] == ["n2", "n1"]
        await console.press("5", "v")
        assert console.sent[-1] == VerifyCheckpoint("n0+n1+n2", "gradients")

    watch(script)


def test_the_mouse_goes_to_pages_and_presses_keys_of_the_footer() -> None:
    async def script(console: Console) -> None:
        bar = console.text.split("\n")[1]
        await console.pilot.click("#pages", offset=(bar.index("4 Nodes"), 0))
        assert console.front.NAME == "nodes"
        footer = console.text.split("\n")[-1]
        await console.pilot.click("#footer", offset=(footer.index("x kill socket"), 0))
        await console.pilot.pause()
        assert "Kill the sockets between n0 and" in console.text

    watch(script)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    "frames",
    [(), (HELLO,), (*AT_WORK, LinkChanged("lost", "the cluster process was killed by SIGKILL", -9))],
    ids=["connecting", "coming-up", "lost"],
)
def test_every_page_bears_a_cluster_that_is_not_there(page: str, frames: tuple[object, ...]) -> None:
    async def script(console: Console) -> None:
        await console.press(str(PAGES.index(page) + 1), "enter", "down", "space", "s", "y", "n", "escape")
        for size in ((60, 16), (24, 6), (200, 50)):
            await console.pilot.resize_terminal(*size)
            await console.pilot.pause()
            assert len(console.text.split("\n")) == size[1]

    watch(script, frames)  # type: ignore[arg-type]


def test_what_cannot_be_done_any_more_is_not_offered() -> None:
    async def script(console: Console) -> None:
        assert "kill" not in console.text.split("\n")[-1]
        await console.press("x")
        assert console.status == "the cluster is lost: q leaves"

    watch(script, (*AT_WORK, LinkChanged("lost", "gone")))


# -- one registry ------------------------------------------------------------------------------------------------------


def widgets(app: ConsoleApp) -> Iterator[Widget | ConsoleApp]:
    yield app
    yield from app.desk.query("*")


def test_no_widget_rebinds_a_key_of_the_registry_to_something_else() -> None:
    async def script(console: Console) -> None:
        meant = {key: command.id for command in COMMANDS for key in command.keys}
        for kind in (*map(type, widgets(console.app)), Confirm, Choose, Help):
            if kind.__module__.startswith("dairt_console"):
                for binding in vars(kind).get("BINDINGS", ()):
                    assert isinstance(binding, Binding)
                    assert all(meant[key] == binding.id for key in binding.key.split(","))

    watch(script)


def test_every_command_is_done_by_its_key_and_found_in_the_palette_and_the_help() -> None:
    helped = "\n".join(help_lines(90))
    bound = {binding.id for binding in ConsoleApp.BINDINGS if isinstance(binding, Binding)}
    for command in COMMANDS:
        assert command.id in bound or command.id in MOVEMENT
        assert f" {command.all_keys} " in helped


# What says nothing at the top of the Overview, where there is nowhere to go.
SILENT = ("go_overview", "open", "back", "previous", "next", "last_page")


@pytest.mark.parametrize("command", [command.id for command in COMMANDS if command.id not in (*MOVEMENT, *SILENT, "palette")])
def test_every_command_does_or_says_something_when_it_is_written(command: str) -> None:
    async def script(console: Console) -> None:
        before = console.text
        await console.write(BY_ID[command].word)
        assert console.text != before or console.sent or console.app.return_code == 0

    watch(script, SIM)


# -- lines a person writes ---------------------------------------------------------------------------------------------


def test_a_command_is_written_completed_and_obeyed() -> None:
    async def script(console: Console) -> None:
        await console.press("colon", *"cut-l", "tab")
        assert console.text.split("\n")[-1] == " :cut-link"
        await console.press("space", *"n0", "space", *"n2", "enter")
        assert console.sent == [CutLink(Link("n0", "n2"))]
        await console.press("colon", "up")
        assert console.text.split("\n")[-1] == " :cut-link n0 n2"
        await console.press("escape")
        assert console.status == "nothing done"

    watch(script)


def test_the_language_of_scenarios_is_understood_on_the_line() -> None:
    async def script(console: Console) -> None:
        await console.write("link.degrade n0 n1 latency=60ms")
        assert console.sent == [DegradeLink(Link("n0", "n1"), 0.06)]
        await console.write("node.wipe n1")
        assert "Wipe n1?" in console.text
        assert ":node.wipe n1" in console.text
        await console.press("enter")
        assert console.sent[1:] == [WipeNode("n1")]

    watch(script)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("kil n0", "did you mean 'kill'"),
        ("go nowhere", "there is no page 'nowhere'"),
        ("node n9", "there is no node 'n9'"),
        ("speed -1", "a speed is 0 (paused) or more"),
        ("theme nrd", "did you mean 'nord'"),
        ("export jpeg", "an export is svg, text, json"),
        ("node.pause n0", "share one process"),
    ],
)
def test_a_line_that_cannot_be_obeyed_says_why(line: str, told: str) -> None:
    async def script(console: Console) -> None:
        await console.write(line)
        assert told in console.status
        assert console.sent == []

    watch(script)


def test_words_go_to_pages_and_nodes_and_steer_time() -> None:
    async def script(console: Console) -> None:
        await console.write("go ev")
        assert console.front.NAME == "events"
        await console.write("node n2")
        assert "nodes ▸ n2" in console.text
        await console.write("speed 5")
        assert console.sent[-1] == SetSpeed(1, 5.0)

    watch(script, SIM)


def test_what_is_searched_for_is_found_again_and_again() -> None:
    async def script(console: Console) -> None:
        await console.press("4")
        await console.write("n", opened_by="slash")
        assert (console.status, console.front.chosen().node) == ("2 of 3", "n1")
        await console.press("n")
        assert console.front.chosen().node == "n2"
        await console.press("N", "N")
        assert console.front.chosen().node == "n0"

    watch(script)


def test_a_filter_acts_as_it_is_written_and_escape_takes_it_away() -> None:
    async def script(console: Console) -> None:
        await console.press("4", "f", *"n2")
        assert "1 of 3" in console.text
        await console.press("escape")
        assert "1 of 3" not in console.text
        await console.write("n1", opened_by="f")
        assert "filter n1: 1 of 3" in console.text

    watch(script)


def test_letters_on_a_line_are_letters_and_no_commands() -> None:
    async def script(console: Console) -> None:
        await console.press("slash", *"xKqHkj")
        assert console.text.split("\n")[-1] == " /xKqHkj"
        assert console.app.is_running
        assert console.sent == []

    watch(script)


def test_help_has_every_group_and_closes_with_its_own_key() -> None:
    async def script(console: Console) -> None:
        await console.press("question_mark")
        assert BY_ID["kill_socket"].help in console.text
        await console.press("G")
        assert "The mouse works too" in console.text
        await console.press("question_mark")
        assert "Nodes 3" in console.text

    watch(script)
