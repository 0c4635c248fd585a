"""What commands come to, and what they would lose: pure rules, without a screen."""

import pytest
from msgspec.structs import replace

from console_samples import AT_WORK, HELLO, IN_TROUBLE, node, seen_after, snapshot
from dairt.control.frames import Hello, Latest, Role
from dairt.model.action import (
    Action,
    BlackholeLink,
    Broadcast,
    CutLink,
    DegradeLink,
    DiskFull,
    Heal,
    KillNode,
    Link,
    PauseNode,
    PowerCut,
    Put,
    ResetConnection,
    RestartNode,
    RotBit,
    StopNode,
    TensorRecipe,
    VerifyCheckpoint,
    WipeNode,
)
from dairt.model.views import FaultView
from dairt_console.blast import dry_run, loses_work, radius
from dairt_console.chosen import Chosen
from dairt_console.plan_kinds import Act, Ask, Cannot, Pick
from dairt_console.plans import plan, plan_action, plan_undo
from dairt_console.reducer import Seen

WORK = seen_after(AT_WORK)
TROUBLE = seen_after(IN_TROUBLE)
SIM = seen_after([Hello("sim", "first-look", 7, "inject")], WORK)
TENSOR = TensorRecipe((2, 2))


def paused(text: str) -> Seen:
    """n1 is paused, by a fault that reads so."""
    nodes = (node("n0", at_s=13.0), replace(node("n1", at_s=13.0), state="paused"), node("n2", at_s=13.0))
    return seen_after([Latest(snapshot(13.0, nodes=nodes, faults=(FaultView("op-7", "node.pause", text, "active"),)))], SIM)


def test_a_link_that_is_chosen_needs_no_list() -> None:
    chosen = Chosen(node="n0", peer="n2")
    assert plan("cut_link", WORK, chosen) == Act(CutLink(Link("n0", "n2")))
    assert plan("kill_socket", WORK, chosen) == Act(ResetConnection(Link("n0", "n2")))
    match plan("degrade_link", WORK, chosen):
        case Act(DegradeLink(link=Link("n0", "n2"), latency_s=latency_s)):
            assert latency_s > 0
        case other:
            pytest.fail(f"{other}")
    assert isinstance(plan("cut_link", WORK, Chosen(node="n0")), Pick)
    assert isinstance(plan("cut_link", WORK, Chosen(node="n0", peer="nobody")), Pick)


def test_a_peer_with_a_socket_to_kill_is_offered_first() -> None:
    first, *rest = node("n0").peers
    idle = replace(node("n0"), peers=(replace(first, sockets=0), *rest))
    seen = seen_after([Latest(snapshot(13.0, nodes=(idle, node("n1"), node("n2"))))], WORK)
    match plan("kill_socket", seen, Chosen("n0")):
        case Pick(choices=((first_text, ResetConnection(link=Link("n0", "n2"))), (last_text, _))):
            assert "2 sockets open" in first_text
            assert "no socket open" in last_text
        case other:
            pytest.fail(f"{other}")


def test_suspending_a_suspended_node_lets_it_go_on() -> None:
    assert plan("pause_node", SIM, Chosen("n1")) == Act(PauseNode("n1"))
    assert plan("pause_node", paused("pause n1"), Chosen("n1")) == Act(Heal("op-7"))
    assert isinstance(plan("pause_node", paused("pause n0+n1"), Chosen("n1")), Cannot)


def test_what_a_world_cannot_do_is_told_with_its_reason() -> None:
    match plan("pause_node", WORK, Chosen("n1")), plan("power_cut", WORK, Chosen("n1")):
        case Cannot(one), Cannot(other):
            assert "share one process" in one
            assert "real disk" in other
        case both:
            pytest.fail(f"{both}")


def test_a_checkpoint_is_made_at_the_chosen_node() -> None:
    match plan("checkpoint", WORK, Chosen("n2")):
        case Act(Put(key=key, node="n2")):
            assert "n2" in key
        case other:
            pytest.fail(f"{other}")


