"""Selectors as scenario files write them: who is meant by a name, a zone, a role, or `{ pick = … }`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dairt.model.scenario import COUNTS, STATES, Pick
from dairt.model.toml_table import Table, suggestion

ZONE, ROLE = "zone:", "role:"
ROLES = (f"{ROLE}coordinator",)
RESERVED = ("any", *COUNTS, *STATES)  # words that no node may have as its name

Picks = dict[str, Pick]


@dataclass(frozen=True)
class Cluster:
    """Whom a story can name."""

    nodes: tuple[str, ...]
    zones: Mapping[str, tuple[str, ...]]

    @property
    def words(self) -> tuple[str, ...]:
        """What may stand in a list of nodes, and means the same whatever happens."""
        return (*self.nodes, *(f"{ZONE}{zone}" for zone in self.zones))

    def members(self, word: str) -> tuple[str, ...]:
        """The nodes that one of `words` stands for."""
        return self.zones[word.removeprefix(ZONE)] if word.startswith(ZONE) else (word,)


def read_who(table: Table, key: str, cluster: Cluster) -> Picks:
    """Replace the selector at a key by the nodes that it always means, or by a text that stands for its pick."""
    if not table.has(key):
        return {}
    value, picks = read_selector(table, key, table.raw(key), cluster)
    table.replace(key, value)
    return picks


def read_link(table: Table, cluster: Cluster) -> Picks:
    """The same for both ends of a `link`, or for `from` and `to`; where they are not two, their reader says what is wrong."""
    both, one_way = table.raw("link", None), table.has("from") and table.has("to")
    if isinstance(both, list) and len(both) == 2:
        keys, ends = ("link", "link"), both
    elif one_way:
        keys, ends = ("from", "to"), [table.raw("from"), table.raw("to")]
    else:
        return {}
    (a, a_picks), (b, b_picks) = (read_selector(table, key, end, cluster) for key, end in zip(keys, ends, strict=True))
    if a_picks and a == b:  # the same words, but not the same nodes
        b, b_picks = f"other {b}", {f"other {b}": pick for pick in b_picks.values()}
    if one_way:
        table.replace("from", a)
        table.replace("to", b)
    else:
        table.replace("link", [a, b])
    return a_picks | b_picks


def read_selector(table: Table, key: str, value: Any, cluster: Cluster) -> tuple[Any, Picks]:
    """What stands for a selector: a node, a list of them, or a text with the pick behind it; any other value as it is."""
    if isinstance(value, dict):
        pick = _pick(table, key, value, cluster)
    elif value in COUNTS and value != "all":
        pick = Pick(value)
    elif value in ROLES:
        pick = Pick("all", (value,))
    else:
        return _static(table, key, value, cluster), {}
    return str(pick), {str(pick): pick}


def _static(table: Table, key: str, value: Any, cluster: Cluster) -> Any:
    """The nodes that a selector always means; what means none is left for its reader to refuse."""
    if value == "all":
        return list(cluster.nodes)
    words = value if isinstance(value, list) else [value]
    if not any(isinstance(word, str) and word.startswith((ZONE, ROLE)) for word in words):
        return value
    for word in words:
        _check(table, key, word, cluster.words)
    return list(dict.fromkeys(node for word in words for node in cluster.members(word)))


def _pick(table: Table, key: str, value: dict[str, Any], cluster: Cluster) -> Pick:
    inner = table.inner(key, value)
    many, words = inner.choice("pick", COUNTS), (*cluster.words, *ROLES)
    among, not_in = inner.texts("among", ()), inner.texts("not_in", ())
    for short, prefix in (("zone", ZONE), ("role", ROLE)):
        if inner.has(short):
            _check(inner, short, prefix + inner.text(short), words)
            among += (prefix + inner.text(short),)
    for word in among:
        _check(inner, "among", word, words)
    for word in not_in:
        _check(inner, "not_in", word, (*words, *STATES))
    inner.finish()
    return Pick(many, among, not_in)  # type: ignore[arg-type]  # one of COUNTS


def _check(table: Table, key: str, word: Any, known: tuple[str, ...]) -> None:
    if word not in known:
        raise table.error(key, f"cannot have {word!r}; {suggestion(str(word), known)}")
