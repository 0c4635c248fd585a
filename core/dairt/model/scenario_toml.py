"""TOML text -> Scenario. Every mistake is one sentence that names the file, the line, the entry, and what would be right."""

import re
import tomllib
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, get_args, get_origin

import msgspec

from dairt.errors import UsageError
from dairt.model.action import Action, KillNode
from dairt.model.action_toml import DO, FAULTS, WORK, Nodes, node_name
from dairt.model.config import Limits, NodeConfig
from dairt.model.events import EVENT_TYPES
from dairt.model.scenario import (
    SCHEMA,
    TICK_S,
    WORLDS,
    At,
    Do,
    Every,
    Expectation,
    Fault,
    Fixed,
    Latency,
    LogNormal,
    NetworkModel,
    On,
    Scenario,
    Timing,
    Uniform,
    Work,
)
from dairt.model.toml_table import Table, suggestion

NODES_MAX = 1000  # a story with more is a typing mistake
# Which node configuration a story may not set: it follows from the nodes themselves.
GIVEN = ("name", "address", "members", "rehearsal")
# A derived field of an event that `where` may also compare.
DERIVED = ("offset_pct",)


def parse_scenario(text: str, source: str) -> Scenario:
    """Read a scenario; `source` is the file's name for errors. Raises UsageError."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        where = re.search(r" \(at line (\d+), column \d+\)", str(exc))
        line = f":{where[1]}" if where else ""
        raise UsageError(f"{source}{line}: this is not TOML: {re.sub(r' [(]at .*[)]$', '', str(exc))}") from exc
    return _Reader(text, source, values).scenario()


class _Reader:
    """One file being read."""

    def __init__(self, text: str, source: str, values: dict[str, Any]) -> None:
        self._lines = text.splitlines()
        self._source = source
        self._top = Table(values, "the scenario", partial(self._locate, "", 0))

    def scenario(self) -> Scenario:
        top = self._top
        schema = top.text("schema")
        if schema != SCHEMA:
            raise top.error("schema", f"must be {SCHEMA!r}, not {schema!r}")
        nodes, config = self._cluster()
        time = self._time()
        end_s = None if time is None else time.trouble_until_s
        worlds = tuple(top.texts("worlds", WORLDS))
        for world in worlds:
            if world not in WORLDS:
                raise top.error("worlds", f"cannot have {world!r}; {suggestion(world, WORLDS)}")
        story = Scenario(
            name=top.text("name"),
            nodes=nodes,
            summary=top.text("summary", ""),
            tags=top.texts("tags", ()),
            worlds=worlds,  # type: ignore[arg-type]  # each is one of WORLDS, as just checked
            time=time,
            config=config,
            network=self._network(),
            work=tuple(_work(entry, nodes, end_s) for entry in self._entries("work")),
            faults=tuple(_fault(entry, nodes, end_s) for entry in self._entries("fault")),
            actions=tuple(_do(entry, nodes) for entry in self._entries("do")),
            expectations=tuple(_expect(entry, time) for entry in self._entries("expect")),
            source=self._source,
        )
        top.finish()
        _unique([(w.id, w.place) for w in story.work] + [(f.id, f.place) for f in story.faults])
        return story

    def _entries(self, kind: str) -> list[Table]:
        values = self._top.raw(kind, [])
        if not isinstance(values, list):
            raise self._top.error(kind, f"must be written [[{kind}]], one for each")
        entries = []
        for number, value in enumerate(values, 1):
            name = value.get("id") or value.get("do") if isinstance(value, dict) else None
            what = f"{kind} {name!r}" if isinstance(name, str) else f"{kind} number {number}"
            entries.append(Table(value, what, partial(self._locate, kind, number)))
        return entries

    def _section(self, name: str) -> Table | None:
        if not self._top.has(name):
            return None
        return Table(self._top.raw(name), f"[{name}]", partial(self._locate, name, 1))

    def _cluster(self) -> tuple[Nodes, dict[str, Any]]:
        section = self._section("cluster")
        if section is None:
            raise self._top.error("", "needs a [cluster] with nodes")
        nodes = _nodes(section)
        config = _settings(section.table("config", {}), NodeConfig, GIVEN)
        section.finish()
        return nodes, config

    def _time(self) -> Timing | None:
        section = self._section("time")
        if section is None:
            return None
        timing = Timing(section.seconds("trouble_until"), section.seconds("settle"), section.seconds("wall_limit", None))
        section.finish()
        return timing

    def _network(self) -> NetworkModel:
        section = self._section("network")
        if section is None:
            return NetworkModel()
        default = section.table("default", {})
        usual = NetworkModel()
        latency = _latency(default.table("latency")) if default.has("latency") else usual.latency
        model = NetworkModel(latency, default.rate("bandwidth", usual.bandwidth))
        default.finish()
        section.finish()
        return model

    def _locate(self, kind: str, number: int, *keys: str) -> str:
        """The file, with the line of the first of `keys` that has one in the number-th table of a kind ("" is the top).

        That is the outer key of an inline table, and the inner one of a table with a heading. Failing all, the heading's.
        """
        first = self._heading(kind, number) if kind else 0
        if first is None:
            return self._source
        last = next((i for i in range(first, len(self._lines)) if self._lines[i].lstrip().startswith("[")), len(self._lines))
        for key in keys:
            for i in range(first, last):
                if re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", self._lines[i]):
                    return f"{self._source}:{i + 1}"
            if not kind and (heading := self._heading(key, 1)):
                return f"{self._source}:{heading}"
        return f"{self._source}:{first}" if kind else self._source

    def _heading(self, kind: str, number: int) -> int | None:
        """The line, from 1, of the number-th heading of a kind."""
        found = [i for i, line in enumerate(self._lines, 1) if re.match(rf"\s*\[\[?\s*{re.escape(kind)}\s*[\].]", line)]
        return found[number - 1] if len(found) >= number else None


def _unique(named: list[tuple[str, str]]) -> None:
    seen: dict[str, str] = {}
    for name, place in named:
        if name in seen:
            raise UsageError(f"{place}: id {name!r} is taken already, at {seen[name]}; give every work and fault its own")
        seen[name] = place


# ------------------------------------------------------------------------------------------------ the cluster


def _nodes(section: Table) -> Nodes:
    value = section.raw("nodes")
    if isinstance(value, list):
        nodes = section.texts("nodes")
    else:
        table = section.table("nodes")
        prefix, count = table.text("prefix", "n"), table.count("count")
        table.finish()
        if count > NODES_MAX:
            raise section.error("nodes", f"may be {NODES_MAX} at most, not {count}")
        nodes = tuple(f"{prefix}{i}" for i in range(count))
    wrong = [name for name in nodes if name == "any" or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name)]
    if wrong:
        raise section.error("nodes", f"cannot have {wrong[0]!r}: a name is letters, digits, '-', '_' and '.', and not 'any'")
    if not nodes or len(dict.fromkeys(nodes)) < len(nodes):
        raise section.error("nodes", "must be at least one name, each only once")
    return nodes


def node_settings(values: dict[str, Any], source: str) -> dict[str, Any]:
    """The fields of a NodeConfig that `values` set, written as in a story's `config`; `source` is where, for errors."""
    return _settings(Table(values, "a node", lambda key: source), NodeConfig, GIVEN)


