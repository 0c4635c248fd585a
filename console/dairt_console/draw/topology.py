"""The cluster as a picture: nodes on a ring, and between them what flows and what is in its way."""

from collections.abc import Sequence
from itertools import groupby

from rich.cells import cell_len

from dairt.model.action import Link
from dairt.model.views import FaultView, NodeView
from dairt_console.draw.spans import Line, Span, Tone, clean, cut_middle, fit, fit_line
from dairt_console.draw.states import state
from dairt_console.draw.topology_layout import LOW, WORD_CELLS, Box, Dot, Layout
from dairt_console.draw.topology_links import FLOWS_FROM, Links, Pair, group_name, mark_of
from dairt_console.draw.units import age, count, plural, rate

ALL_LINKS_MAX = 6  # nodes; with more, only the links that matter are drawn
BUSIEST = 12  # of which so many are drawn because they are busiest
NAMED = 50  # of a group; more are cut anyway
LABELS_AT = (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74)  # where along a link its label is tried
ASIDE = 4  # cells from the middle, from where on a label stands beside its line


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
        return x >= 0 and x + width <= self.width and 0 <= y < self.height and not any(self._taken[y][x : x + width])

    def lines(self) -> list[Line]:
        return [
            tuple(("".join(char for char, _ in run), tone) for tone, run in groupby(row, key=lambda cell: cell[1]))
            for row in self._cells
        ]


def shown_pairs(found: Sequence[Pair], nodes: int, cursor: str, peer: str = "") -> list[Pair]:
    """The links that are drawn, what matters most last: all where they are few, else the cursor's, busy and troubled ones."""
    drawn = list(found)
    if nodes > ALL_LINKS_MAX:
        busy = sorted((pair for pair in drawn if pair.flows), key=lambda pair: -pair.there - pair.back)[:BUSIEST]
        drawn = [pair for pair in drawn if cursor in (pair.one, pair.other) or pair.troubled or pair in busy]
    return sorted(
        drawn, key=lambda pair: (pair.joins(cursor, peer), pair.troubled, cursor in (pair.one, pair.other), pair.flows)
    )


def picture(links: Links, layout: Layout, cursor: str, peer: str) -> tuple[list[Line], str]:
    """The picture, and how many links are in it where that is not all; with a `peer`, a link is chosen and not the node."""
    found = [pair for pair in links.pairs(layout.names) if pair.worst or pair.faults]
    shown = shown_pairs(found, len(layout.names), cursor, peer)
    grid = _Grid(layout.width, layout.height)
    for pair in shown:
        _draw_link(grid, layout, pair, _tone(pair, cursor, peer))
    for name, box in layout.boxes.items():
        _draw_node(grid, box, links.nodes[name], links.group_of(name), chosen=name == cursor)
    named: list[str] = []  # a fault on many links has its name and time on one
    for pair in reversed(shown):  # what matters most has the first choice
        if _draw_label(grid, layout, pair, _tone(pair, cursor, peer), named):
            named += [fault.id for fault in pair.faults]
    return grid.lines(), f"{len(shown)} of {plural(len(found), 'link')} drawn " if len(shown) < len(found) else ""


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
    group = f" {group}" if group else ""
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


def _draw_label(grid: _Grid, layout: Layout, pair: Pair, tone: Tone, named: Sequence[str]) -> bool:
    """Write what is told of a link on it, as much as there is room for; False for nothing."""
    told = _told(layout, pair, named)
    while told:
        text = " ".join(told)
        if (place := _room_for(grid, layout, pair, len(text))) is not None:
            grid.put(*place, text, tone)
            return True
        told.pop()
    return False


def _room_for(grid: _Grid, layout: Layout, pair: Pair, width: int) -> tuple[int, int] | None:
    """Where so much text can stand: beside the line, away from the middle of the ring, or else right on it."""
    (x, y), (to_x, to_y) = layout.boxes[pair.one].centre, layout.boxes[pair.other].centre
    middle = (x + to_x) / 2 - layout.width / 2
    before = width / 2 if abs(middle) < ASIDE else 1 if middle > 0 else width - 1
    for left in (before, width / 2):
        for along in LABELS_AT:
            place = (round(x + (to_x - x) * along - left), int(y + (to_y - y) * along))
            if grid.is_free(*place, width):
                return place
    return None


def _told(layout: Layout, pair: Pair, named: Sequence[str]) -> list[str]:
    """The faults on it, or that it is not heard; then what flows each way."""
    told = [_fault_told(layout, pair, fault, named) for fault in pair.faults]
    if not told and pair.troubled:
        told.append(state(pair.worst)[0])
    for one, other, flow in ((pair.one, pair.other, pair.there), (pair.other, pair.one, pair.back)):
        if flow >= FLOWS_FROM:
            told.append(f"{layout.arrow(one, other)} {rate(flow)}")
    return told


def _fault_told(layout: Layout, pair: Pair, fault: FaultView, named: Sequence[str]) -> str:
    mark = mark_of(fault)
    ends = (pair.one, pair.other) if _is_from(fault.target[0], pair) else (pair.other, pair.one)
    what = f"{mark.glyph}{f' {layout.arrow(*ends)}' if fault.one_way else ''} {mark.word}"
    if fault.id in named:
        return what
    return f"{what} {clean(fault.id)}{f' {age(fault.left_s)}' if fault.left_s >= 0 else ''}"


def _is_from(side: str, pair: Pair) -> bool:
    """True where the first of the two is on the side a fault begins at."""
    return Link(side, pair.other, one_way=True).covers(pair.one, pair.other)


def hearing_line(links: Links, width: int) -> Line:
    """Whether all hear all; or who is parted from whom."""
    parts, deaf = links.groups, links.deaf
    up = sum(len(names) for names in parts)
    silent = sum(alert.state == "suspect" for alert in links.seen.alerts.now.values())
    told: Span = (f" ✓ {count(up)} up, all hear all", "good")
    if up < 2:
        told = (" one node is up", "plain") if up else (" no node is up", "warn")
    elif len(parts) > 1:
        groups = " │ ".join(f"{group_name(at)} {' '.join(names[:NAMED])}" for at, names in enumerate(parts))
        told = (f" ✕ {len(parts)} groups: {clean(groups)}", "bad")
    elif deaf:
        some = "  ".join(f"{one}↮{other}" for one, other in deaf[:NAMED])
        told = (f" ✕ {plural(len(deaf), 'pair')} deaf: {clean(some)}", "bad")
    elif silent:
        told = (f" ◐ {plural(silent, 'link')} under suspicion", "warn")
    return fit_line((told,), width)
