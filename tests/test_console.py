"""The console's screens, driven by keys and fed by hand: what a person reads, and what is sent to the cluster."""

import gc
import math

import pytest
from msgspec.structs import replace
from textual.geometry import Region

from console_samples import (
    AT_WORK,
    HELLO,
    IN_TROUBLE,
    checkpoint,
    entries,
    node,
    run,
    snapshot,
    trouble,
)
from console_watch import Console, watch
from dairt.control.frames import Entries, Hello, Latest, SetSpeed, Step
from dairt.model.action import Broadcast, CutLink, KillNode, Link, ResetConnection, RestartNode
from dairt.model.events import Entry, Event, FaultFired, NodeDrained, SocketOpened, SocketRemoved
from dairt.model.views import FaultView
from dairt_console.collector import Collector
from dairt_console.draw.tables import NodeRow
from dairt_console.reducer import LinkChanged
from dairt_console.widgets.table import Table

MANY = tuple(node(f"n{i}", at_s=12.3) for i in range(40))


@pytest.mark.parametrize("size", [(10, 3), (24, 6), (60, 16), (79, 40), (80, 24), (150, 32), (300, 90)])
def test_it_draws_in_every_terminal(size: tuple[int, int]) -> None:
    async def script(console: Console) -> None:
        lines = console.text.split("\n")
        assert len(lines) == size[1]
        assert "●" in lines[0] or size[0] < 12

    watch(script, IN_TROUBLE, size)


def test_a_terminal_may_change_its_size_at_any_time() -> None:
    async def script(console: Console) -> None:
        before = console.text
        for size in ((60, 16), (200, 50), (30, 8), (100, 30)):
            await console.pilot.resize_terminal(*size)
            await console.pilot.pause()
            assert max(map(len, console.text.split("\n"))) <= size[0]
        assert console.text == before

    watch(script)


def test_killing_a_socket_sends_one_reset_for_the_link_that_was_picked() -> None:
    async def script(console: Console) -> None:
        await console.press("down", "x")
        assert "Kill the sockets between n1 and" in console.text
        await console.press("down", "enter")
        assert console.sent == [ResetConnection(Link("n1", "n2"))]
        assert 'sent  do = "conn.reset", at = "12.30s", link = ["n1", "n2"]' in console.text
        await console.feed([console.recorder.answer("armed"), console.recorder.answer("taken")])
        assert 'taken  do = "conn.reset"' in console.text

    watch(script)


def test_an_action_goes_to_the_node_that_was_chosen_wherever_its_row_went() -> None:
    async def script(console: Console) -> None:
        await console.press("down", "down")
        turned = tuple(reversed(snapshot().nodes))
        await console.feed([Latest(snapshot(12.4, nodes=turned))])
        await console.press("b")
        match console.sent:
            case [Broadcast(source=source)]:
                assert source == "n2"
            case other:
                pytest.fail(f"{other}")

    watch(script)


def test_a_list_that_asks_keeps_its_choices_while_the_world_goes_on() -> None:
    async def script(console: Console) -> None:
        await console.press("c", "down")
        await console.feed([Latest(trouble())])
        await console.press("enter")
        assert console.sent == [CutLink(Link("n0", "n2"))]

    watch(script)


@pytest.mark.parametrize("key", ["escape", "q"])
def test_a_question_can_be_left_without_harm(key: str) -> None:
    async def script(console: Console) -> None:
        await console.press("K", key)
        assert console.sent == []
        assert "nothing done" in console.text
        assert console.app.is_running

    watch(script)


def test_a_node_is_killed_only_after_an_enter() -> None:
    async def script(console: Console) -> None:
        await console.press("K")
        assert console.sent == []
        await console.press("enter")
        assert console.sent == [KillNode("n0")]

    watch(script)


def test_a_node_that_is_down_restarts_without_a_question() -> None:
    async def script(console: Console) -> None:
        await console.press("end", "r")
        assert console.sent == [RestartNode("n2")]

    watch(script, IN_TROUBLE)


def test_a_refusal_is_told_with_its_reason() -> None:
    async def script(console: Console) -> None:
        await console.press("w")
        await console.feed([console.recorder.answer("refused", "too many actions wait")])
        assert "refused: too many actions wait" in console.text

    watch(script)