def _settings(table: Table, struct: type[msgspec.Struct], given: tuple[str, ...]) -> dict[str, Any]:
    """The fields of a configuration struct that a table sets; `_s` and `_bytes` fields are texts with units."""
    settings: dict[str, Any] = {}
    for field in msgspec.structs.fields(struct):
        key = re.sub(r"(_bytes)?(_per)?(_s)?$", "", field.name)
        if field.name in given or not table.has(key):
            continue
        if field.name.endswith("_bytes_per_s"):
            settings[field.name] = table.rate(key)
        elif field.name.endswith("_s"):
            settings[field.name] = table.seconds(key)
        elif field.name.endswith("_bytes"):
            settings[field.name] = int(table.size(key))
        elif field.type is Limits:
            settings[field.name] = Limits(**_settings(table.table(key), Limits, ()))
        elif get_origin(field.type) is Literal:
            settings[field.name] = table.choice(key, get_args(field.type))
        else:
            settings[field.name] = SCALARS[field.type](table, key)
    table.finish()
    return settings


SCALARS: dict[Any, Callable[[Table, str], Any]] = {int: Table.count, bool: Table.flag, str: Table.text}


def _latency(table: Table) -> Latency:
    latency: Latency
    match table.choice("dist", ("fixed", "uniform", "lognormal")):
        case "fixed":
            latency = Fixed(table.seconds("value"))
        case "uniform":
            latency = Uniform(table.seconds("min"), table.seconds("max"))
            if latency.min_s > latency.max_s:
                raise table.error("min", "must not be above max")
        case _:
            latency = LogNormal(table.seconds("p50"), table.seconds("p99"), table.seconds("max"))
            if not 0 < latency.p50_s <= latency.p99_s <= latency.max_s:
                raise table.error("", "must have 0 < p50 ≤ p99 ≤ max")
    table.finish()
    return latency


# ------------------------------------------------------------------------------------------------ work and trouble


