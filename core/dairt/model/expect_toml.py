"""[[expect]] of a scenario file: what must hold and when, what must happen, and what may be measured."""

from collections.abc import Sequence

from dairt.model.events import EVENT_TYPES
from dairt.model.scenario import EXPECT_KINDS, STATISTICS, Bound, Expectation, Timing
from dairt.model.toml_table import Table, suggestion

# A derived field of an event that `where` may also compare.
DERIVED = ("offset_pct",)
Conditions = tuple[tuple[str, str | float], ...]


def read_expectation(table: Table, time: Timing | None) -> Expectation:
    """One entry; whether its promise exists is for those to say who keep it."""
    given = [kind for kind in EXPECT_KINDS if table.has(kind)]
    if len(given) != 1:
        known = f"{', '.join(EXPECT_KINDS[:-1])} and {EXPECT_KINDS[-1]}"
        raise table.error("", f"needs just one of {known}, not {' and '.join(given) or 'none'}")
    [kind] = given
    name, within_s = table.text(kind), 0.0
    if kind in ("eventually", "finally") and time is None:
        raise table.error(kind, "needs a [time]: a story without an end can only promise always")
    if kind == "eventually" and time is not None:
        within_s = table.seconds("within")
        table.choice("after", ("heal",), "heal")
        if within_s > time.settle_s:
            raise table.error("within", f"must not be longer than settle, {time.settle_s:g} s")
    where = read_where(table, name) if kind == "sometimes" and name in EVENT_TYPES else ()
    bounds = _bounds(table, name) if kind == "metric" else ()
    table.finish()
    return Expectation(name, kind, within_s, table.place, where, bounds)


def read_where(table: Table, event: str) -> Conditions:
    """`where`: what the fields of an event must be."""
    kind = EVENT_TYPES[event]
    fields = kind.__struct_fields__ + tuple(name for name in DERIVED if hasattr(kind, name))
    conditions: list[tuple[str, str | float]] = []
    for name, value in table.table("where", {}).items():
        if name not in fields:
            raise table.error("where", f"cannot ask for {name!r}, {event} has no such field; {suggestion(name, fields)}")
        if type(value) not in (int, float, str):
            raise table.error("where", f"must compare {name} with a text or a number, not {value!r}")
        conditions.append((name, value))
    return tuple(conditions)


def _bounds(table: Table, metric: str) -> tuple[Bound, ...]:
    bounds = [_bound(table, metric, statistic) for statistic in STATISTICS if table.has(statistic)]
    if not bounds:
        raise table.error("", f"needs a bound, such as p99 = {{ max = … }}; there is {_listed(list(STATISTICS))}")
    return tuple(bounds)


def _bound(table: Table, metric: str, statistic: str) -> Bound:
    inner = table.table(statistic)
    read = inner.seconds if metric.endswith("_seconds") else inner.size if metric.endswith("_bytes") else inner.number
    least, most = read("min", None), read("max", None)
    inner.finish()
    if least is None and most is None:
        raise inner.error("", "needs a min or a max")
    if least is not None and most is not None and least > most:
        raise inner.error("min", "must not be above max")
    return Bound(statistic, least, most)  # type: ignore[arg-type]  # one of STATISTICS


def _listed(words: Sequence[str]) -> str:
    return ", ".join(map(repr, words))
