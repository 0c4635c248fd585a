"""A chart in braille: two columns and four rows of dots a cell, filled from below."""

from collections.abc import Sequence
from itertools import pairwise

from dairt_console.draw.spans import Line, fit
from dairt_console.draw.units import rate

SPAN_S = 60.0  # what a chart shows, whatever its width
STEP_S = 0.5  # between two samples
_DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))  # of the left and the right column, from below
LABEL = 14  # cells of the scale on the left


def filled(values: Sequence[float], width: int, height: int, top: float) -> list[str]:
    """`height` rows of `width` cells, the first the highest, for `values` from 0 to `top`; missing ones are blank, on the left.

    A column shows the greatest of the values that fall into it; what is more than nothing shows at least one dot.
    """
    heights = [0 if top <= 0 or value <= 0 else max(1, round(value / top * height * 4)) for value in values]
    rows = []
    for row in range(height - 1, -1, -1):
        cells = []
        for cell in range(width):
            dots = sum(
                bit
                for side in (0, 1)
                for level, bit in enumerate(_DOTS[side])
                if heights[cell * 2 + side : cell * 2 + side + 1] and heights[cell * 2 + side] > row * 4 + level
            )
            cells.append(chr(0x2800 + dots) if dots else " ")
        rows.append("".join(cells))
    return rows


def columns_of(samples: Sequence[float], number: int) -> list[float]:
    """`number` columns over the chart's span: the greatest of each one's samples; 0 before the first."""
    wanted = round(SPAN_S / STEP_S)
    recent = [0.0] * (wanted - len(samples)) + list(samples[-wanted:])
    edges = [at * wanted // number for at in range(number + 1)]
    return [max(recent[early : max(late, early + 1)]) for early, late in pairwise(edges)]


def throughput(received: Sequence[float], sent: Sequence[float], marks: Sequence[float], width: int, height: int) -> list[Line]:
    """What came in above what went out, on one scale, and below a minute of time. `marks` are faults, in seconds ago."""
    wide = max(width - LABEL - 1, 1)
    each = max((height - 1) // 2, 1)
    top = max((*received, *sent), default=0.0)
    lines: list[Line] = []
    for name, samples in (("rx", received), ("tx", sent)):
        now = samples[-1] if samples else 0.0
        labels = [f"{name} {rate(now)}", f"max {rate(max(samples, default=0.0))}", *[""] * each][:each]
        rows = filled(columns_of(samples, wide * 2), wide, each, top)
        for label, row in zip(labels, rows, strict=True):
            lines.append(((fit(label, LABEL), "dim"), ("┤", "dim"), (row, "accent" if name == "rx" else "good")))
    return [*lines, _axis(marks, wide)][:height]


def _axis(marks: Sequence[float], wide: int) -> Line:
    cells = [*f"-{SPAN_S:.0f} s".ljust(wide - 3), *"now"][:wide]
    for ago in marks:
        if 0 <= ago < SPAN_S:
            cells[min(int((1 - ago / SPAN_S) * wide), wide - 1)] = "▲"
    note = f"{'▲ fault':>{LABEL}} " if marks else " " * (LABEL + 1)
    return ((note, "warn" if marks else "dim"), ("".join(cells), "warn" if marks else "dim"))
