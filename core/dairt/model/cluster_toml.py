"""[cluster] of a scenario file: the nodes, their zones, and how every node is configured."""

import re
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

import msgspec

from dairt.model.address import Address
from dairt.model.config import BadEntry, Limits, NodeConfig
from dairt.model.toml_table import Table, suggestion
from dairt.model.who_toml import RESERVED, Cluster

NODES_MAX = 1000  # a story with more is a typing mistake
# Which node configuration a story may not set: it follows from the nodes themselves.
GIVEN = ("name", "address", "members", "rehearsal")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def read_cluster(section: Table) -> tuple[Cluster, dict[str, Any]]:
    """The nodes with their zones, and the configuration they share."""
    nodes = _nodes(section)
    zones = _zones(section, nodes)
    config = _config(section.table("config", {}), nodes[0])
    section.finish()
    return Cluster(nodes, zones), config


def node_settings(values: dict[str, Any], source: str) -> dict[str, Any]:
    """The fields of a NodeConfig that `values` set, written as in a story's `config`; `source` is where, for errors."""
    return _settings(Table(values, "a node", lambda key: source), NodeConfig, GIVEN)


def _config(table: Table, node: str) -> dict[str, Any]:
    """The configuration that all nodes share, tried on one of them: what does not fit together is said here, not at play."""
    config = _settings(table, NodeConfig, GIVEN)
    try:
        NodeConfig(node, Address("", 0), {}, **config)
    except BadEntry as exc:
        if table.has(exc.entry):
            raise table.error(exc.entry, exc.right) from exc
        raise table.error("", f"cannot be so: {exc.entry} {exc.right}") from exc
    return config


def _nodes(section: Table) -> tuple[str, ...]:
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
    wrong = [name for name in nodes if name in RESERVED or not _NAME.fullmatch(name)]
    if wrong:
        right = f"a name is letters, digits, '-', '_' and '.', and none of {', '.join(RESERVED)}"
        raise section.error("nodes", f"cannot have {wrong[0]!r}: {right}")
    if not nodes or len(dict.fromkeys(nodes)) < len(nodes):
        raise section.error("nodes", "must be at least one name, each only once")
    return nodes


def _zones(section: Table, nodes: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    table = section.table("zones", {})
    zones: dict[str, tuple[str, ...]] = {}
    for name, _ in table.items():
        members = table.texts(name)
        if not _NAME.fullmatch(name) or not members:
            raise table.error(name, "must be a zone's name and its nodes, at least one")
        for member in members:
            if member not in nodes:
                raise table.error(name, f"cannot have {member!r}; {suggestion(member, nodes)}")
            other = next((zone for zone, taken in zones.items() if member in taken), "")
            if other:
                raise table.error(name, f"cannot have {member!r}, which is in the zone {other!r} already")
        zones[name] = members
    return zones


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
