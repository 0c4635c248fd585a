"""Nodes as lines: the table's rows, one node from close by, its throughput in braille, its tasks as a tree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from console_samples import AT_WORK, HELLO, IN_TROUBLE, checkpoint, node, seen_after, snapshot
from dairt.control.frames import Latest
from dairt.model.views import LaneView, NodeDetail, PeerView, TaskView, WorkerView
from dairt_console.draw.chart import columns_of, filled, throughput
from dairt_console.draw.node_detail import LINES_MAX, facts, faults_here, load, peers, settings, store
from dairt_console.draw.nodes import ORDERS, columns_for, in_order, node_lines, sifted
from dairt_console.draw.spans import Line, text_of, width_of
from dairt_console.draw.tasks import task_lines

WORK, TROUBLE = seen_after(AT_WORK), seen_after(IN_TROUBLE)


def texts(lines: list[Line]) -> list[str]:
    return [text_of(line).rstrip() for line in lines]


# -- the table -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "first"), [("NODE", "n0"), ("STATE", "n2"), ("QUEUED", "n0"), ("ALERTS", "n0"), ("UP FOR", "n2")]
)
def test_rows_stand_with_the_most_telling_first(order: str, first: str) -> None:
    assert in_order(node_lines(TROUBLE), order)[0].key == first


def test_every_order_is_of_a_column_that_says_so() -> None:
    for order in ORDERS:
        assert [column.title for column in columns_for(order) if column.title.endswith("↓")] == [f"{order}↓"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [("", "n0 n1 n2"), ("down", "n2"), ("!down 5001", "n1"), ("N1", "n1"), ("alert", "n0"), ("marked", "n1")],
)
def test_a_filter_shows_the_nodes_in_which_every_word_stands(pattern: str, names: str) -> None:
    assert [row.key for row in sifted(node_lines(TROUBLE, ("n1",)), pattern)] == names.split()


# -- one node ------------------------------------------------------------------------------------------------------------


def test_the_facts_of_a_node_that_is_well_and_of_one_that_is_not() -> None:
    assert "✓ nothing wrong" in "\n".join(texts(facts(WORK, WORK.nodes[0])))
    assert "1 fault, 1 alert" in "\n".join(texts(facts(TROUBLE, TROUBLE.nodes[0])))
    litter = replace(TROUBLE.nodes[2], litter=("task pulse",))
    assert "  left  task pulse" in texts(facts(TROUBLE, litter))


def test_queues_show_their_depth_and_workers_what_they_run_now() -> None:
    lanes = (LaneView("compute", 64, 64, 2, 2, 64), LaneView("io", 8, 64, 0, 2, 9))
    busy = replace(node("n0"), lanes=lanes, workers=(WorkerView("compute-0", "compute", "r2:layer1", 312),))
    lines = texts(load(busy, 46, 9))
    assert lines[1].startswith(" compute   ██████████ 64/64")
    assert "64   2/2" in lines[1]
    assert lines[2].startswith(" io        █▎░░░░░░░░ 8/64")
    assert lines[4] == f"{' compute-0':<12}{'r2:layer1':<28}{'312':>5}"
    many = replace(busy, workers=tuple(WorkerView(f"io-{at}", "io", "", at) for at in range(3)))
    assert [line.split() for line in texts(load(many, 46, 6))[4:]] == [
        ["io-0", "idle", "0", "io-2", "idle", "2"],
        ["io-1", "idle", "1"],
    ]


def test_a_node_that_is_down_says_why_there_is_nothing() -> None:
    down = node("n2", "down")
    assert texts([*load(down, 40, 9), *peers(down, 40), *store(WORK, down, 40)]) == [
        " no queues: n2 is down", " no peers: n2 is down", " no keys: n2 is down",
    ]  # fmt: skip


def test_the_peers_that_are_not_heard_stand_first() -> None:
    views = (PeerView("n1", "alive", 2, 1, 1, 0.1), PeerView("n2", "dead", 0, 1, 1, 6.0))
    assert [text.split()[0] for text in texts(peers(replace(node("n0"), peers=views), 60))] == ["PEER", "n2", "n1"]


def test_what_a_panel_leaves_out_is_counted() -> None:
    full = replace(node("n0"), checkpoints=tuple(checkpoint(f"k{at}", 1, "n0") for at in range(LINES_MAX + 5)))
    assert texts(store(WORK, full, 60))[-1] == " … and 5 more"


def test_faults_here_are_those_that_befell_the_node_and_its_alerts() -> None:
    assert [text.split("  ")[1] for text in texts(faults_here(TROUBLE, "n0"))] == ["n0: compute queue is full", "cut n0↔n1"]
    assert texts(faults_here(WORK, "n0")) == [" ✓ nothing befell it"]


def test_settings_tell_sizes_as_people_read_them_too() -> None:
    detail = NodeDetail("n0", (("limits.payload_max_bytes", str(2**31)), ("fingerprint", "")))
    assert [text.split(maxsplit=1)[1] for text in texts(settings(detail, 80, live=True))] == ["2147483648  (2.00 GiB)", "-"]
    assert "asking" in texts(settings(None, 80, live=True))[0]


def test_tasks_are_a_tree_and_what_is_left_out_is_counted() -> None:
    tasks = (
        TaskView(0, "main", "main (m:1)", "its children"),
        TaskView(1, "pulse", "run (p:2)", "sleep"),
        TaskView(2, "ear", "hear (p:9)"),
    )
    assert texts(task_lines(NodeDetail("n0", (), tasks, 5), 80, live=True)) == [
        " main     main (m:1) ⋯ its children",
        " └ pulse    run (p:2) ⋯ sleep",
        "   └ ear      hear (p:9)",
        " … and 2 more",
    ]
    assert texts(task_lines(NodeDetail("n0", hidden="n0 is in process 7"), 80, live=True)) == [" n0 is in process 7"]
    assert "nobody looked" in texts(task_lines(None, 80, live=False))[0]


# -- the chart -----------------------------------------------------------------------------------------------------------


def test_a_chart_is_filled_from_below_in_quarters_of_a_cell() -> None:
    assert filled([0, 1, 2, 3, 4, 8], 3, 2, 8.0) == ["  ⢸", "⢀⣴⣿"]


@given(st.lists(st.floats(0, 1e12), max_size=140), st.integers(1, 60), st.integers(1, 12))
def test_a_chart_is_as_large_as_its_room_and_never_hides_its_peak(values: list[float], width: int, height: int) -> None:
    columns = columns_of(values, width * 2)
    assert len(columns) == width * 2
    assert max(columns) == max(values[-120:], default=0.0)
    rows = filled(columns, width, height, max(columns))
    assert [len(row) for row in rows] == [width] * height
    if max(columns) > 0:
        assert rows[0].strip()


def test_the_throughput_shows_both_ways_on_one_scale_and_when_faults_struck() -> None:
    lines = throughput([100.0] * 120, [50.0] * 120, [30.0, 99.0], 44, 5)
    assert texts(lines)[0].startswith("rx 100 B/s    ┤⣿⣿")
    assert texts(lines)[2] == "tx 50 B/s     ┤"
    assert texts(lines)[3].startswith("max 50 B/s    ┤⣿⣿")
    assert texts(lines)[4] == "       ▲ fault -60 s         ▲           now"
    assert {width_of(line) for line in lines} == {44}


def test_a_node_without_traffic_has_an_empty_chart_and_no_fault_no_mark() -> None:
    lines = texts(throughput([], [], [], 40, 3))
    assert lines == ["rx -          ┤", "tx -          ┤", "               -60 s                 now"]


def test_a_minute_of_both_ways_is_kept() -> None:
    seen = seen_after([HELLO, *(Latest(snapshot(at / 4)) for at in range(1, 400))])
    traffic = seen.traffic["n0"]
    assert len(traffic.samples) == len(traffic.received) == 120
    assert traffic.received[-1] == pytest.approx(2 * traffic.samples[-1], rel=0.01)
