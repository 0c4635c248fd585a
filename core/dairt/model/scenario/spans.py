"""Times and seeds as a story has them: one, or any between two."""

import re

import msgspec


class Between(msgspec.Struct, frozen=True, tag="between"):
    """A time that the seed draws, evenly between two bounds, in seconds."""

    low_s: float
    high_s: float

    def __str__(self) -> str:
        return f"{self.low_s:g} to {self.high_s:g} s"


Span = float | Between


def span_text(span: Span) -> str:
    """A span as people read it."""
    return str(span) if isinstance(span, Between) else f"{span:g} s"


def earliest_s(span: Span) -> float:
    """The least that a span can be."""
    return span.low_s if isinstance(span, Between) else span


def draw_s(span: Span, draw: float) -> float:
    """The time in a span that a draw in [0, 1) stands for."""
    return span.low_s + (span.high_s - span.low_s) * draw if isinstance(span, Between) else span


class Seeds(msgspec.Struct, frozen=True):
    """Whole seeds from `first` to `last`, both included."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}..{self.last}"

    @property
    def range(self) -> range:
        """Them all, in order."""
        return range(self.first, self.last + 1)


def parse_seeds(text: str) -> Seeds | None:
    """Read 0..24, or 7 for one alone; None when it is neither."""
    match = re.fullmatch(r"(-?[0-9]{1,18})(?:\.\.(-?[0-9]{1,18}))?", text.strip())
    if match is None:
        return None
    seeds = Seeds(int(match[1]), int(match[2] or match[1]))
    return seeds if seeds.first <= seeds.last else None
