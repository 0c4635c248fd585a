"""TOML text -> Scenario. Every mistake is one sentence that names the file, the line, the entry, and what would be right."""

import re
import tomllib

from dairt.errors import UsageError
from dairt.model.action_toml import DO, WORK
from dairt.model.cluster_toml import node_settings, read_cluster
from dairt.model.expect_toml import read_expectation
from dairt.model.fault_toml import check_before, check_sequence, read_faults, read_how_long
from dairt.model.scenario import (
    SCHEMA,
    TICK_S,
    WORLDS,
    Budget,
    DiskModel,
    Do,
    NetworkModel,
    Scenario,
    Seeds,
    Timing,
    Work,
    parse_seeds,
)
from dairt.model.toml_table import Table
from dairt.model.who_toml import Cluster
from dairt.model.world_toml import read_disk, read_network

__all__ = ["node_settings", "parse_scenario"]


def parse_scenario(text: str, source: str) -> Scenario:
    """Read a scenario; `source` is the file's name for errors. Raises UsageError."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        where = re.search(r" \(at line (\d+), column \d+\)", str(exc))
        line = f":{where[1]}" if where else ""
        raise UsageError(f"{source}{line}: this is not TOML: {re.sub(r' [(]at .*[)]$', '', str(exc))}") from exc
    return read_scenario(Table(values, "the scenario", Places(text, source).of), source)


def read_scenario(top: Table, source: str) -> Scenario:
    """The whole of a file."""
    schema = top.text("schema")
    if schema != SCHEMA:
        raise top.error("schema", f"must be {SCHEMA!r}, not {schema!r}")
    if not top.has("cluster"):
        raise top.error("", "needs a [cluster] with nodes")
    cluster, config = read_cluster(top.section("cluster"))
    time, stop_at_s = _time(top.section("time")) if top.has("time") else (None, None)
    end_s = None if time is None else time.trouble_until_s
    story = Scenario(
        name=top.text("name"),
        nodes=cluster.nodes,
        summary=top.text("summary", ""),
        tags=top.texts("tags", ()),
        worlds=tuple(top.choices("worlds", WORLDS, WORLDS)),  # type: ignore[arg-type]  # each is one of WORLDS
        time=time,
        config=config,
        network=read_network(top.section("network"), cluster) if top.has("network") else NetworkModel(),
        work=tuple(_work(entry, cluster, end_s) for entry in top.entries("work")),
        faults=tuple(fault for entry in top.entries("fault") for fault in read_faults(entry, cluster, end_s)),
        actions=tuple(_do(entry, cluster) for entry in top.entries("do")),
        expectations=tuple(read_expectation(entry, time) for entry in top.entries("expect")),
        source=source,
        zones=dict(cluster.zones),
        disk=read_disk(top.section("disk")) if top.has("disk") else DiskModel(),
        budget=_budget(top.section("budget")) if top.has("budget") else Budget(),
        seeds=_seeds(top.table("seeds", {})),
        stop_at_s=stop_at_s,
    )
    top.finish()
    _unique([(work.id, work.place) for work in story.work] + [(fault.id, fault.place) for fault in story.faults])
    check_sequence(story.faults)
    return story


def _time(section: Table) -> tuple[Timing | None, float | None]:
    """How long the story is, and when it stops if it has no end of its own."""
    if section.has("stop_at"):
        stop_at_s = _whole_ticks(section, "stop_at", "where a tick begins")
        section.finish()
        return None, stop_at_s
    timing = Timing(section.seconds("trouble_until"), section.seconds("settle"), section.seconds("wall_limit", None))
    section.finish()
    return timing, None


def _whole_ticks(table: Table, key: str, why: str) -> float:
    at_s: float = table.seconds(key)
    if abs(at_s / TICK_S - round(at_s / TICK_S)) > 1e-6:
        raise table.error(key, f"must be a multiple of {TICK_S * 1e3:.0f}ms, {why}")
    return at_s


def _budget(section: Table) -> Budget:
    budget = Budget(section.count("max_down", None, least=0), section.count("max_active", None, least=1))
    section.finish()
    if budget == Budget():
        raise section.error("", "needs max_down or max_active")
    return budget


def _seeds(table: Table) -> dict[str, Seeds]:
    seeds: dict[str, Seeds] = {}
    for name, value in table.items():
        read = parse_seeds(value) if isinstance(value, str) else None
        if read is None:
            raise table.error(name, f'must be seeds from one to another, such as "0..24", not {value!r}')
        seeds[name] = read
    return seeds


def _work(table: Table, cluster: Cluster, end_s: float | None) -> Work:
    name = table.text("id")
    action = WORK[table.choice("kind", WORK)](table, cluster.nodes)
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
    check_before(table, "at", work.at_s, end_s)
    if end_s is not None and work.until_s is not None and work.until_s > end_s:
        raise table.error("until", f"must not be after trouble_until, {end_s:g} s")
    return work


def _do(table: Table, cluster: Cluster) -> Do:
    at_s = _whole_ticks(table, "at", "as an operator's actions are")
    action = DO[table.choice("do", DO)](table, cluster.nodes)
    for_s = read_how_long(table, action)
    if for_s is not None and not isinstance(for_s, float):
        raise table.error("for", "must be one time: what an operator did was not drawn")
    do = Do(at_s, action, table.text("id", ""), for_s, table.place)
    table.finish()
    return do


def _unique(named: list[tuple[str, str]]) -> None:
    seen: dict[str, str] = {}
    for name, place in named:
        if name in seen:
            raise UsageError(f"{place}: id {name!r} is taken already, at {seen[name]}; give every work and fault its own")
        seen[name] = place


class Places:
    """Where things are in a file."""

    def __init__(self, text: str, source: str) -> None:
        self._lines = text.splitlines()
        self._source = source

    def of(self, *keys: str | int) -> str:
        """The file, with the line of the innermost of `keys` that has one; a number says which of several tables."""
        heading, first, rest = "", 0, list(keys)
        # As many headings as there are, the longest last: [cluster], [[fault]] number 3, [network.default].
        while rest and isinstance(rest[0], str):
            path = f"{heading}.{rest[0]}" if heading else rest[0]
            number = rest[1] if len(rest) > 1 and isinstance(rest[1], int) else 1
            found = self._heading(path, number)
            if found is None:
                break
            heading, first = path, found
            rest = rest[2:] if len(rest) > 1 and isinstance(rest[1], int) else rest[1:]
        last = next((i for i in range(first, len(self._lines)) if self._lines[i].lstrip().startswith("[")), len(self._lines))
        for key in rest:
            for i in range(first, last):
                if isinstance(key, str) and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", self._lines[i]):
                    return f"{self._source}:{i + 1}"
        return f"{self._source}:{first}" if first else self._source

    def _heading(self, path: str, number: int) -> int | None:
        """The line, from 1, of the number-th table with exactly this heading, or else of the first one inside it."""
        name = re.escape(path).replace(r"\.", r"\s*\.\s*")
        exact = [i for i, line in enumerate(self._lines, 1) if re.match(rf"\s*\[\[?\s*{name}\s*\]", line)]
        if len(exact) >= number:
            return exact[number - 1]
        inside = [i for i, line in enumerate(self._lines, 1) if re.match(rf"\s*\[\[?\s*{name}\s*\.", line)]
        return inside[0] if inside and number == 1 else None
