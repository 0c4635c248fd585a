"""The page Checkpoints on its own, and what its actions come to."""

import msgspec
import pytest

from console_samples import AT_WORK, HELLO, NAMES, checkpoint, node, seen_after, snapshot
from console_stand import Frames, Standing, stand
from dairt.control.frames import Bye, Entries, Latest, Peek, Peeked
from dairt.model.action import RestoreCheckpoint, RotBit, VerifyCheckpoint
from dairt.model.events import CheckpointDamaged, CheckpointDurable, CheckpointSetAside, CheckpointVerified, Entry, Event
from dairt.model.version import Version
from dairt.model.views import TensorView
from dairt_console.chosen import Chosen
from dairt_console.draw.checkpoints_page import is_about, key_rows
from dairt_console.pages.checkpoints import Checkpoints
from dairt_console.plan_kinds import Act, Ask, Cannot
from dairt_console.plans_checkpoints import file_of, plan_checkpoint
from dairt_console.reducer import LinkChanged

SIZES = ((100, 25), (200, 45), (60, 13))
V3, V4 = Version(3, "n0", 1), Version(4, "n0", 1)


def holding(*counters: int) -> Latest:
    """A world in which node after node holds `weights` in these versions, 0 for not at all."""
    nodes = []
    for name, at in zip(NAMES, counters, strict=True):
        held = msgspec.structs.replace(checkpoint("weights", at, "n0"), on_disk=(V3, Version(at, "n0", 1)))
        nodes.append(msgspec.structs.replace(node(name, at_s=12.3), checkpoints=(held,) if at else ()))
    return Latest(snapshot(12.3, nodes=tuple(nodes)))


def told(*said: tuple[str, Event]) -> Entries:
    return Entries(tuple(Entry(100 + at, 10.0 + at, name, event) for at, (name, event) in enumerate(said)))


AT_REST: Frames = (*AT_WORK, holding(4, 3, 0))


def test_a_key_says_how_many_nodes_have_it_safe_and_where() -> None:
    [row] = key_rows(seen_after((*AT_WORK, holding(4, 3, 0))))
    assert (row.safe, row.state, len(row.nodes)) == (1, "older", 3)
    assert [copy.state for copy in row.copies] == ["durable", "older"]


def test_a_file_found_damaged_is_not_safe_until_it_is_written_anew() -> None:
    damaged = told(("n0", CheckpointDamaged("weights", V4, "its checksum is wrong")))
    [row] = key_rows(seen_after((*AT_WORK, damaged, holding(4, 4, 4))))
    assert (row.safe, row.state) == (2, "damaged")
    again = told(("n0", CheckpointDurable("weights", V4, 1, 1, 0.1)))
    [row] = key_rows(seen_after((*AT_WORK, damaged, again, holding(4, 4, 4))))
    assert (row.safe, row.copies[0].check) == (3, "")
    whole = told(("n0", CheckpointVerified("weights", V4, 0.1)))
    [row] = key_rows(seen_after((*AT_WORK, damaged, again, whole, holding(4, 4, 4))))
    assert row.copies[0].check == "whole"


def test_what_was_set_aside_is_told_under_its_own_key_only() -> None:
    entry = Entry(1, 0.0, "n0", CheckpointSetAside("checkpoints/old/w@1@n0@1.chk", "torn"))
    assert is_about(entry, "w")
    assert not is_about(entry, "w2")


@pytest.mark.parametrize("size", SIZES)
def test_a_key_is_opened_with_its_copies_and_the_tensor_is_asked_for(size: tuple[int, int]) -> None:
    async def script(there: Standing) -> None:
        text = await there.settle()
        assert "weights" in text
        assert "◐ older" in text
        assert there.page.chosen() == Chosen(key="weights")
        there.page.open()
        text = await there.settle()
        assert "Copies 2 · weights" in text
        assert there.page.crumbs() == ("weights",)
        assert there.page.chosen() == Chosen(key="weights", node="n0")
        assert there.stand.told == [Peek(0, "n0", "weights")]
        await there.press("down")
        assert there.page.chosen().node == "n1"
        assert there.page.back()
        assert not there.page.back()

    stand(Checkpoints(), script, AT_REST, size)


