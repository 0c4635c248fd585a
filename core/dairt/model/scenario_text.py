"""Scenario -> TOML text that reads back as the same story: for people to read, and to edit."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from dairt.model.action import JOIN, kind_of, named
from dairt.model.action_toml import Value, bytes_text, keys_of, seconds_text
from dairt.model.config import Limits
from dairt.model.scenario import (
    SCHEMA,
    WORLDS,
    After,
    At,
    Between,
    Budget,
    DiskModel,
    Do,
    Every,
    Expectation,
    Fault,
    Fixed,
    Latency,
    LinkModel,
    LogNormal,
    NetworkModel,
    On,
    Pick,
    Scenario,
    Span,
    Timing,
    Trigger,
    Uniform,
    When,
    Work,
)

Keys = dict[str, Value]


def write_scenario(story: Scenario, *, heading: Sequence[str] = (), notes: Mapping[str, str] = {}) -> str:
    """A story as a scenario file has it, but for its comments: `heading` at the top, `notes` above the entries of these ids.

    What is as it would be anyway is left out.
    """
    parts = ["\n".join([*(_comment(line) for line in heading), *_lines(_top(story))])]
    parts += [_table(name, keys) for name, keys in _sections(story) if keys]
    end_s = None if story.time is None else story.time.trouble_until_s
    parts += [_table("[work]", _work_keys(work, end_s), notes.get(work.id, "")) for work in story.work]
    parts += [_table("[fault]", _fault_keys(fault), notes.get(fault.id, "")) for fault in story.faults]
    parts += [_table("[do]", _do_keys(do), notes.get(do.id, "") if do.id else "") for do in story.actions]
    parts += [_table("[expect]", _expect_keys(expectation)) for expectation in story.expectations]
    return "\n\n".join(parts) + "\n"


# ------------------------------------------------------------------------------------------------ TOML


def _comment(line: str) -> str:
    return f"# {line}".rstrip()


def _table(name: str, keys: Keys, note: str = "") -> str:
    return "\n".join([*(_comment(line) for line in note.splitlines()), f"[{name}]", *_lines(keys)])


def _lines(keys: Keys) -> Iterator[str]:
    width = max(map(len, map(_key, keys)), default=0)
    return (f"{_key(key):{width}} = {toml(value)}" for key, value in keys.items())


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else toml(key)


def toml(value: Value) -> str:
    """One value in TOML, on one line."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case dict():
            return f"{{ {', '.join(f'{_key(key)} = {toml(inner)}' for key, inner in value.items())} }}" if value else "{}"
        case _:
            return repr(value)


# ------------------------------------------------------------------------------------------------ the story


def _top(story: Scenario) -> Keys:
    keys: Keys = {"schema": SCHEMA, "name": story.name}
    if story.summary:
        keys["summary"] = story.summary
    if story.tags:
        keys["tags"] = list(story.tags)
    if story.worlds != WORLDS:
        keys["worlds"] = list(story.worlds)
    if story.seeds:
        keys["seeds"] = {name: str(seeds) for name, seeds in story.seeds.items()}
    return keys


def _sections(story: Scenario) -> Iterator[tuple[str, Keys]]:
    yield "time", _time_keys(story)
    yield "cluster", _cluster_keys(story)
    yield "network.default", _network_keys(story.network)
    yield from (("[network.link]", _link_keys(link)) for link in story.network.links)
    yield "disk.default", _disk_keys(story.disk)
    yield "budget", _budget_keys(story.budget)


def _time_keys(story: Scenario) -> Keys:
    if story.time is not None:
        return _timing_keys(story.time)
    return {} if story.stop_at_s is None else {"stop_at": seconds_text(story.stop_at_s)}


def _timing_keys(time: Timing) -> Keys:
    keys: Keys = {"trouble_until": seconds_text(time.trouble_until_s), "settle": seconds_text(time.settle_s)}
    if time.wall_limit_s is not None:
        keys["wall_limit"] = seconds_text(time.wall_limit_s)
    return keys


def _cluster_keys(story: Scenario) -> Keys:
    prefix = story.nodes[0].removesuffix("0")
    is_counted = story.nodes == tuple(f"{prefix}{number}" for number in range(len(story.nodes)))
    keys: Keys = {"nodes": {"prefix": prefix, "count": len(story.nodes)} if is_counted else list(story.nodes)}
    if story.zones:
        keys["zones"] = {zone: list(nodes) for zone, nodes in story.zones.items()}
    if story.config:
        keys["config"] = _settings_keys(story.config)
    return keys


def _settings_keys(settings: Mapping[str, Any]) -> Keys:
    """The keys for fields of a node's configuration, or of its limits: their names without units, their values with them."""
    keys: Keys = {}
    for name, value in settings.items():
        key = re.sub(r"(_bytes)?(_per)?(_s)?$", "", name)
        if isinstance(value, Limits):
            usual, given = msgspec.structs.asdict(Limits()), msgspec.structs.asdict(value)
            keys[key] = _settings_keys({name: given[name] for name in given if given[name] != usual[name]})
        elif name.endswith("_bytes_per_s"):
            keys[key] = f"{bytes_text(value)}/s"
        elif name.endswith("_s"):
            keys[key] = seconds_text(value)
        else:
            keys[key] = bytes_text(value) if name.endswith("_bytes") else value
    return keys


def _network_keys(network: NetworkModel) -> Keys:
    usual, keys = NetworkModel(), Keys()
    if network.latency != usual.latency:
        keys["latency"] = _latency_keys(network.latency)
    if network.bandwidth != usual.bandwidth:
        keys["bandwidth"] = f"{bytes_text(network.bandwidth)}/s"
    if network.mtu != usual.mtu:
        keys["mtu"] = bytes_text(network.mtu)
    if network.datagram_loss != usual.datagram_loss:
        keys["datagram_loss"] = network.datagram_loss
    return keys


