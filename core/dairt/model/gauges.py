"""What a condition may ask for: each name, the parts it has, and what it means."""

from collections.abc import Iterator, Sequence

from dairt.model.events import EVENT_TYPES
from dairt.model.toml_table import suggestion

LANES = ("compute", "io")
# Of the parts of a name, <node>, <lane> and <event> stand for one of these.
GAUGES = {
    "time": "seconds since all nodes were up",
    "nodes.up": "nodes that are up",
    "nodes.down": "nodes that are not",
    "nodes.suspected": "nodes that some live node suspects, or counts as dead",
    "runs.running": "graph runs under way",
    "runs.done": "graph runs that have their answer",
    "runs.failed": "graph runs that have failed",
    "faults.active": "faults in effect",
    "faults.fired": "times that a fault has struck",
    "broadcasts.begun": "broadcasts begun",
    "broadcasts.ended": "broadcasts of which every member has answered or been given up",
    "broadcasts.acked": "durable acknowledgements of broadcasts",
    "queue.<node>.<lane>": "tasks waiting in a lane of a node",
    "busy.<node>.<lane>": "workers busy in a lane of a node",
    "sockets.<node>": "connections open at a node, both ways",
    "restarts.<node>": "times that a node was restarted",
    "keys.<node>": "keys that a node holds",
    "events.<event>": "events of a kind, of all nodes",
    "events.<node>.<event>": "events of a kind, of one node",
}


def check_name(name: str, nodes: Sequence[str]) -> str:
    """Say what is wrong with a name in a condition, as the end of a sentence; "" when nothing is."""
    if any(_fits(name.split("."), pattern.split("."), nodes) for pattern in GAUGES):
        return ""
    return f"asks for {name!r}, which nobody counts; {suggestion(name, _examples(nodes))}"


def _fits(parts: Sequence[str], pattern: Sequence[str], nodes: Sequence[str]) -> bool:
    known = {"<node>": nodes, "<lane>": LANES, "<event>": tuple(EVENT_TYPES)}
    if "<node>" in pattern and len(parts) > len(pattern):  # a node's name may have dots in it
        at = pattern.index("<node>")
        extra = len(parts) - len(pattern) + 1
        parts = [*parts[:at], ".".join(parts[at : at + extra]), *parts[at + extra :]]
    return len(parts) == len(pattern) and all(
        part in known.get(wanted, (wanted,)) for part, wanted in zip(parts, pattern, strict=True)
    )


def _examples(nodes: Sequence[str]) -> Iterator[str]:
    """Names as one would write them, of the first node, to suggest from."""
    for pattern in GAUGES:
        name = pattern.replace("<node>", nodes[0])
        if "<lane>" in name:
            yield from (name.replace("<lane>", lane) for lane in LANES)
        elif "<event>" not in name:
            yield name
    yield from (f"events.{event}" for event in EVENT_TYPES)