def test_what_is_in_a_tensor_stands_there_once_it_was_looked_into() -> None:
    view = TensorView(V4, "float32", (512, 512), 2**20, 2**18, -1.5, 2.5, 0.25, 3, 1, 0, (0.5, -0.25))

    async def script(there: Standing) -> None:
        there.page.open()
        assert "enter looks into weights on n0" in await there.settle()
        await there.feed([Peeked(0, "n0", "weights", view)])
        text = await there.settle()
        assert "float32 [512, 512]  version 4@n0, 1.00 MiB, 262,144 elements" in text
        assert "min -1.5  max 2.5  mean 0.25  zeros 3  ▲ 1 NaN, 0 infinite" in text
        assert "begins 0.5 -0.25" in text
        assert "by now" not in text
        await there.feed([holding(5, 3, 0)])
        assert "n0 holds 5@n0 by now: enter looks again" in await there.settle()
        await there.feed([Peeked(0, "n0", "weights", reason="n0 is down")])
        assert "it cannot be looked into: n0 is down" in await there.settle()

    stand(Checkpoints(), script, AT_REST)


def test_what_was_told_of_a_key_stands_below_it_newest_first() -> None:
    news = told(
        ("n0", CheckpointVerified("weights", V3, 0.1)),
        ("n0", CheckpointDamaged("weights", V4, "its checksum is wrong")),
        ("n1", CheckpointVerified("other", V3, 0.1)),
    )

    async def script(there: Standing) -> None:
        there.page.open()
        text = await there.settle()
        assert "other" not in text
        assert text.index("is damaged on disk") < text.index("is whole on disk")
        assert "✕ damaged, 1 s ago" in text

    stand(Checkpoints(), script, (*AT_WORK, news, holding(4, 3, 0)), (120, 30))


def test_sorting_filtering_finding_and_copying() -> None:
    async def script(there: Standing) -> None:
        assert there.page.sort() == "worst first"
        there.page.sift("nosuch")
        assert "no key matches nosuch" in await there.settle()
        there.page.sift("grad")
        assert "filter grad: 1 of 2" in await there.settle()
        there.page.sift("")
        assert there.page.find("weights", 1) == "1 of 1 for weights"
        assert there.page.chosen().key == "weights"
        assert there.page.copy().splitlines()[0] == "weights"
        assert there.page.find("nosuch", 1) == "no key matches nosuch"

    stand(Checkpoints(), script)


BARE = snapshot(12.3, nodes=tuple(msgspec.structs.replace(node(name), checkpoints=()) for name in NAMES))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ((), "the cluster is starting"),
        ((HELLO, Latest(BARE)), "no tensors yet"),
        ((HELLO, Latest(BARE), LinkChanged("lost", "gone", 3)), "no tensor was held, and the cluster is lost"),
        ((HELLO, Latest(BARE), Bye(0, "over")), "no tensor was held, and the cluster is finished"),
        ((*AT_WORK, LinkChanged("lost", "gone", 3)), "as last seen"),
    ],
)
def test_an_empty_a_connecting_a_lost_and_a_finished_cluster_look_deliberate(
    frames: Frames, said: str, size: tuple[int, int]
) -> None:
    async def script(there: Standing) -> None:
        assert said in await there.settle()

    stand(Checkpoints(), script, frames, size)


# -- what the actions come to -----------------------------------------------------------------------------------------------


def test_care_goes_to_the_copy_that_is_chosen_or_to_all_of_a_key() -> None:
    seen = seen_after((*AT_WORK, holding(4, 3, 0)))
    assert plan_checkpoint("verify_checkpoint", seen, Chosen(key="weights")) == Act(VerifyCheckpoint("n0+n1", "weights"))
    one = Chosen(key="weights", node="n1")
    assert plan_checkpoint("restore_checkpoint", seen, one) == Act(RestoreCheckpoint("n1", "weights"))


def test_damage_is_done_to_one_copy_and_asks_first() -> None:
    seen = seen_after((*AT_WORK, holding(4, 3, 0)))
    plan = plan_checkpoint("corrupt_checkpoint", seen, Chosen(key="weights", node="n0"))
    assert isinstance(plan, Ask)
    assert plan.action == RotBit("n0", "checkpoints/weights.chk")
    assert "It stays on disk at n1." in plan.lines
    assert isinstance(plan_checkpoint("corrupt_checkpoint", seen, Chosen(key="weights")), Cannot)
    assert file_of("a/b") == "checkpoints/a%2Fb.chk"
    assert file_of("x" * 300) == f"checkpoints/{'x' * 100}"


@pytest.mark.parametrize("chosen", [Chosen(), Chosen(key="weights", node="n2"), Chosen(key="nosuch")])
def test_what_is_not_held_cannot_be_cared_for(chosen: Chosen) -> None:
    seen = seen_after((*AT_WORK, holding(4, 3, 0)))
    assert isinstance(plan_checkpoint("verify_checkpoint", seen, chosen), Cannot)
