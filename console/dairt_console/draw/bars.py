"""Bars and sparklines in block characters."""

from collections.abc import Sequence

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_HEIGHTS = "▁▂▃▄▅▆▇█"


def progress(part: float, width: int) -> str:
    """A bar of `width` cells, `part` (0 to 1) of it filled to an eighth of a cell; never full before all is done."""
    eighths = min(int(part * width * 8), width * 8 - (part < 1))
    full, rest = divmod(max(eighths, 0), 8)
    bar = "█" * full + (_EIGHTHS[rest] if rest else "")
    return bar + "░" * (width - len(bar))


def sparkline(values: Sequence[float], width: int) -> str:
    """The last `width` values, scaled to the greatest of them; missing ones are blank on the left."""
    shown = values[-width:] if width > 0 else ()
    top = max(shown, default=0.0)
    marks = "".join(_HEIGHTS[round(value / top * 7)] if top > 0 else _HEIGHTS[0] for value in shown)
    return marks.rjust(width)
