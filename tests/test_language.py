"""The grammar of trouble: when, who, how long, what follows, what is allowed, and what the simulated world is made of."""

import re
from pathlib import Path

import pytest

from dairt.errors import UsageError
from dairt.model.action import CutLink, KillNode, Link, PauseNode, PowerCut
from dairt.model.fault_toml import WHEN
from dairt.model.gauges import GAUGES
from dairt.model.scenario import (
    COUNTS,
    EXPECT_KINDS,
    STATES,
    STATISTICS,
    After,
    At,
    Between,
    Bound,
    Budget,
    DiskModel,
    Every,
    Expectation,
    Fault,
    Fixed,
    LinkModel,
    On,
    Pick,
    Scenario,
    Seeds,
    Uniform,
    When,
    parse_seeds,
)
from dairt.model.scenario_toml import parse_scenario

HEAD = """schema = "dairt.scenario/1"
name = "test"
[cluster]
nodes = ["a", "b", "c", "d"]
zones = { left = ["a", "b"], right = ["c"] }
[time]
trouble_until = "10s"
settle = "5s"
"""
KILL = '[[fault]]\nid = "f"\nkind = "node.kill"\n'
CUT = '[[fault]]\nid = "f"\nkind = "link.cut"\nat = "1s"\n'


def read(text: str) -> Scenario:
    return parse_scenario(HEAD + text, "x.toml")


def fault(text: str) -> Fault:
    [read_fault] = read(text).faults
    return read_fault


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ('at = "2s"', At(2.0)),
        ('at = { between = ["2s", "3s"] }', At(Between(2.0, 3.0))),
        ('every = { mean = "3s", max_times = 2 }\nfor = "1s"', Every(3.0, 2)),
        ('on = { event = "node_booted", node = "b", nth = 2 }', On("node_booted", "b", (), 2)),
        ('on = { event = "node_booted", node = "zone:left" }', On("node_booted", "a+b")),
        ('on = { event = "node_booted", node = "random" }', On("node_booted", pick=Pick("random"))),
        ('when = "nodes.up < 3"', When("nodes.up < 3")),
        ('follows = "f2"', After("f2")),
    ],
)
def test_every_trigger_is_read(when: str, expected: object) -> None:
    other = '[[fault]]\nid = "f2"\nkind = "node.kill"\nnode = "d"\nat = "1s"\n'
    assert read(f'{KILL}node = "a"\n{when}\n{other}').faults[0].when == expected


def test_times_may_be_drawn_between_two() -> None:
    told = fault(f'{KILL}node = "a"\nat = "1s"\ndelay = {{ between = ["10ms", "20ms"] }}\nfor = {{ between = ["1s", "4s"] }}\n')
    assert (told.delay_s, told.for_s) == (Between(0.01, 0.02), Between(1.0, 4.0))
    assert str(told) == "kill a for 1 to 4 s, at 1 s, 0.01 to 0.02 s later"


@pytest.mark.parametrize(
    ("who", "node", "pick"),
    [
        ('"b"', "b", None),
        ('["a", "c"]', "a+c", None),
        ('"zone:left"', "a+b", None),
        ('["zone:right", "a"]', "c+a", None),
        ('"all"', "a+b+c+d", None),
        ('"minority"', "a minority of the nodes", Pick("minority")),
        ('"role:coordinator"', "role:coordinator", Pick("all", ("role:coordinator",))),
        (
            '{ pick = "one", zone = "left", not_in = ["down", "a"] }',
            "one of zone:left not down or a",
            Pick("one", ("zone:left",), ("down", "a")),
        ),
    ],
)
def test_every_selector_of_nodes_is_read(who: str, node: str, pick: Pick | None) -> None:
    told = fault(f'{KILL}node = {who}\nat = "1s"\n')
    assert told.action == KillNode(node)
    assert told.picks == (() if pick is None else ((node, pick),))


