"""The page Nodes: a table of any size, and one node from close by, for which the cluster is asked."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from console_samples import AT_WORK, HELLO, IN_TROUBLE, node, snapshot, trouble
from console_stand import Frames, Standing, stand
from dairt.control.frames import Bye, Latest, Watch
from dairt.model.views import NodeDetail, TaskView, WorkerView
from dairt_console.chosen import Chosen
from dairt_console.draw import columns
from dairt_console.draw.columns import Placed
from dairt_console.draw.spans import Line
from dairt_console.pages.nodes import Nodes
from dairt_console.reducer import LinkChanged
from test_page_events import compare

TASKS = (
    TaskView(0, "runtime.cluster.LocalMachines.run", "_serve (dairt.runtime.node:66)", "Event.wait"),
    TaskView(1, "compute-0", "_Queue.get (dairt.runtime.workers:159)", "ParkingLot.park"),
)
DETAIL = NodeDetail("n0", (("name", "n0"), ("limits.payload_max_bytes", "2147483648")), TASKS, 2)
AT_LENGTH = [Latest(snapshot(13 + at / 2)) for at in range(100)]
CLOSE = (*IN_TROUBLE, Latest(trouble(14.5), (DETAIL,)))


@pytest.mark.parametrize(
    ("name", "size", "frames"),
    [
        ("nodes-100x25", (100, 25), IN_TROUBLE),
        ("nodes-200x45", (200, 45), IN_TROUBLE),
        ("nodes-60x11", (60, 11), IN_TROUBLE),
        ("nodes-connecting-100x25", (100, 25), ()),
        ("nodes-lost-100x25", (100, 25), (*AT_WORK, LinkChanged("lost", "the cluster process was killed", -9))),
        ("nodes-finished-100x25", (100, 25), (*AT_WORK, Bye(0, "all promises held"))),
    ],
)
def test_the_table_reads_as_it_was_approved(name: str, size: tuple[int, int], frames: Frames) -> None:
    async def script(page: Standing) -> None:
        compare(name, await page.settle())

    stand(Nodes(), script, frames, size)


@pytest.mark.parametrize(
    ("name", "size", "frames", "tabs"),
    [
        ("node-100x25", (100, 25), (*AT_WORK, *AT_LENGTH), 0),
        ("node-tasks-100x25", (100, 25), CLOSE, 1),
        ("node-200x45", (200, 45), (*AT_WORK, *AT_LENGTH), 2),
        ("node-60x11", (60, 11), CLOSE, 0),
        ("node-faults-60x11", (60, 11), CLOSE, 7),
        ("node-down-100x25", (100, 25), (*AT_WORK, Latest(snapshot(13.0, nodes=(node("n0", "down"), node("n1"))))), 3),
    ],
)
def test_one_node_reads_as_it_was_approved(name: str, size: tuple[int, int], frames: Frames, tabs: int) -> None:
    async def script(page: Standing) -> None:
        page.page.open()
        await page.settle()
        await page.press(*["tab"] * tabs)
        compare(name, await page.settle())

    stand(Nodes(), script, frames, size)


def test_the_cluster_is_asked_for_a_close_look_while_a_node_is_open() -> None:
    async def script(page: Standing) -> None:
        assert page.stand.told == []
        page.page.open()
        page.page.neighbour(1)
        page.page.neighbour(-1)
        page.page.back()
        await page.settle()
        assert [frame.nodes for frame in page.stand.told if isinstance(frame, Watch)] == [("n0",), ("n1",), ("n0",), ()]

    stand(Nodes(), script)


def test_a_page_that_is_hidden_asks_no_more_and_a_new_cluster_is_asked_again() -> None:
    async def script(page: Standing) -> None:
        page.page.open()
        await page.feed([replace(HELLO, seed=8)])
        page.page.display = False
        await page.settle_hidden()
        assert [frame.nodes for frame in page.stand.told if isinstance(frame, Watch)] == [("n0",), ("n0",), ()]

    stand(Nodes(), script)


def test_what_a_worker_runs_now_is_shown() -> None:
    busy = replace(node("n0"), workers=(WorkerView("compute-0", "compute", "r2:layer1", 12),))

    async def script(page: Standing) -> None:
        page.page.open()
        assert "r2:layer1" in await page.settle()

    stand(Nodes(), script, [HELLO, Latest(snapshot(nodes=(busy,)))])


def test_the_cursor_stays_on_its_node_whatever_the_order() -> None:
    async def script(page: Standing) -> None:
        await page.press("down")
        said = [page.page.sort() for _ in range(3)]
        assert said == ["sorted by STATE", "sorted by QUEUED", "sorted by BUSY"]
        assert page.page.chosen() == Chosen(node="n1")
        assert "Nodes 3 · by BUSY" in await page.settle()

    stand(Nodes(), script, IN_TROUBLE)


def test_nodes_are_filtered_marked_and_searched() -> None:
    async def script(page: Standing) -> None:
        assert page.page.mark() == "n0 marked"
        assert page.page.find("n", 1) == "2 of 3"
        assert page.page.find("n", -1) == "1 of 3"
        assert page.page.find("down", 1) == "1 of 1"
        assert page.page.chosen().node == "n2"
        page.page.sift("!down")
        assert "filter !down: 2 of 3 · 1 marked" in await page.settle()
        page.page.sift("nobody")
        assert "no node matches nobody" in await page.settle()

    stand(Nodes(), script, IN_TROUBLE)


def test_the_log_of_a_node_is_its_own_and_can_be_filtered() -> None:
    async def script(page: Standing) -> None:
        page.page.open()
        assert "Log 3 ·" in await page.settle()
        page.page.sift("level>=warn")
        assert "Log 1 of 8 · filter level>=warn ·" in await page.settle()
        page.page.sift("level>=loud")
        await page.settle()
        assert "no level here" in page.stand.said[-1]

    stand(Nodes(), script, IN_TROUBLE)


def test_of_a_thousand_nodes_only_those_on_the_screen_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    draw_row = columns.row

    def counted(placed: Sequence[Placed[object]], item: object) -> Line:
        drawn.append(1)
        return draw_row(placed, item)

    monkeypatch.setattr("dairt_console.widgets.table.row", counted)
    many = tuple(node(f"n{at}", at_s=5.0) for at in range(1_000))

    async def script(page: Standing) -> None:
        await page.settle()
        drawn.clear()
        await page.feed([Latest(snapshot(12.9, nodes=many))])
        assert 0 < len(drawn) <= 2 * 25
        await page.press("end")
        assert page.page.chosen().node == "n999"
        assert "979–1000 of 1000" in await page.settle()

    stand(Nodes(), script, [HELLO, Latest(snapshot(12.3, nodes=many))])
