"""A story of trouble: the cluster, the work, the trouble, and what must hold. Values only; TOML in `scenario_toml`."""

from dairt.model.scenario.expect import EXPECT_KINDS, STATISTICS, Bound, Expectation, ExpectKind, Statistic
from dairt.model.scenario.models import DiskModel, Fixed, Latency, LinkModel, LogNormal, NetworkModel, Uniform
from dairt.model.scenario.spans import Between, Seeds, Span, draw_s, earliest_s, parse_seeds, span_text
from dairt.model.scenario.story import WORLDS, Budget, Do, Fault, Scenario, Timing, Work, World
from dairt.model.scenario.when import After, At, Every, On, Trigger, When
from dairt.model.scenario.who import COUNTS, STATES, HowMany, Pick

SCHEMA = "dairt.scenario/1"
TICK_S = 0.01  # the timeline acts on multiples of it, so that an operator's session can be written down and replayed

__all__ = [
    "COUNTS",
    "EXPECT_KINDS",
    "SCHEMA",
    "STATES",
    "STATISTICS",
    "TICK_S",
    "WORLDS",
    "After",
    "At",
    "Between",
    "Bound",
    "Budget",
    "DiskModel",
    "Do",
    "Every",
    "ExpectKind",
    "Expectation",
    "Fault",
    "Fixed",
    "HowMany",
    "Latency",
    "LinkModel",
    "LogNormal",
    "NetworkModel",
    "On",
    "Pick",
    "Scenario",
    "Seeds",
    "Span",
    "Statistic",
    "Timing",
    "Trigger",
    "Uniform",
    "When",
    "Work",
    "World",
    "draw_s",
    "earliest_s",
    "parse_seeds",
    "span_text",
]
