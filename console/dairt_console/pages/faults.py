"""The page Faults: the story's steps and what was done to the cluster, when each struck, and the promises."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.widget import Widget

from dairt_console.chosen import Chosen
from dairt_console.draw import fault_timeline as timeline
from dairt_console.draw.faults_page import (
    ORDERS,
    PROMISE_COLUMNS,
    STEP_COLUMNS,
    PromiseRow,
    StepRow,
    no_promises,
    no_steps,
    promise_rows,
    promises_note,
    sifted,
    step_lines,
    step_rows,
    step_text,
)
from dairt_console.draw.spans import Line
from dairt_console.draw.units import count
from dairt_console.pages.finding import next_match, place_of
from dairt_console.pages.panels import Panels
from dairt_console.reducer import Seen
from dairt_console.widgets.canvas import Canvas
from dairt_console.widgets.sheet import Sheet
from dairt_console.widgets.table import Table

ZOOM = 2.0
LEGEND = "".join(text for text, _ in timeline.LEGEND)


class Faults(Panels):
    """Steps of the scenario, faults and promises."""

    NAME: ClassVar[str] = "faults"
    TITLE: ClassVar[str] = "Faults"
    DEFAULT_CSS = """
    Faults > #faults { height: 4fr; }
    Faults > #fault { height: 3fr; }
    Faults > #fault-timeline { height: 3fr; }
    Faults > #promises { height: 3fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.steps: Table[StepRow] = Table("Steps", STEP_COLUMNS, "faults", acted_on=True)
        self.detail = Sheet("fault")
        self.timeline = Canvas("fault-timeline")
        self.promises: Table[PromiseRow] = Table("Promises", PROMISE_COLUMNS, "promises")
        self._seen = Seen()
        self._all: list[StepRow] = []
        self._rows: list[StepRow] = []
        self._opened = ""
        self._pattern = ""
        self._order = next(iter(ORDERS))
        self._view = timeline.View()

    def compose(self) -> ComposeResult:
        yield self.steps
        yield self.detail
        yield self.timeline
        yield self.promises

    def panels(self) -> Sequence[Widget]:
        """See Panels."""
        return (self.detail, self.timeline) if self._opened else (self.steps, self.timeline, self.promises)

    # -- what is shown -------------------------------------------------------------------------------------------------

    def show(self, seen: Seen, *, elapsed_s: float) -> None:
        """See Page."""
        self._seen = seen
        self._all = step_rows(seen)
        self._rows = sifted(self._all, self._pattern, self._order)
        self.redraw()

    def redraw(self) -> None:
        """See Panels."""
        seen = self._seen
        if self.steps.display:
            self.steps.show(self._rows, no_steps(seen, self._pattern), self._note())
        if self.detail.display:
            self.detail.show(lambda width, _: step_lines(seen, self._row, width), self._opened, self.place_in_small())
        if self.timeline.display:
            title = f"Fault timeline · {timeline.view_text(self._view)}"
            self.timeline.show(self._draw_timeline, title, self.place_in_small() or LEGEND)
        if self.promises.display:
            self.promises.show(promise_rows(seen), no_promises(seen), self.beside(promises_note(seen)))

    def _draw_timeline(self, width: int, height: int) -> Sequence[Line]:
        return timeline.timeline_lines(self._seen, self._rows, self._key, self._view, width, height)

    @property
    def _key(self) -> str:
        return self._opened or self.steps.chosen

    @property
    def _row(self) -> StepRow | None:
        return next((row for row in self._all if row.key == self._key), None)

    def _note(self) -> str:
        parts = [self._order]
        if self._pattern:
            parts.append(f"filter {self._pattern}: {count(len(self._rows))} of {count(len(self._all))}")
        state = self._seen.link.state
        if state in ("lost", "finished"):
            parts.append("as last seen")
        elif state == "live" and not self.is_small:
            parts.append("i injects")
        return self.beside(*parts)

    def on_canvas_steered(self, message: Canvas.Steered) -> None:
        if message.right:
            self._view = self._view.moved(self._seen, message.right)
            self.redraw()
        else:
            self._put_on(timeline.beside(timeline.lanes_of(self._seen, self._rows), self._key, message.down))

    def on_canvas_pointed(self, message: Canvas.Pointed) -> None:
        lanes = timeline.lanes_of(self._seen, self._rows)
        shown = timeline.lanes_shown(lanes, self._key, message.canvas.size.height)
        if message.y < len(shown):
            self._put_on(shown[message.y].key)

    def _put_on(self, key: str) -> None:
        self.steps.choose(key)
        if self._opened:
            self._opened = key
            self.post_message(self.Moved())
        self.redraw()

    # -- what the desk asks --------------------------------------------------------------------------------------------

    def chosen(self) -> Chosen:
        """See Page: a fault, and the node or link it befalls."""
        row = self._row
        return row.chosen if row is not None else Chosen()

    def choose(self, chosen: Chosen) -> None:
        """See Page."""
        if any(row.chosen.fault == chosen.fault for row in self._all if chosen.fault):
            if self._pattern and all(row.chosen.fault != chosen.fault for row in self._rows):
                self.sift("")
            self._put_on(f"fault {chosen.fault}")

    def crumbs(self) -> tuple[str, ...]:
        """See Page."""
        return (self._opened,) if self._opened else ()

    def open(self) -> None:
        """See Page: one step; there, what came of it, among the events."""
        if not self._opened and self.steps.chosen:
            self._open(self.steps.chosen)
        elif self._opened and (fault := self.chosen().fault) in self._seen.aftermaths:
            self.post_message(self.Go("events", Chosen(fault=fault)))

    def _open(self, key: str) -> None:
        self._opened = key
        self.lay_panels(focus=True)

    def back(self) -> bool:
        """See Page."""
        if not self._opened:
            return False
        self.steps.choose(self._opened)
        self._opened = ""
        self.lay_panels(focus=True)
        return True

    def neighbour(self, step: int) -> None:
        """See Page."""
        keys = [row.key for row in self._rows]
        if self._opened in keys:
            self._open(keys[max(0, min(keys.index(self._opened) + step, len(keys) - 1))])

    def find(self, pattern: str, step: int) -> str:
        """See Page."""
        texts = [f"{row.key} {row.words}" for row in self._rows]
        here = next((text for row, text in zip(self._rows, texts, strict=True) if row.key == self._key), "")
        at = next_match(texts, here, pattern, step)
        if at is None:
            return f"no step matches {pattern}"
        self._put_on(self._rows[at].key)
        return place_of(texts, at, pattern)

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
        """See Page: the step, and in one, all that is known of it."""
        row = self._row
        if row is None:
            return ""
        lines = step_lines(self._seen, row, 1000) if self._opened else ()
        return "\n".join([step_text(row), *("".join(text for text, _ in line).rstrip() for line in lines)])

    def do(self, command: str) -> str:
        """See Page."""
        aftermath = self._seen.aftermaths.get(self.chosen().fault)
        around = aftermath.fired_s if aftermath is not None and self.timeline.has_focus else None
        match command:
            case "zoom_in":
                self._view = self._view.zoomed(self._seen, 1 / ZOOM, around)
            case "zoom_out":
                self._view = self._view.zoomed(self._seen, ZOOM, around)
            case "follow":
                self._view = timeline.View(self._view.wide_s)
            case _:
                return ""
        self.redraw()
        return f"fault timeline: {timeline.view_text(self._view)}"
