"""The page Checkpoints: every key and where it is safe, and one key's copies, its history and what is in it."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.widget import Widget

from dairt.control.frames import Peek
from dairt_console.chosen import Chosen
from dairt_console.draw.checkpoints_page import (
    KEY_COLUMNS,
    ORDERS,
    Copy,
    KeyRow,
    copy_columns,
    history_lines,
    key_rows,
    nothing_held,
    sifted,
    tensor_lines,
)
from dairt_console.draw.units import count
from dairt_console.pages.finding import next_match, place_of
from dairt_console.pages.panels import Panels
from dairt_console.reducer import Seen
from dairt_console.widgets.sheet import Sheet
from dairt_console.widgets.table import Table


class Checkpoints(Panels):
    """What is on disk, by key and by node."""

    NAME: ClassVar[str] = "checkpoints"
    TITLE: ClassVar[str] = "Checkpoints"
    DEFAULT_CSS = """
    Checkpoints > #keys { height: 3fr; }
    Checkpoints > #copies { height: 2fr; }
    Checkpoints > #history { height: 2fr; }
    Checkpoints > #tensor { height: 2fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.keys: Table[KeyRow] = Table("Keys", KEY_COLUMNS, "keys", acted_on=True)
        self.copies: Table[Copy] = Table("Copies", copy_columns(lambda: self._seen.now_s), "copies", acted_on=True)
        self.history, self.tensor = Sheet("history"), Sheet("tensor")
        self._seen = Seen()
        self._all: list[KeyRow] = []
        self._rows: list[KeyRow] = []
        self._opened = ""
        self._pattern = ""
        self._order = next(iter(ORDERS))

    def compose(self) -> ComposeResult:
        yield self.keys
        yield self.copies
        yield self.tensor
        yield self.history

    def panels(self) -> Sequence[Widget]:
        """See Panels."""
        return (self.copies, self.tensor, self.history) if self._opened else (self.keys, self.copies, self.history)

    # -- what is shown -------------------------------------------------------------------------------------------------

    def show(self, seen: Seen, *, elapsed_s: float) -> None:
        """See Page."""
        self._seen = seen
        self._all = key_rows(seen)
        self._rows = sifted(self._all, self._pattern, self._order)
        self.redraw()

    def redraw(self) -> None:
        """See Panels."""
        if self.keys.display:
            self.keys.show(self._rows, nothing_held(self._seen, self._pattern), self._note())
        key = self._key
        row = next((row for row in self._all if row.name == key), None)
        if self.copies.display:
            self.copies.show(
                row.copies if row is not None else (), self._no_copies(), " · ".join(filter(None, (key, self.place_in_small())))
            )
        if self.tensor.display:
            node, peeked = self.copies.chosen, self._seen.peeked
            copy = next((copy for copy in row.copies if copy.node == node), None) if row is not None else None
            held = copy.view.version if copy is not None else None
            title = f"Tensor {key} on {node}"
            self.tensor.show(lambda width, _: tensor_lines(peeked, node, key, held, width), title, self.place_in_small())
        if self.history.display:
            about = self._opened
            title = f"What was told of {about or 'checkpoints'}, newest first"
            self.history.show(lambda width, _: history_lines(self._seen.savings, about, width), title, self.place_in_small())

    @property
    def _key(self) -> str:
        return self._opened or self.keys.chosen

    def _note(self) -> str:
        parts = [self._order]
        if self._pattern:
            parts.append(f"filter {self._pattern}: {count(len(self._rows))} of {count(len(self._all))}")
        if self._seen.link.state not in ("connecting", "live"):
            parts.append("as last seen")
        return self.beside(*parts)

    def _no_copies(self) -> tuple[str, ...]:
        return (f"no node holds {self._opened} any more", "esc goes back") if self._opened else ("no key is chosen",)

    # -- what the desk asks --------------------------------------------------------------------------------------------

    def chosen(self) -> Chosen:
        """See Page: a key; and the node, where a copy is chosen and not the key for all nodes."""
        on_copy = bool(self._opened) or self.focused() is self.copies
        return Chosen(key=self._key, node=self.copies.chosen if on_copy else "")

    def choose(self, chosen: Chosen) -> None:
        """See Page."""
        if any(row.name == chosen.key for row in self._all):
            self.keys.choose(chosen.key)
            if chosen.node:
                self._open(chosen.key)
                self.copies.choose(chosen.node)

    def crumbs(self) -> tuple[str, ...]:
        """See Page."""
        return (self._opened,) if self._opened else ()

    def open(self) -> None:
        """See Page: a key's copies; there, what is in the tensor."""
        if not self._opened and self.keys.chosen:
            self._open(self.keys.chosen)
        if self._opened and self.copies.chosen:
            self.post_message(self.Tell(Peek(0, self.copies.chosen, self._opened)))

    def _open(self, key: str) -> None:
        self._opened = key
        self.lay_panels(focus=True)

    def back(self) -> bool:
        """See Page."""
        if not self._opened:
            return False
        self.keys.choose(self._opened)
        self._opened = ""
        self.lay_panels(focus=True)
        return True

    def neighbour(self, step: int) -> None:
        """See Page."""
        names = [row.name for row in self._rows]
        if self._opened in names:
            self._open(names[max(0, min(names.index(self._opened) + step, len(names) - 1))])

    def find(self, pattern: str, step: int) -> str:
        """See Page."""
        names = [row.name for row in self._rows]
        at = next_match(names, self._key, pattern, step)
        if at is None:
            return f"no key matches {pattern}"
        self.keys.choose(names[at])
        if self._opened:
            self._open(names[at])
        self.redraw()
        return place_of(names, at, pattern)

    def sift(self, pattern: str) -> None:
        """See Page."""
        self._pattern = pattern
        self.show(self._seen, elapsed_s=0.0)

    def sort(self) -> str:
        """See Page."""
        orders = list(ORDERS)
        self._order = orders[(orders.index(self._order) + 1) % len(orders)]
        self.show(self._seen, elapsed_s=0.0)
        return self._order

    def copy(self) -> str:
        """See Page: the key, and each copy in a line."""
        row = next((row for row in self._all if row.name == self._key), None)
        if row is None:
            return ""
        copies = [f"  {c.node}: {c.state}, {c.view.version}, checksum {c.view.checksum:016x}" for c in row.copies]
        return "\n".join([row.name, *copies])