@pytest.mark.parametrize(
    ("ends", "link", "picks"),
    [
        ('link = ["zone:left", "c"]', Link("a+b", "c"), ()),
        ('link = [["a", "b"], "any"]', Link("a+b", "any"), ()),
        ('from = "zone:right"\nto = "any"', Link("c", "any", one_way=True), ()),
        (
            'from = "one"\nto = "one"',
            Link("one of the nodes", "other one of the nodes", one_way=True),
            (("one of the nodes", Pick("one")), ("other one of the nodes", Pick("one"))),
        ),
        (
            'link = ["minority", "majority"]',
            Link("a minority of the nodes", "a majority of the nodes"),
            (("a minority of the nodes", Pick("minority")), ("a majority of the nodes", Pick("majority"))),
        ),
        (
            'link = ["one", "one"]',
            Link("one of the nodes", "other one of the nodes"),
            (("one of the nodes", Pick("one")), ("other one of the nodes", Pick("one"))),
        ),
    ],
)
def test_every_selector_of_links_is_read(ends: str, link: Link, picks: object) -> None:
    told = fault(CUT + ends + "\n")
    assert told.action == CutLink(link)
    assert told.picks == picks


def test_who_is_not_named_is_the_node_of_the_event() -> None:
    told = fault('[[fault]]\nid = "f"\non = { event = "checkpoint_sync_begun", nth = 2 }\nkind = "node.power_cut"\n')
    assert told.action == PowerCut("the event's node")
    assert told.picks == (("the event's node", Pick("event")),)


@pytest.mark.parametrize(
    "node", ['"event"', '"role:coordinator"', '{ pick = "one", not_in = ["down"] }', '{ pick = "all", role = "coordinator" }']
)
def test_whose_event_it_is_must_be_known_before_anything_happens(node: str) -> None:
    with pytest.raises(UsageError, match="it is picked before anything happens; name nodes or a zone"):
        fault(f'{KILL}node = "a"\non = {{ event = "node_booted", node = {node} }}\n')


def test_what_follows_is_a_fault_of_its_own() -> None:
    first, second, third = read(
        f'{KILL}node = "a"\nat = "1s"\nfor = "2s"\n'
        'then = { kind = "node.pause", node = { pick = "one" }, delay = "500ms", for = "1s",'
        ' then = { id = "last", kind = "link.cut", link = ["a", "b"] } }\n'
    ).faults
    assert (first.id, first.for_s) == ("f", 2.0)
    assert second == Fault(
        "f.then",
        PauseNode("one of the nodes"),
        After("f"),
        1.0,
        place=second.place,
        delay_s=0.5,
        picks=(("one of the nodes", Pick("one")),),
    )
    assert (third.id, third.when, third.action) == ("last", After("f.then"), CutLink(Link("a", "b")))


@pytest.mark.parametrize("kind", ["node.kill", "node.stop", "node.power_cut", "node.wipe"])
def test_whatever_takes_a_node_down_can_be_restarted_after_a_drawn_time(kind: str) -> None:
    text = f'{KILL}node = "a"\nat = "1s"\nthen = {{ restart_after = {{ between = ["1s", "2s"] }} }}\n'
    told = fault(text.replace("node.kill", kind))
    assert told.for_s == Between(1.0, 2.0)


def test_the_world_and_the_bounds_of_a_story_are_read() -> None:
    story = read(
        """
[network.default]
latency = { dist = "fixed", value = "1ms" }
mtu = "8KiB"
datagram_loss = 0.25
[[network.link]]
from = "zone:left"
to = "zone:right"
latency = { dist = "uniform", min = "20ms", max = "35ms" }
[[network.link]]
link = ["a", "any"]
bandwidth = "1MiB/s"
[disk.default]
fsync = { p50 = "2ms", p99 = "40ms" }
unsynced_on_crash = "lose"
[budget]
max_down = 1
max_active = 3
"""
    )
    assert (story.network.latency, story.network.mtu, story.network.datagram_loss) == (Fixed(0.001), 8192, 0.25)
    assert story.network.links == (
        LinkModel("zone:left", "zone:right", True, Uniform(0.02, 0.035), None),
        LinkModel("a", "any", False, None, 2.0**20),
    )
    assert story.disk == DiskModel(0.002, 0.04, "lose")
    assert story.budget == Budget(1, 3)
    assert story.zones == {"left": ("a", "b"), "right": ("c",)}
    assert [story.members_of(word) for word in ("a", "zone:left", "any")] == [("a",), ("a", "b"), story.nodes]


