"""Scenario files: what they say is what is played, and every mistake is one sentence that names its place."""

import re

import pytest

from dairt.errors import UsageError
from dairt.model.action import (
    Broadcast,
    CutLink,
    DegradeLink,
    Heal,
    KillNode,
    Link,
    Put,
    ResetConnection,
    RestartNode,
    RunGraph,
)
from dairt.model.action_toml import DO, FAULTS, WORK
from dairt.model.address import Address
from dairt.model.config import Limits
from dairt.model.scenario import At, Every, Expectation, Fixed, LogNormal, NetworkModel, On, Scenario, Timing, Uniform
from dairt.model.scenario_toml import parse_scenario
from dairt.model.toml_table import suggestion

HEAD = """schema = "dairt.scenario/1"
name = "test"
[cluster]
nodes = ["a", "b", "c"]
"""
TIMED = (
    HEAD
    + """[time]
trouble_until = "10s"
settle = "5s"
"""
)


def read(text: str) -> Scenario:
    return parse_scenario(text, "x.toml")


def sentence(text: str) -> str:
    """What a user is told; one line, and it names the file."""
    with pytest.raises(UsageError) as caught:
        read(text)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("x.toml")
    return str(caught.value)


def test_a_whole_story_is_read() -> None:
    story = read(
        """
schema  = "dairt.scenario/1"
name    = "whole"
summary = "All there is."
tags    = ["ci"]
worlds  = ["sim", "tcp"]
[time]
trouble_until = "2min"
settle        = "500ms"
wall_limit    = "1h"
[cluster]
nodes  = { prefix = "m", count = 2 }
config = { probe_every = "250ms", checkpoint = "never", limits = { payload_max = "64KiB", stall = "2s" } }
[network.default]
latency   = { dist = "uniform", min = "1ms", max = "3ms" }
bandwidth = "200MiB/s"
[[work]]
id = "w"
kind = "broadcast"
from = "m0"
tensor = { dtype = "int8", shape = [2, 0, 3], fill = "ones" }
at = "1s"
every = "2s"
until = "20s"
copies = 4
[[fault]]
id = "f"
on = { event = "chunk_sent", node = "m0", where = { peer = "m1", offset_pct = 40 }, nth = 3 }
kind = "conn.reset"
link = ["m0", "m1"]
[[do]]
at = "1.23s"
do = "node.kill"
node = "m1"
id = "op-1"
[[do]]
at = "2s"
do = "heal"
fault = "op-1"
[[expect]]
eventually = "every_node_returns"
within = "400ms"
after = "heal"
"""
    )
    assert story.nodes == ("m0", "m1")
    assert story.time == Timing(120.0, 0.5, 3600.0)
    assert (story.worlds, story.tags, story.summary, story.source) == (("sim", "tcp"), ("ci",), "All there is.", "x.toml")
    assert story.network == NetworkModel(Uniform(0.001, 0.003), 200 * 2**20)
    [work] = story.work
    assert isinstance(work.action, Broadcast)
    assert (work.action.key, work.action.source, work.action.tensor.shape) == ("w", "m0", (2, 0, 3))
    assert (work.at_s, work.every_s, work.until_s, work.copies) == (1.0, 2.0, 20.0, 4)
    [fault] = story.faults
    assert fault.action == ResetConnection(Link("m0", "m1"))
    assert fault.when == On("chunk_sent", "m0", (("peer", "m1"), ("offset_pct", 40)), 3)
    assert [(do.at_s, do.action, do.id) for do in story.actions] == [(1.23, KillNode("m1"), "op-1"), (2.0, Heal("op-1"), "")]
    assert [(e.promise, e.kind, e.within_s) for e in story.expectations] == [("every_node_returns", "eventually", 0.4)]


def test_the_configuration_of_a_node_is_the_storys() -> None:
    story = read(
        HEAD + 'config = { suspect_after = "1s", io_workers = 5, limits = { payload_max = "64KiB", slowest = "2MiB/s" } }\n'
    )
    members = {name: Address(name, 1) for name in story.nodes}
    config = story.node_config("b", members)
    assert (config.name, config.address, config.members) == ("b", Address("b", 1), members)
    assert (config.suspect_after_s, config.io_workers) == (1.0, 5)
    assert config.limits == Limits(payload_max_bytes=65536, slowest_bytes_per_s=2.0 * 2**20)


