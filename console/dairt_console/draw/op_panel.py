"""One op of a run, told in a few lines: how it stands, where it ran, what it takes and makes, and all its attempts."""

from dairt.model.views import GraphView, OpView
from dairt_console.attempts import Attempt, Fate, Work
from dairt_console.draw.ops import STATES, lineage, op_span, op_state, takers, took
from dairt_console.draw.spans import Line, Span, clean, fit_line
from dairt_console.draw.units import clock

_FATES: dict[Fate, Span] = {
    "running": ("▶ running", "accent"), "done": ("✓ done", "good"), "lost": ("✕ lost", "bad"), "left": ("░ left", "dim"),
}  # fmt: skip


def op_lines(graph: GraphView | None, work: Work, op: str, width: int) -> list[Line]:
    """The op's lines, the most telling first."""
    if not op:
        return [((" no op is chosen: the arrow keys choose one", "dim"),)]
    view = next((found for found in graph.ops if found.name == op), None) if graph is not None else None
    lines = [_head(view, work, op)]
    if view is not None and graph is not None:
        lines += [_takes(graph, work, view), _makes(graph, work, view)]
    attempts = work.of(op)
    lines += [_attempt(attempt) for attempt in reversed(attempts)]
    news = work.ops.get(op)
    if news is not None and news.reason:
        lines.insert(1, ((" lost because ", "dim"), (clean(news.reason), "bad")))
    if view is not None and graph is not None:
        lines.append(_lineage(graph, work, op))
    return [fit_line(line, width) for line in lines]


def _head(view: OpView | None, work: Work, op: str) -> Line:
    news = work.ops.get(op)
    parts: list[Span] = [(f" {clean(op)}  ", "strong"), op_span(op_state(news))]
    if view is not None:
        parts.append((f"  {clean(view.kernel)}, layer {view.layer}", "dim"))
    if news is not None:
        parts.append((f"  on {clean(news.node)}, attempt {news.number}", "plain"))
        if news.state == "done":
            parts.append((f", {took(news.seconds)}", "plain"))
        if news.losses:
            parts.append((f"  lost {news.losses} time{'s' * (news.losses > 1)}", "warn"))
    return tuple(parts)


def _takes(graph: GraphView, work: Work, view: OpView) -> Line:
    """Each input, and where it is: with the op that makes it, or a weight, or fed."""
    maker = {value: other.name for other in graph.ops for value in other.outputs}
    spans: list[Span] = [(" takes  ", "dim")]
    for value in view.inputs:
        if value not in maker:
            what = "fed" if value in graph.inputs else "weight"
            spans.append((f"{clean(value)} ({what})  ", "plain"))
            continue
        news = work.ops.get(maker[value])
        glyph, tone = STATES[op_state(news)]
        spans.append((f"{glyph} {clean(value)}{f' on {clean(news.node)}' if news is not None else ''}  ", tone))
    return tuple(spans)


def _makes(graph: GraphView, work: Work, view: OpView) -> Line:
    specs = [*view.specs, *[""] * (len(view.outputs) - len(view.specs))]
    made = ", ".join(f"{clean(value)} {spec}".rstrip() for value, spec in zip(view.outputs, specs, strict=True))
    spans: list[Span] = [(" makes  ", "dim"), (made, "plain"), ("  for ", "dim")]
    others = takers(graph, view)
    if not others:
        spans.append(("the answer", "strong"))
    for other in others:
        glyph, tone = STATES[op_state(work.ops.get(other.name))]
        spans.append((f"{glyph} {clean(other.name)}  ", tone))
    return tuple(spans)


def _attempt(attempt: Attempt) -> Line:
    how_long = f", {took(attempt.ended_s - attempt.started_s)}" if attempt.ended_s is not None else ""
    return (
        (f" #{attempt.number}  ", "dim"),
        _FATES[attempt.fate],
        (f"  {clean(attempt.node)} {clean(attempt.worker)}, began t={clock(attempt.started_s, 3)}{how_long}", "plain"),
    )


def _lineage(graph: GraphView, work: Work, op: str) -> Line:
    needed = lineage(graph, op)
    if not needed:
        return ((" from the graph's inputs alone", "dim"),)
    spans: list[Span] = [(f" comes of {len(needed)} op{'s' * (len(needed) > 1)}  ", "dim")]
    for name in reversed(needed):
        glyph, tone = STATES[op_state(work.ops.get(name))]
        spans.append((f"{glyph} {clean(name)}  ", tone))
    return tuple(spans)
