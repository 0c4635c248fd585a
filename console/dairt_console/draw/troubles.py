"""The Faults panel: what was broken and what came of it, and what is wrong although nobody asked for it."""

from dataclasses import dataclass

from dairt.model.views import FaultView, NodeView
from dairt_console.aftermath import Aftermath
from dairt_console.draw.columns import Column
from dairt_console.draw.spans import Line, Span
from dairt_console.draw.states import state
from dairt_console.draw.units import age, duration
from dairt_console.reducer import Seen


@dataclass(frozen=True)
class TroubleRow:
    """A fault, or something wrong that nobody asked for. `now` is True while it is wrong still; `at_s` is since when."""

    key: str
    state: str
    text: str
    outcome: str = ""
    ago: str = ""
    now: bool = False


def trouble_rows(seen: Seen) -> list[TroubleRow]:
    """What is broken now, what else is wrong, faults to come, and past ones, the latest of those first."""
    over = seen.link.state == "finished"  # and all nodes were stopped for it, which is no trouble
    down = {} if over else {node.name: _kept_down_by(seen, node) for node in seen.nodes if node.state == "down"}
    told = [fault.id for fault in down.values() if fault is not None]
    faults = [fault for fault in _in_order(seen) if fault.id not in told]
    active = [_fault(seen, fault) for fault in faults if fault.state == "active"]
    planned = [_fault(seen, fault) for fault in faults if fault.state == "planned"]
    past = [_fault(seen, fault) for fault in reversed(faults) if fault.state not in ("active", "planned")]
    healing = [row for row in past if row.now]
    return [
        *[_down(seen, node, fault) for node, fault in down.items()],
        *active,
        *healing,
        *_alerts(seen),
        *planned,
        *[row for row in past if not row.now],
    ]


def wrong_now(seen: Seen) -> int:
    """How many things are wrong at this moment."""
    return sum(row.now for row in trouble_rows(seen))


def fault_line(seen: Seen, fault: str) -> Line:
    """One fault and what came of it, for the line that tells what was done last; empty when it is not known."""
    for view in seen.snapshot.faults if seen.snapshot else ():
        if view.id == fault and view.state != "planned":
            row = _fault(seen, view)
            word, tone = state(row.state)
            return ((word, tone), (f"  {row.text}", "plain"), (f" · {row.outcome}" if row.outcome else "", tone))
    return ()


# -- faults ------------------------------------------------------------------------------------------------------------


def _in_order(seen: Seen) -> list[FaultView]:
    """The faults by the time they fired; those that have not, last, in the order of the story."""
    order = {fault: number for number, fault in enumerate(seen.aftermaths)}
    faults = list(seen.snapshot.faults) if seen.snapshot else []
    return sorted(faults, key=lambda fault: order.get(fault.id, len(order)))


def _fault(seen: Seen, fault: FaultView) -> TroubleRow:
    aftermath = seen.aftermaths.get(fault.id)
    if fault.state == "planned":
        return TroubleRow(f"fault {fault.id}", fault.state, fault.text)
    if aftermath is None:
        return TroubleRow(f"fault {fault.id}", fault.state, fault.text, "", "", now=fault.state == "active")
    word, came = outcome(fault, aftermath)
    return TroubleRow(f"fault {fault.id}", word, fault.text, came, _ago(seen, aftermath), now=word in ("active", "healing"))


def outcome(fault: FaultView, aftermath: Aftermath) -> tuple[str, str]:
    """The state of a fault that has fired in a word, and what came of it."""
    took = "" if aftermath.over_s is None else duration(aftermath.over_s - aftermath.fired_s)
    if fault.state == "active":
        return "active", f"{age(fault.left_s)} left" if fault.left_s >= 0 else "until healed: M"
    if fault.state == "healed":
        return "healed", f"after {took}" if took else ""
    if aftermath.missing:
        return "healing", f"{_sockets(len(aftermath.missing))} missing"
    if fault.kind == "node.restart":
        return ("healed", f"up after {took}") if took else ("healing", "not up yet")
    if took:
        return "healed", f"replaced in {took}"
    return fault.state, ""


def _sockets(number: int) -> str:
    return f"{number} socket{'s' * (number > 1)}"


def _ago(seen: Seen, aftermath: Aftermath) -> str:
    return age(seen.now_s - aftermath.fired_s)


# -- what else is wrong ------------------------------------------------------------------------------------------------


def _kept_down_by(seen: Seen, node: NodeView) -> FaultView | None:
    for fault in seen.active_faults:
        aftermath = seen.aftermaths.get(fault.id)
        if fault.kind.startswith("node.") and aftermath is not None and aftermath.befell(node.name):
            return fault
    return None


def _down(seen: Seen, node: str, fault: FaultView | None) -> TroubleRow:
    """A node that is down and the fault that keeps it so are one trouble."""
    if fault is None:
        return TroubleRow(f"node {node}", "down", f"{node} is down", "r starts it", now=True)
    aftermath = seen.aftermaths[fault.id]
    return TroubleRow(f"node {node}", "down", f"{node} is down: {fault.text}", "r starts it", _ago(seen, aftermath), now=True)


def _alerts(seen: Seen) -> list[TroubleRow]:
    return [
        TroubleRow(alert.key, alert.state, alert.text, alert.note, age(seen.now_s - alert.since_s), now=True)
        for alert in seen.alerts.now.values()
    ]


def _what(row: TroubleRow) -> Span:
    return row.text, "plain" if row.now else "dim"


def _came(row: TroubleRow) -> Span:
    return row.outcome, "plain" if row.now or row.state == "healed" else "dim"


TROUBLE_COLUMNS: tuple[Column[TroubleRow], ...] = (
    Column("STATE", 9, lambda row, _: state(row.state), keep=10),
    Column("WHAT", 23, lambda row, _: _what(row), keep=9, grow=3),
    Column("WHAT CAME OF IT", 18, lambda row, _: _came(row), keep=8, grow=1),
    Column("AGO", 4, lambda row, _: (row.ago, "dim"), keep=1, right=True),
)
