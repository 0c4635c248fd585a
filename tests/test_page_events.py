"""The page Events: follows, filters, searches, and leads from what happened to what it came of."""

import os
from pathlib import Path

import pytest

from console_samples import AT_WORK, HELLO, IN_TROUBLE, entries, snapshot
from console_stand import Frames, Standing, stand
from dairt.control.frames import Bye, Entries, Latest
from dairt.model.events import Entry, PhaseBegan, SocketRemoved
from dairt_console import event_log
from dairt_console.chosen import Chosen
from dairt_console.pages.events import Events
from dairt_console.reducer import LinkChanged
from dairt_console.widgets import event_list

GOLDEN = Path(__file__).with_name("golden")
LOST = entries(*[SocketRemoved(f"n{at % 3}", "reset" if at % 10 else "timed out") for at in range(100)], first=20, start_s=20.0)
BUSY = (*IN_TROUBLE, LOST)


def compare(name: str, text: str) -> None:
    golden = GOLDEN / f"console-{name}.txt"
    if os.environ.get("DAIRT_GOLDEN") == "write":
        golden.write_text(text + "\n")
    assert text + "\n" == golden.read_text()


@pytest.mark.parametrize(
    ("name", "size", "frames", "keys"),
    [
        ("events-100x25", (100, 25), BUSY, ("up", "up")),
        ("events-200x45", (200, 45), BUSY, ()),
        ("events-60x11", (60, 11), BUSY, ("up",)),
        ("events-chosen-60x11", (60, 11), IN_TROUBLE, ("tab",)),
        ("events-facets-60x11", (60, 11), IN_TROUBLE, ("tab", "tab")),
        ("events-connecting-100x25", (100, 25), (), ()),
        ("events-empty-100x25", (100, 25), (HELLO, Latest(snapshot())), ()),
        ("events-lost-100x25", (100, 25), (*IN_TROUBLE, LinkChanged("lost", "killed", -9)), ()),
        ("events-finished-100x25", (100, 25), (*IN_TROUBLE, Bye(0, "all promises held")), ()),
    ],
)
def test_the_page_reads_as_it_was_approved(name: str, size: tuple[int, int], frames: Frames, keys: tuple[str, ...]) -> None:
    async def script(page: Standing) -> None:
        await page.press(*keys)
        compare(name, await page.settle())

    stand(Events(), script, frames, size)


def test_the_newest_is_followed_until_a_person_moves_and_again_at_the_end() -> None:
    async def script(page: Standing) -> None:
        assert page.page.chosen().seq == 119
        await page.press("up")
        await page.feed([entries(PhaseBegan("settle"), first=200, start_s=80.0)])
        assert page.page.chosen().seq == 118
        assert "stands still" in await page.settle()
        assert "settle" not in page.page.text()
        await page.press("end")
        assert page.page.chosen().seq == 200
        assert "phase: settle" in await page.settle()

    stand(Events(), script, BUSY)


def test_a_filter_shows_what_it_lets_through_and_how_many_of_how_many() -> None:
    async def script(page: Standing) -> None:
        page.page.sift("level>=warn !node:n1 /timed out/")
        assert "Events 7 of 108 · filter level>=warn !node:n1 /timed out/" in await page.settle()
        page.page.sift("level>=loud")
        await page.settle()
        assert "no level here" in page.stand.said[-1]
        assert "7 of 108" in page.page.text()
        page.page.sift("kind:nothing")
        assert "none of 108 is let through by kind:nothing" in await page.settle()
        page.page.sift("")
        assert "Events 108 ·" in await page.settle()

    stand(Events(), script, BUSY)


def test_a_search_goes_from_match_to_match_and_round_the_end() -> None:
    async def script(page: Standing) -> None:
        said = [page.page.find("timed out", -1) for _ in range(11)]
        assert said[0] == "10 of 10 with timed out"
        assert said[9:] == ["1 of 10 with timed out", "10 of 10 with timed out"]
        assert page.page.find("timed out", 1) == "1 of 10 with timed out"
        assert page.page.chosen().seq == 20
        assert page.page.find("no such thing", 1) == "no event with no such thing"
        assert "no pattern" in page.page.find("/(/", 1)

    stand(Events(), script, BUSY)


def test_lines_round_a_match_are_shown_where_asked_for_and_marked() -> None:
    async def script(page: Standing) -> None:
        page.page.sift("/timed out/")
        assert "matches only" not in page.page.do("surround")
        lines = (await page.settle()).splitlines()
        assert [line[1] for line in lines[6:14]] == [" ", "┆", "┆", "┆", "┆", " ", "┆", "▸"]
        assert page.page.do("surround") == "matches only"
        assert "┆" not in await page.settle()

    stand(Events(), script, BUSY)


def test_enter_leads_to_the_fault_it_came_of_and_from_there_to_the_page_faults() -> None:
    async def script(page: Standing) -> None:
        assert page.page.chosen() == Chosen(node="n2", fault="op-3", seq=11)
        page.page.open()
        assert page.page.chosen().seq == 10
        assert "led to 1 event;" in await page.settle()
        page.page.open()
        await page.settle()
        assert page.stand.went == [("faults", Chosen(fault="op-3"))]

    stand(Events(), script, IN_TROUBLE)


def test_a_facet_filters_and_the_way_back_takes_it_away() -> None:
    async def script(page: Standing) -> None:
        await page.press("tab", "tab", "down", "down")
        page.page.open()
        assert "filter level:warn" in await page.settle()
        assert page.page.back()
        assert page.page.back()
        assert not page.page.back()
        assert "filter" not in (await page.settle()).splitlines()[0]

    stand(Events(), script, IN_TROUBLE)


def test_an_event_is_copied_as_one_line() -> None:
    async def script(page: Standing) -> None:
        assert page.page.copy() == "13.600000 n2 node_down down: killed"

    stand(Events(), script, IN_TROUBLE)


def test_what_was_chosen_elsewhere_is_found_here() -> None:
    async def script(page: Standing) -> None:
        page.page.choose(Chosen(fault="op-2"))
        assert page.page.chosen().seq == 9
        page.page.choose(Chosen(seq=3))
        assert page.page.chosen().seq == 3

    stand(Events(), script, IN_TROUBLE)


def test_a_full_log_is_searched_bit_by_bit_and_forgets_what_it_must(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "KEPT", 2_000)
    monkeypatch.setattr(event_list, "GO_ON_S", 0.0)

    async def script(page: Standing) -> None:
        await page.press("home")
        for start in range(100, 9_100, 3_000):
            many = tuple(Entry(at, at / 100, "n0", SocketRemoved("n1", f"reset {at}")) for at in range(start, start + 3_000))
            await page.feed([Entries(many)])
        text = await page.settle()
        assert "7,005 older ones forgotten" in text
        assert page.page.chosen().seq == 7_100
        page.page.sift("/reset 90/")
        assert "Events 100 of 2,000" in await page.settle()

    stand(Events(), script, AT_WORK)
