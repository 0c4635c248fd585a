"""How the ops of a run stand, and the chain of them that decided how long it took."""

from collections.abc import Mapping
from dataclasses import dataclass

from dairt.model.views import GraphView, OpView
from dairt_console.attempts import OpNews, Work
from dairt_console.draw.parts import Part, arrange, join
from dairt_console.draw.spans import Line, Span, Tone, clean
from dairt_console.draw.units import count, duration

OpState = str
# In the order in which a legend has them; `again` is an op that runs once more after it was lost.
STATES: dict[OpState, tuple[str, Tone]] = {
    "done": ("✓", "good"),
    "running": ("▶", "accent"),
    "again": ("↻", "warn"),
    "lost": ("✕", "bad"),
    "waiting": ("○", "dim"),
}


def op_state(news: OpNews | None) -> OpState:
    """One word for how an op stands."""
    if news is None:
        return "waiting"
    return "again" if news.state == "running" and news.losses else news.state


def op_span(state: OpState) -> Span:
    """The state's glyph and word."""
    glyph, tone = STATES[state]
    return f"{glyph} {state}", tone


@dataclass(frozen=True)
class CriticalPath:
    """The ops whose measured seconds, one after the other, are the longest sum of any chain in the graph."""

    ops: tuple[str, ...] = ()
    seconds: float = 0.0


def critical_path(graph: GraphView, ops: Mapping[str, OpNews]) -> CriticalPath:
    """The longest chain by what was measured so far; empty before anything was."""
    best: dict[str, tuple[float, str]] = {}  # by value: the longest chain that makes it, and its last op
    before: dict[str, str] = {}
    length: dict[str, float] = {}
    for op in graph.ops:
        seconds = ops[op.name].seconds if op.name in ops else 0.0
        so_far, last = max((best[value] for value in op.inputs if value in best), default=(0.0, ""), key=lambda chain: chain[0])
        before[op.name], length[op.name] = last, so_far + seconds
        best.update(dict.fromkeys(op.outputs, (length[op.name], op.name)))
    end = max(length, key=lambda name: length[name], default="")
    if not end or not length[end]:
        return CriticalPath()
    chain = [end]
    while before[chain[-1]]:
        chain.append(before[chain[-1]])
    return CriticalPath(tuple(reversed(chain)), length[end])


def tally_line(graph: GraphView | None, work: Work | None, path: CriticalPath, width: int) -> Line:
    """How many ops stand how, and the critical path; what does not fit leaves from the right."""
    names = [op.name for op in graph.ops] if graph is not None and graph.ops else []
    ops = work.ops if work is not None else {}
    states = [op_state(ops.get(name)) for name in names] if names else [op_state(news) for news in ops.values()]
    if not names and graph is not None:
        states += ["waiting"] * max(sum(graph.layers) - len(states), 0)
    parts = [
        Part((op_span(state), (f" {count(states.count(state))}", "plain")), 9 - at)
        for at, state in enumerate(STATES)
        if state in states
    ]
    if path.ops:
        chain = " → ".join(clean(name) for name in path.ops)
        parts.append(Part((("★ critical path ", "strong"), (f"{took(path.seconds)}: {chain}", "plain")), 1))
    shown = arrange(parts[:5], width) if parts else ()
    room = width - sum(len(text) for part in shown for text, _ in part.line) - 2 * len(shown)
    line = join(shown, width)
    if path.ops and room > 24:
        line = (*line, ("  ", "plain"), *parts[-1].line)
    return line


def took(seconds: float) -> str:
    """How long an op took; ops may be done in microseconds."""
    return duration(seconds) if seconds >= 0.9995e-3 else f"{seconds * 1e6:.0f} µs"


def takers(graph: GraphView, op: OpView) -> list[OpView]:
    """The ops that take what this one makes."""
    made = dict.fromkeys(op.outputs)
    return [other for other in graph.ops if any(value in made for value in other.inputs)]


def lineage(graph: GraphView, op: str) -> tuple[str, ...]:
    """All ops that would have to run again if nothing but the graph's inputs were left, in the order they could."""
    maker = {value: other for other in graph.ops for value in other.outputs}
    by_name = {other.name: other for other in graph.ops}
    needed: dict[str, None] = {}
    waiting = [by_name[op]] if op in by_name else []
    while waiting:
        for value in waiting.pop().inputs:
            other = maker.get(value)
            if other is not None and other.name not in needed:
                needed[other.name] = None
                waiting.append(other)
    return tuple(other.name for other in graph.ops if other.name in needed)
