"""The status line: what a person did last, what came of it, and the scenario line that does the same."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from dairt.model.action import Action, Broadcast, RunGraph
from dairt.model.events import ActionRefused, BroadcastEnded, Entry, RunEnded
from dairt_console.draw.scenario_line import scenario_line
from dairt_console.draw.spans import Line, clean, width_of
from dairt_console.draw.states import level
from dairt_console.draw.tail import level_of
from dairt_console.draw.troubles import fault_line
from dairt_console.reducer import Seen


@dataclass(frozen=True)
class Deed:
    """An action that was asked for: when, how far it is, and under which id it is known if it is a fault."""

    action: Action
    at_s: float
    state: Literal["sent", "armed", "taken"] = "sent"
    fault: str = ""


def deed_line(deed: Deed, seen: Seen, width: int) -> Line:
    """What came of it, as soon as that is known; and the scenario line, where both have room."""
    line = clean(scenario_line(deed.action, deed.at_s))
    came = _came_of(deed, seen) if deed.state == "taken" else ()
    if not came:
        paused = deed.state == "armed" and seen.snapshot is not None and seen.snapshot.speed == 0
        hint = " · time is paused: . steps, p goes on" if paused else ""
        return ((f"{deed.state}{hint}  ", "good" if deed.state == "taken" else "accent"), (line, "plain"))
    told: Line = tuple((clean(text), tone) for text, tone in came)
    both: Line = (*told, (f"  ·  {line}", "dim"))
    return both if width_of(both) <= width else told


def _came_of(deed: Deed, seen: Seen) -> Line:
    for entry in _since(seen, deed.at_s):
        match entry.event, deed.action:
            case ActionRefused(action=action), _ if action == str(deed.action):
                return _told(entry)
            case BroadcastEnded(key=key), Broadcast(key=wanted) if key == wanted and entry.node == deed.action.source:
                return _told(entry)
            case RunEnded(graph=graph), RunGraph(graph=wanted, coordinator=node) if entry.node == node:
                if graph.startswith(f"layered-{wanted.layers}x{wanted.width}x{wanted.size}"):
                    return _told(entry)
    return fault_line(seen, deed.fault)


def _since(seen: Seen, at_s: float) -> Iterator[Entry]:
    first = len(seen.entries)
    while first and seen.entries[first - 1].time_s >= at_s:
        first -= 1
    return iter(seen.entries[first:])


def _told(entry: Entry) -> Line:
    what = level_of(entry)
    glyph, tone = level("good" if what == "info" else what)
    return ((f"{glyph} ", tone), (entry.event.line, tone))
