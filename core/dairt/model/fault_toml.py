"""[[fault]] of a scenario file: which trouble, whom it befalls, when, for how long, and what comes of it."""

from collections.abc import Callable, Sequence
from typing import get_args

from dairt.errors import UsageError
from dairt.model.action import JOIN, Action, DownNode, FaultAction
from dairt.model.action_toml import FAULTS
from dairt.model.condition import parse_condition
from dairt.model.events import EVENT_TYPES
from dairt.model.expect_toml import read_where
from dairt.model.gauges import check_name
from dairt.model.scenario import STATES, After, At, Between, Every, Fault, On, Pick, Span, Trigger, When, earliest_s
from dairt.model.toml_table import Table, suggestion
from dairt.model.who_toml import ROLES, Cluster, read_link, read_selector, read_who

THEN = ".then"  # what the id of what follows a fault ends with
# The kinds that befall nodes; the others befall links.
OF_NODES = tuple(str(kind.__struct_config__.tag) for kind in get_args(FaultAction) if "node" in kind.__struct_fields__)
EVENT = Pick("event")


def read_faults(table: Table, cluster: Cluster, end_s: float | None) -> list[Fault]:
    """One entry: its fault, and what follows it."""
    name = table.text("id")
    kind = table.choice("kind", FAULTS)
    given = [key for key in WHEN if table.has(key)]
    if len(given) != 1:
        known = f"{', '.join(list(WHEN)[:-1])} and {list(WHEN)[-1]}"
        raise table.error("", f"needs just one of {known}, not {' and '.join(given) or 'none'}")
    when = WHEN[given[0]](table, cluster)
    fault, *rest = _faults(table, name, kind, when, cluster)
    if isinstance(when, Every) and fault.action.lasts and fault.for_s is None:
        raise table.error("", "happens again and again, so it needs a for")
    if isinstance(when, At):
        check_before(table, "at", when.at_s, end_s)
    return [fault, *rest]


def check_before(table: Table, key: str, at_s: Span, end_s: float | None) -> None:
    """Refuse a time that is not in the time of trouble."""
    latest_s = at_s.high_s if isinstance(at_s, Between) else at_s
    if end_s is not None and (latest_s > end_s or earliest_s(at_s) >= end_s):
        raise table.error(key, f"must be before trouble_until, {end_s:g} s, when all is healed")


def check_sequence(faults: Sequence[Fault]) -> None:
    """Refuse a fault that comes after one that is not there, or after itself."""
    before = {fault.id: fault.when.fault for fault in faults if isinstance(fault.when, After)}
    known = [fault.id for fault in faults]
    for fault in faults:
        seen, last = [fault.id], before.get(fault.id)
        if last is not None and last not in known:
            raise UsageError(f"{fault.place}: fault {fault.id!r}: follows cannot be {last!r}; {suggestion(last, known)}")
        while last is not None:
            if last in seen:
                raise UsageError(f"{fault.place}: fault {fault.id!r} comes after itself; give one of {', '.join(seen)} a time")
            seen.append(last)
            last = before.get(last)


def read_how_long(table: Table, action: Action) -> Span | None:
    """How long trouble lasts: `for`, or `then = { restart_after = … }` for nodes that are down."""
    for_s: Span | None = table.span("for", None)
    if for_s is not None and not action.lasts:
        raise table.error("for", "makes no sense here: this trouble is over at once")
    if not _restarts(table):
        return for_s
    then = table.table("then")
    after_s: Span = then.span("restart_after")
    then.finish()
    if not isinstance(action, DownNode) or for_s is not None:
        raise table.error("then", "has restart_after only for what takes a node down, such as node.kill, and without for")
    return after_s


def _faults(table: Table, name: str, kind: str, when: Trigger, cluster: Cluster) -> list[Fault]:
    """The fault of a table whose moment is known, and what its `then` adds."""
    picks = read_who(table, "node", cluster) if kind in OF_NODES else read_link(table, cluster)
    if kind in OF_NODES and isinstance(when, On) and not table.has("node"):
        table.replace("node", str(EVENT))
        picks[str(EVENT)] = EVENT
    if EVENT in picks.values() and not isinstance(when, On):
        raise table.error("", "picks the node of an event, so it needs an on")
    action = FAULTS[kind](table, (*cluster.nodes, *picks))
    fault = Fault(
        id=name,
        action=action,  # type: ignore[arg-type]  # FAULTS makes nothing else
        when=when,
        for_s=read_how_long(table, action),
        place=table.place,
        delay_s=table.span("delay", 0.0),
        picks=tuple(picks.items()),
    )
    follow_up = [] if _restarts(table) or not table.has("then") else _follow_up(table.table("then"), name, cluster)
    table.finish()
    return [fault, *follow_up]


def _follow_up(table: Table, name: str, cluster: Cluster) -> list[Fault]:
    """What comes `delay` after a fault has struck: a fault without a time of its own."""
    return _faults(table, table.text("id", name + THEN), table.choice("kind", FAULTS), After(name), cluster)


def _restarts(table: Table) -> bool:
    return table.has("then") and table.table("then").has("restart_after")


# ------------------------------------------------------------------------------------------------ when


def _on(table: Table, cluster: Cluster) -> On:
    inner = table.table("on")
    event = inner.choice("event", EVENT_TYPES)
    node, pick = _whose(inner, cluster)
    on = On(event, node, read_where(inner, event), inner.count("nth", 1), pick)
    inner.finish()
    return on


def _whose(table: Table, cluster: Cluster) -> tuple[str, Pick | None]:
    """Whose events count: nodes by name, or a pick that the seed alone decides, since it is made before anything happens."""
    if not table.has("node"):
        return "", None
    value, picks = read_selector(table, "node", table.raw("node"), cluster)
    pick = picks.get(value) if isinstance(value, str) else None
    if pick is not None:
        if pick.pick == "event" or any(word in (*ROLES, *STATES) for word in (*pick.among, *pick.not_in)):
            raise table.error("node", f"cannot be {pick}: it is picked before anything happens; name nodes or a zone")
        return "", pick
    names = value if isinstance(value, list) else [value]
    for name in names:
        if name not in cluster.nodes:
            raise table.error("node", f"cannot be {name!r}; {suggestion(str(name), cluster.words)}")
    return JOIN.join(names), None


def _every(table: Table, cluster: Cluster) -> Every:
    inner = table.table("every")
    every = Every(inner.seconds("mean"), inner.count("max_times"))
    inner.finish()
    if every.mean_s <= 0:
        raise inner.error("mean", "must be more than nothing")
    return every


def _when(table: Table, cluster: Cluster) -> When:
    text = table.text("when")
    try:
        condition = parse_condition(text)
    except ValueError as exc:
        raise table.error("when", f"{text!r} {exc}") from exc
    for name in condition.names():
        if wrong := check_name(name, cluster.nodes):
            raise table.error("when", wrong)
    return When(text)


WHEN: dict[str, Callable[[Table, Cluster], Trigger]] = {
    "at": lambda table, cluster: At(table.span("at")),
    "every": _every,
    "on": _on,
    "when": _when,
    # Not "after": some troubles have a key of that name.
    "follows": lambda table, cluster: After(table.text("follows")),
}