def test_seeds_are_ranges_with_names() -> None:
    story = parse_scenario(f'seeds = {{ ci = "0..24", one = "7" }}\n{HEAD}', "x.toml")
    assert story.seeds == {"ci": Seeds(0, 24), "one": Seeds(7, 7)}
    assert list(Seeds(3, 5).range) == [3, 4, 5]
    assert [parse_seeds(text) for text in ("5..3", "x", "1..", "")] == [None] * 4


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ('sometimes = "chunk_sent"\nwhere = { peer = "b" }', ("chunk_sent", "sometimes", (("peer", "b"),), ())),
        ('sometimes = "live_nodes_agree"', ("live_nodes_agree", "sometimes", (), ())),
        (
            'metric = "detect_seconds"\np99 = { max = "2500ms" }\nmin = { min = "1ms", max = "1s" }',
            ("detect_seconds", "metric", (), (Bound("min", 0.001, 1.0), Bound("p99", None, 2.5))),
        ),
        ('metric = "resent_bytes"\nmax = { max = "1MiB" }', ("resent_bytes", "metric", (), (Bound("max", None, 2.0**20),))),
        ('metric = "wasted_ops"\np50 = { max = 3 }', ("wasted_ops", "metric", (), (Bound("p50", None, 3),))),
    ],
)
def test_every_new_expectation_is_read(entry: str, expected: tuple[object, ...]) -> None:
    [told] = read(f"[[expect]]\n{entry}\n").expectations
    assert isinstance(told, Expectation)
    assert (told.promise, told.kind, told.where, told.bounds) == expected


def test_a_table_is_found_under_its_own_heading() -> None:
    text = '[[network.link]]\nfrom = "a"\nbandwidth = "1MiB/s"\n\n[network.default]\nmtu = {}\n[[network.link]]\nfrom = "z"\n'
    with pytest.raises(UsageError, match=re.escape("x.toml:16: link number 2: from cannot be 'z'")):
        read(text.replace("{}", '"5KiB"'))
    with pytest.raises(UsageError, match=re.escape("x.toml:14: [network]: default: mtu must be a size")):
        read(text.replace("{}", "5"))


DESIGN = Path(__file__).parent / "golden" / "design.toml"


def test_the_story_of_the_design_is_one() -> None:
    story = parse_scenario(DESIGN.read_text("utf-8"), "design.toml")
    assert [told.id for told in story.faults] == ["cut-mid-frame", "deaf-one-way", "power-cut", "pause"]
    assert story.faults[2].when == On("checkpoint_sync_begun", nth=2, pick=Pick("random"))
    assert story.faults[2].for_s == Between(1.0, 5.0)
    assert story.faults[3].picks == (("one of the nodes not down", Pick("one", (), ("down",))),)
    assert [expectation.kind for expectation in story.expectations] == [
        "always", "eventually", "finally", "metric", "sometimes", "finally",
    ]  # fmt: skip


MANUAL = (Path(__file__).parent.parent / "docs" / "scenarios.md").read_text("utf-8")


@pytest.mark.parametrize("word", [*GAUGES, *WHEN, *EXPECT_KINDS, *COUNTS, *STATES, *STATISTICS])
def test_the_manual_tells_of_every_word(word: str) -> None:
    assert re.search(rf"[`\"]{re.escape(word)}[`\"]", MANUAL)