@pytest.mark.parametrize(
    ("entry", "action"),
    [
        ('kind = "conn.reset"\nlink = ["a", "any"]', ResetConnection(Link("a", "any"))),
        ('kind = "link.cut"\nfrom = "a"\nto = "any"', CutLink(Link("a", "any", one_way=True))),
        (
            'kind = "link.degrade"\nlink = ["a", "b"]\nlatency = "60ms"\nbandwidth = "1KiB/s"',
            DegradeLink(Link("a", "b"), 0.06, 0, 1024.0),
        ),
        ('kind = "node.kill"\nnode = "b"', KillNode("b")),
        ('kind = "node.restart"\nnode = "b"', RestartNode("b")),
    ],
)
def test_every_kind_of_fault_is_read(entry: str, action: object) -> None:
    [fault] = read(f'{HEAD}[[fault]]\nid = "f"\nat = "1s"\n{entry}\n').faults
    assert (fault.action, fault.when, fault.for_s) == (action, At(1.0), None)


@pytest.mark.parametrize("kind", FAULTS)
def test_an_operator_can_do_what_a_fault_can(kind: str) -> None:
    assert DO[kind] is FAULTS[kind]


@pytest.mark.parametrize(
    ("entry", "action"),
    [
        ('kind = "graph"\ngraph = { layers = 2, width = 3, size = 8 }\nfrom = "b"', "run a layered graph from b"),
        ('kind = "graph"\ngraph = { onnx = "net.onnx" }', "run net.onnx from any node"),
        ('kind = "put"\nkey = "k"\nnode = "c"\ntensor = { shape = [] }', "put k  on c"),
        ('kind = "broadcast"\ntensor = { shape = [7] }', "broadcast w 7 from any node"),
    ],
)
def test_every_kind_of_work_is_read(entry: str, action: str) -> None:
    [work] = read(f'{HEAD}[[work]]\nid = "w"\n{entry}\n').work
    assert isinstance(work.action, Broadcast | Put | RunGraph)
    assert str(work.action) == action


def test_work_ends_with_the_trouble_unless_it_says_when() -> None:
    entry = '[[work]]\nid = "w"\nkind = "put"\ntensor = { shape = [1] }\nevery = "1s"\n'
    assert read(TIMED + entry).work[0].until_s == 10.0
    assert read(HEAD + entry).work[0].until_s is None


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ('at = "2s"\nfor = "1s"', (At(2.0), 1.0)),
        ('every = { mean = "3s", max_times = 2 }\nfor = "1s"', (Every(3.0, 2), 1.0)),
        ('on = { event = "node_booted" }\nthen = { restart_after = "2s" }', (On("node_booted"), 2.0)),
    ],
)
def test_every_way_to_say_when_is_read(when: str, expected: tuple[object, float]) -> None:
    [fault] = read(f'{HEAD}[[fault]]\nid = "f"\nkind = "node.kill"\nnode = "a"\n{when}\n').faults
    assert (fault.when, fault.for_s) == expected


@pytest.mark.parametrize(
    ("latency", "model"),
    [
        ('{ dist = "fixed", value = "1ms" }', Fixed(0.001)),
        ('{ dist = "lognormal", p50 = "2ms", p99 = "12ms", max = "80ms" }', LogNormal(0.002, 0.012, 0.08)),
    ],
)
def test_every_latency_is_read(latency: str, model: object) -> None:
    assert read(f"{HEAD}[network.default]\nlatency = {latency}\n").network.latency == model


def test_a_story_without_a_time_has_no_end() -> None:
    assert read(HEAD).time is None
    assert read(f'{HEAD}[[expect]]\nalways = "versions_only_rise"\n').expectations == (
        Expectation("versions_only_rise", "always", place="x.toml:5"),
    )


