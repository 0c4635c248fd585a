"""The cluster as lines: what is known of links, nodes on a ring, the matrix, and what stands beside them."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from console_samples import HELLO, seen_after, snapshot
from dairt.control.frames import Latest
from dairt.model.views import FaultView, LaneView, NodeView, PeerState, PeerView
from dairt_console.draw.matrix import matrix_lines, window
from dairt_console.draw.spans import Line, text_of, width_of
from dairt_console.draw.topology import hearing_line, picture
from dairt_console.draw.topology_layout import Layout, lay_out
from dairt_console.draw.topology_links import Links
from dairt_console.draw.topology_side import link_lines, node_lines
from dairt_console.flows import Counted, sent_by
from dairt_console.reducer import Seen

Deaf = tuple[tuple[str, str], ...]
CUT = FaultView("split", "link.cut", "cut n0+n1↔n2", "active", 8.0, ("n0+n1", "n2"))
DEAFNESS = FaultView("deaf", "link.blackhole", "swallow all that goes n0→n1", "active", -1.0, ("n0", "n1"), one_way=True)
SLOW = FaultView("far", "link.degrade", "slow n0↔n1 by 60 ms", "active", -1.0, ("n0", "n1"))


def names_of(number: int) -> list[str]:
    return [f"n{at}" for at in range(number)]


def cluster(
    at_s: float, number: int = 3, *, deaf: Deaf = (), down: tuple[str, ...] = (), faults: tuple[FaultView, ...] = ()
) -> Latest:
    """So many nodes, all peers of each other. n0 has sent 64 KiB/s to n1, which has heard as much on a socket of its own."""
    nodes = []
    for name in names_of(number):
        if name in down:
            nodes.append(NodeView(name, f"{name}:1", "down", restarts=1))
            continue
        peers = []
        for other in names_of(number):
            if other != name:
                state: PeerState = "dead" if (name, other) in deaf or (other, name) in deaf or other in down else "alive"
                sent = int(at_s * 2**16) if (name, other) == ("n0", "n1") else 0
                heard = int(at_s * 2**16) if (name, other) == ("n1", "n0") else 0
                peers.append(PeerView(other, state, 1, sent, heard, 5.0 if state == "dead" else 0.1))
        lanes = (LaneView("io", 3, 64, 1, 2),)
        nodes.append(NodeView(name, f"{name}:1", "up", 1, up_s=at_s, lanes=lanes, peers=tuple(peers)))
    return Latest(snapshot(at_s, nodes=tuple(nodes), faults=faults))


def seen_of(number: int = 3, *, deaf: Deaf = (), down: tuple[str, ...] = (), faults: tuple[FaultView, ...] = ()) -> Seen:
    """That cluster, watched for two seconds."""
    return seen_after([HELLO, *(cluster(10 + at / 2, number, deaf=deaf, down=down, faults=faults) for at in range(5))])


def texts(lines: list[Line]) -> list[str]:
    return [text_of(line).rstrip() for line in lines]


def drawn(seen: Seen, cursor: str = "n0", peer: str = "", size: tuple[int, int] = (60, 20)) -> str:
    layout = lay_out([node.name for node in seen.nodes], *size)
    assert layout is not None
    lines, _ = picture(Links(seen), layout, cursor, peer)
    assert [width_of(line) for line in lines] == [size[0]] * size[1]
    return "\n".join(texts(lines))


# -- what is known of links ----------------------------------------------------------------------------------------------


def test_what_flows_is_counted_by_both_ends_each_on_the_sockets_it_opened() -> None:
    links = Links(seen_of())
    assert links.flow("n0", "n1") == pytest.approx(2 * 2**16)
    assert links.flow("n1", "n0") == 0
    assert [(row.key, round(row.sends)) for row in links.rows("n0")] == [("n1", 2**17), ("n2", 0)]


def test_a_cluster_that_is_whole_is_one_group_and_one_that_is_parted_is_named_group_by_group() -> None:
    assert Links(seen_of()).groups == [("n0", "n1", "n2")]
    parted = Links(seen_of(5, deaf=(("n0", "n3"), ("n0", "n4"), ("n1", "n3"), ("n1", "n4"), ("n2", "n3"), ("n2", "n4"))))
    assert parted.groups == [("n0", "n1", "n2"), ("n3", "n4")]
    assert [parted.group_of(name) for name in names_of(5)] == ["A", "A", "A", "B", "B"]
    assert text_of(hearing_line(parted, 60)).rstrip() == " ✕ 2 groups: A n0 n1 n2 │ B n3 n4"


def test_two_that_do_not_hear_each_other_part_nothing_while_a_third_hears_both() -> None:
    links = Links(seen_of(3, deaf=(("n0", "n1"),)))
    assert len(links.groups) == 1
    assert links.group_of("n0") == ""
    assert text_of(hearing_line(links, 60)).rstrip() == " ✕ 1 pair deaf: n0↮n1"


def test_who_is_down_is_in_no_group() -> None:
    links = Links(seen_of(3, down=("n2",)))
    assert links.groups == [("n0", "n1")]
    assert text_of(hearing_line(links, 40)).rstrip() == " ✓ 2 up, all hear all"
    assert text_of(hearing_line(Links(seen_of(1, down=("n0",))), 40)).rstrip() == " no node is up"


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda two: two[0] != two[1]), max_size=28))
def test_groups_hold_every_node_once_and_nobody_in_one_hears_anybody_in_another(deaf: list[tuple[int, int]]) -> None:
    links = Links(seen_of(8, deaf=tuple((f"n{one}", f"n{other}") for one, other in deaf)))
    groups = links.groups
    assert sorted(name for names in groups for name in names) == names_of(8)
    silent = {frozenset(pair) for pair in links.deaf}
    for at, names in enumerate(groups):
        others = [other for rest in groups[at + 1 :] for other in rest]
        assert all(frozenset((one, other)) in silent for one in names for other in others)


# -- the ring ------------------------------------------------------------------------------------------------------------


@given(st.integers(1, 24), st.integers(1, 200), st.integers(1, 60))
def test_on_a_ring_no_node_covers_another_and_arrows_lead_to_every_one(number: int, width: int, height: int) -> None:
    layout = lay_out(names_of(number), width, height)
    if layout is None:
        return
    boxes = list(layout.boxes.values())
    assert all(box.x >= 0 and box.x + box.width <= width and box.y >= 0 and box.y + box.height <= height for box in boxes)
    assert not any(box.meets(other) for at, box in enumerate(boxes) for other in boxes[at + 1 :])
    assert sorted(reached(layout)) == sorted(layout.names)


def reached(layout: Layout) -> list[str]:
    found = [layout.names[0]]
    for name in found:  # which grows
        for right, down in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            if (other := layout.beside(name, right, down)) not in found:
                found.append(other)
    return found


def test_there_is_no_ring_of_too_many_and_none_without_room() -> None:
    assert lay_out(names_of(24), 200, 60) is not None
    assert lay_out(names_of(25), 1000, 1000) is None
    assert lay_out(names_of(3), 20, 4) is None
    assert lay_out([], 80, 24) is None


def test_a_node_is_found_where_it_is_drawn() -> None:
    layout = lay_out(names_of(3), 60, 20)
    assert layout is not None
    assert [layout.at(int(box.centre[0]), int(box.centre[1])) for box in layout.boxes.values()] == names_of(3)
    assert layout.at(0, 0) == ""


# -- the picture ---------------------------------------------------------------------------------------------------------


def test_what_flows_stands_on_the_link_with_its_direction_and_the_cursor_has_a_frame_of_its_own() -> None:
    picture = drawn(seen_of())
    assert "▶ 128 KiB/s" in picture or "▼ 128 KiB/s" in picture
    assert "║ n0         ║" in picture
    assert "│ n1         │" in picture


def test_a_fault_is_drawn_on_every_link_it_is_on_and_named_once_with_the_time_it_lasts() -> None:
    picture = drawn(seen_of(faults=(CUT,)))
    assert picture.count("╳ cut") == 2
    assert picture.count("╳ cut split 8 s") == 1


@pytest.mark.parametrize(("fault", "text"), [(SLOW, "┊ slow far"), (DEAFNESS, "╳ ▼ lost deaf")])
def test_a_fault_shows_its_kind_and_the_one_way_it_befalls(fault: FaultView, text: str) -> None:
    assert text in drawn(seen_of(faults=(fault,)))


def test_a_node_that_is_down_says_so_and_no_link_leads_to_it() -> None:
    assert "⠁" not in drawn(seen_of(2, down=("n1",)))
    assert "✕ down" in drawn(seen_of(2, down=("n1",)))
    assert any("\u2800" < char <= "\u28ff" for char in drawn(seen_of(2)))


def test_of_many_links_those_of_the_cursor_the_busy_and_the_troubled_are_drawn_and_the_rest_counted() -> None:
    seen = seen_of(9, deaf=(("n5", "n6"),))
    layout = lay_out(names_of(9), 120, 40)
    assert layout is not None
    lines, note = picture(Links(seen), layout, "n8", "")
    assert note == "10 of 36 links drawn "
    shown = "\n".join(texts(lines))
    assert "✕ dead" in shown
    assert "128 KiB/s" in shown


def test_no_name_from_elsewhere_moves_the_cursor_of_the_terminal() -> None:
    seen = seen_after([HELLO, Latest(snapshot(nodes=(NodeView("a\x1b[2J節", "x", "up"),)))])
    shown = drawn(seen, "")
    assert "\x1b" not in shown
    assert "節" not in shown


# -- the matrix ----------------------------------------------------------------------------------------------------------


def matrix(seen: Seen, row: int = 0, column: int = 0, size: tuple[int, int] = (60, 20)) -> list[str]:
    names = [node.name for node in seen.nodes]
    lines = matrix_lines(Links(seen), names, window(names, row, column, *size), row, column)
    assert all(width_of(line) <= size[0] for line in lines)
    return texts(lines)


def test_a_cell_says_how_the_row_sees_the_column_and_what_it_sends_there() -> None:
    lines = matrix(seen_of(3, deaf=(("n0", "n2"),)), 0, 1)
    assert [line.split() for line in lines] == [
        ["from╲to", "n0", "n1", "n2"],
        ["▸n0", "●", "╲", "[●", "128", "KiB/s]", "✕", "dead"],
        ["n1", "●", "·", "╲", "·"],
        ["n2", "●", "✕", "dead", "·", "╲"],
    ]


def test_a_fault_one_way_is_in_one_cell_and_a_node_that_is_down_sees_nobody() -> None:
    lines = matrix(seen_of(3, down=("n2",), faults=(DEAFNESS,)), size=(30, 9))
    assert [line.split() for line in lines[1:]] == [["▸n0", "●", "[╲]", "╳", "✕"], ["n1", "●", "·", "╲", "✕"], ["n2", "✕", "╲"]]


@given(st.integers(1, 60), st.data(), st.integers(1, 150), st.integers(1, 50))
def test_the_cell_at_the_cursor_is_always_in_sight_and_found_by_a_click(
    number: int, data: st.DataObject, width: int, height: int
) -> None:
    row, column = data.draw(st.integers(0, number - 1)), data.draw(st.integers(0, number - 1))
    part = window(names_of(number), row, column, width, height)
    assert part.row <= row < part.row + part.rows <= number
    assert part.column <= column < part.column + part.columns <= number
    assert part.at(part.head + (column - part.column) * part.cell, row - part.row + 1) == (row, column)
    assert part.at(part.head, 0) is None


def test_of_a_thousand_nodes_only_the_cells_in_sight_are_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []

    def count(old: tuple[Counted, ...], node: NodeView, now_s: float) -> Mapping[str, tuple[float, float]]:
        counted.append(node.name)
        return sent_by(old, node, now_s)

    monkeypatch.setattr("dairt_console.draw.topology_links.sent_by", count)
    nodes = tuple(NodeView(f"n{at}", "x", "up", peers=(PeerView("n0", "alive", 1, 0, 0, 0.1),)) for at in range(1_000))
    seen = seen_after([HELLO, Latest(snapshot(nodes=nodes))])
    lines = matrix(seen, 500, 3, (100, 25))
    assert len(lines) == 25
    assert len(counted) <= 50


# -- beside it -----------------------------------------------------------------------------------------------------------


def test_a_node_tells_its_state_its_traffic_and_its_group() -> None:
    seen = seen_of(3, deaf=(("n0", "n2"), ("n1", "n2")))
    lines = texts(node_lines(Links(seen), seen.nodes[0], 60))
    assert lines[0] == " state  ● up  for 12 s · life 1"
    assert " queues io 3/64" in lines
    assert " peers  1 of 2 alive  group A of 2" in lines
    down = replace(seen.nodes[0], state="down")
    assert texts(node_lines(Links(seen), down, 60))[0] == " state  ✕ down  life 1 is over"


def test_a_link_tells_what_both_ends_see_and_which_fault_is_on_it_for_how_long() -> None:
    links = Links(seen_of(3, faults=(CUT,), deaf=(("n0", "n2"),)))
    assert texts(link_lines(links, "n0", "n2", 50)) == [
        " n0 sends -", " sees ✕ dead, silent for 5.00 s, 1 socket",
        " n2 sends -", " sees ✕ dead, silent for 5.00 s, 1 socket",
        " ╳ cut  split · 8 s left", "   cut n0+n1↔n2", " x reset  c cut  d slow  M mend",
    ]  # fmt: skip
    assert " ✓ no fault on it" in texts(link_lines(links, "n0", "n1", 50))
