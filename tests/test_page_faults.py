"""The page Faults on its own: what is chosen, opened, searched, sorted, zoomed and copied, in terminals of any size."""

import pytest

from console_samples import AT_WORK, IN_TROUBLE, snapshot
from console_stand import Frames, Standing, stand
from dairt.control.frames import Bye, Latest
from dairt.model.views import FaultView, PromiseView
from dairt_console.chosen import Chosen
from dairt_console.pages.faults import Faults
from dairt_console.reducer import LinkChanged
from test_page_events import compare

PROMISED = (PromiseView("no_partial_tensor_visible", "holds"), PromiseView("every_node_returns", "pending", "n2 is down"))
PLANNED = FaultView("later", "link.hold", "hold what is said n1↔n2", "planned", target=("n1", "n2"), when="at 20 s", in_s=5.0)
BUSY: Frames = (
    *IN_TROUBLE,
    Latest(
        snapshot(
            15.0,
            promises=PROMISED,
            faults=(
                FaultView("op-2", "link.cut", "cut n0↔n1", "active", 4.0, ("n0", "n1"), fired=1),
                FaultView("op-3", "node.kill", "kill n2", "active", target=("n2",), fired=1),
                PLANNED,
            ),
        )
    ),
)


@pytest.mark.parametrize(
    ("name", "size", "frames"),
    [
        ("faults-100x25", (100, 25), BUSY),
        ("faults-200x45", (200, 45), BUSY),
        ("faults-60x11", (60, 11), BUSY),
        ("faults-connecting-100x25", (100, 25), ()),
        ("faults-empty-100x25", (100, 25), AT_WORK),
        ("faults-lost-100x25", (100, 25), (*BUSY, LinkChanged("lost", "the cluster process was killed", -9))),
        ("faults-finished-100x25", (100, 25), (*BUSY, Bye(0, "all promises held"))),
    ],
)
def test_the_page_reads_as_it_was_approved(name: str, size: tuple[int, int], frames: Frames) -> None:
    async def script(there: Standing) -> None:
        compare(name, await there.settle())

    stand(Faults(), script, frames, size)


@pytest.mark.parametrize(("name", "size"), [("fault-100x25", (100, 25)), ("fault-60x11", (60, 11))])
def test_one_fault_reads_as_it_was_approved(name: str, size: tuple[int, int]) -> None:
    async def script(there: Standing) -> None:
        there.page.choose(Chosen(fault="op-3"))
        there.page.open()
        compare(name, await there.settle())

    stand(Faults(), script, BUSY, size)


def test_the_chosen_fault_is_what_actions_act_on() -> None:
    async def script(there: Standing) -> None:
        assert there.page.chosen() == Chosen(node="n0", peer="n1", fault="op-2")
        await there.press("down")
        assert there.page.chosen() == Chosen(node="n2", fault="op-3")
        there.page.choose(Chosen(fault="later"))
        assert there.page.chosen().fault == "later"
        there.page.choose(Chosen(fault="unknown"))
        assert there.page.chosen().fault == "later"

    stand(Faults(), script, BUSY)


def test_a_fault_is_opened_left_and_followed_to_its_events() -> None:
    async def script(there: Standing) -> None:
        page = there.page
        page.open()
        assert page.crumbs() == ("fault op-2",)
        page.neighbour(1)
        assert page.crumbs() == ("fault op-3",)
        page.neighbour(-1)
        page.open()
        await there.settle()
        assert there.stand.went == [("events", Chosen(fault="op-2"))]
        assert "still in effect" in page.copy()
        assert page.back()
        assert not page.back()
        assert page.chosen().fault == "op-2"

    stand(Faults(), script, BUSY)


def test_steps_are_found_filtered_and_sorted() -> None:
    async def script(there: Standing) -> None:
        page = there.page
        assert page.find("n1", 1) == "2 of 2 for n1"
        assert page.chosen().fault == "later"
        assert page.find("nobody", 1) == "no step matches nobody"
        page.sift("hold")
        text = await there.settle()
        assert "filter hold: 1 of 3" in text
        assert page.chosen().fault == "later"
        page.choose(Chosen(fault="op-3"))
        assert page.chosen().fault == "op-3"  # what is asked for is shown, whatever was filtered
        assert [page.sort() for _ in range(3)] == ["by time", "by id", "by urgency"]

    stand(Faults(), script, BUSY)


def test_the_timeline_is_zoomed_moved_and_walked_by_keys_and_mouse() -> None:
    async def script(there: Standing) -> None:
        page = there.page
        assert page.do("zoom_in") == "fault timeline: 10.00 s wide, follows the present"
        await there.press("tab", "left")
        assert "10.00 s wide, stands still" in await there.settle()
        assert page.do("follow").endswith("follows the present")
        assert page.do("zoom_out").endswith("the whole story")
        assert page.do("mark") == ""
        await there.press("down")
        assert page.chosen().fault == "op-3"
        await there.pilot.click("#fault-timeline", offset=(8, 1))
        assert page.chosen().fault == "op-2"

    stand(Faults(), script, BUSY)


def test_each_panel_has_a_small_terminal_for_itself() -> None:
    async def script(there: Standing) -> None:
        for title in ("Steps 3", "Fault timeline", "Promises"):
            assert title in await there.settle()
            await there.press("tab")

    stand(Faults(), script, BUSY, (60, 11))
