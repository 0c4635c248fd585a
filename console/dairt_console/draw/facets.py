"""What there is of each level, kind and node among the events shown, and the alerts: each a way to filter."""

from collections.abc import Mapping
from dataclasses import dataclass

from dairt_console.draw.bars import progress
from dairt_console.draw.columns import Column
from dairt_console.draw.event_list import LEVEL_ORDER
from dairt_console.draw.spans import Span
from dairt_console.draw.states import level, state
from dairt_console.draw.units import age, count
from dairt_console.reducer import Seen

VALUES_MAX = 200  # of one field: the most frequent


@dataclass(frozen=True)
class Facet:
    """One value of one field. `term` is what filters by it, `on` whether it does now; of an alert, `text` is what is wrong."""

    field: str
    value: str
    number: int
    share: float
    term: str
    on: bool = False
    text: str = ""
    state: str = ""

    @property
    def key(self) -> str:
        return self.term or f"alert {self.value}"


def facets(seen: Seen, counts: Mapping[str, Mapping[str, int]], filter: str) -> list[Facet]:
    """Alerts first, then levels, the worst first, then kinds and nodes, the most frequent first."""
    words = filter.split()
    rows = []
    for alert in seen.alerts.now.values():
        term = f"node:{','.join(alert.nodes)}" if alert.nodes else ""
        since = int(seen.now_s - alert.since_s)
        rows.append(Facet("alert", alert.key, since, 0.0, term, term in words, alert.text, alert.state))
    for name in ("level", "kind", "node"):
        most = max(counts[name].values(), default=0)
        ordered = sorted(counts[name].items(), key=lambda item: (-item[1], item[0]))
        if name == "level":
            ordered = [(value, counts[name][value]) for value in LEVEL_ORDER if value in counts[name]]
        for value, number in ordered[:VALUES_MAX]:
            term = f"{name}:{value}"
            rows.append(Facet(name, value, number, number / most, term, term in words))
    return rows


def _field(row: Facet) -> Span:
    return (f"{'◆ ' if row.on else ''}{row.field}", "accent" if row.on else "dim")


def _value(row: Facet) -> Span:
    if row.field == "alert":
        return f"{state(row.state)[0]}  {row.text}", state(row.state)[1]
    if row.field == "level":
        glyph, tone = level(row.value)
        return f"{glyph} {row.value}", tone
    return row.value, "strong"


def _number(row: Facet) -> Span:
    return (age(row.number) if row.field == "alert" else count(row.number), "plain")


def _bar(row: Facet, width: int) -> Span:
    return ("", "dim") if row.field == "alert" else (progress(row.share, width).replace("░", " "), "accent")


FACET_COLUMNS: tuple[Column[Facet], ...] = (
    Column("BY", 7, lambda row, _: _field(row), keep=8),
    Column("VALUE", 14, lambda row, _: _value(row), keep=9, grow=2),
    Column("EVENTS", 6, lambda row, _: _number(row), keep=7, right=True),
    Column("", 6, _bar, keep=1),
)
