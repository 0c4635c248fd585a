"""The page Topology: a ring or a matrix, a cursor on nodes and links, and the same whatever state the cluster is in."""

import pytest

from console_samples import HELLO, snapshot
from console_stand import Frames, Standing, stand
from dairt.control.frames import Bye, Latest
from dairt.model.views import FaultView, NodeView, PeerView
from dairt_console.chosen import Chosen
from dairt_console.pages.topology import Topology
from dairt_console.reducer import LinkChanged
from test_draw_topology import CUT, DEAFNESS, cluster
from test_page_events import compare


def watched(number: int = 3, *, faults: tuple[FaultView, ...] = (), **changes: tuple[object, ...]) -> Frames:
    """A cluster watched for two seconds."""
    return (HELLO, *(cluster(10 + at / 2, number, faults=faults, **changes) for at in range(5)))  # type: ignore[arg-type]


PARTED = watched(5, faults=(CUT, DEAFNESS), deaf=(("n0", "n2"), ("n1", "n2")), down=("n4",))


@pytest.mark.parametrize(
    ("name", "size", "frames"),
    [
        ("topology-100x25", (100, 25), PARTED),
        ("topology-200x45", (200, 45), PARTED),
        ("topology-60x11", (60, 11), PARTED),
        ("topology-many-100x25", (100, 25), watched(40)),
        ("topology-connecting-100x25", (100, 25), ()),
        ("topology-empty-100x25", (100, 25), (HELLO, Latest(snapshot(nodes=())))),
        ("topology-lost-100x25", (100, 25), (*watched(), LinkChanged("lost", "the cluster process was killed", -9))),
        ("topology-finished-100x25", (100, 25), (*watched(2, down=("n0", "n1")), Bye(0, "all promises held"))),
    ],
)
def test_the_page_reads_as_it_was_approved(name: str, size: tuple[int, int], frames: Frames) -> None:
    async def script(page: Standing) -> None:
        compare(name, await page.settle())

    stand(Topology(), script, frames, size)


def test_arrows_go_from_node_to_node_and_tab_to_the_links_so_that_an_action_knows_whom_it_is_about() -> None:
    async def script(page: Standing) -> None:
        assert page.page.chosen() == Chosen(node="n0")
        await page.press("down")
        assert page.page.chosen() == Chosen(node="n1")
        await page.press("j", "h")
        assert page.page.chosen() == Chosen(node="n2")
        await page.press("tab", "down")
        assert page.page.chosen() == Chosen(node="n2", peer="n1", fault="split")
        assert page.page.crumbs() == ("n2↔n1",)
        assert "Link n2↔n1" in await page.settle()
        assert page.page.back()
        assert page.page.chosen() == Chosen(node="n2")
        assert not page.page.back()

    stand(Topology(), script, watched(faults=(CUT,)))


def test_m_shows_the_matrix_where_a_cell_is_a_link_and_the_ring_again() -> None:
    async def script(page: Standing) -> None:
        assert page.page.do("matrix").startswith("a matrix")
        assert "matrix · 3 by 3" in await page.settle()
        await page.press("right", "down", "right")
        assert page.page.chosen() == Chosen(node="n1", peer="n2")
        await page.press("left")
        assert page.page.chosen() == Chosen(node="n1")
        assert page.page.do("matrix") == "a ring"
        assert "ring of 3 nodes" in await page.settle()
        assert page.page.do("zoom_in") == ""

    stand(Topology(), script, watched())


def test_too_many_for_a_ring_are_a_matrix_until_a_filter_leaves_few() -> None:
    async def script(page: Standing) -> None:
        assert "no room for a ring of 40 nodes" in page.page.do("matrix")
        page.page.sift("n1")
        assert "ring of 11 nodes · filter n1: 11 of 40" in await page.settle()
        page.page.sift("nobody")
        assert "no node matches nobody" in await page.settle()
        assert page.page.chosen() == Chosen()
        assert page.page.copy() == ""
        page.page.open()
        page.page.neighbour(1)
        await page.press("down", "pagedown", "end", "tab", "down")
        assert page.page.find("n", 1) == "no node matches n"
        page.page.sift("")
        assert "matrix · rows" in await page.settle()

    stand(Topology(), script, watched(40), (120, 40))


def test_enter_leads_to_the_page_nodes_for_the_node_or_the_peer() -> None:
    async def script(page: Standing) -> None:
        page.page.open()
        await page.press("tab")
        page.page.open()
        await page.settle()
        assert page.stand.went == [("nodes", Chosen(node="n0")), ("nodes", Chosen(node="n1"))]

    stand(Topology(), script, watched())


def test_nodes_are_found_and_gone_through_and_what_is_chosen_is_copied() -> None:
    async def script(page: Standing) -> None:
        assert page.page.find("N2", 1) == "1 of 1 for N2"
        assert page.page.chosen().node == "n2"
        page.page.neighbour(1)
        assert page.page.chosen().node == "n0"
        page.page.neighbour(-1)
        assert page.page.copy().splitlines()[:2] == ["n2", "state  ● up  for 12 s · life 1"]
        page.page.choose(Chosen(node="n0", peer="n2"))
        await page.settle()
        assert page.page.chosen() == Chosen(node="n0", peer="n2")
        assert page.page.copy().splitlines()[:2] == ["n0↔n2", "n0 sends -"]
        page.page.choose(Chosen(node="nobody"))
        assert page.page.chosen().node == "n0"

    stand(Topology(), script, watched())


def test_a_click_chooses_a_node_of_the_ring_and_a_cell_of_the_matrix() -> None:
    async def script(page: Standing) -> None:
        lines = (await page.settle()).splitlines()
        y = next(at for at, line in enumerate(lines) if "│ n1 " in line)
        await page.pilot.click("#topology-canvas", offset=(lines[y].index("│ n1 ") + 2, y))
        assert page.page.chosen() == Chosen(node="n1")
        page.page.do("matrix")
        await page.settle()
        await page.pilot.click("#topology-canvas", offset=(26, 4))
        assert page.page.chosen() == Chosen(node="n2", peer="n1")

    stand(Topology(), script, watched())


def test_in_a_small_terminal_the_panels_come_one_after_the_other_and_the_link_stays_chosen() -> None:
    async def script(page: Standing) -> None:
        assert "matrix · 3 by 3" in await page.settle()
        await page.press("tab", "down", "tab")
        assert "Link n0↔n2" in await page.settle()
        assert page.page.chosen() == Chosen(node="n0", peer="n2")

    stand(Topology(), script, watched(), (60, 11))


def test_a_thousand_nodes_are_gone_through_window_by_window() -> None:
    nodes = tuple(NodeView(f"n{at}", "x", "up", peers=(PeerView("n0", "alive", 1, 0, 0, 0.1),)) for at in range(1_000))

    async def script(page: Standing) -> None:
        assert "rows 1–21, columns 1–" in await page.settle()
        await page.press("pagedown", "end", "right")
        assert page.page.chosen() == Chosen(node="n999", peer="n1")
        assert "rows 980–1000," in await page.settle()

    stand(Topology(), script, (HELLO, Latest(snapshot(nodes=nodes))))


def test_the_cursor_stays_on_its_node_and_leaves_one_that_is_gone() -> None:
    async def script(page: Standing) -> None:
        await page.press("down")
        await page.feed([cluster(13.0)])
        assert page.page.chosen().node == "n1"
        await page.feed([cluster(13.5, 1)])
        assert page.page.chosen().node == "n0"
        assert "ring of 1 node" in await page.settle()

    stand(Topology(), script, watched())
