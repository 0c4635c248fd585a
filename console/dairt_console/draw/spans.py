"""Spans: pieces of text, each with a tone; a line is some spans. Widths are terminal cells, not characters."""

from typing import Literal

from rich.cells import cell_len, set_cell_size

Tone = Literal["plain", "dim", "good", "warn", "bad", "accent", "strong"]
TONES: tuple[Tone, ...] = ("plain", "dim", "good", "warn", "bad", "accent", "strong")
Span = tuple[str, Tone]
Line = tuple[Span, ...]

# Names and reasons come from other machines: an escape sequence in one must not reach the terminal.
_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), "�")


def clean(text: str) -> str:
    """The text with control characters replaced, so that it draws as it reads and moves no cursor."""
    return text.translate(_CONTROLS)


def width_of(line: Line) -> int:
    """The cells a line takes."""
    return sum(cell_len(text) for text, _ in line)


def text_of(line: Line) -> str:
    """A line without its tones."""
    return "".join(text for text, _ in line)


def cut(text: str, width: int) -> str:
    """At most `width` cells of `text`; what is cut leaves an ellipsis behind."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…" if width > 0 else ""


def cut_middle(text: str, width: int) -> str:
    """At most `width` cells of a name whose end tells it apart: what is cut leaves an ellipsis in the middle."""
    if cell_len(text) <= width or width < 3:
        return cut(text, width)
    head = set_cell_size(text, (width - 1) // 2).rstrip()
    tail = text
    while cell_len(head) + 1 + cell_len(tail) > width:
        tail = tail[1:]
    return f"{head}…{tail}"


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Exactly `width` cells: cut with an ellipsis, or padded on the right (with `right`, on the left)."""
    short = cut(text, width)
    pad = " " * (width - cell_len(short))
    return pad + short if right else short + pad


def fit_line(line: Line, width: int) -> Line:
    """Exactly `width` cells of a line, cut with an ellipsis or padded."""
    spans: list[Span] = []
    left = width
    for text, tone in line:
        size = cell_len(text)
        if size > left:
            spans.append((cut(text, left) if left else "", tone))
            left -= cell_len(spans[-1][0])
            break
        spans.append((text, tone))
        left -= size
    return (*spans, (" " * left, "plain")) if left else tuple(spans)