def _work(table: Table, nodes: Nodes, end_s: float | None) -> Work:
    name = table.text("id")
    action = WORK[table.choice("kind", WORK)](table, nodes)
    work = Work(
        id=name,
        action=action,  # type: ignore[arg-type]  # WORK makes nothing else
        at_s=table.seconds("at", 0.0),
        every_s=table.seconds("every", None),
        until_s=table.seconds("until", end_s),
        copies=table.count("copies", 1),
        place=table.place,
    )
    table.finish()
    if work.every_s is not None and work.every_s < TICK_S:
        raise table.error("every", f"must be at least {TICK_S * 1e3:.0f}ms")
    _before(table, "at", work.at_s, end_s)
    if end_s is not None and work.until_s is not None and work.until_s > end_s:
        raise table.error("until", f"must not be after trouble_until, {end_s:g} s")
    return work


def _before(table: Table, key: str, at_s: float, end_s: float | None) -> None:
    if end_s is not None and at_s >= end_s:
        raise table.error(key, f"must be before trouble_until, {end_s:g} s, when all is healed")


def _fault(table: Table, nodes: Nodes, end_s: float | None) -> Fault:
    name = table.text("id")
    action = FAULTS[table.choice("kind", FAULTS)](table, nodes)
    given = [key for key in ("at", "on", "every") if table.has(key)]
    if len(given) != 1:
        raise table.error("", f"needs just one of at, on and every, not {' and '.join(given) or 'none'}")
    when = WHEN[given[0]](table, nodes)
    for_s = _how_long(table, action)
    if isinstance(when, Every) and action.lasts and for_s is None:
        raise table.error("", "happens again and again, so it needs a for")
    fault = Fault(name, action, when, for_s, table.place)  # type: ignore[arg-type]  # FAULTS makes nothing else
    table.finish()
    if isinstance(when, At):
        _before(table, "at", when.at_s, end_s)
    return fault


def _how_long(table: Table, action: Action) -> float | None:
    for_s: float | None = table.seconds("for", None)
    if for_s is not None and not action.lasts:
        raise table.error("for", "makes no sense here: this trouble is over at once")
    if not table.has("then"):
        return for_s
    then = table.table("then")
    after_s: float = then.seconds("restart_after")
    then.finish()
    if not isinstance(action, KillNode) or for_s is not None:
        raise table.error("then", "goes with node.kill, and without for")
    return after_s


def _on(table: Table, nodes: Nodes) -> On:
    inner = table.table("on")
    event = inner.choice("event", EVENT_TYPES)
    fields = EVENT_TYPES[event].__struct_fields__ + tuple(name for name in DERIVED if hasattr(EVENT_TYPES[event], name))
    conditions: list[tuple[str, str | float]] = []
    for name, value in inner.table("where", {}).items():
        if name not in fields:
            raise inner.error("where", f"cannot ask for {name!r}, {event} has no such field; {suggestion(name, fields)}")
        if type(value) not in (int, float, str):
            raise inner.error("where", f"must compare {name} with a text or a number, not {value!r}")
        conditions.append((name, value))
    on = On(event, node_name(inner, "node", nodes, default=""), tuple(conditions), inner.count("nth", 1))
    inner.finish()
    return on


def _every(table: Table, nodes: Nodes) -> Every:
    inner = table.table("every")
    every = Every(inner.seconds("mean"), inner.count("max_times"))
    inner.finish()
    return every


WHEN: dict[str, Callable[[Table, Nodes], At | On | Every]] = {
    "at": lambda table, nodes: At(table.seconds("at")),
    "on": _on,
    "every": _every,
}


def _do(table: Table, nodes: Nodes) -> Do:
    at_s = table.seconds("at")
    if abs(at_s / TICK_S - round(at_s / TICK_S)) > 1e-6:
        raise table.error("at", f"must be a multiple of {TICK_S * 1e3:.0f}ms, as an operator's actions are")
    action = DO[table.choice("do", DO)](table, nodes)
    do = Do(at_s, action, table.text("id", ""), _how_long(table, action), table.place)
    table.finish()
    return do


# ------------------------------------------------------------------------------------------------ what must hold


def _expect(table: Table, time: Timing | None) -> Expectation:
    given = [kind for kind in ("always", "eventually", "finally") if table.has(kind)]
    if len(given) != 1:
        raise table.error("", f"needs just one of always, eventually and finally, not {' and '.join(given) or 'none'}")
    kind = given[0]
    if kind != "always" and time is None:
        raise table.error(kind, "needs a [time]: a story without an end can only promise always")
    within_s = 0.0
    if kind == "eventually" and time is not None:
        within_s = table.seconds("within")
        table.choice("after", ("heal",), "heal")
        if within_s > time.settle_s:
            raise table.error("within", f"must not be longer than settle, {time.settle_s:g} s")
    expectation = Expectation(table.text(kind), kind, within_s, table.place)  # type: ignore[arg-type]  # one of the three
    table.finish()
    return expectation