FAULT = '[[fault]]\nid = "f"\nkind = "node.kill"\nnode = "a"\n'
WORK_ENTRY = '[[work]]\nid = "w"\nkind = "put"\ntensor = { shape = [1] }\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name = 'x'\nschema = oops\n", r"x.toml:2: this is not TOML: Invalid value"),
        ('schema = "dairt.scenario/2"\n', r"x.toml:1: the scenario: schema must be 'dairt.scenario/1', not 'dairt.scenario/2'"),
        ("", r"the scenario needs 'schema'"),
        ('schema = "dairt.scenario/1"\n', r"needs a \[cluster\]"),
        (f"{HEAD}nodez = 3\n", r"x.toml:5: \[cluster\] has no key 'nodez'; did you mean 'nodes'\?"),
        (f"colour = 3\n{HEAD}", r"x.toml:1: the scenario has no key 'colour'"),
        (
            HEAD.replace('["a", "b", "c"]', '["a", "a"]'),
            r"x.toml:4: \[cluster\]: nodes must be at least one name, each only once",
        ),
        (HEAD.replace('["a", "b", "c"]', '["any"]'), r"nodes cannot have 'any'"),
        (HEAD.replace('["a", "b", "c"]', "{ count = 0 }"), r"count must be at least 1, not 0"),
        (HEAD.replace('["a", "b", "c"]', "{ count = 5000 }"), r"nodes may be 1000 at most"),
        (HEAD.replace('["a", "b", "c"]', "3"), r"nodes must be a table"),
        (
            f"{HEAD}config = {{ probe_every = 3 }}\n",
            r"x.toml:5: \[cluster\]: config: probe_every must be a time with its unit, .* not 3",
        ),
        (f'{HEAD}config = {{ probe_evry = "3s" }}\n', r"has no key 'probe_evry'; did you mean 'probe_every'\?"),
        (f'{HEAD}config = {{ name = "z" }}\n', r"has no key 'name'"),
        (
            f'{HEAD}config = {{ checkpoint = "sometimes" }}\n',
            r"checkpoint cannot be 'sometimes'; there is 'every-put', 'never'",
        ),
        (f'{HEAD}config = {{ limits = {{ stall = "2 parsecs" }} }}\n', r"stall must be a time"),
        (f'{HEAD}[network.default]\nbandwidth = "3MiB"\n', r"x.toml:6: \[network\]: default: bandwidth must be a rate"),
        (
            f'{HEAD}[network.default]\nlatency = {{ dist = "uniform", min = "3ms", max = "1ms" }}\n',
            r"min must not be above max",
        ),
        (f'{HEAD}[network.default]\nlatency = {{ dist = "poisson" }}\n', r"dist cannot be 'poisson'"),
        (f'{HEAD}[[network.link]]\nfrom = "a"\n', r"x.toml:5: link number 1 needs a latency or a bandwidth"),
        (f"{HEAD}[disk.default]\nsector = 4096\n", r"x.toml:6: \[disk\]: default has no key 'sector'"),
        (f"{HEAD}[budget]\n", r"x.toml:5: \[budget\] needs max_down or max_active"),
        (f"{HEAD}[work]\nid = 3\n", r"work must be written \[\[work\]\]"),
        (
            f'{HEAD}[[fault]]\nid = "f"\nkind = "node.kil"\n',
            r"x.toml:7: fault 'f': kind cannot be 'node.kil'; did you mean 'node.kill'\?",
        ),
        (f'{HEAD}[[fault]]\nid = "f"\nkind = "node.sleep"\n', r"kind cannot be 'node.sleep'"),
        (f"{HEAD}{FAULT}", r"x.toml:5: fault 'f' needs just one of at, every, on, when and follows, not none"),
        (f'{HEAD}{FAULT}at = "1s"\nevery = {{ mean = "1s", max_times = 1 }}\n', r"not at and every"),
        (f'{HEAD}{FAULT}at = "1s"\nnod = "a"\n', r"x.toml:10: fault 'f' has no key 'nod'; did you mean 'node'\?"),
        (f'{HEAD}{FAULT}at = {{ between = ["1s"] }}\n', r"x.toml:9: fault 'f': at: between must be two times"),
        (f'{HEAD}{FAULT}every = {{ mean = "1s", max_times = 1 }}\n', r"needs a for"),
        (f'{HEAD}{FAULT}on = {{ event = "chunk_snt" }}\n', r"event cannot be 'chunk_snt'; did you mean 'chunk_sent'\?"),
        (
            f'{HEAD}{FAULT}on = {{ event = "chunk_sent", where = {{ pear = "b" }} }}\n',
            r"has no such field; did you mean 'peer'\?",
        ),
        (f'{HEAD}{FAULT}on = {{ event = "chunk_sent", node = "d" }}\n', r"x.toml:9: fault 'f': on: node cannot be 'd'"),
        (f"{HEAD}[[fzult]]\nid = 'f'\n", r"x.toml:5: the scenario has no key 'fzult'; did you mean 'fault'\?"),
        (f'{TIMED}{FAULT}at = "11s"\n', r"at must be before trouble_until, 10 s"),
        (
            f'{HEAD}{FAULT}at = "1s"\nfor = "1s"\nthen = {{ restart_after = "1s" }}\n',
            r"then has restart_after only for what takes a node down, such as node.kill, and without for",
        ),
        (
            f'{HEAD}[[fault]]\nid = "f"\nkind = "conn.reset"\nlink = ["a", "b"]\nat = "1s"\nfor = "1s"\n',
            r"for makes no sense here",
        ),
        (f'{HEAD}[[fault]]\nid = "f"\nkind = "conn.reset"\nlink = ["a", "a"]\nat = "1s"\n', r"must link two different nodes"),
        (
            f'{HEAD}[[fault]]\nid = "f"\nkind = "conn.reset"\nlink = ["a", "x"]\nat = "1s"\n',
            r"link must be two nodes, not \['a', 'x'\]",
        ),
        (
            f'{HEAD}[[fault]]\nid = "f"\nkind = "link.cut"\nat = "1s"\n',
            r'needs link = \["A", "B"\] for both ways, or from and to',
        ),
        (
            f'{HEAD}[[fault]]\nid = "f"\nkind = "link.degrade"\nlink = ["a", "b"]\nat = "1s"\n',
            r"needs a latency, a jitter or a bandwidth",
        ),
        (f"{HEAD}{WORK_ENTRY}{WORK_ENTRY}", r"x.toml:9: id 'w' is taken already, at x.toml:5"),
        (f'{HEAD}{WORK_ENTRY}every = "1ms"\n', r"every must be at least 10ms"),
        (f"{HEAD}{WORK_ENTRY}copies = true\n", r"copies must be a whole number, not True"),
        (f"{HEAD}{WORK_ENTRY.replace('[1]', '[-1]')}", r"x.toml:8: work 'w': tensor: shape must be a list of whole numbers"),
        (
            f'{HEAD}[[work]]\nid = "w"\nkind = "graph"\ngraph = {{ onnx = "n", layers = 2 }}\n',
            r"graph is either an onnx file, or layers",
        ),
        (f'{HEAD}[[do]]\nat = "1.005s"\ndo = "heal"\n', r"at must be a multiple of 10ms"),
        (f'{HEAD}[[do]]\nat = "1s"\ndo = "hael"\n', r"x.toml:7: do 'hael': do cannot be 'hael'; did you mean 'heal'\?"),
        (f'{TIMED}[[expect]]\nalways = "p"\nfinally = "p"\n', r"x.toml:8: expect number 1 needs just one of"),
        (f'{TIMED}[[expect]]\neventually = "p"\nwithin = "6s"\n', r"within must not be longer than settle, 5 s"),
        (f'{TIMED}[[expect]]\neventually = "p"\n', r"needs 'within'"),
        (f'{TIMED}[[expect]]\nmetric = "p"\n', r"needs a bound, such as p99"),
        (
            f'{TIMED}[[expect]]\nwithin = "1s"\n',
            r"needs just one of always, eventually, finally, sometimes and metric, not none",
        ),
        (f'{HEAD}[[expect]]\nfinally = "p"\n', r"needs a \[time\]"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_place(text: str, told: str) -> None:
    assert re.search(told, sentence(text)), sentence(text)


def test_the_place_is_the_entrys_own_line() -> None:
    text = f'{HEAD}{FAULT}at = "1s"\n\n# another\n{FAULT.replace(chr(34) + "f" + chr(34), chr(34) + "g" + chr(34))}at = 1\n'
    line = text.splitlines().index("at = 1") + 1
    assert sentence(text).startswith(f"x.toml:{line}: fault 'g'")


def test_every_action_explains_itself() -> None:
    assert set(FAULTS) | set(WORK) | {"heal", "checkpoint.verify", "checkpoint.restore"} == set(DO)
    assert suggestion("chunk", ["x", "y"]) == "there is 'x', 'y'"
