"""The rows of the page Runs: which a filter shows, in which order they stand, and what stands there when there are none."""

from collections.abc import Callable

from dairt_console.draw.states import state
from dairt_console.draw.tables import RunRow
from dairt_console.draw.units import clock, count, duration
from dairt_console.reducer import Seen

# Each order's name, and what it sorts by.
_STATES = ("running", "failed", "lost", "done")
ORDERS: dict[str, Callable[[RunRow], tuple[object, ...]]] = {
    "newest first": lambda row: (-row.view.started_s, row.view.run),
    "longest first": lambda row: (-row.view.seconds, row.view.run),
    "most ops lost first": lambda row: (-row.view.lost, -row.view.started_s, row.view.run),
    "by state": lambda row: (_STATES.index(row.state), -row.view.started_s, row.view.run),
}


def matches(row: RunRow, pattern: str) -> bool:
    """Whether a run's name, graph, coordinator, state or answer has the pattern in it, in any case."""
    view = row.view
    text = " ".join((view.run, view.graph, view.coordinator, row.state, view.digest)).lower()
    return pattern.lower() in text


def sifted(rows: list[RunRow], pattern: str, order: str) -> list[RunRow]:
    """The rows that match, in that order."""
    return sorted((row for row in rows if matches(row, pattern)), key=ORDERS[order])


def note(shown: int, total: int, pattern: str, order: str, live: bool) -> str:
    """What stands beside the table's title."""
    parts = [order]
    if pattern:
        parts.append(f"filter {pattern}: {count(shown)} of {count(total)}")
    if not live:
        parts.append("as last seen")
    return " · ".join(parts)


def no_runs(seen: Seen, pattern: str) -> tuple[str, ...]:
    """What stands where no run does: why, and what would help."""
    if pattern and seen.runs:
        return (f"no run matches {pattern}", "f and nothing shows all")
    match seen.link.state:
        case "connecting":
            return ("the cluster is starting", "runs stand here as soon as one begins")
        case "lost" | "finished":
            return (f"no graph has run, and the cluster is {seen.link.state}", "")
    return ("no graph has run yet", "w runs one over all nodes, coordinated by the chosen one")


def run_title(row: RunRow) -> str:
    """How the run stands, in a line."""
    view = row.view
    parts = [view.graph, state(row.state)[0], f"{count(view.done)}/{count(view.total)} ops", duration(view.seconds)]
    if view.lost:
        parts.append(f"{count(view.lost)} lost")
    if view.digest:
        parts.append(f"answer {view.digest[:12]}")
    return " · ".join(parts)


def unknown_graph(row: RunRow) -> str:
    """Why there is no picture of a run's graph."""
    if not row.view.graph_digest:
        return "its coordinator does not say which graph it runs"
    return f"the shape of {row.view.graph} was never told here: it was not run through this cluster's own door"


def run_text(row: RunRow) -> str:
    """A run for the clipboard."""
    view = row.view
    answer = f", answer {view.digest}" if view.digest else ""
    return (
        f"{view.run}: {view.graph} from {view.coordinator}, {row.state}, {view.done}/{view.total} ops, "
        f"{view.lost} lost, begun t={clock(view.started_s, 3)}, {duration(view.seconds)}{answer}"
    )
