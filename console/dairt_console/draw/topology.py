"""The cluster as a picture: nodes on a ring, and between them what flows and what is in its way."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from rich.cells import cell_len

from dairt.model.action import named
from dairt.model.views import NodeView
from dairt_console.draw.spans import Line, Tone, clean, cut_middle, fit, fit_line
from dairt_console.draw.states import state
from dairt_console.draw.topology_links import FLOWS_FROM, Pair, deaf_pairs, groups, left_of, mark_of, pairs
from dairt_console.draw.units import count, plural, rate
from dairt_console.reducer import Seen

NODES_MAX = 24  # more, and a ring shows less than the matrix
ALL_LINKS_MAX = 6  # nodes; with more, only the links that matter are drawn
BUSIEST = 12  # of which so many are drawn because they are busiest
NAME_CELLS = 14
TALL, LOW = 4, 1  # heights of a box and of a line
WORD_CELLS = 10  # the longest state, with its glyph
LABELS_AT = (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74)  # where along a link its label is tried

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

    def at(self, x: int, y: int) -> str:
        """The node drawn at a cell; "" for none."""
        inside = (name for name, box in self.boxes.items() if 0 <= x - box.x < box.width and 0 <= y - box.y < box.height)
        return next(inside, "")


def lay_out(names: Sequence[str], width: int, height: int) -> Layout | None:
    """A ring that begins at its top and goes as clocks do, in boxes where they have room; None where there is none."""
    longest = min(max((cell_len(name) for name in names), default=0), NAME_CELLS)
    if len(names) <= NODES_MAX:
        for box_width, box_height in ((max(longest, WORD_CELLS) + 4, TALL), (longest + 1 + WORD_CELLS, LOW)):
            boxes = _ring(len(names), width, height, box_width, box_height)
            apart = not any(box.meets(other) for at, box in enumerate(boxes) for other in boxes[at + 1 :])
            if apart and box_width <= width and box_height <= height:
                return Layout(tuple(names), width, height, dict(zip(names, boxes, strict=True)))
    return None


def _ring(number: int, width: int, height: int, box_width: int, box_height: int) -> list[Box]:
    across, up = (width - box_width) / 2, (height - box_height) / 2
    if number == 1:
        return [Box(int(across), int(up), box_width, box_height)]
    first = math.pi if number == 2 else -math.pi / 2  # two stand side by side
    angles = [first + 2 * math.pi * at / number for at in range(number)]
    return [
        Box(int(across + across * math.cos(angle) + 0.5), int(up + up * math.sin(angle) + 0.5), box_width, box_height)
        for angle in angles
    ]


def _line(begin: tuple[float, float], end: tuple[float, float]) -> Iterator[Dot]:
    x, y = begin[0] * 2, begin[1] * 4
    dx, dy = end[0] * 2 - x, end[1] * 4 - y
    steps = max(int(max(abs(dx), abs(dy))), 1)
    for step in range(steps + 1):
        column, row = int(x + dx * step / steps), int(y + dy * step / steps)
        yield column // 2, row // 4, _BITS[column % 2][row % 4]


class _Grid:
    """Cells with a tone each."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._cells: list[list[tuple[str, Tone]]] = [[(" ", "plain")] * width for _ in range(height)]
        self._bits = [[0] * width for _ in range(height)]
        self._taken = [[False] * width for _ in range(height)]

    def dot(self, dot: Dot, tone: Tone) -> None:
        x, y, bit = dot
        if 0 <= x < self.width and 0 <= y < self.height:
            self._bits[y][x] |= bit
            self._cells[y][x] = (chr(0x2800 + self._bits[y][x]), tone)

    def put(self, x: int, y: int, text: str, tone: Tone) -> None:
        for at, char in enumerate(text):
            self._cells[y][x + at] = (char if cell_len(char) == 1 else "?", tone)
            self._taken[y][x + at] = True

    def is_free(self, x: int, y: int, width: int) -> bool:
        return 0 <= x and x + width <= self.width and 0 <= y < self.height and not any(self._taken[y][x : x + width])

    def lines(self) -> list[Line]:
        return [
            tuple(("".join(char for char, _ in run), tone) for tone, run in groupby(row, key=lambda cell: cell[1]))
            for row in self._cells
        ]


