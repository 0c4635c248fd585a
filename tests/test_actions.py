"""The vocabulary of trouble: every kind is read, written, explained and placed in the worlds that can do it."""

import tomllib
from typing import get_args

import msgspec
import pytest

from dairt.errors import UsageError
from dairt.model.action import (
    LIMITS,
    Action,
    DegradeLink,
    DiskError,
    FaultAction,
    FsyncError,
    Link,
    PauseNode,
    PowerCut,
    ResetConnection,
    SkewClock,
    SlowNode,
    kind_of,
    nodes_of,
    why_not,
    worlds_of,
)
from dairt.model.action_toml import FAULTS, bytes_text, keys_of, seconds_text
from dairt.model.toml_table import Table
from dairt_console.draw.scenario_line import scenario_line

NODES = ("n0", "n1", "n2")
KINDS: tuple[type[msgspec.Struct], ...] = get_args(FaultAction)


def example(kind: type[msgspec.Struct]) -> FaultAction:
    """An action with a value of its own in every field."""
    values: dict[str, object] = {
        "link": Link("n0+n1", "n2", one_way=True), "node": "n0+n2", "linger_s": 0.25, "after_bytes": 3 * 2**10,
        "after_s": 1 / 3, "latency_s": 0.06, "jitter_s": 1e-6, "bandwidth": 2.5 * 2**20, "frames": 3, "unsynced": "lose",
        "factor": 4, "ahead_s": 3600.0, "behind_s": 0.0, "calls": "sync", "times": 2, "file": "checkpoints/",
    }  # fmt: skip
    return kind(**{name: values[name] for name in kind.__struct_fields__})  # type: ignore[return-value]  # all are faults


def read(action: FaultAction) -> Action:
    """What a scenario file makes of its line."""
    values = tomllib.loads(f"entry = {{ {scenario_line(action, 1)} }}")["entry"]
    assert (values.pop("do"), values.pop("at")) == (kind_of(action), "1.00s")
    assert values == keys_of(action)
    table = Table(values, "a fault", lambda *keys: "x.toml:1")
    made = FAULTS[kind_of(action)](table, NODES)
    table.finish()
    return made


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__struct_config__.tag)
def test_every_kind_is_read_as_it_was_written(kind: type[msgspec.Struct]) -> None:
    action = example(kind)
    assert read(action) == action
    assert msgspec.json.decode(msgspec.json.encode(action), type=FaultAction) == action


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__struct_config__.tag)
def test_every_kind_says_in_one_line_whom_it_befalls(kind: type[msgspec.Struct]) -> None:
    action = example(kind)
    assert "\n" not in str(action)
    assert all(name in str(action) for name in nodes_of(action))
    assert kind.__doc__
    assert isinstance(action.lasts, bool)


def test_a_limit_of_the_worlds_is_told_in_half_a_sentence() -> None:
    assert why_not(PowerCut("n0"), "sim") == ""
    assert why_not(ResetConnection(Link("a", "b")), "proc") == ""
    assert "real disk" in why_not(PowerCut("n0"), "tcp")
    assert why_not(PauseNode("n0"), "proc") == ""
    assert "share one process" in why_not(PauseNode("n0"), "tcp")
    assert all(set(worlds_of(kind)) < {"sim", "tcp", "proc"} for kind in LIMITS)


@pytest.mark.parametrize(
    ("kind", "keys", "told"),
    [
        ("link.degrade", {"link": ["n0", "n1"]}, "needs a latency, a jitter or a bandwidth"),
        ("disk.slow", {"node": "n0"}, "needs a latency or a bandwidth"),
        ("node.clock", {"node": "n0", "ahead": "1s", "behind": "1s"}, "needs either ahead or behind"),
        ("node.slow", {"node": "n0", "factor": 1}, "needs a factor of at least 2"),
        ("node.kill", {"node": ["n0", "n9"]}, "not ['n0', 'n9']"),
        ("link.cut", {"link": [["n0", "n1"], "n1"]}, "must link two different nodes, not 'n1' with itself"),
        ("disk.error", {"node": "n0", "calls": "raed"}, "did you mean 'read'"),
        ("node.power_cut", {"node": "n0", "unsynced": ""}, "cannot be ''"),
        ("conn.cut_after", {"link": ["n0", "n1"]}, "needs 'after'"),
    ],
)
def test_what_makes_no_sense_together_is_one_sentence(kind: str, keys: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        FAULTS[kind](Table(keys, "fault 'f'", lambda *_: "x.toml:1"), NODES)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_time_is_written_as_times_of_0() -> None:
    for action in (FsyncError("n0", 0), DiskError("n0")):
        assert read(action) == action


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 0.1, 0.25, 1 / 3, 0.3 - 0.1, 12.5, 86400.0, 1e7])
def test_a_time_reads_back_as_the_very_same_number(seconds: float) -> None:
    table = Table({"t": seconds_text(seconds)}, "a table", lambda *_: "x.toml:1")
    assert table.seconds("t") == seconds


@pytest.mark.parametrize("nbytes", [0.0, 1.0, 1023.0, 2.0**20, 2.5 * 2**20, 1 / 3])
def test_a_size_reads_back_as_the_very_same_number(nbytes: float) -> None:
    table = Table({"b": bytes_text(nbytes)}, "a table", lambda *_: "x.toml:1")
    assert table.size("b") == nbytes


def test_a_side_of_a_link_may_be_several_nodes() -> None:
    link = Link("n0+n1", "any")
    assert link.covers("n1", "n2")
    assert link.covers("n2", "n0")
    assert not link.covers("n2", "n3")
    assert nodes_of(DegradeLink(link)) == ("n0", "n1")
    assert nodes_of(SkewClock("n2", 1.0)) == ("n2",)
    assert str(SlowNode("n0", 3)) == "slow n0 down 3 times"
