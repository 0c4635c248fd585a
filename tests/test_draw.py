"""Numbers, states, bars, columns and plans: what the console draws and decides, without a screen."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len
from textual.binding import Binding

from console_samples import AT_WORK, HELLO, IN_TROUBLE, NAMES, run, seen_after, snapshot
from dairt.control.frames import Hello, Latest
from dairt.model.action import (
    Action,
    Broadcast,
    CutLink,
    DegradeLink,
    GraphRecipe,
    Heal,
    KillNode,
    Link,
    Put,
    ResetConnection,
    RestartNode,
    RunGraph,
    TensorRecipe,
)
from dairt.model.scenario_toml import parse_scenario
from dairt.model.views import FaultView
from dairt_console.actions import BY_ID, COMMANDS
from dairt_console.chosen import Chosen
from dairt_console.draw.bars import progress, sparkline
from dairt_console.draw.checkpoints import CHECKPOINT_COLUMNS
from dairt_console.draw.chrome import Place, footer, header, tabs
from dairt_console.draw.columns import heading, place, row
from dairt_console.draw.layout import FRAME, PANELS, layout
from dairt_console.draw.page_bar import page_bar
from dairt_console.draw.scenario_line import scenario_line
from dairt_console.draw.spans import clean, cut, fit, fit_line, text_of, width_of
from dairt_console.draw.states import state
from dairt_console.draw.tables import NODE_COLUMNS, RUN_COLUMNS, node_rows, run_rows
from dairt_console.draw.troubles import TROUBLE_COLUMNS
from dairt_console.draw.units import age, clock, count, duration, rate, size, speed
from dairt_console.pages.overview import Overview
from dairt_console.plan_kinds import Act, Ask, Cannot, Pick, Speed, StepTime
from dairt_console.plans import plan
from dairt_console.reducer import LinkChanged, Seen
from dairt_console.screens.overlays import Choose, Confirm, Help, help_lines
from dairt_console.widgets.log import Log
from dairt_console.widgets.table import Table

WORK, TROUBLE = seen_after(AT_WORK), seen_after(IN_TROUBLE)


@pytest.mark.parametrize(
    ("drawn", "text"),
    [
        (size(0), "0 B"),
        (size(999), "999 B"),
        (size(1000), "0.98 KiB"),
        (size(4 * 2**20), "4.00 MiB"),
        (size(1023.9 * 2**20), "1.00 GiB"),
        (size(2.0**52), "4096 TiB"),
        (rate(0), "-"),
        (rate(2**20), "1.00 MiB/s"),
        (clock(7.39), "0:07.3"),
        (clock(59.99), "0:59.9"),
        (clock(761.32, 3), "12:41.320"),
        (clock(3723.4, 0), "1:02:03"),
        (age(-5), "0 s"),
        (age(59.9), "59 s"),
        (age(60), "1 m"),
        (age(47 * 3600), "47 h"),
        (age(4 * 86400), "4 d"),
        (duration(0.085), "85 ms"),
        (duration(1.239), "1.24 s"),
        (duration(200), "200 s"),
        (speed(0), "paused"),
        (speed(0.25), "×0.25"),
        (speed(math.inf), "×max"),
        (count(18422), "18,422"),
    ],
)
def test_numbers_read_as_people_write_them(drawn: str, text: str) -> None:
    assert drawn == text


@given(st.floats(0, 2.0**60))
def test_a_size_is_never_wider_than_its_column(nbytes: float) -> None:
    assert len(size(nbytes)) <= 12


@given(st.text(max_size=30), st.integers(0, 40), st.booleans())
def test_fitted_text_has_exactly_its_width_and_says_when_it_was_cut(text: str, width: int, right: bool) -> None:
    text = clean(text)
    fitted = fit(text, width, right=right)
    assert cell_len(fitted) == width
    assert cell_len(text) <= width or width == 0 or "…" in fitted


@given(st.lists(st.text(max_size=9), max_size=5), st.integers(0, 40))
def test_a_fitted_line_has_exactly_its_width(texts: list[str], width: int) -> None:
    assert width_of(fit_line(tuple((clean(text), "plain") for text in texts), width)) == width


def test_what_other_machines_say_cannot_move_the_cursor() -> None:
    assert clean("ok\x1b[2J\x9b31m\n") == "ok�[2J�31m�"
    assert cut("wide 漢字", 7) == "wide…" or cell_len(cut("wide 漢字", 7)) <= 7


@pytest.mark.parametrize("word", ["starting", "up", "draining", "down", "paused", "writing", "durable", "failed", "memory"])
def test_a_state_is_a_glyph_and_a_word(word: str) -> None:
    glyph, space, name = state(word)[0].partition(" ")
    assert (len(glyph), space, name) == (1, " ", word)
    assert glyph != "?"


def test_no_two_states_of_one_table_share_a_glyph() -> None:
    for words in (("starting", "up", "draining", "down", "paused"), ("writing", "durable", "failed", "memory")):
        assert len({state(word)[0][0] for word in words}) == len(words)


@given(st.floats(0, 1), st.integers(1, 40))
def test_a_bar_has_its_width_and_is_full_only_when_done(part: float, width: int) -> None:
    bar = progress(part, width)
    assert len(bar) == width
    assert (bar == "█" * width) == (part == 1)


def test_a_sparkline_keeps_the_newest_and_stands_on_the_right() -> None:
    assert sparkline([0, 1, 2, 4], 6) == "  ▁▃▅█"
    assert sparkline([9, 0, 0], 2) == "▁▁"
    assert sparkline([], 3) == "   "


@pytest.mark.parametrize("columns", [NODE_COLUMNS, CHECKPOINT_COLUMNS, RUN_COLUMNS, TROUBLE_COLUMNS])
def test_every_table_fits_every_width(columns: tuple[object, ...]) -> None:
    for width in range(1, 200):
        assert width_of(heading(place(columns, width))) <= width  # type: ignore[arg-type]


def test_columns_leave_by_worth_and_the_first_never() -> None:
    def titles(width: int) -> list[str]:
        return [column.title for column, _ in place(NODE_COLUMNS, width)]

    assert titles(200) == [column.title for column in NODE_COLUMNS]
    assert "SENT, LAST 8 s" not in titles(98)
    assert {"TX", "RX"} <= set(titles(98))
    assert titles(38) == ["NODE", "STATE", "QUEUED"]
    assert titles(3) == ["NODE"]


def test_a_full_queue_and_a_node_that_is_down_are_said_in_words() -> None:
    full, _, down = (text_of(row(place(NODE_COLUMNS, 98), item)) for item in node_rows(TROUBLE))
    assert "compute full  io 0" in full
    assert "✕ down" in down
    assert "MiB" not in down


def test_runs_stand_newest_first() -> None:
    assert [item.key for item in run_rows(WORK)] == ["r2", "r1"]


def test_the_name_of_a_run_keeps_its_node_and_its_number_where_it_is_cut() -> None:
    named = seen_after([HELLO, Latest(snapshot(runs=(replace(run(), run="n1.55ed.42"),)))])
    (item,) = run_rows(named)
    assert text_of(row(place(RUN_COLUMNS, 40), item)).startswith("n1…42 ")
    assert text_of(row(place(RUN_COLUMNS, 120), item)).startswith("n1.55ed.42 ")


def test_a_run_that_went_with_its_coordinator_is_shown_as_lost() -> None:
    seen = seen_after([Latest(snapshot(13.0, runs=()))], WORK)
    assert [(item.key, item.state) for item in run_rows(seen)] == [("r2", "lost"), ("r1", "done")]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
def test_the_header_never_drops_the_link_and_never_overflows(width: int) -> None:
    line = header(TROUBLE, Place("first_look", ("nodes", "n1")), width)
    assert width_of(line) <= width
    assert "● live" in text_of(line)


def test_the_footer_keeps_the_way_out_and_the_way_on() -> None:
    for width in (24, 40, 60, 100, 300):
        line = footer(COMMANDS, width).line
        assert width_of(line) <= width
        assert "? all keys" in text_of(line)
        assert "q quit" in text_of(line)


@pytest.mark.parametrize("width", [40, 60, 79])
def test_tabs_fit_and_mark_the_one_in_front(width: int) -> None:
    line = tabs(TROUBLE, "runs", width)
    assert width_of(line) <= width
    assert "[Runs" in text_of(line)


def test_the_layout_fits_the_page() -> None:
    assert layout(60, 11, 3).shape == layout(120, 11, 3).shape == layout(79, 45, 3).shape == "tabs"
    assert layout(80, 19, 3).shape == layout(100, 25, 3).shape == "normal"
    assert layout(200, 45, 3).shape == "wide"
    assert layout(60, 14, 3).hidden("nodes") == ("checkpoints", "runs", "trouble")
    assert layout(60, 11, 3).hidden("nodes") == tuple(PANELS[1:])
    assert layout(100, 25, 1000).rows == layout(100, 25, 500).rows


TITLES = ("Overview", "Topology", "Runs", "Nodes", "Checkpoints", "Faults", "Events")


@pytest.mark.parametrize("width", [24, 40, 60, 79, 100, 200])
def test_the_page_bar_fits_and_a_click_goes_to_the_page_it_is_on(width: int) -> None:
    bar = page_bar(TITLES, 3, width)
    text = text_of(bar.line)
    assert width_of(bar.line) <= width
    assert "[4" in text
    for number in range(len(TITLES)):
        assert bar.at(text.index(str(number + 1))) == number
    assert bar.at(width + 1) is None


def test_a_click_on_the_footer_is_the_command_it_is_on() -> None:
    keys = footer(COMMANDS, 100)
    text = text_of(keys.line)
    assert keys.at(text.index("x kill socket")) == "kill_socket"
    assert keys.at(text.index("q quit") + 5) == "quit"
    assert keys.at(0) == ""


# -- what a key comes to -----------------------------------------------------------------------------------------------


def test_no_key_means_two_things() -> None:
    keys = [key for command in COMMANDS for key in command.keys]
    assert len(keys) == len(set(keys))
    assert len(BY_ID) == len(COMMANDS)


@pytest.mark.parametrize("nodes", [1, 3, 8, 64])
@pytest.mark.parametrize("height", [19, 25, 35, 55, 85])
def test_every_panel_has_room_for_a_row(height: int, nodes: int) -> None:
    *fixed, last = layout(100, height, nodes).rows.split()
    heights = [int(rows) for rows in fixed]
    assert last == "1fr"
    assert min(heights) > FRAME
    assert height - sum(heights) > FRAME


def test_no_panel_rebinds_a_key_and_every_key_is_in_the_help() -> None:
    helped = "\n".join(help_lines(80))
    for screen in (Confirm, Choose, Help, Overview, Table, Log):
        for binding in screen.BINDINGS:
            assert isinstance(binding, Binding)
            assert tuple(binding.key.split(",")) == BY_ID[binding.id or ""].keys
    for command in COMMANDS:
        assert f" {command.all_keys} " in helped


def test_an_action_is_about_the_chosen_node() -> None:
    match plan("broadcast", WORK, Chosen("n1")):
        case Act(Broadcast(key, _, source)):
            assert (key, source) == ("tensor", "n1")
        case other:
            pytest.fail(f"{other}")
    assert plan("restart_node", TROUBLE, Chosen("n2")) == Act(RestartNode("n2"))
    assert plan("heal_all", TROUBLE, Chosen("")) == Act(Heal())


def test_a_socket_is_killed_on_the_link_that_is_picked() -> None:
    match plan("kill_socket", WORK, Chosen("n1")):
        case Pick(question, choices):
            assert "n1" in question
            assert [action for _, action in choices] == [ResetConnection(Link("n1", "n0")), ResetConnection(Link("n1", "n2"))]
        case other:
            pytest.fail(f"{other}")


def test_killing_a_node_asks_and_says_what_is_lost() -> None:
    match plan("kill_node", WORK, Chosen("n1")):
        case Ask(_, lines, action):
            text = " ".join(lines)
            assert action == KillNode("n1")
            assert "4 sockets close; 1 running task and 0 waiting are lost" in text
            assert "layered-4x3" in text
            assert "2 of 3 nodes stay up" in text
        case other:
            pytest.fail(f"{other}")


def test_what_is_not_yet_on_disk_is_named_before_it_is_lost() -> None:
    node = WORK.nodes[0]
    unsaved = replace(node, checkpoints=(replace(node.checkpoints[0], state="writing"), *node.checkpoints[1:]))
    seen = seen_after([Latest(snapshot(13.0, nodes=(unsaved, *WORK.nodes[1:])))], WORK)
    what = plan("kill_node", seen, Chosen("n0"))
    assert isinstance(what, Ask)
    assert "Not yet on disk: weights (1.00 MiB)." in what.lines


@pytest.mark.parametrize(
    ("command", "seen", "selected", "why"),
    [
        ("broadcast", Seen(), "", "still starting"),
        ("broadcast", WORK, "", "choose a node"),
        ("broadcast", WORK, "n9", "choose a node"),
        ("run_graph", TROUBLE, "n2", "n2 is down"),
        ("kill_node", TROUBLE, "n2", "down already"),
        ("kill_socket", TROUBLE, "n2", "n2 is down"),
        ("cut_link", TROUBLE, "n2", "n2 is down"),
        ("heal_one", WORK, "n0", "nothing is broken"),
        ("pause", WORK, "n0", "world tcp"),
        ("step", WORK, "n0", "--world sim"),
        ("heal_all", seen_after([*AT_WORK, LinkChanged("lost", "gone")]), "n0", "lost"),
    ],
)
def test_what_cannot_be_done_says_why(command: str, seen: Seen, selected: str, why: str) -> None:
    what = plan(command, seen, Chosen(selected))
    assert isinstance(what, Cannot)
    assert why in what.reason


@pytest.mark.parametrize(
    ("role", "allowed"), [("view", []), ("operate", ["broadcast"]), ("inject", ["broadcast", "kill_socket"])]
)
def test_a_role_allows_its_share(role: str, allowed: list[str]) -> None:
    seen = seen_after([*AT_WORK, Hello("tcp", "first-look", 7, role)])  # type: ignore[arg-type]
    commands = ("broadcast", "kill_socket")
    assert [name for name in commands if not isinstance(plan(name, seen, Chosen("n0")), Cannot)] == allowed


def test_one_fault_is_healed_at_once_and_of_several_one_is_picked() -> None:
    faults = tuple(FaultView(f"f{i}", "link.cut", f"cut n0↔n{i}", "active") for i in (1, 2))
    over = FaultView("f3", "disk.full", "fill the disk of n0", "healed")
    seen = seen_after([Latest(snapshot(13.0, faults=(faults[0], over)))], WORK)
    assert plan("heal_one", seen, Chosen("n0")) == Act(Heal("f1"))
    seen = seen_after([Latest(snapshot(13.0, faults=faults))], WORK)
    assert plan("heal_one", seen, Chosen("n0")) == Pick("Heal which?", (("cut n0↔n1", Heal("f1")), ("cut n0↔n2", Heal("f2"))))


def test_virtual_time_is_steered() -> None:
    def at(pace: float) -> Seen:
        return seen_after([*AT_WORK, Hello("sim", "first-look", 7, "operate"), Latest(snapshot(13.0, speed=pace))])

    assert plan("pause", at(1.0), Chosen("")) == Speed(0.0)
    assert plan("pause", at(0.0), Chosen(""), resume_at=5.0) == Speed(5.0)
    assert plan("step", at(1.0), Chosen("")) == StepTime(0.1)
    assert plan("faster", at(1.0), Chosen("")) == Speed(2.0)
    assert plan("faster", at(math.inf), Chosen("")) == Speed(math.inf)
    assert plan("slower", at(1.0), Chosen("")) == Speed(0.5)
    assert plan("slower", at(0.1), Chosen("")) == Speed(0.1)


def test_a_step_under_way_does_not_count_as_a_speed() -> None:
    stepping = seen_after([*AT_WORK, Hello("sim", "first-look", 7, "operate"), Latest(snapshot(13.0, speed=math.inf))])
    assert plan("pause", stepping, Chosen(""), 2.0, held=True) == Speed(2.0)
    assert plan("faster", stepping, Chosen(""), 2.0, held=True) == Speed(5.0)


LINK = Link("n0", "n1")


@pytest.mark.parametrize(
    "action",
    [
        ResetConnection(LINK),
        CutLink(Link("n0", "n1", one_way=True)),
        DegradeLink(LINK, 0.04, 0.008, 65536.0),
        KillNode("n2"),
        RestartNode("n2"),
        Heal(),
        Heal("op-1"),
        Broadcast("weights", TensorRecipe((4, 5), "int32", "range"), "n0"),
        Put("scratch", TensorRecipe((4,)), "n1"),
        RunGraph(GraphRecipe(layers=6, width=4, size=256), "n1"),
        RunGraph(GraphRecipe(onnx="net.onnx")),
    ],
)
def test_the_scenario_line_shown_does_the_same_when_played(action: Action) -> None:
    entry = f"do = [{{ {scenario_line(action, 12.34)} }}]"
    story = f'schema = "dairt.scenario/1"\nname = "shown"\n{entry}\n[cluster]\nnodes = {list(NAMES)}\n'
    (do,) = parse_scenario(story, "shown.toml").actions
    assert do.action == action
    assert do.at_s == pytest.approx(12.34)