def shown_pairs(found: Sequence[Pair], nodes: int, cursor: str) -> list[Pair]:
    """The links that are drawn, what matters most last: all where they are few, else the cursor's, troubled and busiest ones."""
    drawn = [pair for pair in found if pair.worst or pair.faults]
    if nodes > ALL_LINKS_MAX:
        busy = sorted((pair for pair in drawn if pair.flows), key=lambda pair: -pair.there - pair.back)[:BUSIEST]
        drawn = [pair for pair in drawn if cursor in (pair.one, pair.other) or pair.troubled or pair in busy]
    return sorted(drawn, key=lambda pair: (pair.troubled, cursor in (pair.one, pair.other), pair.flows))


def picture(seen: Seen, nodes: Sequence[NodeView], layout: Layout, cursor: str, peer: str) -> tuple[list[Line], str]:
    """The picture, and how many links are in it where that is not all. The cursor's node has a double frame; `peer` makes a link of it."""
    found = pairs(seen, nodes)
    shown = shown_pairs(found, len(nodes), cursor)
    grid = _Grid(layout.width, layout.height)
    for pair in shown:
        _draw_link(grid, layout, pair, _tone(pair, cursor, peer))
    parts = groups(seen)
    for node in nodes:
        part = next((at for at, names in enumerate(parts) if node.name in names), -1) if len(parts) > 1 else -1
        _draw_node(grid, layout.boxes[node.name], node, f" {group_name(part)}" if part >= 0 else "", chosen=node.name == cursor)
    for pair in sorted(shown, key=lambda pair: not pair.joins(cursor, peer))[:1] + shown[::-1]:
        _draw_label(grid, layout, pair, _tone(pair, cursor, peer))
    there = [pair for pair in found if pair.worst or pair.faults]
    return grid.lines(), f"{len(shown)} of {plural(len(there), 'link')} drawn " if len(shown) < len(there) else ""


def _tone(pair: Pair, cursor: str, peer: str) -> Tone:
    if pair.faults:
        return mark_of(pair.faults[0]).tone
    if pair.troubled:
        return state(pair.worst)[1]
    if pair.joins(cursor, peer):
        return "strong"
    return "accent" if pair.flows else "plain" if cursor in (pair.one, pair.other) else "dim"


def _draw_link(grid: _Grid, layout: Layout, pair: Pair, tone: Tone) -> None:
    dots = layout.dots(pair.one, pair.other)
    for at, dot in enumerate(dots):
        if _is_drawn(pair, at, len(dots)):
            grid.dot(dot, tone)


def _is_drawn(pair: Pair, at: int, total: int) -> bool:
    """Whether a dot of the line is there: a cut one has a gap, a lossy one gaps, a slow or an idle one is thin."""
    glyph = mark_of(pair.faults[0]).glyph if pair.faults else ""
    if glyph == "╳" or pair.worst in ("dead", ""):
        return at % 3 == 0 and not total * 0.3 < at < total * 0.7
    if glyph in ("╌", "‖"):
        return at % 8 < 4
    if glyph == "┊":
        return at % 3 == 0
    return pair.flows or at % 4 == 0


def _draw_node(grid: _Grid, box: Box, node: NodeView, group: str, *, chosen: bool) -> None:
    word, tone = state(node.state)
    name_tone: Tone = "strong" if chosen else "plain"
    if box.height == LOW:
        shown = word if node.state != "up" else word[0]
        name = cut_middle(clean(node.name), box.width - WORD_CELLS - 1)
        grid.put(box.x, box.y, fit(f"{shown[0]}{'▸' if chosen else ' '}{name}{group}{shown[1:]}", box.width), tone)
        return
    top, bottom, side = ("╔═╗", "╚═╝", "║") if chosen else ("┌─┐", "└─┘", "│")
    inner = box.width - 2
    frame: Tone = "accent" if chosen else tone
    grid.put(box.x, box.y, top[0] + top[1] * inner + top[2], frame)
    name = cut_middle(clean(node.name), inner - 2 - len(group))
    for at, text, its_tone in ((1, f"{name}{group}", name_tone), (2, word, tone)):
        grid.put(box.x, box.y + at, side, frame)
        grid.put(box.x + 1, box.y + at, fit(f" {text}", inner), its_tone)
        grid.put(box.x + 1 + inner, box.y + at, side, frame)
    grid.put(box.x, box.y + 3, bottom[0] + bottom[1] * inner + bottom[2], frame)


