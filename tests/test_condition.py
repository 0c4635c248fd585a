"""Conditions: what they mean, what is wrong with those that mean nothing, and that no text ever runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dairt.model.condition import parse_condition
from dairt.model.gauges import GAUGES, check_name

VALUES = {"nodes.up": 3.0, "queue.n1.io": 8.0, "time": 2.5, "zero": 0.0}


def holds(text: str) -> bool:
    return parse_condition(text).holds(VALUES.__getitem__)


@pytest.mark.parametrize(
    ("text", "is_so"),
    [
        ("nodes.up < 3", False),
        ("nodes.up <= 3", True),
        ("nodes.up == 3", True),
        ("nodes.up != 3", False),
        ("2 < nodes.up", True),
        ("nodes.up > time", True),
        ("time >= 2.5 and queue.n1.io >= 8", True),
        ("zero > 0 or time > 2", True),
        ("zero > 0 or time > 2 and nodes.up > 3", False),
        ("(zero == 0 or time > 3) and nodes.up == 3", True),
        ("not zero > 0", True),
        ("not not zero > 0", False),
        ("not (zero == 0 and time < 3)", False),
        ("  zero==0  ", True),
    ],
)
def test_a_condition_means_what_it_says(text: str, is_so: bool) -> None:
    assert holds(text) is is_so


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "ends too early"),
        ("time", "must compare time with something"),
        ("time <", "ends too early"),
        ("time < < 3", "has '<' where a name or a number is needed"),
        ("time < 3 and", "ends too early"),
        ("time < 3 time > 4", "goes on with 'time'"),
        ("1 < time < 3", "goes on with '<'"),
        ("(time < 3", "needs a \\) at its end"),
        ("(time < 3 and time > 1 time", "needs a \\) before 'time'"),
        ("time < 3)", "goes on with '\\)'"),
        ("time & 3", "has '&', which is no name"),
        ("__import__('os')", "which is no name, number or comparison"),
        ("not", "ends too early"),
        ("not " * 40 + "time < 1", "is more than 32 levels deep"),
    ],
)
def test_what_means_nothing_is_refused_with_the_reason(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_condition(text)


def test_the_names_of_a_condition_are_all_there() -> None:
    assert list(parse_condition("a < 1 and not (b > c or 2 < d)").names()) == ["a", "b", "c", "d"]


@given(st.text(alphabet="ab.1<>=!() andornot", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        condition = parse_condition(text)
    except ValueError:
        return
    assert condition.holds(lambda name: 1.0) in (True, False)


@pytest.mark.parametrize("pattern", GAUGES)
def test_every_gauge_can_be_asked_for(pattern: str) -> None:
    name = pattern.replace("<node>", "n.1").replace("<lane>", "io").replace("<event>", "chunk_sent")
    assert check_name(name, ["n0", "n.1"]) == ""


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("node.up", "did you mean 'nodes.up'?"),
        ("queue.n9.io", "did you mean 'queue.n0.io'?"),
        ("events.chunk_snt", "did you mean 'events.chunk_sent'?"),
        ("queue.n0", "which nobody counts"),
    ],
)
def test_a_gauge_that_nobody_counts_is_refused(name: str, told: str) -> None:
    assert told in check_name(name, ["n0"])