def test_the_fault_that_is_chosen_is_the_one_that_is_mended() -> None:
    assert plan("heal_one", TROUBLE, Chosen(fault="op-3")) == Act(Heal("op-3"))
    assert isinstance(plan("heal_one", TROUBLE, Chosen(fault="forgotten")), Pick)


def test_undo_passes_over_what_is_over() -> None:
    assert plan_undo(TROUBLE, ["op-2", "op-3", "gone"]) == Act(Heal("op-3"))
    assert plan_undo(TROUBLE, ["op-2"]) == Act(Heal("op-2"))
    assert isinstance(plan_undo(TROUBLE, ["op-1"]), Cannot)  # sockets that were reset stay so
    assert isinstance(plan_undo(TROUBLE, []), Cannot)


@pytest.mark.parametrize(
    ("action", "asks"),
    [
        (KillNode("n1"), True),
        (StopNode("n1"), True),
        (PowerCut("n1"), True),
        (WipeNode("n2"), True),
        (RotBit("n1"), True),
        (RestartNode("n1"), True),
        (RestartNode("n2"), False),  # which is down
        (RestartNode("n1+n2"), True),
        (CutLink(Link("n0", "n1")), False),
        (DiskFull("n1"), False),
        (Heal(), False),
        (Broadcast("w", TENSOR, "n0"), False),
    ],
)
def test_only_what_loses_work_is_asked_about(action: Action, asks: bool) -> None:
    assert loses_work(TROUBLE, action) == asks
    seen = seen_after([Hello("sim", "first-look", 7, "inject")], TROUBLE)
    assert isinstance(plan_action(seen, action), Ask if asks else Act)


@pytest.mark.parametrize(
    ("role", "granted"),
    [
        ("view", []),
        ("operate", [Broadcast("w", TENSOR, "n0"), VerifyCheckpoint("n0"), Heal(), RestartNode("n2")]),
        ("inject", [Broadcast("w", TENSOR, "n0"), VerifyCheckpoint("n0"), Heal(), RestartNode("n2"), KillNode("n1")]),
    ],
)
def test_an_action_that_is_written_needs_its_role_as_its_key_does(role: Role, granted: list[Action]) -> None:
    seen = seen_after([Hello("sim", "first-look", 7, role)], TROUBLE)
    tried: list[Action] = [Broadcast("w", TENSOR, "n0"), VerifyCheckpoint("n0"), Heal(), RestartNode("n2"), KillNode("n1")]
    assert [action for action in tried if not isinstance(plan_action(seen, action), Cannot)] == granted


def test_the_blast_radius_names_what_is_lost() -> None:
    assert any("4 sockets close" in line for line in radius(WORK, KillNode("n0")))
    assert any("its disk is emptied" in line.lower() for line in radius(WORK, WipeNode("n0")))
    assert any("n1: " in line for line in radius(WORK, KillNode("n0+n1")))
    assert radius(WORK, ResetConnection(Link("n0", "n1")))[0].startswith("4 open sockets between n0 and n1")
    assert any("Nothing passes" in line for line in radius(WORK, BlackholeLink(Link("n0", "any"))))
    assert radius(TROUBLE, Heal()) == ("2 faults in effect end.",)


@pytest.mark.parametrize(
    ("seen", "action", "told"),
    [
        (WORK, KillNode("n1"), "It would kill n1."),
        (WORK, KillNode("n1"), "It would last until it is healed"),
        (WORK, KillNode("n9"), "It would be refused: node.kill"),
        (WORK, PowerCut("n1"), "It would be refused: world tcp cannot"),
        (TROUBLE, KillNode("n2"), "n2 is down already."),
    ],
)
def test_a_dry_run_says_what_would_happen_and_what_would_be_refused(seen: Seen, action: Action, told: str) -> None:
    lines = dry_run(seen, action)
    assert any(told in line for line in lines)
    assert all("\n" not in line for line in lines)


def test_nothing_is_planned_before_there_is_a_cluster() -> None:
    assert isinstance(plan_action(seen_after([HELLO]), Heal()), Cannot)
    assert isinstance(plan_undo(Seen(), ["op-1"]), Cannot)
