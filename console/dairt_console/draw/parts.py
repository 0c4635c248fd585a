"""A line made of parts of different worth: when it gets narrow, the least worth leaves first, and whole."""

from collections.abc import Sequence
from dataclasses import dataclass

from dairt_console.draw.spans import Line, width_of


@dataclass(frozen=True)
class Part:
    """Some spans that stay or go together. `keep` above any other's means: leaves last."""

    line: Line
    keep: int
    right: bool = False


def arrange(parts: Sequence[Part], width: int, gap: int = 2) -> tuple[Part, ...]:
    """The parts that fit into `width` cells with `gap` cells between; one always stays."""
    shown = list(parts)
    while len(shown) > 1 and sum(width_of(part.line) + gap for part in shown) - gap > width:
        shown.remove(min(reversed(shown), key=lambda part: part.keep))
    return tuple(shown)


def join(parts: Sequence[Part], width: int, gap: int = 2) -> Line:
    """One line of `width` cells: left parts from the left, right parts to the right edge."""
    spans: list[tuple[Line, bool]] = [(part.line, part.right) for part in parts]
    left = [line for line, right in spans if not right]
    right = [line for line, right in spans if right]
    head, tail = _chain(left, gap), _chain(right, gap)
    space = width - width_of(head) - width_of(tail)
    return (*head, (" " * max(space, 0), "plain"), *tail) if tail else head


def _chain(lines: Sequence[Line], gap: int) -> Line:
    spans: Line = ()
    for line in lines:
        spans = (*spans, (" " * gap, "plain"), *line) if spans else line
    return spans
