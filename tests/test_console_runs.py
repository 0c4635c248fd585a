"""The page Runs on its own: what it shows in every state and size, and what its keys do."""

import msgspec
import pytest

from console_samples import AT_WORK, HELLO, run, snapshot
from console_stand import Frames, Standing, stand
from dairt.control.frames import Bye, Entries, Graphs, Latest
from dairt.model.events import Entry, Event, OpCommitted, OpFinished, OpLost, OpStarted, RunBegun
from dairt.model.views import RunView
from dairt_console.chosen import Chosen
from dairt_console.pages.runs import Runs
from dairt_console.reducer import LinkChanged
from test_draw_runs import DIAMOND

SIZES = ((100, 25), (200, 45), (60, 13))


def of_diamond(view: RunView) -> RunView:
    return msgspec.structs.replace(view, graph="diamond", graph_digest=DIAMOND.digest, total=5, started_s=10.0)


SAID: tuple[tuple[str, Event], ...] = (
    ("n1", RunBegun("r2", "diamond", 5)),
    ("n0", OpStarted("r2", "a", 1, "compute-0")),
    ("n0", OpFinished("r2", "a", 1, "compute-0", 0.2)),
    ("n1", OpCommitted("r2", "a", "n0", 1)),
    ("n1", OpStarted("r2", "b", 1, "compute-0")),
    ("n2", OpStarted("r2", "c", 1, "compute-1")),
    ("n1", OpLost("r2", "c", "n2", "n2 is dead")),
)
TOLD = Entries(tuple(Entry(100 + at, 10.0 + at * 0.2, node, event) for at, (node, event) in enumerate(SAID)))
RUNS = snapshot(12.3, runs=(run("r1", "done", 12), of_diamond(run())))
AT_RUNS: Frames = (*AT_WORK, Graphs((DIAMOND,)), TOLD, Latest(RUNS))


@pytest.mark.parametrize("size", SIZES)
def test_a_run_is_opened_with_its_graph_its_stream_and_the_op_at_the_cursor(size: tuple[int, int]) -> None:
    async def script(there: Standing) -> None:
        assert "layered-4x3" in await there.settle() or size[0] < 80
        await there.press("down")
        there.page.choose(Chosen(run="r2"))
        there.page.open()
        assert there.page.crumbs() == ("r2",)
        text = await there.settle()
        assert "Graph · diamond · ▶ running" in text
        assert "✓★a" in text
        await there.press("right", "right", "down")
        assert there.page.chosen().op in ("c", "d", "e")
        assert there.page.find("c", 1) == "1 of 1 for c"
        assert there.page.chosen() == Chosen(run="r2", op="c", node="n2")
        if size[0] > 80:
            text = await there.settle()
            assert "▌a" in text or "▌" in text
            assert "c  ✕ lost" in text
            assert "lost because n2 is dead" in text
        assert there.page.back()
        assert not there.page.back()
        assert there.page.crumbs() == ()

    stand(Runs(), script, AT_RUNS, size)


def test_in_a_small_terminal_tab_shows_one_panel_after_the_other() -> None:
    async def script(there: Standing) -> None:
        there.page.choose(Chosen(run="r2", op="a"))
        seen = [await there.settle()]
        for _ in range(3):
            await there.press("tab")
            seen.append(await there.settle())
        assert ["Graph ·" in text for text in seen] == [True, False, False, True]
        assert "2 of 3" in seen[1]
        assert "a  ✓ done" in seen[2]

    stand(Runs(), script, AT_RUNS, (60, 13))


def test_the_op_at_the_cursor_follows_from_the_stream_to_the_graph() -> None:
    async def script(there: Standing) -> None:
        there.page.choose(Chosen(run="r2", op="a"))
        await there.press("tab", "down")
        assert there.page.chosen().op == "b"
        assert "[▶ b" in await there.settle()

    stand(Runs(), script, AT_RUNS, (100, 30))


def test_zooming_and_following_are_told_on_the_status_line() -> None:
    async def script(there: Standing) -> None:
        there.page.choose(Chosen(run="r2", op="b"))
        assert there.page.do("zoom_in").startswith("task stream: 1.")
        assert there.page.do("follow").endswith("follows the newest")
        there.page.do("zoom_out")
        assert there.page.do("zoom_out") == "task stream: the whole run"
        assert there.page.do("nothing of ours") == ""

    stand(Runs(), script, AT_RUNS)


def test_sorting_filtering_and_finding_say_what_they_did() -> None:
    async def script(there: Standing) -> None:
        assert there.page.sort() == "longest first"
        there.page.sift("diamond")
        text = await there.settle()
        assert "filter diamond: 1 of 2" in text
        assert "layered-4x3" not in text
        there.page.sift("nosuch")
        assert "no run matches nosuch" in await there.settle()
        there.page.sift("")
        assert there.page.find("layered", 1) == "1 of 1 for layered"
        assert there.page.chosen().run == "r1"
        assert "layered-4x3" in there.page.copy()
        assert there.page.find("nosuch", 1) == "no run matches nosuch"

    stand(Runs(), script, AT_RUNS)


def test_a_graph_that_was_never_told_is_said_to_be_unknown() -> None:
    async def script(there: Standing) -> None:
        there.page.choose(Chosen(run="r1", op="a"))
        assert "its coordinator does not say which graph it runs" in await there.settle()

    stand(Runs(), script, AT_RUNS)


QUIET = snapshot(12.3, runs=())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("frames", "told"),
    [
        ((), "the cluster is starting"),
        ((HELLO, Latest(QUIET)), "no graph has run yet"),
        ((HELLO, Latest(QUIET), LinkChanged("lost", "gone", 3)), "no graph has run, and the cluster is lost"),
        ((HELLO, Latest(QUIET), Bye(0, "over")), "no graph has run, and the cluster is finished"),
        ((*AT_RUNS, LinkChanged("lost", "gone", 3)), "as last seen"),
        ((*AT_RUNS, Bye(0, "over")), "as last seen"),
    ],
)
def test_an_empty_a_connecting_a_lost_and_a_finished_cluster_look_deliberate(
    frames: Frames, told: str, size: tuple[int, int]
) -> None:
    async def script(there: Standing) -> None:
        assert told in await there.settle()

    stand(Runs(), script, frames, size)
