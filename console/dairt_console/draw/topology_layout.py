"""Where nodes stand on a ring, and the lines between them: found once for so many nodes in so much room."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len

NODES_MAX = 24  # more, and a ring shows less than the matrix
TALL, LOW = 4, 1  # heights of a box and of a line
NAME_CELLS = 14
WORD_CELLS = 10  # the longest state, with its glyph

Dot = tuple[int, int, int]  # a cell, and the bit of one of its eight dots
_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # of Braille patterns, by column and row


@dataclass(frozen=True)
class Box:
    """Where a node is drawn."""

    x: int
    y: int
    width: int
    height: int

    @property
    def centre(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    def meets(self, other: "Box") -> bool:
        """True when they overlap or touch sideways."""
        return (
            self.x <= other.x + other.width
            and other.x <= self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )


@dataclass(frozen=True)
class Layout:
    """Nodes laid out in so much room. The dots of a link are found once."""

    names: tuple[str, ...]
    width: int
    height: int
    boxes: dict[str, Box]
    _dots: dict[tuple[str, str], tuple[Dot, ...]] = field(default_factory=dict)

    def dots(self, one: str, other: str) -> tuple[Dot, ...]:
        """The straight line from one node's centre to the other's."""
        if (one, other) not in self._dots:
            self._dots[one, other] = tuple(_line(self.boxes[one].centre, self.boxes[other].centre))
        return self._dots[one, other]

    def beside(self, name: str, right: int, down: int) -> str:
        """The next node in that direction: near, and not much to the side; the same one where there is none."""
        if name not in self.boxes:
            return self.names[0] if self.names else ""
        here = self.boxes[name].centre
        best, found = math.inf, name
        for other, box in self.boxes.items():
            dx, dy = box.centre[0] - here[0], (box.centre[1] - here[1]) * 2  # a cell is twice as high as wide
            ahead = dx * right + dy * down
            aside = abs(dx * down) + abs(dy * right)
            if ahead > 0.5 and ahead + 2 * aside < best:
                best, found = ahead + 2 * aside, other
        return found

    def arrow(self, one: str, other: str) -> str:
        """Which way it is from one node to the other."""
        (x, y), (to_x, to_y) = self.boxes[one].centre, self.boxes[other].centre
        if abs(to_x - x) >= 2 * abs(to_y - y):
            return "▶" if to_x > x else "◀"
        return "▼" if to_y > y else "▲"

    def at(self, x: int, y: int) -> str:
        """The node drawn at a cell; "" for none."""
        inside = (name for name, box in self.boxes.items() if 0 <= x - box.x < box.width and 0 <= y - box.y < box.height)
        return next(inside, "")


def lay_out(names: Sequence[str], width: int, height: int) -> Layout | None:
    """A ring that begins at its top and goes as clocks do, in boxes where they have room; None where there is none."""
    longest = min(max((cell_len(name) for name in names), default=0), NAME_CELLS)
    if 0 < len(names) <= NODES_MAX:
        for box_width, box_height in ((max(longest, WORD_CELLS) + 4, TALL), (longest + 1 + WORD_CELLS, LOW)):
            boxes = _ring(len(names), width, height, box_width, box_height)
            apart = not any(box.meets(other) for at, box in enumerate(boxes) for other in boxes[at + 1 :])
            if apart and box_width <= width and box_height <= height:
                return Layout(tuple(names), width, height, dict(zip(names, boxes, strict=True)))
    return None


def _ring(number: int, width: int, height: int, box_width: int, box_height: int) -> list[Box]:
    first = math.pi if number == 2 else -math.pi / 2  # two stand side by side
    angles = [first + 2 * math.pi * at / number for at in range(number)]
    columns = _spread([math.cos(angle) for angle in angles], width - box_width)
    rows = _spread([math.sin(angle) for angle in angles], height - box_height)
    return [Box(x, y, box_width, box_height) for x, y in zip(columns, rows, strict=True)]


def _spread(places: Sequence[float], room: int) -> list[int]:
    """The places from the first to the last cell there is; in the middle, if they are all one."""
    least, most = min(places), max(places)
    if most - least < 1e-6:
        return [room // 2] * len(places)
    return [int((place - least) / (most - least) * room + 0.5) for place in places]


def _line(begin: tuple[float, float], end: tuple[float, float]) -> Iterator[Dot]:
    x, y = begin[0] * 2, begin[1] * 4
    dx, dy = end[0] * 2 - x, end[1] * 4 - y
    steps = max(int(max(abs(dx), abs(dy))), 1)
    for step in range(steps + 1):
        column, row = int(x + dx * step / steps), int(y + dy * step / steps)
        yield column // 2, row // 4, _BITS[column % 2][row % 4]
