"""The JSON Schema of scenario files, derived from the same tables and structs as their readers: for editors."""

import inspect
import re
from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin

import msgspec

from dairt.model.action import Action, Link
from dairt.model.action_toml import DO, DTYPES, FAULTS, FILLS, LAYERED, WORK
from dairt.model.cluster_toml import GIVEN
from dairt.model.config import Limits, NodeConfig
from dairt.model.events import EVENT_TYPES
from dairt.model.fault_toml import WHEN
from dairt.model.scenario import COUNTS, EXPECT_KINDS, SCHEMA, STATISTICS, WORLDS
from dairt.model.toml_table import BYTES, RATES, SECONDS
from dairt.model.world_toml import UNSYNCED

Json = dict[str, Any]


def scenario_schema() -> Json:
    """The schema of the whole format, JSON Schema 2020-12."""
    top = {
        "schema": _said("the format of this file", {"const": SCHEMA}),
        "name": _said("the story's name", TEXT),
        "summary": _said("the story in a sentence or two", TEXT),
        "tags": _said("words to choose stories by", _list(TEXT)),
        "worlds": _said("where it can be played; everywhere if not given", _list({"enum": list(WORLDS)})),
        "seeds": _said("ranges of seeds by name, such as ci", _map(_pattern(r"-?[0-9]+(\.\.-?[0-9]+)?"))),
        "time": _said("how long; without it the story goes on until it is stopped", TIME),
        "cluster": _said("the nodes", _cluster()),
        "network": _said("the wires of the simulated world", NETWORK),
        "disk": _said("the disks of the simulated world", _object({"default": _said("every disk", DISK)})),
        "budget": _said("how much trouble at once is allowed; more is skipped", BUDGET),
        "work": _said("what the cluster is given to do", _list(_any_of("kind", WORK, WORK_KEYS, ["id"]))),
        "fault": _said("what goes wrong", _list(_faults())),
        "do": _said("what an operator did, to be done again", _list(_any_of("do", DO, DO_KEYS, ["at"]))),
        "expect": _said("what must hold", _list({"anyOf": [_expectation(kind) for kind in EXPECT_KINDS]})),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A dairt scenario",
        **_object(top, ["schema", "name", "cluster"]),
        "$defs": {
            "selector": SELECTOR,
            "span": SPAN,
            "latency": LATENCY,
            "on": ON,
            "then": {
                "anyOf": [_object({"restart_after": _said("when a node that is down is started", _ref("span"))}), *_then()]
            },
        },
    }


# ------------------------------------------------------------------------------------------------ words of JSON Schema


def _said(description: str, schema: Json) -> Json:
    return {"description": description, **schema}


def _object(properties: dict[str, Json], required: Iterable[str] = ()) -> Json:
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": properties, **needed, "additionalProperties": False}


def _map(values: Json) -> Json:
    return {"type": "object", "additionalProperties": values}


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


def _pattern(inside: str) -> Json:
    return {"type": "string", "pattern": rf"^\s*{inside}\s*$"}


def _amount(units: Iterable[str]) -> Json:
    return _pattern(rf"[0-9]+(\.[0-9]+)?\s*({'|'.join(units)})")


def _ref(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}


TEXT, FLAG, NUMBER = {"type": "string"}, {"type": "boolean"}, {"type": "number", "minimum": 0}
TIME_SPAN, SIZE, RATE = _amount(SECONDS), _amount(BYTES), _amount(RATES)


def _count(least: int = 1) -> Json:
    return {"type": "integer", "minimum": least}


# ------------------------------------------------------------------------------------------------ sections

