"""The form that breaks something: every kind, read as scenario files are, armed first and fired then."""

from collections.abc import Mapping

import pytest

from console_samples import AT_WORK, HELLO, NAMES, seen_after
from console_watch import Console, watch
from dairt.errors import UsageError
from dairt.model.action import (
    CutLink,
    DegradeLink,
    KillNode,
    Link,
    PowerCut,
    ResetConnection,
    RotBit,
    SlowNode,
    why_not,
)
from dairt.model.action_toml import FAULTS, check_action
from dairt_console.chosen import Chosen
from dairt_console.command_line import Take, read
from dairt_console.draw.scenario_line import command_of
from dairt_console.plan_kinds import Ask, Cannot
from dairt_console.plans_inject import ONE, ONE_WAY, OTHER, fields_of, first_kind, kind_rows, plan_inject, read_form

ON_LINK = Chosen(node="n0", peer="n1")


def begun(kind: str, chosen: Chosen = ON_LINK, written: Mapping[str, str] | None = None) -> dict[str, str]:
    """A form as it stands at the beginning, and what was written then."""
    return {field.key: field.begin for field in fields_of(kind, chosen, NAMES)} | dict(written or {})


@pytest.mark.parametrize("kind", list(FAULTS))
def test_every_kind_begins_as_an_action_that_a_scenario_and_the_command_line_can_say(kind: str) -> None:
    action = read_form(kind, begun(kind), NAMES)
    check_action(action, NAMES)
    assert read(command_of(action), NAMES) == Take(action)


@pytest.mark.parametrize("world", ["sim", "tcp", "proc"])
def test_all_kinds_are_shown_and_those_the_world_cannot_do_say_why(world: str) -> None:
    rows = kind_rows(world)
    assert sorted(row.key for row in rows) == sorted(FAULTS)
    assert all(row.does for row in rows)
    assert [row.why_not for row in rows] == [why_not(read_form(row.key, begun(row.key), NAMES), world) for row in rows]
    assert [bool(row.why_not) for row in rows] == sorted(bool(row.why_not) for row in rows)


def test_the_form_begins_with_what_is_chosen() -> None:
    assert [first_kind(chosen) for chosen in (ON_LINK, Chosen(node="n1"), Chosen(key="w"))] == [
        "conn.reset", "node.kill", "disk.bitflip",
    ]  # fmt: skip
    assert read_form("conn.reset", begun("conn.reset"), NAMES) == ResetConnection(Link("n0", "n1"))
    assert read_form("link.cut", begun("link.cut", Chosen(node="n2")), NAMES) == CutLink(Link("n2", "any"))
    assert read_form("node.kill", begun("node.kill", Chosen()), NAMES) == KillNode("n0")
    rot = read_form("disk.bitflip", begun("disk.bitflip", Chosen(node="n1", key="w/1")), NAMES)
    assert rot == RotBit("n1", "checkpoints/w%2F1.chk")


def test_fields_are_read_with_their_units_and_sides() -> None:
    texts = begun("link.degrade", ON_LINK, {ONE: "n0, n1", OTHER: "n2", ONE_WAY: "yes", "latency": "1s", "bandwidth": "8MiB/s"})
    assert read_form("link.degrade", texts, NAMES) == DegradeLink(Link("n0+n1", "n2", one_way=True), 1.0, 0.0, 8 * 2.0**20)
    assert read_form("node.slow", begun("node.slow", ON_LINK, {"node": "n0+n1", "factor": "3"}), NAMES) == SlowNode("n0+n1", 3)
    assert read_form("node.power_cut", begun("node.power_cut", ON_LINK, {"unsynced": "torn"}), NAMES) == PowerCut("n0", "torn")