def _draw_label(grid: _Grid, layout: Layout, pair: Pair, tone: Tone) -> None:
    """Write what is told of a link on it, as much as there is room for."""
    told = _told(layout, pair)
    while told:
        text = " ".join(told)
        if (place := _room_for(grid, layout, pair, len(text))) is not None:
            grid.put(*place, text, tone)
            return
        told.pop()


def _room_for(grid: _Grid, layout: Layout, pair: Pair, width: int) -> tuple[int, int] | None:
    (x, y), (to_x, to_y) = layout.boxes[pair.one].centre, layout.boxes[pair.other].centre
    for along in LABELS_AT:
        place = (round(x + (to_x - x) * along - width / 2), int(y + (to_y - y) * along))
        if grid.is_free(*place, width):
            return place
    return None


def _told(layout: Layout, pair: Pair) -> list[str]:
    """The faults on it, or that it is not heard; then what flows each way."""
    told: list[str] = []
    for fault in pair.faults:
        mark, left = mark_of(fault), f" {left_of(fault)}" if fault.left_s >= 0 else ""
        way = arrow(layout, pair.one, pair.other) if _is_from(fault.target[0], pair) else arrow(layout, pair.other, pair.one)
        told.append(f"{mark.glyph}{way if fault.one_way else ''} {clean(fault.id)} {mark.word}{left}")
    if not told and pair.troubled:
        told.append(state(pair.worst)[0])
    for one, other, flow in ((pair.one, pair.other, pair.there), (pair.other, pair.one, pair.back)):
        if flow >= FLOWS_FROM:
            told.append(f"{arrow(layout, one, other)} {rate(flow)}")
    return told


def _is_from(side: str, pair: Pair) -> bool:
    return pair.one in named(side)


def arrow(layout: Layout, one: str, other: str) -> str:
    """Which way it is from one node to the other."""
    (x, y), (to_x, to_y) = layout.boxes[one].centre, layout.boxes[other].centre
    if abs(to_x - x) >= 2 * abs(to_y - y):
        return "▶" if to_x > x else "◀"
    return "▼" if to_y > y else "▲"


def group_name(number: int) -> str:
    """A, B … Z, then numbers."""
    return chr(ord("A") + number) if number < 26 else str(number + 1)


def hearing_line(seen: Seen, width: int) -> Line:
    """Whether all hear all; or who is parted from whom."""
    parts, deaf = groups(seen), deaf_pairs(seen)
    silent = sum(alert.state == "suspect" for alert in seen.alerts.now.values())
    up = sum(len(names) for names in parts)
    if not up:
        return fit_line(((" no node is up", "warn"),), width)
    if not deaf:
        if silent:
            return fit_line(((f" ◐ {plural(silent, 'link')} under suspicion", "warn"),), width)
        return fit_line(
            ((f" ✓ {count(up)} up, all hear all" if up > 1 else " one node is up", "good" if up > 1 else "plain"),), width
        )
    if len(parts) == 1:
        some = "  ".join(f"{one}↮{other}" for one, other in deaf[:20])
        return fit_line(((f" ✕ {plural(len(deaf), 'pair')} deaf: {clean(some)}", "bad"),), width)
    told = " │ ".join(f"{group_name(at)} {' '.join(names[:50])}" for at, names in enumerate(parts))
    return fit_line(((f" ✕ {len(parts)} groups: {clean(told)}", "bad"),), width)