def test_a_key_that_cannot_work_says_why() -> None:
    async def script(console: Console) -> None:
        await console.press("p")
        assert "start with --world sim" in console.text
        assert console.sent == []

    watch(script)


def test_virtual_time_pauses_steps_and_goes_on_at_the_speed_it_had() -> None:
    async def script(console: Console) -> None:
        hello = Hello("sim", "first-look", 7, "inject")
        await console.feed([hello, Latest(snapshot(12.4, speed=5.0))])
        await console.press("p")
        await console.feed([Latest(snapshot(12.5, speed=0.0))])
        assert "paused" in console.text
        await console.press("full_stop", "p", "greater_than_sign")
        assert console.sent == [SetSpeed(1, 0.0), Step(2, 0.1), SetSpeed(3, 5.0), SetSpeed(4, 10.0)]

    watch(script)


def test_the_speed_of_a_step_is_not_the_speed_that_time_goes_on_at() -> None:
    async def script(console: Console) -> None:
        await console.feed([Hello("sim", "first-look", 7, "inject"), Latest(snapshot(12.4, speed=2.0))])
        await console.press("full_stop")
        await console.feed([Latest(snapshot(12.5, speed=math.inf))])
        await console.press("full_stop")
        await console.feed([Latest(snapshot(12.6, speed=0.0))])
        await console.press("p")
        assert console.sent == [Step(1, 0.1), Step(2, 0.1), SetSpeed(3, 2.0)]

    watch(script)


def test_what_became_of_a_killed_socket_is_told_where_it_was_asked_for() -> None:
    async def script(console: Console) -> None:
        await console.press("x", "enter")
        await console.feed([console.recorder.answer("taken", at_s=12.4, fault="op-1")])
        fault = FaultView("op-1", "conn.reset", "reset the sockets n0↔n1", "done")
        said: list[Event] = [
            FaultFired("op-1", "conn.reset", "reset the sockets n0↔n1", ("n0", "n1")),
            SocketRemoved("n1", "reset by peer"),
            SocketOpened("n1"),
        ]
        news = Entries(tuple(Entry(50 + i, 12.5 + i / 10, "n0", event) for i, event in enumerate(said)))
        await console.feed([news, Latest(snapshot(14.0, faults=(fault,)))])
        assert console.text.split("\n")[-3] == " ✓ healed  reset the sockets n0↔n1 · replaced in 200 ms"

    watch(script)


def test_a_cluster_that_never_came_to_be_leaves_no_screen() -> None:
    async def script(console: Console) -> None:
        await console.feed([LinkChanged("lost", "the cluster process ended with exit code 1: no room", 1)])
        assert not console.app.is_running or console.app.return_code == 0

    watch(script, (HELLO,))


def test_who_may_only_look_is_told_so_and_offered_no_more() -> None:
    async def script(console: Console) -> None:
        await console.press("b")
        assert console.sent == []
        header, *_, status, _, footer = console.text.split("\n")
        assert "look only" in header
        assert "needs the role operate" in status
        assert "broadcast" not in footer
        assert "q quit" in footer

    watch(script, (*AT_WORK, Hello("tcp", "first-look", 7, "view")))


def test_an_action_given_while_paused_shows_as_armed() -> None:
    async def script(console: Console) -> None:
        await console.feed([Hello("sim", "first-look", 7, "inject"), Latest(snapshot(12.5, speed=0.0))])
        await console.press("b")
        await console.feed([console.recorder.answer("armed")])
        assert "armed · time is paused: . steps, p goes on" in console.text

    watch(script)


def test_a_frozen_view_stands_still_while_the_cluster_runs_on() -> None:
    async def script(console: Console) -> None:
        await console.press("F")
        await console.feed([Latest(trouble())])
        assert "❄ frozen" in console.text
        assert "t=0:12.3" in console.text
        await console.press("F")
        assert "t=0:14.0" in console.text
        assert "✕ down" in console.text

    watch(script)


