"""The selected event: when, who, every field, the fault it came of, or what came of it."""

import msgspec

from dairt.model.events import FaultFired
from dairt_console.causes import cause_of, effects_of
from dairt_console.draw.spans import Line, clean
from dairt_console.draw.states import level
from dairt_console.draw.troubles import fault_line
from dairt_console.draw.units import clock, count
from dairt_console.reducer import Seen

EFFECTS_SHOWN = 6


def event_detail(seen: Seen, place: int) -> list[Line]:
    """The event at a place of the long log; -1 is none."""
    log = seen.log
    if not log.first <= place < log.last:
        return [((" no event is chosen", "dim"),)]
    told = log[place]
    glyph, tone = level(told.level)
    head = f" #{told.entry.seq}  t={clock(told.time_s, 3)}  "
    lines: list[Line] = [
        ((head, "dim"), (f"{told.node}  ", "strong"), (f"{glyph} {told.kind}", tone)),
        ((f" {told.text}", "plain"),),
    ]
    fields = msgspec.structs.asdict(told.entry.event)
    lines += [((f" {name:<9} ", "dim"), (clean(str(value)), "plain")) for name, value in fields.items()]
    if isinstance(told.entry.event, FaultFired):
        return lines + _effects(seen, place)
    return lines + _cause(seen, place)


def _cause(seen: Seen, place: int) -> list[Line]:
    told = seen.log[place]
    fault = cause_of(told.entry, seen.aftermaths)
    if not fault:
        return []
    ago = told.time_s - seen.aftermaths[fault].fired_s
    return [
        ((" ← came of ", "dim"), *(fault_line(seen, fault) or ((fault, "plain"),))),
        ((f"   {fault}, {ago:.3f} s before; ⏎ goes there", "dim"),),
    ]


def _effects(seen: Seen, place: int) -> list[Line]:
    told, effects = seen.log[place], effects_of(seen.log, place, seen.aftermaths)
    if not effects:
        return [((" → nothing has come of it yet", "dim"),)]
    lines: list[Line] = [((f" → led to {count(len(effects))} event{'s' * (len(effects) > 1)}; ⏎ shows the fault", "dim"),)]
    for effect in effects[:EFFECTS_SHOWN]:
        after = f"   +{effect.time_s - told.time_s:.3f} s  "
        lines.append(((after, "dim"), (f"{effect.node} ", "strong"), (effect.text, level(effect.level)[1])))
    more = len(effects) - EFFECTS_SHOWN
    return [*lines, ((f"   … and {count(more)} more", "dim"),)] if more > 0 else lines
