"""The names of the pages, the one in front in brackets, and which of them a click is on."""

from collections.abc import Sequence
from dataclasses import dataclass

from dairt_console.draw.spans import Line, Span

SHORT = {"Overview": "Over", "Topology": "Topo", "Nodes": "Node", "Checkpoints": "Ckpt", "Faults": "Fault", "Events": "Event"}


@dataclass(frozen=True)
class PageBar:
    """The line, and for each page the cell that is behind its name."""

    line: Line = ()
    ends: tuple[int, ...] = ()

    def at(self, x: int) -> int | None:
        """The number of the page a cell belongs to, from 0; None behind the last."""
        return next((number for number, end in enumerate(self.ends) if x < end), None)


def page_bar(titles: Sequence[str], front: int, width: int) -> PageBar:
    """As much of the names as `width` cells hold: at the least the numbers, and the one in front."""
    full = [f"{number} {title}" for number, title in enumerate(titles, 1)]
    short = [f"{number} {SHORT.get(title, title)}" for number, title in enumerate(titles, 1)]
    numbers = [name if number == front else str(number + 1) for number, name in enumerate(full)]
    least = [str(number) for number in range(1, len(titles) + 1)]
    for names, gap in ((full, 2), (full, 1), (full, 0), (short, 0), (numbers, 0), (least, 0)):
        if sum(len(name) + 2 + gap for name in names) <= width:
            break
    spans: list[Span] = []
    ends: list[int] = []
    for number, name in enumerate(names):
        spans += [(f"[{name}]", "accent") if number == front else (f" {name} ", "plain"), (" " * gap, "plain")]
        ends.append((ends[-1] if ends else 0) + len(name) + 2 + gap)
    return PageBar(tuple(spans), tuple(ends))