@pytest.mark.parametrize(
    ("kind", "written", "why"),
    [
        ("node.kill", {"node": "n9"}, "node.kill: node cannot be 'n9'"),
        ("node.kill", {"node": ""}, "needs 'node'"),
        ("link.cut", {OTHER: "n0"}, "must link two different nodes"),
        ("link.cut", {OTHER: ""}, "must be two nodes"),
        ("link.cut", {ONE_WAY: "perhaps"}, "one way is yes or no, not 'perhaps'"),
        ("link.degrade", {"latency": "60"}, "must be a time with its unit"),
        ("link.degrade", {"latency": "0s"}, "needs a latency, a jitter or a bandwidth"),
        ("node.slow", {"factor": "many"}, "must be a whole number, not 'many'"),
        ("disk.error", {"calls": "all"}, "cannot be 'all'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(kind: str, written: dict[str, str], why: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_form(kind, begun(kind, ON_LINK, written), NAMES)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_everything_is_asked_before_it_is_fired_and_what_cannot_be_says_why() -> None:
    seen = seen_after(AT_WORK)
    asked = plan_inject(seen, CutLink(Link("n0", "n1")))
    assert isinstance(asked, Ask)
    assert asked.question == "Cut n0↔n1?"
    assert asked.lines[0] == "4 open sockets between n0 and n1, as both ends count them."
    refused = plan_inject(seen, PowerCut("n0"))
    assert isinstance(refused, Cannot)
    assert "world tcp cannot" in refused.reason


def test_it_is_armed_by_one_key_and_fired_by_the_next() -> None:
    async def script(console: Console) -> None:
        await console.press("down", "i")
        assert "Break something" in console.text
        assert "▸ node.kill" in console.text
        assert "It would kill n1." in console.text
        assert ":node.kill n1" in console.text
        await console.press("enter")
        assert "Kill n1?" in console.text
        assert console.sent == []
        await console.press("enter")
        assert console.sent == [KillNode("n1")]
        assert "Break something" not in console.text

    watch(script)


def test_a_kind_is_picked_its_fields_are_written_and_a_wrong_one_says_why() -> None:
    async def script(console: Console) -> None:
        await console.press("i", "g", *["down"] * 8)
        assert "▸ link.degrade" in console.text
        await console.press("tab", "tab", *["backspace"] * 3, "n", "9")
        assert "✕ link.degrade: link must be two nodes" in console.text
        await console.press("enter")
        assert console.sent == []
        await console.press("backspace", "2", "down", "down", *["backspace"] * 4, *"2s")
        assert ":link.degrade n0 n2 latency=2s" in console.text
        await console.press("enter", "enter")
        assert console.sent == [DegradeLink(Link("n0", "n2"), 2.0)]

    watch(script)


def test_a_dry_run_and_leaving_do_nothing_and_the_line_is_copied() -> None:
    async def script(console: Console) -> None:
        await console.press("i", "y")
        assert console.app.clipboard == 'do = "node.kill", at = "12.30s", node = "n0"'
        await console.press("D")
        assert "It would kill n0." in console.text
        await console.press("escape", "escape")
        assert "Break something" not in console.text
        assert console.sent == []

    watch(script)


def test_what_the_world_cannot_do_is_never_armed() -> None:
    async def script(console: Console) -> None:
        await console.press("i", "G")
        assert "not in this world" in console.text
        assert "It would be refused: world tcp cannot" in console.text
        await console.press("enter")
        assert "Are you sure?" not in console.text
        assert console.sent == []

    watch(script)


def test_who_may_not_break_anything_gets_no_form() -> None:
    async def script(console: Console) -> None:
        await console.press("i")
        assert "needs the role inject" in console.status

    operator = type(HELLO)(HELLO.world, HELLO.scenario, HELLO.seed, "operate")
    watch(script, (operator, *AT_WORK[1:]))


def test_the_form_has_room_in_a_small_terminal() -> None:
    async def script(console: Console) -> None:
        await console.press("i")
        assert "▸ node.kill" in console.text
        assert "It would kill n0." in console.text

    watch(script, size=(60, 16))
