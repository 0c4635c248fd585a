"""The console's screens as people read them, in many sizes and states.

The screens in `golden/` are compared as text; DAIRT_GOLDEN=write writes them anew, to be read before they are kept.
"""

import os
from pathlib import Path

import pytest

from console_samples import (
    AT_WORK,
    HELLO,
    IN_TROUBLE,
    entries,
    node,
    snapshot,
    trouble,
)
from console_watch import Console, Frames, watch
from dairt.control.frames import Bye, Latest
from dairt.model.events import CheckpointDurable
from dairt.model.version import Version
from dairt.model.views import NodeView
from dairt_console.reducer import LinkChanged

GOLDEN = Path(__file__).with_name("golden")

CHATTER = (
    *IN_TROUBLE,
    entries(*[CheckpointDurable("weights", Version(n, "n0", 1), 2**20, 0, 0.0041) for n in range(90)], first=20, start_s=20.0),
    Latest(trouble(66.0)),
)
MANY = tuple(node(f"n{i}", at_s=12.3) for i in range(40))


@pytest.mark.parametrize(
    ("name", "size", "frames", "keys"),
    [
        ("at-work-100x30", (100, 30), AT_WORK, ()),
        ("in-trouble-100x30", (100, 30), IN_TROUBLE, ()),
        ("in-trouble-200x50", (200, 50), IN_TROUBLE, ()),
        ("in-trouble-60x16", (60, 16), IN_TROUBLE, ()),
        ("checkpoints-tab-60x16", (60, 16), IN_TROUBLE, ("tab",)),
        ("tiny-24x6", (24, 6), IN_TROUBLE, ()),
        ("many-nodes-100x30", (100, 30), (HELLO, Latest(snapshot(nodes=MANY))), ("end",)),
        ("connecting-100x30", (100, 30), (), ()),
        ("coming-up-100x30", (100, 30), (HELLO,), ()),
        (
            "empty-100x30",
            (100, 30),
            (HELLO, Latest(snapshot(0.1, nodes=tuple(NodeView(n, "", "up") for n in ("n0", "n1")), runs=()))),
            (),
        ),
        ("lost-100x30", (100, 30), (*AT_WORK, LinkChanged("lost", "the cluster process was killed by SIGKILL", -9)), ()),
        ("failed-100x30", (100, 30), (*AT_WORK, Bye(1, "versions_only_rise: weights fell from 4 to 3")), ()),
        ("chatter-100x30", (100, 30), CHATTER, ()),
        ("chatter-60x16", (60, 16), CHATTER, ()),
        ("finished-100x30", (100, 30), (*AT_WORK, Bye(0, "all promises held")), ()),
        ("kill-node-100x30", (100, 30), AT_WORK, ("down", "K")),
        ("kill-socket-60x16", (60, 16), AT_WORK, ("k",)),
        ("help-100x50", (100, 50), AT_WORK, ("question_mark",)),
        ("help-60x16", (60, 16), AT_WORK, ("question_mark",)),
    ],
)
def test_a_screen_reads_as_it_was_approved(name: str, size: tuple[int, int], frames: Frames, keys: tuple[str, ...]) -> None:
    async def script(console: Console) -> None:
        await console.press(*keys)
        golden = GOLDEN / f"console-{name}.txt"
        if os.environ.get("DAIRT_GOLDEN") == "write":
            golden.write_text(console.text + "\n")
        assert console.text + "\n" == golden.read_text()

    watch(script, frames, size)
