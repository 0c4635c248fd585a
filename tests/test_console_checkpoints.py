"""The Checkpoints panel: few rows for many copies, and whoever is behind stands out."""

import pytest
from msgspec.structs import replace

from console_samples import AT_WORK, HELLO, NAMES, checkpoint, node, seen_after, snapshot
from dairt.control.frames import Latest
from dairt.model.views import CheckpointState, CheckpointView
from dairt_console.draw.checkpoints import CHECKPOINT_COLUMNS, checkpoint_rows
from dairt_console.draw.columns import place, row
from dairt_console.draw.spans import text_of


def drawn(*held: tuple[CheckpointView, ...], width: int = 120) -> list[list[str]]:
    """The rows, when the nodes hold these, as words."""
    nodes = tuple(replace(node(name), checkpoints=items) for name, items in zip(NAMES, held, strict=True))
    rows = checkpoint_rows(seen_after([HELLO, Latest(snapshot(nodes=nodes))]))
    return [text_of(row(place(CHECKPOINT_COLUMNS, width), item)).split() for item in rows]


def weights(*, counter: int = 2, names: int = 18, state: CheckpointState = "durable") -> tuple[CheckpointView, ...]:
    """A graph's weights as one node holds them."""
    return tuple(checkpoint(f"weights/ab12cd34ef56/w{i}", counter, "n1", state=state) for i in range(names))


def test_copies_that_are_alike_are_one_row() -> None:
    rows = checkpoint_rows(seen_after(AT_WORK))
    assert [(item.name, item.nodes, item.state) for item in rows] == [
        ("gradients", NAMES, "durable"),
        ("weights", NAMES, "durable"),
    ]
    assert drawn(*[(checkpoint("weights", 4, "n0"),)] * 3)[0][:8] == [
        "weights",
        "all",
        "3",
        "✓",
        "durable",
        "4@n0",
        "1.00",
        "MiB",
    ]


def test_a_node_that_is_behind_stands_out() -> None:
    new, old = checkpoint("weights", 5, "n0", age_s=1.0), checkpoint("weights", 4, "n0")
    first, second = drawn((new,), (old,), (new,))
    assert first[:6] == ["weights", "n0", "n2", "✓", "durable", "5@n0"]
    assert second[:5] == ["weights", "n1", "◐", "older", "4@n0"]


@pytest.mark.parametrize("state", ["writing", "failed", "memory"])
def test_a_copy_that_is_not_on_disk_says_so_before_all_else(state: CheckpointState) -> None:
    rows = drawn((checkpoint("weights", 5, "n0"),), (checkpoint("weights", 4, "n0", state=state),), ())
    assert rows[1][:4] == ["weights", "n1", rows[1][2], state]


def test_the_weights_of_a_graph_are_one_row() -> None:
    held = (checkpoint("zeta", 1, "n0"), *weights())
    first, second = drawn(held, held, held)
    assert first[0] == "zeta"
    assert second[:9] == ["weights/ab12cd34ef56/", "all", "3", "✓", "durable", "18", "keys", "18.0", "MiB"]
    (narrow,) = drawn(weights(), weights(), weights(), width=52)
    assert narrow[:7] == ["weights/…", "all", "3", "✓", "durable", "18", "keys"]


def test_a_node_that_lacks_some_of_the_weights_is_behind() -> None:
    rows = drawn(weights(), weights(names=11), weights())
    assert [cells[:5] for cells in rows] == [
        ["weights/ab12cd34ef56/", "n0", "n2", "✓", "durable"],
        ["weights/ab12cd34ef56/", "n1", "◐", "older", "11"],
    ]


def test_one_unsaved_weight_makes_all_of_them_unsaved() -> None:
    held = (*weights(names=17), checkpoint("weights/ab12cd34ef56/w17", 2, "n1", state="writing"))
    (cells,) = drawn(held, held, held)
    assert cells[3:5] == ["◌", "writing"]


def test_a_lone_key_with_a_slash_keeps_its_name() -> None:
    (cells,) = drawn((checkpoint("layer/bias", 3, "n0"),), (), ())
    assert cells[:5] == ["layer/bias", "n0", "✓", "durable", "3@n0"]


def test_nodes_that_do_not_fit_are_counted() -> None:
    nodes = tuple(node(f"node-{i}") for i in range(40))
    lacking = replace(nodes[0], checkpoints=())
    rows = checkpoint_rows(seen_after([Latest(snapshot(nodes=(lacking, *nodes[1:])))]))
    assert "  39/40  " in text_of(row(place(CHECKPOINT_COLUMNS, 90), rows[0]))


def test_every_row_has_a_key_of_its_own() -> None:
    rows = checkpoint_rows(
        seen_after(
            [Latest(snapshot(nodes=tuple(replace(node(n), checkpoints=weights(counter=i)) for i, n in enumerate(NAMES))))]
        )
    )
    assert len(dict.fromkeys(item.key for item in rows)) == len(rows) == 3