SPAN: Json = _said(
    "a time with its unit, or two of which the seed draws one between",
    {"anyOf": [TIME_SPAN, _object({"between": {**_list(TIME_SPAN), "minItems": 2, "maxItems": 2}}, ["between"])]},
)
SELECTOR: Json = _said(
    "a node, zone:…, role:coordinator, any, a word such as minority, several in a list, or a pick among them",
    {
        "anyOf": [
            TEXT,
            _list(TEXT),
            _object(
                {
                    "pick": _said("how many", {"enum": list(COUNTS)}),
                    "among": _said("nodes, zone:…, role:coordinator; all nodes if not given", _list(TEXT)),
                    "zone": _said("the nodes of this zone", TEXT),
                    "role": _said("the nodes in this role", {"enum": ["coordinator"]}),
                    "not_in": _said("which not: nodes, zone:…, role:coordinator, down, paused", _list(TEXT)),
                },
                ["pick"],
            ),
        ]
    },
)
ENDS: Json = {"type": "array", "items": _ref("selector"), "minItems": 2, "maxItems": 2}
LATENCY: Json = {
    "anyOf": [
        _object({"dist": {"const": "fixed"}, "value": TIME_SPAN}, ["dist", "value"]),
        _object({"dist": {"const": "uniform"}, "min": TIME_SPAN, "max": TIME_SPAN}, ["dist", "min", "max"]),
        _object(
            {"dist": {"const": "lognormal"}, **dict.fromkeys(("p50", "p99", "max"), TIME_SPAN)}, ["dist", "p50", "p99", "max"]
        ),
    ]
}
SPEED = {
    "latency": _said("how long a segment takes", _ref("latency")),
    "bandwidth": _said("what all connections of a link share", RATE),
}
LINK_KEYS = {
    "link": _said("both ways between two", ENDS),
    "from": _said("one way only: from here", _ref("selector")),
    "to": _said("one way only: to here", _ref("selector")),
}
EVERY_LINK = {
    "mtu": _said("the most that travels as one segment", SIZE),
    "datagram_loss": _said("the probability that a datagram is lost", {"type": "number", "minimum": 0, "maximum": 1}),
}
NETWORK = _object(
    {
        "default": _said("every link", _object({**SPEED, **EVERY_LINK})),
        "link": _said("some links; the later wins", _list(_object({**LINK_KEYS, **SPEED}))),
    }
)
DISK = _object(
    {
        "fsync": _said("quantiles of how long a sync takes", _object({"p50": TIME_SPAN, "p99": TIME_SPAN})),
        "unsynced_on_crash": _said("what a power cut makes of what was not synced", {"enum": list(UNSYNCED)}),
    }
)
BUDGET = _object(
    {
        "max_down": _said("nodes down or paused", _count(0)),
        "max_active": _said("faults in effect", _count()),
    }
)
TIME: Json = {
    "anyOf": [
        _object(
            {
                "trouble_until": _said("faults strike before this time; then all is healed", TIME_SPAN),
                "settle": _said("how long the cluster then has to converge", TIME_SPAN),
                "wall_limit": _said("real time after which the run is given up; no part of the verdict", TIME_SPAN),
            },
            ["trouble_until", "settle"],
        ),
        _object({"stop_at": _said("a story without an end, such as a saved session, is stopped then", TIME_SPAN)}, ["stop_at"]),
    ]
}


def _cluster() -> Json:
    counted = _object({"prefix": TEXT, "count": _count()}, ["count"])
    return _object(
        {
            "nodes": _said("their names, or a prefix and how many", {"anyOf": [_list(TEXT), counted]}),
            "zones": _said("nodes by the name of their zone", _map(_list(TEXT))),
            "config": _said("how every node is configured", _settings(NodeConfig, GIVEN)),
        },
        ["nodes"],
    )


def _settings(struct: type[msgspec.Struct], given: tuple[str, ...] = ()) -> Json:
    """The fields of a configuration struct, by the ends of their names and their types, as they are read."""
    keys: dict[str, Json] = {}
    for field in msgspec.structs.fields(struct):
        if field.name not in given:
            keys[re.sub(r"(_bytes)?(_per)?(_s)?$", "", field.name)] = (
                _settings(Limits) if field.type is Limits else _typed(field)
            )
    return _object(keys)


def _typed(field: msgspec.structs.FieldInfo) -> Json:
    if field.name.endswith("_bytes_per_s") or field.name == "bandwidth":
        return RATE
    if field.name.endswith("_s"):
        return TIME_SPAN
    if field.name.endswith("_bytes"):
        return SIZE
    if get_origin(field.type) is Literal:
        return {"enum": [word for word in get_args(field.type) if word]}
    return {int: _count(0), bool: FLAG}.get(field.type, TEXT)


# ------------------------------------------------------------------------------------------------ entries

