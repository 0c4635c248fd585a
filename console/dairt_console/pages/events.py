"""The page Events: all that is kept, filtered and searched; the chosen one in full; and what there is of each kind."""

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.widget import Widget

from dairt_console.causes import cause_of, fired_at, peer_of
from dairt_console.chosen import Chosen
from dairt_console.draw.event_detail import event_detail
from dairt_console.draw.facets import FACET_COLUMNS, Facet, facets
from dairt_console.event_filter import FilterError, parse, toggled
from dairt_console.keys import bind
from dairt_console.pages.page import Page
from dairt_console.reducer import Seen
from dairt_console.widgets.event_list import EventList
from dairt_console.widgets.sheet import Sheet
from dairt_console.widgets.table import Table


class Events(Page):
    """The events; with little room, one panel at a time."""

    NAME: ClassVar[str] = "events"
    TITLE: ClassVar[str] = "Events"
    BINDINGS: ClassVar[list[BindingType]] = [*bind("next_panel", "panel(1)"), *bind("previous_panel", "panel(-1)")]
    DEFAULT_CSS = """
    Events Lines { border: round $panel-lighten-2; border-title-color: $foreground; border-subtitle-color: $text-muted; }
    Events Lines:focus { border: heavy $accent; border-title-style: bold; }
    Events > EventList { height: 1fr; overflow: hidden; }
    Events > Container { layout: grid; grid-size: 2; grid-columns: 55fr 45fr; height: 10; }
    Events.tall > Container { height: 16; }
    Events.narrow > Container { layout: vertical; height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen = Seen()
        self._elapsed_s = 0.0
        self._list = EventList("events-list")
        self._detail = Sheet("events-detail")
        self._facets: Table[Facet] = Table("Filter by", FACET_COLUMNS, "events-facets", acted_on=True)
        self._front: Widget = self._list

    def compose(self) -> ComposeResult:
        yield self._list
        yield Container(self._detail, self._facets)

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width < 80 or event.size.height < 18, "narrow")
        self.set_class(event.size.height >= 36, "tall")
        self._arrange()

    def _arrange(self) -> None:
        """Show all panels, or with little room that in front."""
        narrow = self.has_class("narrow")
        for panel in self._panels:
            panel.display = not narrow or panel is self._front
        self.query_one(Container).display = not narrow or self._front is not self._list

    @property
    def _panels(self) -> tuple[Widget, ...]:
        return (self._list, self._detail, self._facets)

    # -- what is shown -----------------------------------------------------------------------------------------------------

    def show(self, seen: Seen, *, elapsed_s: float) -> None:
        """See Page."""
        self._seen, self._elapsed_s = seen, elapsed_s
        self._list.show(seen.log, seen.now_s, seen.link.state)
        self._show_beside()

    def _show_beside(self) -> None:
        seen = self._seen
        if self._detail.display:
            place = self._list.chosen
            lines = event_detail(seen, place)
            self._detail.show(lambda width, height: lines, "Chosen event")
        if self._facets.display:
            rows = facets(seen, self._list.sieve.counts, self._filter)
            nothing = "the filter lets nothing through" if self._filter else "nothing has happened yet"
            self._facets.show(rows, (nothing,), "⏎ toggles")

    def on_event_list_moved(self) -> None:
        self._show_beside()

    @property
    def _filter(self) -> str:
        return self._list.sieve.filter.source

    # -- what is chosen ----------------------------------------------------------------------------------------------------

    def focused(self) -> Widget | None:
        """See Page."""
        return self._front

    def chosen(self) -> Chosen:
        """See Page."""
        place, log = self._list.chosen, self._seen.log
        if not log.first <= place < log.last:
            return Chosen()
        entry = log[place].entry
        told = {name: str(getattr(entry.event, name, "")) for name in ("run", "op", "key")}
        fault = cause_of(entry, self._seen.aftermaths)
        return Chosen(node=entry.node, peer=peer_of(entry), fault=fault, seq=entry.seq, **told)

    def choose(self, chosen: Chosen) -> None:
        """See Page."""
        log = self._seen.log
        place = log.place_of(chosen.seq) if chosen.seq else fired_at(log, chosen.fault) if chosen.fault else -1
        if place >= 0:
            self._list.go_to(place)

    def open(self) -> None:
        """Filter by the facet that is chosen; on an event, go to the fault it came of."""
        if self._front is self._facets:
            self._toggle()
            return
        place, fault = self._list.chosen, self.chosen().fault
        cause = fired_at(self._seen.log, fault) if fault else -1
        if cause >= 0 and cause != place:
            if not self._list.sieve.has(cause):
                self.sift("")
            self._list.go_to(cause)
        elif fault:
            self.post_message(self.Go("faults", Chosen(fault=fault)))
        else:
            self.post_message(self.Say("no fault is known that this came of"))

    def _toggle(self) -> None:
        rows = facets(self._seen, self._list.sieve.counts, self._filter)
        term = next((row.term for row in rows if row.key == self._facets.chosen), "")
        if term:
            self.sift(toggled(self._filter, term))
        else:
            self.post_message(self.Say("this alert is of the whole cluster: no node to filter by"))

    def back(self) -> bool:
        """Take the search away, then the filter."""
        if self._front is not self._list:
            self._bring(self._list)
        elif self._list.searched:
            self._list.find("", 1)
        elif self._filter:
            self.sift("")
        else:
            return False
        return True

    def action_panel(self, by: int) -> None:
        panels = self._panels
        self._bring(panels[(panels.index(self._front) + by) % len(panels)])

    def _bring(self, panel: Widget) -> None:
        self._front = panel
        self._arrange()
        panel.focus()
        self.show(self._seen, elapsed_s=self._elapsed_s)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if event.widget in self._panels:
            self._front = event.widget

    # -- habits ------------------------------------------------------------------------------------------------------------

    def find(self, pattern: str, step: int) -> str:
        """See Page."""
        try:
            return self._list.find(pattern, step)
        except FilterError as exc:
            return str(exc)

    def sift(self, pattern: str) -> None:
        """See Page."""
        try:
            self._list.sift(parse(pattern))
        except FilterError as exc:
            self.post_message(self.Say(str(exc), "bad"))
        self._show_beside()

    def copy(self) -> str:
        """See Page."""
        place, log = self._list.chosen, self._seen.log
        if not log.first <= place < log.last:
            return ""
        told = log[place]
        return f"{told.time_s:.6f} {told.node} {told.kind} {told.text}"

    def do(self, command: str) -> str:
        """See Page."""
        return self._list.surround() if command == "surround" else ""