def test_the_palette_finds_and_runs_what_the_registry_has() -> None:
    async def script(console: Console) -> None:
        await console.press("ctrl+p", *"kill node")
        await console.app.workers.wait_for_complete()
        await console.pilot.pause()
        await console.press("enter")
        await console.pilot.pause()
        assert "Kill n0?" in console.text

    watch(script)


@pytest.mark.parametrize("keys", [("q",), ("ctrl+q",), ("ctrl+c",), ("K", "ctrl+c"), ("question_mark", "ctrl+q")])
def test_there_is_always_a_way_out(keys: tuple[str, ...]) -> None:
    async def script(console: Console) -> None:
        await console.press(*keys)
        assert console.app.return_code == 0

    watch(script)


def test_scrolled_back_events_stand_still_while_new_ones_come() -> None:
    async def script(console: Console) -> None:
        await console.feed([entries(*[NodeDrained()] * 50)])
        await console.press("shift+tab", "pageup")
        before = _panel(console.text, "Events")
        await console.feed([entries(*[NodeDrained()] * 5, first=51, start_s=40.0)])
        assert _panel(console.text, "Events") == before
        assert "of 55" in console.text
        await console.press("end")
        assert "0:42.000" in console.text

    watch(script, (HELLO, Latest(snapshot())))


def test_entries_that_never_came_are_counted_on_the_screen() -> None:
    async def script(console: Console) -> None:
        assert "3 never came here" in console.text

    watch(script, (*AT_WORK, Entries((), dropped=3)))


def test_rows_that_do_not_fit_are_counted_on_the_screen() -> None:
    async def script(console: Console) -> None:
        assert "Nodes 1–5 of 40" in console.text
        await console.press("end")
        assert "Nodes 36–40 of 40" in console.text
        assert "▸ n39" in console.text

    watch(script, (HELLO, Latest(snapshot(nodes=MANY))))


def test_only_lines_that_changed_are_drawn_again() -> None:
    async def script(console: Console) -> None:
        table = console.app.desk.overview.nodes
        drawn: list[int] = []
        original = table.refresh

        def refresh(*regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Table[NodeRow]:
            drawn.extend(region.y for region in regions)
            return original(*regions, repaint=repaint, layout=layout, recompose=recompose)

        table.refresh = refresh  # type: ignore[method-assign]
        nodes = list(snapshot(12.3).nodes)
        nodes[1] = replace(nodes[1], checkpoints=(*nodes[1].checkpoints, checkpoint("more", 9, "n1")))
        await console.feed([Latest(snapshot(12.3, nodes=tuple(nodes)))])
        assert drawn == [2]

    watch(script)


def test_a_clicked_row_is_chosen() -> None:
    async def script(console: Console) -> None:
        await console.pilot.click("#overview-nodes", offset=(5, 4))
        assert console.app.desk.overview.nodes.chosen == "n2"

    watch(script)


def test_a_clicked_tab_comes_to_the_front() -> None:
    async def script(console: Console) -> None:
        await console.pilot.click("#tabs", offset=(30, 0))
        await console.pilot.pause()
        assert "Graph runs" in console.text

    watch(script, size=(60, 16))


def test_what_another_machine_says_draws_no_escape_sequence() -> None:
    async def script(console: Console) -> None:
        assert "\x1b" not in console.text
        assert "evil�[2J" in console.text

    evil = replace(run("r9"), run="evil\x1b[2J")
    watch(script, (HELLO, Latest(snapshot(runs=(evil,)))), (200, 50))


def test_garbage_is_collected_by_hand_and_seldom_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    collector = Collector(lambda: now)
    calls: list[int] = []
    monkeypatch.setattr(gc, "collect", lambda generation=2: calls.append(generation))
    for tick in range(1, 41):
        now = tick / 10
        collector.tick(news=True)
    assert (calls.count(0), calls.count(1), calls.count(2)) == (38, 2, 0)
    now = 60.0
    collector.tick(news=False)
    assert calls[-1] == 2


def _panel(text: str, title: str) -> list[str]:
    """The lines below a panel's title."""
    lines = text.split("\n")
    start = next(number for number, line in enumerate(lines) if f" {title} " in line)
    return lines[start + 1 : -3]
