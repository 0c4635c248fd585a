"""A run's picture as text: the graph laid out, the critical path, the task stream, one op; and a key's rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dairt.model.views import GraphView, OpView
from dairt_console.attempts import Attempt, OpNews, Work
from dairt_console.draw.dag import dag_lines, lay_out, op_at, window
from dairt_console.draw.op_panel import op_lines
from dairt_console.draw.ops import critical_path, lineage, op_state, tally_line, took
from dairt_console.draw.spans import text_of, width_of
from dairt_console.draw.task_stream import View, attempt_at, beside, stream_lines


def op(name: str, layer: int, *inputs: str) -> OpView:
    return OpView(name, "tanh", layer, inputs, (name,), ("float32 [4]",))


#   a ── b ──── d
#    ╲─ c ── e ─╱  (e is one layer further than b, so that b's wire passes through)
DIAMOND = GraphView(
    "d1", "diamond", ("x",), ("d",), (1, 2, 1, 1),
    (op("a", 0, "x"), op("b", 1, "a"), op("c", 1, "a", "w"), op("e", 2, "c"), op("d", 3, "b", "e")),
)  # fmt: skip
OPS = {
    "a": OpNews("done", "n0", 1, 0, 1.0),
    "b": OpNews("done", "n1", 1, 0, 5.0),
    "c": OpNews("running", "n2", 2, 1, 0.0, "n1 is dead"),
}
WORK = Work(
    "r",
    (
        Attempt("a", 1, "n0", "compute-0", 0.0, 1.0, "done"),
        Attempt("b", 1, "n1", "compute-0", 1.0, 6.0, "done"),
        Attempt("c", 1, "n1", "compute-1", 1.0, 2.0, "lost"),
        Attempt("c", 2, "n2", "compute-0", 4.0),
    ),
    OPS,
    begun_s=0.0,
)


def drawn(width: int = 70, height: int = 8, cursor: str = "", work: Work | None = WORK) -> list[str]:
    return [text_of(line).rstrip() for line in dag_lines(lay_out(DIAMOND), work, ("a", "b"), cursor, width, height)]


def test_a_graph_is_drawn_layer_by_layer_with_its_wires_and_states() -> None:
    assert drawn() == [
        " ✓★a    ─┬▸ ✓★b    ────────────┬▸ ○ d",
        "         └▸ ↻ c    ──▸ ○ e    ─┘",
    ]


def test_before_anything_is_told_every_op_waits() -> None:
    assert all("✓" not in line and "▶" not in line for line in drawn(work=None))
    assert sum(line.count("○") for line in drawn(work=None)) == 5


@pytest.mark.parametrize("width", [10, 20, 40])
def test_the_op_at_the_cursor_is_always_in_the_picture(width: int) -> None:
    for name in "abcde":
        lines = dag_lines(lay_out(DIAMOND), WORK, (), name, width, 1)
        assert len(lines) <= 1
        assert "[" in text_of(lines[0])
        assert width_of(lines[0]) == width


def test_the_mouse_finds_what_is_drawn() -> None:
    drawing = lay_out(DIAMOND)
    part = window(drawing, "", 70, 8)
    lines = drawn()
    for y, line in enumerate(lines):
        for name in "abcde":
            if f" {name} " in line.replace("★", " ") + " ":
                assert op_at(drawing, part, line.replace("★", " ").index(f" {name}") + 1, y) == name


def test_the_arrow_keys_reach_every_op() -> None:
    drawing = lay_out(DIAMOND)
    reached, edge = {"a"}, ["a"]
    while edge:
        here = edge.pop()
        for step in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            there = drawing.beside(here, *step)
            if there not in reached:
                reached.add(there)
                edge.append(there)
    assert reached == set("abcde")


@st.composite
def graphs(draw: st.DrawFn) -> GraphView:
    """Any graph of up to 25 ops, each taking some of those before."""
    ops: list[OpView] = []
    for at in range(draw(st.integers(1, 25))):
        inputs = draw(st.lists(st.sampled_from([op.name for op in ops]), unique=True, max_size=3)) if ops else []
        layer = max((one.layer + 1 for one in ops if one.name in inputs), default=0)
        ops.append(op(f"op{at}", layer, *inputs))
    layers = [sum(one.layer == at for one in ops) for at in range(max(one.layer for one in ops) + 1)]
    return GraphView("d", "any", (), (ops[-1].name,), tuple(layers), tuple(ops))


@given(graphs(), st.integers(1, 120), st.integers(1, 20))
def test_any_graph_is_drawn_in_any_room_and_every_op_has_one_place(graph: GraphView, width: int, height: int) -> None:
    drawing = lay_out(graph)
    assert len(set(drawing.places.values())) == len(graph.ops)
    lines = dag_lines(drawing, None, (), graph.ops[-1].name, width, height)
    assert len(lines) <= height
    assert all(width_of(line) == width for line in lines)


@given(graphs(), st.data())
def test_no_chain_takes_longer_than_the_critical_path(graph: GraphView, data: st.DataObject) -> None:
    seconds = {one.name: float(data.draw(st.integers(0, 9))) for one in graph.ops}
    path = critical_path(graph, {name: OpNews("done", "n0", 1, 0, took_s) for name, took_s in seconds.items()})
    longest: dict[str, float] = {}
    for one in graph.ops:
        longest[one.name] = seconds[one.name] + max((longest[value] for value in one.inputs), default=0.0)
    assert path.seconds == max(longest.values())
    assert sum(seconds[name] for name in path.ops) == path.seconds
    by_name = {one.name: one for one in graph.ops}
    assert all(before in by_name[name].inputs for before, name in zip(path.ops, path.ops[1:], strict=False))


def test_the_critical_path_is_the_longest_by_what_was_measured() -> None:
    path = critical_path(DIAMOND, OPS)
    assert path.ops[:2] == ("a", "b")
    assert path.seconds == 6.0
    assert critical_path(DIAMOND, {}).ops == ()


def test_ops_are_counted_by_state_and_none_is_left_out() -> None:
    text = text_of(tally_line(DIAMOND, WORK, critical_path(DIAMOND, OPS), 100))
    assert text.startswith("✓ done 2  ↻ again 1  ○ waiting 2  ★ critical path 6.00 s: a → b")
    assert op_state(OPS["c"]) == "again"


def test_the_stream_has_a_lane_a_worker_and_tells_lost_from_done_without_colour() -> None:
    lines = [text_of(line).rstrip() for line in stream_lines(WORK, View(), 10.0, None, 60, 8)]
    assert lines[0].startswith(" n0 compute-0 ▌a██")
    assert lines[1].startswith(" n1 compute-0 ····▌b███")
    assert "✕c╳" in lines[2]
    assert lines[3].startswith(" n2 compute-0")
    assert "▶c▒▒" in lines[3]
    assert lines[4].startswith(" 10.00 s")


def test_a_stream_zooms_in_to_where_the_cursor_is_and_out_to_the_whole_run() -> None:
    view = View().zoomed(WORK, 10.0, 0.5, 1.0)
    assert view.shown(WORK, 10.0) == (0.0, 5.0)
    assert view.moved(WORK, 10.0, 100).to_s is None, "at the right end it follows"
    assert view.zoomed(WORK, 10.0, 2.0, None) == View()


def test_the_stream_cursor_goes_along_a_lane_and_from_lane_to_lane() -> None:
    first = WORK.attempts[0]
    assert beside(WORK, None, 0, 0) == WORK.attempts[-1]
    assert beside(WORK, first, 0, 1) == WORK.attempts[1]
    assert beside(WORK, first, 5, 0) == first
    found = attempt_at(WORK, View(), 10.0, None, (25, 1), (60, 8))
    assert found == WORK.attempts[1]
    assert attempt_at(WORK, View(), 10.0, None, (3, 1), (60, 8)) is None


@given(st.integers(1, 150), st.integers(1, 12), st.floats(0.0, 1e6))
def test_a_stream_fits_any_room(width: int, height: int, now_s: float) -> None:
    lines = stream_lines(WORK, View(), now_s, WORK.attempts[2], width, height)
    assert len(lines) <= height
    assert all(width_of(line) == width for line in lines)


def test_an_op_tells_where_it_ran_what_it_takes_and_makes_and_all_its_attempts() -> None:
    text = "\n".join(text_of(line).rstrip() for line in op_lines(DIAMOND, WORK, "c", 100))
    assert "c  ↻ again  tanh, layer 1  on n2, attempt 2  lost 1 time" in text
    assert "lost because n1 is dead" in text
    assert "takes  ✓ a on n0  w (weight)" in text
    assert "makes  c float32 [4]  for ○ e" in text
    assert "#2  ▶ running  n2 compute-0" in text
    assert "#1  ✕ lost  n1 compute-1, began t=0:01.000, 1.00 s" in text
    assert "comes of 1 op  ✓ a" in text


def test_lineage_is_all_that_would_have_to_run_again() -> None:
    assert lineage(DIAMOND, "d") == ("a", "b", "c", "e")
    assert lineage(DIAMOND, "a") == ()


def test_a_graph_too_large_to_be_told_is_drawn_by_its_layers() -> None:
    large = GraphView("d", "large", (), (), (1500, 1500), ())
    text = "\n".join(text_of(line) for line in dag_lines(lay_out(large), WORK, (), "", 80, 10))
    assert "3,000 ops in 2 layers" in text
    assert "2/3,000 done" in text


def test_microseconds_are_told_as_such() -> None:
    assert (took(82e-6), took(0.0123), took(2.0)) == ("82 µs", "12 ms", "2.00 s")
