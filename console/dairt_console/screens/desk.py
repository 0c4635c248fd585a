"""The desk: the one screen, with a page in front, and round it where one is, what was done last, and what can be done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import ContentSwitcher

from dairt_console.actions import Command
from dairt_console.chosen import Chosen
from dairt_console.config import PAGES
from dairt_console.draw.chrome import Place, header
from dairt_console.draw.spans import Line
from dairt_console.pages.checkpoints import Checkpoints
from dairt_console.pages.events import Events
from dairt_console.pages.faults import Faults
from dairt_console.pages.nodes import Nodes
from dairt_console.pages.overview import Overview
from dairt_console.pages.page import Page
from dairt_console.pages.runs import Runs
from dairt_console.pages.topology import Topology
from dairt_console.plans import STEERING, allowed
from dairt_console.reducer import Seen
from dairt_console.transport_tape import Tape
from dairt_console.widgets.chrome import KeyLine, PageLine
from dairt_console.widgets.lines import Bar
from dairt_console.widgets.prompt import Kind, Prompt
from dairt_console.widgets.transport import Transport

LOW = 12  # with fewer lines, nothing but the page, where one is, and what was done last
HABITS = ("open", "back", "find", "filter", "sort")
HABIT = 85  # how they rank in the footer of a page that is there for them


@dataclass(frozen=True)
class Look:
    """What is shown at one moment, beside the cluster: whether the view is held, acts, and where in time it is."""

    frozen: bool = False
    read_only: bool = False
    elapsed_s: float = 0.0
    tape: Tape | None = None


class Desk(Screen[None]):
    """Holds the pages. Only the one in front is told what is seen."""

    def __init__(
        self, scenario: str, opening: str, start: str, commands: Sequence[Command], completions: Callable[[str], Sequence[str]]
    ) -> None:
        super().__init__()
        self._scenario = scenario
        self._commands = commands
        self._seen, self._look = Seen(), Look()
        self.overview = Overview(opening)
        all_pages: tuple[Page, ...] = (self.overview, Topology(), Runs(), Nodes(), Checkpoints(), Faults(), Events())
        self.pages: dict[str, Page] = dict(zip(PAGES, all_pages, strict=True))
        self._front = self._before = start
        self.header, self.status = Bar("header"), Bar("status")
        self.page_line, self.key_line, self.transport = PageLine(), KeyLine(), Transport()
        self.prompt = Prompt(completions)

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.page_line
        yield ContentSwitcher(*self.pages.values(), initial=self._front, id="body")
        yield self.status
        yield self.transport
        yield self.key_line
        yield Horizontal(self.prompt.mark, self.prompt, id="line")

    def on_mount(self) -> None:
        self._fit()
        self._focus_front()

    @property
    def front(self) -> Page:
        """The page in front."""
        return self.pages[self._front]

    # -- what is shown -------------------------------------------------------------------------------------------------

    def show(self, seen: Seen, look: Look) -> None:
        """Show what is seen, on the page in front."""
        self._seen, self._look = seen, look
        self.front.show(seen, elapsed_s=look.elapsed_s)
        self.show_chrome()

    def say(self, line: Line) -> None:
        """Show what was done last, and what became of it."""
        self.status.show(line)

    def show_chrome(self) -> None:
        """Draw what is round the page."""
        width, page = self.app.size.width, self.front
        crumbs = (page.TITLE.lower(), *page.crumbs())
        look, tape = self._look, self._look.tape
        shown = tape.shown if tape is not None else "live"
        place = Place(self._scenario, crumbs, frozen=look.frozen, read_only=look.read_only, shown=shown)
        self.header.show(header(self._seen, place, width))
        self.page_line.show_pages([each.TITLE for each in self.pages.values()], PAGES.index(self._front), width)
        self.transport.show_tape(self._look.tape)
        self.key_line.offer(self._offered(), width)

    def _offered(self) -> list[Command]:
        """The commands for the footer: first those of this page alone, then what is done on any but the first."""
        name = self._front
        here = [command for command in self._commands if (not command.on or name in command.on) and self._can(command)]
        if name != PAGES[0]:
            here = [replace(command, keep=HABIT) if command.id in HABITS else command for command in here]
        return sorted(here, key=lambda command: (not command.on, command.keep != HABIT))

    def _can(self, command: Command) -> bool:
        """Whether it makes sense now: nothing is done to what is over, or to the past."""
        seen, look = self._seen, self._look
        if look.tape is not None and look.tape.shown != "live":
            return command.role == "view" or command.id in STEERING
        if command.id == "live" or (command.id in STEERING and seen.world != "sim"):
            return False
        if seen.link.state in ("lost", "finished") or look.read_only:
            return command.role == "view"
        return allowed(command, seen)

    # -- which page ----------------------------------------------------------------------------------------------------

    def bring(self, name: str, chosen: Chosen | None = None) -> None:
        """Bring a page to the front, with the cursor on what is chosen."""
        if name != self._front:
            self._before, self._front = self._front, name
            self.query_one(ContentSwitcher).current = name
        self.front.show(self._seen, elapsed_s=self._look.elapsed_s)
        if chosen is not None:
            self.front.choose(chosen)
        self._focus_front()
        self.show_chrome()

    def bring_last(self) -> None:
        """Go back to the page that was in front before."""
        self.bring(self._before)

    def write(self, kind: Kind, line: str = "") -> None:
        """Let a person write a line."""
        self.query_one("#line").display = True  # what is hidden takes no focus
        self.prompt.open(kind, line)
        self._fit()

    def written(self) -> None:
        """The keys go to the page again."""
        self.prompt.close()
        self._fit()
        self._focus_front()

    def _focus_front(self) -> None:
        self.set_focus(self.front.focused())

    # -- how it is laid out --------------------------------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        self._fit()
        self.show_chrome()

    def _fit(self) -> None:
        """In a very low terminal the page has all the room there is."""
        low = self.app.size.height < LOW
        self.page_line.display = self.transport.display = not low
        self.key_line.display = not low and not self.prompt.is_open
        self.query_one("#line").display = self.prompt.is_open
