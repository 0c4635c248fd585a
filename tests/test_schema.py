"""The JSON Schema of scenario files: the gallery fits it, readers ask for nothing else, and it says what things are."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dairt.__main__ import run
from dairt.model.action_toml import DO, FAULTS, WORK
from dairt.model.scenario_schema import scenario_schema
from dairt.model.scenario_toml import parse_scenario
from dairt.model.toml_table import Table
from dairt.rehearsal import gallery
from test_language import DESIGN
from test_strikes import DRAWN, FIVE

SCHEMA = scenario_schema()
Json = dict[str, Any]
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "boolean": (bool,), "integer": (int,), "number": (int, float),
}  # fmt: skip


def wrong(value: Any, schema: Json, where: str = "") -> Iterator[str]:
    """What is wrong with a value; as much of JSON Schema as this one uses, and what it does not know is wrong too."""
    for word, right in schema.items():
        yield from (f"{where or 'top'}: {reason}" for reason in RULES[word](value, right, schema, where))


def any_of(value: Any, right: list[Json], schema: Json, where: str) -> Iterator[str]:
    tried = [list(wrong(value, each, where)) for each in right]
    if all(tried):
        yield min(tried, key=lambda reasons: (len(reasons), str(reasons)))[0]


def one_of(value: Any, right: list[Json], schema: Json, where: str) -> Iterator[str]:
    if sum(not list(wrong(value, each, where)) for each in right) != 1:
        yield f"{value} is not just one of {right}"


def of_type(value: Any, right: str, schema: Json, where: str) -> Iterator[str]:
    if not isinstance(value, TYPES[right]) or (isinstance(value, bool) and right != "boolean"):
        yield f"{value!r} is no {right}"


def properties(value: Any, right: Json, schema: Json, where: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in right.items():
            if key in value:
                yield from wrong(value[key], inner, f"{where}.{key}")


def additional(value: Any, right: bool | Json, schema: Json, where: str) -> Iterator[str]:
    for key in value if isinstance(value, dict) else ():
        if key not in schema.get("properties", {}):
            yield from [f"no key {key}"] if right is False else wrong(value[key], right, f"{where}.{key}")  # type: ignore[arg-type]


def items(value: Any, right: Json, schema: Json, where: str) -> Iterator[str]:
    for at, each in enumerate(value if isinstance(value, list) else ()):
        yield from wrong(each, right, f"{where}[{at}]")


def rule(holds: Any) -> Any:
    return lambda value, right, schema, where: () if holds(value, right) else [f"{value!r} is not {right!r}"]


RULES: dict[str, Any] = {
    "$schema": rule(lambda value, right: True),
    "title": rule(lambda value, right: True),
    "description": rule(lambda value, right: True),
    "$defs": rule(lambda value, right: True),
    "$ref": lambda value, right, schema, where: wrong(value, SCHEMA["$defs"][right.removeprefix("#/$defs/")], where),
    "const": rule(lambda value, right: value == right),
    "enum": rule(lambda value, right: value in right),
    "pattern": rule(lambda value, right: not isinstance(value, str) or re.search(right, value)),
    "minimum": rule(lambda value, right: not isinstance(value, int | float) or value >= right),
    "maximum": rule(lambda value, right: not isinstance(value, int | float) or value <= right),
    "minItems": rule(lambda value, right: not isinstance(value, list) or len(value) >= right),
    "maxItems": rule(lambda value, right: not isinstance(value, list) or len(value) <= right),
    "required": rule(lambda value, right: not isinstance(value, dict) or all(key in value for key in right)),
    "type": of_type,
    "properties": properties,
    "additionalProperties": additional,
    "items": items,
    "anyOf": any_of,
    "oneOf": one_of,
}
STORIES = {name: (gallery.scenarios_dir() / f"{name}.toml").read_text("utf-8") for name in gallery.names()}
STORIES["the design's"] = DESIGN.read_text("utf-8")
STORIES["drawn"] = FIVE + "".join(f'[[fault]]\nid = "{name}"\n{text}' for name, text in DRAWN.items())


@pytest.mark.parametrize("name", STORIES)
def test_every_story_of_the_gallery_fits_the_schema(name: str) -> None:
    assert list(wrong(tomllib.loads(STORIES[name]), SCHEMA)) == []


GOOD = tomllib.loads(STORIES["the design's"])


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "dairt.scenario/2"},
        {"nam": "x"},
        {"time": {"trouble_until": "3s"}},
        {"time": {"trouble_until": 3, "settle": "1s"}},
        {"cluster": {"nodes": ["a"], "config": {"probe_evry": "1s"}}},
        {"fault": [{"id": "f", "kind": "node.kil", "node": "n0", "at": "1s"}]},
        {"fault": [{"id": "f", "kind": "node.kill", "node": "n0"}]},
        {"fault": [{"id": "f", "kind": "node.kill", "node": "n0", "at": "1s", "when": "time > 1"}]},
        {"fault": [{"id": "f", "kind": "node.kill", "node": {"pick": "two"}, "at": "1s"}]},
        {"work": [{"id": "w", "kind": "put"}]},
        {"expect": [{"eventually": "x"}]},
        {"expect": [{"metric": "x", "p98": {"max": 1}}]},
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(changes: Json) -> None:
    assert list(wrong(GOOD | changes, SCHEMA))


def known_keys() -> dict[str, list[Json]]:
    """The objects of the schema that describe one entry, by its kind."""
    entries: dict[str, list[Json]] = {}
    for section, key in (("work", "kind"), ("fault", "kind"), ("do", "do")):
        for entry in SCHEMA["properties"][section]["items"]["anyOf"]:
            entries.setdefault(f"{section} {entry['properties'][key]['const']}", []).append(entry["properties"])
    return entries


ENTRIES = {
    "fault": ("kind", '[[fault]]\nid = "f"\nat = "1s"\n'),
    "work": ("kind", '[[work]]\nid = "w"\n'),
    "do": ("do", '[[do]]\nat = "1s"\n'),
}


@pytest.mark.parametrize("entry", known_keys())
def test_a_reader_asks_for_no_key_that_the_schema_does_not_have(entry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    section, kind = entry.split()
    key, head = ENTRIES[section]
    asked: list[str] = []
    finish = Table.finish

    def note(table: Table) -> None:
        if table.what.startswith((f"{section} '", f"{section} number")) and ":" not in table.what:
            asked.extend(table._asked)
        finish(table)

    monkeypatch.setattr(Table, "finish", note)
    parse_scenario(f'{FIVE}{head}{key} = "{kind}"\n{OWN.get(kind, WHERE.get(kind.partition(".")[0], ""))}', "x.toml")
    assert asked
    [known] = known_keys()[entry]
    assert [name for name in dict.fromkeys(asked) if name not in known] == []


LINK, NODE = 'link = ["a", "b"]\n', 'node = "a"\n'
WHERE = {"conn": LINK, "link": LINK, "frame": LINK, **dict.fromkeys(("node", "disk", "tensor", "checkpoint"), NODE)}
OWN = {
    "broadcast": 'key = "k"\ntensor = { shape = [1] }\n',
    "put": 'key = "k"\ntensor = { shape = [1] }\n',
    "python": 'call = "a:b"\n',
    "link.degrade": LINK + 'latency = "1ms"\n',
    "conn.slow_close": LINK + 'linger = "1ms"\n',
    "conn.cut_after": LINK + 'after = "1KiB"\n',
    "disk.slow": NODE + 'latency = "1ms"\n',
    "node.clock": NODE + 'ahead = "1s"\n',
}


def test_there_is_a_schema_for_every_kind_and_it_says_what_it_is() -> None:
    for section, kinds in (("fault", FAULTS), ("work", WORK), ("do", DO)):
        entries = SCHEMA["properties"][section]["items"]["anyOf"]
        assert len(entries) == len(kinds)
        assert all(len(entry["description"]) > 20 for entry in entries)
    assert all(part["description"] for part in SCHEMA["properties"].values())


def test_check_prints_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(SCHEMA))


def test_check_says_what_a_world_cannot_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    cut = '[[fault]]\nid = "f"\nat = "1s"\nkind = "node.power_cut"\nnode = "a"\n'
    Path("x.toml").write_text(FIVE + cut, "utf-8")
    assert run(["check", "x.toml"]) == 0
    out = capsys.readouterr().out
    assert "not in tcp as it is: no node.power_cut, what a real disk keeps" in out
    assert "not in sim" not in out
    assert run(["play", "x.toml", "--world", "tcp"]) == 2
    assert "x.toml:10: fault 'f' cannot be played in tcp, only in sim: what a real disk" in capsys.readouterr().err
