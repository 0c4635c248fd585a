"""The page Faults: the steps of the story and what operators did, with what became of each; one of them; the promises."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dairt.model.action import ANY, named
from dairt.model.views import FaultView, PromiseView, StepView
from dairt_console.aftermath import BETWEEN_TWO
from dairt_console.chosen import Chosen
from dairt_console.draw.columns import Column
from dairt_console.draw.spans import Line, Span, clean, fit_line
from dairt_console.draw.states import state
from dairt_console.draw.troubles import outcome
from dairt_console.draw.units import age, clock, count, duration, plural
from dairt_console.effects import Effects
from dairt_console.reducer import Seen

URGENCY = ("active", "healing", "planned", "refused", "done", "healed", "skipped")
NEVER_S = float("inf")


@dataclass(frozen=True)
class StepRow:
    """One fault, or one step that is none. `at_s` is when it struck last, or will; infinity where no time is known.

    `chosen` is what an action acts on that is asked for here.
    """

    key: str
    id: str
    source: str
    state: str
    kind: str
    text: str
    when: str
    time: str
    came: str
    at_s: float
    chosen: Chosen

    @property
    def words(self) -> str:
        """What is searched."""
        return " ".join((self.id, self.source, self.state, self.kind, self.text, self.came))

    @property
    def is_over(self) -> bool:
        return self.state in ("done", "healed", "skipped", "refused")


# Each order's name, and what it sorts by.
ORDERS: dict[str, Callable[[StepRow], tuple[object, ...]]] = {
    "by urgency": lambda row: (
        URGENCY.index(row.state) if not row.is_over else len(URGENCY),
        -row.at_s if row.is_over else row.at_s,
        row.key,
    ),
    "by time": lambda row: (row.at_s, row.key),
    "by id": lambda row: (row.source, row.id),
}


def step_rows(seen: Seen) -> list[StepRow]:
    """A row a fault and a row a step, in no order yet."""
    if seen.snapshot is None:
        return []
    faults = (_fault_row(seen, fault) for fault in seen.snapshot.faults)
    return [*faults, *(_step_row(seen, step) for step in seen.snapshot.steps)]


def sifted(rows: Sequence[StepRow], pattern: str, order: str) -> list[StepRow]:
    """The rows with the pattern in any of their words, in that order."""
    return sorted((row for row in rows if pattern.lower() in row.words.lower()), key=ORDERS[order])


def target_chosen(fault: FaultView) -> Chosen:
    """What a fault is about, as far as it is one node or one link."""
    ends = [side for side in fault.target if side != ANY and len(named(side)) == 1]
    if fault.kind.startswith(BETWEEN_TWO) and len(ends) == 2:
        return Chosen(node=ends[0], peer=ends[1], fault=fault.id)
    return Chosen(node=ends[0] if ends else "", fault=fault.id)


def _fault_row(seen: Seen, fault: FaultView) -> StepRow:
    aftermath = seen.aftermaths.get(fault.id)
    word, came = (fault.state, "") if aftermath is None else outcome(fault, aftermath)
    if fault.state == "planned" and not fault.fired:
        word, came = "planned", fault.when
    elif fault.state == "skipped":
        word, came = "skipped", fault.reason
    at_s = seen.now_s + fault.in_s if fault.in_s >= 0 else NEVER_S
    if aftermath is not None and fault.state != "planned":
        at_s = aftermath.fired_s
    if fault.state != "planned":
        found = found_text(seen.effects.get(fault.id))
        came = " · ".join(filter(None, (came if word != "active" else "", found, _again(fault))))
    source = "story" if fault.when else "operator"
    return StepRow(
        f"fault {fault.id}", fault.id, source, word, fault.kind, fault.text, fault.when, _fault_time(seen, fault), came,
        at_s, target_chosen(fault),
    )  # fmt: skip


def _fault_time(seen: Seen, fault: FaultView) -> str:
    if fault.state == "active":
        return f"{age(fault.left_s)} left" if fault.left_s >= 0 else "until healed"
    if fault.state == "planned" and fault.in_s >= 0:
        return f"in {age(fault.in_s)}"
    aftermath = seen.aftermaths.get(fault.id)
    return f"{age(seen.now_s - aftermath.fired_s)} ago" if aftermath is not None else ""


def _again(fault: FaultView) -> str:
    strikes = f"struck {fault.fired} times" if fault.fired > 1 else ""
    return strikes + (f"{', ' if strikes else ''}again in {age(fault.in_s)}" if fault.in_s >= 0 else "")


def found_text(effects: Effects | None) -> str:
    """Who noticed first, and after how long; "" while nobody has."""
    if effects is None or effects.found_s is None:
        return ""
    return f"found in {duration(effects.found_s - effects.fired_s)} by {effects.found.partition(':')[0]}"


def _step_row(seen: Seen, step: StepView) -> StepRow:
    time = ""
    if step.in_s >= 0:
        time = f"in {age(step.in_s)}"
    elif step.at_s >= 0:
        time = f"{age(seen.now_s - step.at_s)} ago"
    parts = [
        step.reason if step.failed else step.when if not step.times else "",
        f"{step.under_way} under way" if step.under_way else "",
        f"given {count(step.times)} times" if step.times > 1 else "",
        f"{count(step.failed)} failed" if step.failed and step.times > 1 else "",
    ]
    at_s = seen.now_s + step.in_s if not step.times and step.in_s >= 0 else step.at_s if step.at_s >= 0 else NEVER_S
    return StepRow(
        f"{step.source} {step.id}", step.id, step.source, step.state, step.kind, step.text, step.when, time,
        " · ".join(filter(None, parts)), at_s, Chosen(),
    )  # fmt: skip


STEP_COLUMNS: tuple[Column[StepRow], ...] = (
    Column("STATE", 9, lambda row, _: state(row.state), keep=10),
    Column("WHAT", 26, lambda row, _: (row.text, "dim" if row.is_over else "plain"), keep=9, grow=2),
    Column("TIME", 12, lambda row, _: (row.time, "dim" if row.is_over else "plain"), keep=8),
    Column("WHAT CAME OF IT", 26, lambda row, _: (row.came, "plain" if not row.is_over else "dim"), keep=7, grow=2),
    Column("BY", 8, lambda row, _: (row.source, "dim"), keep=2),
    Column("ID", 6, lambda row, _: (row.id, "dim"), keep=4, grow=1),
)


def no_steps(seen: Seen, pattern: str) -> tuple[str, ...]:
    """What stands where no step does: why, and what would help."""
    if pattern and seen.snapshot is not None and (seen.snapshot.faults or seen.snapshot.steps):
        return (f"no step matches {pattern}", "f and nothing shows all")
    match seen.link.state:
        case "connecting":
            return ("the cluster is starting", "its story's steps, and what is done to it, stand here")
        case "lost" | "finished":
            return (f"nothing was broken, and the cluster is {seen.link.state}", "")
    return ("nothing is broken, and nothing is planned", "i breaks something: it shows first what that would hit")


# -- one of them -------------------------------------------------------------------------------------------------------


def step_lines(seen: Seen, row: StepRow | None, width: int) -> list[Line]:
    """All that is known of one step."""
    if row is None:
        return [((" it is forgotten: the cluster remembers the newest", "dim"),)]
    lines: list[Line] = [
        ((" ", "plain"), state(row.state), (f"  {clean(row.text)}", "strong")),
        _fact("kind", row.kind),
        _fact("asked for by", f"{'an operator' if row.source in ('operator', 'do') else 'the story'}, as {row.id}"),
    ]
    lines += [
        _fact(name, text) for name, text in (("waits for", row.when), ("time", row.time), ("came of it", row.came)) if text
    ]
    fault = row.chosen.fault
    if fault:
        lines += _strikes(seen, fault)
        lines += _effects(seen.effects.get(fault))
    return [fit_line(line, width) for line in lines]


def _fact(name: str, text: str) -> Line:
    return ((f" {name:<13}", "dim"), (clean(text), "plain"))


def _strikes(seen: Seen, fault: str) -> list[Line]:
    latest = seen.aftermaths.get(fault)
    known = [*(strike for strike in seen.strikes if strike.fault == fault), *([latest] if latest is not None else [])]
    lines: list[Line] = []
    for strike in reversed(known):
        over = "still in effect" if strike.over_s is None else f"over after {duration(strike.over_s - strike.fired_s)}"
        lasts = over if strike.over_s is not None or (strike is latest and _lasts(seen, fault)) else "at one moment"
        lines.append(_fact("struck", f"t={clock(strike.fired_s, 3)}, {lasts}"))
    if latest is not None and latest.missing:
        missing = ", ".join(f"{node}→{peer}" for node, peer in latest.missing)
        lines.append(_fact("missing", f"{plural(len(latest.missing), 'socket')} not open again: {missing}"))
    return lines


def _lasts(seen: Seen, fault: str) -> bool:
    return any(view.id == fault for view in seen.active_faults)


def _effects(effects: Effects | None) -> list[Line]:
    if effects is None:
        return [((" nothing that was told came of it", "dim"),)]
    lines: list[Line] = []
    if effects.found_s is not None:
        lines.append(_fact("found", f"after {duration(effects.found_s - effects.fired_s)} by {effects.found}"))
    told = ", ".join(f"{count(number)} {name.replace('_', ' ')}" for name, number in effects.counts)
    return [*lines, _fact("led to", told), ((" ⏎ shows them among the events", "dim"),)]


def step_text(row: StepRow) -> str:
    """A step for the clipboard."""
    when = f", {row.time}" if row.time else ""
    came = f": {row.came}" if row.came else ""
    return f"{row.id} {row.state}{when}, {row.text}{came}"


# -- promises ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PromiseRow:
    """One promise."""

    key: str
    view: PromiseView


_WORST_FIRST = ("broken", "pending", "holds")


def promise_rows(seen: Seen) -> list[PromiseRow]:
    """The promises, the broken ones first."""
    promises = seen.snapshot.promises if seen.snapshot else ()
    rows = [PromiseRow(f"{number}", view) for number, view in enumerate(promises)]
    return sorted(rows, key=lambda row: _WORST_FIRST.index(row.view.state))


def promises_note(seen: Seen) -> str:
    """How many of them stand how."""
    states = [view.state for view in (seen.snapshot.promises if seen.snapshot else ())]
    return ", ".join(f"{states.count(word)} {word}" for word in _WORST_FIRST if word in states)


def no_promises(seen: Seen) -> tuple[str, ...]:
    """What stands where no promise does."""
    if seen.link.state == "connecting":
        return ("the cluster is starting", "")
    return ("nothing is promised", "a scenario's [[expect]] entries stand here")


def _promise(row: PromiseRow) -> Span:
    return row.view.promise, "plain"


PROMISE_COLUMNS: tuple[Column[PromiseRow], ...] = (
    Column("STATE", 9, lambda row, _: state(row.view.state), keep=10),
    Column("PROMISE", 20, lambda row, _: _promise(row), keep=9, grow=2),
    Column("WHY", 16, lambda row, _: (row.view.reason, state(row.view.state)[1]), keep=8, grow=1),
)