KINDS = {str(kind.__struct_config__.tag): kind for kind in get_args(Action)}
ON = _object(
    {
        "event": {"enum": list(EVENT_TYPES)},
        "node": _said("whose event; any node's if not given", _ref("selector")),
        "where": _said("its fields: a text must be equal, a number reached", {"type": "object"}),
        "nth": _count(),
    },
    ["event"],
)
WHEN_KEYS: dict[str, Json] = {
    "at": _said("when: at this time", _ref("span")),
    "every": _said("when: again and again", _object({"mean": TIME_SPAN, "max_times": _count()}, ["mean", "max_times"])),
    "on": _said("when: at the nth such event of one node", _ref("on")),
    "when": _said("when: as soon as this holds, such as nodes.up < 3 and queue.n0.io >= 8", TEXT),
    "follows": _said("when: after this other fault has struck", TEXT),
}
LASTING_KEYS: dict[str, Json] = {
    "for": _said("how long it lasts; until all is healed if not given", _ref("span")),
    "then": _said("what follows: restart_after for a node that is down, or another fault", _ref("then")),
}
DELAY = _said("how long after its moment it strikes", _ref("span"))
WORK_KEYS: dict[str, Json] = {
    "id": _said("its name, and unless there is a key also its tensor's", TEXT),
    "at": _said("when first", TIME_SPAN),
    "every": _said("how often", TIME_SPAN),
    "until": _said("when no more", TIME_SPAN),
    "copies": _said("how many at once", _count()),
}
DO_KEYS: dict[str, Json] = {
    "at": _said("when, in whole ticks of 10ms", TIME_SPAN),
    "id": _said("the id that its fault had", TEXT),
    **LASTING_KEYS,
}
TENSOR = _object(
    {"shape": _list(_count(0)), "dtype": {"enum": list(DTYPES)}, "fill": {"enum": list(FILLS)}},
    ["shape"],
)
GRAPH = _object(
    {
        "onnx": _said("a file beside the scenario", TEXT),
        **{key: _count() for key in LAYERED},
    }
)
OWN_KEYS: dict[str, tuple[dict[str, Json], list[str]]] = {
    "broadcast": (
        {"key": TEXT, "tensor": _said("what is sent", TENSOR), "from": _said("the node that sends it", TEXT)},
        ["tensor"],
    ),
    "put": ({"key": TEXT, "tensor": _said("what is kept", TENSOR), "node": _said("the node that keeps it", TEXT)}, ["tensor"]),
    "graph": ({"graph": _said("what is run", GRAPH), "from": _said("the node that coordinates it", TEXT)}, []),
    "python": ({"call": _said("module:function, async, of the cluster; only with --allow-python", TEXT)}, ["call"]),
    "heal": ({"fault": _said("which fault; all if not given", TEXT)}, []),
}


def _own_keys(kind: str) -> tuple[dict[str, Json], list[str]]:
    """The keys of an action itself, and which of them it needs."""
    if kind in OWN_KEYS:
        return OWN_KEYS[kind]
    keys: dict[str, Json] = {}
    for field in msgspec.structs.fields(KINDS[kind]):
        if field.type is Link:
            keys.update(LINK_KEYS)
        elif field.name == "node":
            keys["node"] = _said("who; with on, the event's node if not given", _ref("selector"))
        else:
            keys[field.name.removesuffix("_s").removesuffix("_bytes")] = _typed(field)
    return keys, []


def _any_of(key: str, kinds: Iterable[str], common: dict[str, Json], required: list[str]) -> Json:
    """A schema for each kind of an entry, with what its struct says of itself."""
    return {"anyOf": [_entry(key, kind, common, required) for kind in kinds]}


def _entry(key: str, kind: str, common: dict[str, Json], required: list[str]) -> Json:
    own, needed = _own_keys(kind)
    said = " ".join((inspect.getdoc(KINDS[kind]) or "").partition("\n\n")[0].split())
    return _said(said, _object({**common, key: {"const": kind}, **own}, [key, *required, *needed]))


def _faults() -> Json:
    fault_keys = {"id": _said("its name", TEXT), **WHEN_KEYS, "delay": DELAY, **LASTING_KEYS}
    one_when = {"oneOf": [{"required": [when]} for when in WHEN]}
    return {**_any_of("kind", FAULTS, fault_keys, ["id"]), **one_when}


def _then() -> list[Json]:
    return [_entry("kind", kind, {"id": TEXT, "delay": DELAY, **LASTING_KEYS}, []) for kind in FAULTS]


def _expectation(kind: str) -> Json:
    name = {kind: _said(EXPECT_WORDS[kind], TEXT)}
    match kind:
        case "eventually":
            return _object({**name, "within": TIME_SPAN, "after": {"enum": ["heal"]}}, [kind, "within"])
        case "sometimes":
            return _object({**name, "where": _said("fields of the event", {"type": "object"})}, [kind])
        case "metric":
            bound = _object({"min": {"anyOf": [TIME_SPAN, SIZE, NUMBER]}, "max": {"anyOf": [TIME_SPAN, SIZE, NUMBER]}})
            return _object({**name, **dict.fromkeys(STATISTICS, bound)}, [kind])
        case _:
            return _object(name, [kind])


EXPECT_WORDS = {
    "always": "a promise that no event may break",
    "eventually": "a promise that holds within so long of all being healed, and from then on",
    "finally": "a promise that holds at the end",
    "sometimes": "an event that happens, or a promise that holds, at least once in a sweep of seeds",
    "metric": "a measure whose values are within bounds",
}