def _link_keys(link: LinkModel) -> Keys:
    keys: Keys = {"from": link.source, "to": link.target} if link.one_way else {"link": [link.source, link.target]}
    if link.latency is not None:
        keys["latency"] = _latency_keys(link.latency)
    if link.bandwidth is not None:
        keys["bandwidth"] = f"{bytes_text(link.bandwidth)}/s"
    return keys


def _latency_keys(latency: Latency) -> Keys:
    match latency:
        case Fixed(value_s):
            return {"dist": "fixed", "value": seconds_text(value_s)}
        case Uniform(min_s, max_s):
            return {"dist": "uniform", "min": seconds_text(min_s), "max": seconds_text(max_s)}
        case LogNormal(p50_s, p99_s, max_s):
            times = {"p50": seconds_text(p50_s), "p99": seconds_text(p99_s), "max": seconds_text(max_s)}
            return {"dist": "lognormal", **times}


def _disk_keys(disk: DiskModel) -> Keys:
    usual, keys = DiskModel(), Keys()
    if (disk.sync_p50_s, disk.sync_p99_s) != (usual.sync_p50_s, usual.sync_p99_s):
        keys["fsync"] = {"p50": seconds_text(disk.sync_p50_s), "p99": seconds_text(disk.sync_p99_s)}
    if disk.unsynced != usual.unsynced:
        keys["unsynced_on_crash"] = disk.unsynced
    return keys


def _budget_keys(budget: Budget) -> Keys:
    return {name: value for name, value in msgspec.structs.asdict(budget).items() if value is not None}


# ------------------------------------------------------------------------------------------------ work and trouble


def _work_keys(work: Work, end_s: float | None) -> Keys:
    action = keys_of(work.action)
    if action.get("key") == work.id:
        del action["key"]
    keys: Keys = {"id": work.id, "kind": kind_of(work.action), **action}
    if work.at_s:
        keys["at"] = seconds_text(work.at_s)
    if work.every_s is not None:
        keys["every"] = seconds_text(work.every_s)
    if work.until_s is not None and work.until_s != end_s:
        keys["until"] = seconds_text(work.until_s)
    if work.copies != 1:
        keys["copies"] = work.copies
    return keys


def _fault_keys(fault: Fault) -> Keys:
    picks = {text: _pick_value(pick) for text, pick in fault.picks}
    keys: Keys = {"id": fault.id, **_when_keys(fault.when)}
    if fault.delay_s:
        keys["delay"] = _span_value(fault.delay_s)
    if fault.for_s is not None:
        keys["for"] = _span_value(fault.for_s)
    keys["kind"] = kind_of(fault.action)
    return keys | {key: _picked(value, picks) for key, value in keys_of(fault.action).items()}


def _picked(value: Value, picks: Mapping[str, Value]) -> Value:
    """A value of an action, with the selectors that texts in it stand for."""
    if isinstance(value, list):
        return [_picked(inner, picks) for inner in value]
    return picks.get(value, value) if isinstance(value, str) else value


def _pick_value(pick: Pick) -> Value:
    if not pick.among and not pick.not_in and pick.pick != "all":
        return pick.pick
    keys: Keys = {"pick": pick.pick}
    if pick.among:
        keys["among"] = list(pick.among)
    if pick.not_in:
        keys["not_in"] = list(pick.not_in)
    return keys


def _span_value(span: Span) -> Value:
    if isinstance(span, Between):
        return {"between": [seconds_text(span.low_s), seconds_text(span.high_s)]}
    return seconds_text(span)


def _when_keys(when: Trigger) -> Keys:
    match when:
        case At(at_s):
            return {"at": _span_value(at_s)}
        case On():
            return {"on": _on_keys(when)}
        case Every(mean_s, max_times):
            return {"every": {"mean": seconds_text(mean_s), "max_times": max_times}}
        case When(condition):
            return {"when": condition}
        case After(fault):
            return {"follows": fault}


def _on_keys(on: On) -> Keys:
    keys: Keys = {"event": on.event}
    if on.pick is not None:
        keys["node"] = _pick_value(on.pick)
    elif on.node:
        keys["node"] = list(named(on.node)) if JOIN in on.node else on.node
    if on.where:
        keys["where"] = dict(on.where)
    return keys if on.nth == 1 else {**keys, "nth": on.nth}


def _do_keys(do: Do) -> Keys:
    keys: Keys = {"at": seconds_text(do.at_s), "do": kind_of(do.action)}
    if do.id:
        keys["id"] = do.id
    if do.for_s is not None:
        keys["for"] = seconds_text(do.for_s)
    return keys | keys_of(do.action)


def _expect_keys(expectation: Expectation) -> Keys:
    keys: Keys = {expectation.kind: expectation.promise}
    if expectation.kind == "eventually":
        keys |= {"within": seconds_text(expectation.within_s), "after": "heal"}
    if expectation.where:
        keys["where"] = dict(expectation.where)
    for bound in expectation.bounds:
        limits = (("min", bound.least), ("max", bound.most))
        keys[bound.statistic] = {name: _measure(expectation.promise, value) for name, value in limits if value is not None}
    return keys


def _measure(metric: str, value: float) -> Value:
    """A value of a metric, with its unit where it has one."""
    if metric.endswith("_seconds"):
        return seconds_text(value)
    return bytes_text(value) if metric.endswith("_bytes") else value
