"""What is laid over a screen: a question before work is lost, a list to pick from, and the keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from dairt.model.action import Action
from dairt_console.actions import COMMANDS, GROUPS, Command
from dairt_console.draw.columns import Column
from dairt_console.draw.scenario_line import command_of, scenario_line
from dairt_console.draw.spans import clean
from dairt_console.keys import bind
from dairt_console.plan_kinds import Ask
from dairt_console.widgets.table import Table

_LEAVE = bind("back", "dismiss", also="quit")
# What can be answered, for the mouse too: in Textual's markup.
_DO, _GO = "[@click=screen.{}]⏎ do it[/]", "[@click=screen.dismiss]esc leave[/]"
_TRY, _COPY = "[@click=screen.dry_run]D dry run[/]", "[@click=screen.copy]y copy the line[/]"
ANSWERS = "   ".join((_DO.format("agree"), _TRY, _COPY, _GO))


class Scroll(VerticalScroll, inherit_bindings=False):
    """A sheet that is longer than the screen; it moves by the keys that move everything."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bind("up", "scroll_up"),
        *bind("down", "scroll_down"),
        *bind("page_up", "page_up"),
        *bind("page_down", "page_down"),
        *bind("first", "scroll_home"),
        *bind("last", "scroll_end"),
    ]


class Confirm(ModalScreen[Action]):
    """Asks before work is lost, and says what would be. Dismissed with the action, or None.

    With `tried`, what a dry run says stands there; so it does after `D`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *bind("open", "agree"),
        *bind("dry_run", "dry_run"),
        *bind("copy", "copy"),
        *_LEAVE,
    ]

    def __init__(self, ask: Ask, now_s: float, dry_run: Sequence[str], *, tried: bool = False) -> None:
        super().__init__()
        self._ask = ask
        self._dry_run = dry_run
        self._tried = tried
        self._line = scenario_line(ask.action, now_s)
        self._command = command_of(ask.action)
        self._lines = Static(markup=False, classes="lines")
        self._answers = Static(ANSWERS, classes="answers")

    def compose(self) -> ComposeResult:
        with Scroll(classes="sheet") as sheet:
            sheet.border_title = "Are you sure?"
            yield Static(clean(self._ask.question), classes="question", markup=False)
            yield self._lines
            yield Static(f"as a command:        {clean(self._command)}", classes="quiet", markup=False)
            yield Static(f"as a scenario line:  {clean(self._line)}", classes="same", markup=False)
            yield self._answers

    def on_mount(self) -> None:
        self._show(self._dry_run if self._tried else self._ask.lines)

    def _show(self, lines: Sequence[str]) -> None:
        self._lines.update("\n".join(f"· {clean(line)}" for line in lines))

    def action_agree(self) -> None:
        self.dismiss(self._ask.action)

    def action_dry_run(self) -> None:
        self._show(["Nothing was done.", *self._dry_run])

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(self._line)
        self._answers.update(f"copied the scenario line · {ANSWERS}")


@dataclass(frozen=True)
class Choice:
    """One line of a list to pick from."""

    number: int
    text: str

    @property
    def key(self) -> str:
        return str(self.number)


class Choose(ModalScreen[int]):
    """A list to pick from. Dismissed with the number of what was picked, from 0, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [*bind("open", "choose"), *_LEAVE]

    def __init__(self, question: str, choices: Sequence[str]) -> None:
        super().__init__()
        self._question = question
        self._choices = [Choice(number, text) for number, text in enumerate(choices)]
        self._table: Table[Choice] = Table("", [Column("", 20, lambda choice, _: (choice.text, "plain"), grow=1)], "choices")

    def compose(self) -> ComposeResult:
        with Vertical(classes="sheet") as sheet:
            sheet.border_title = "Which one?"
            yield Static(clean(self._question), classes="question", markup=False)
            yield self._table
            yield Static(f"↑↓ choose   {_DO.format('choose')}   {_GO}", classes="answers")

    def on_mount(self) -> None:
        self._table.show(self._choices, ())
        self._table.focus()

    def action_choose(self) -> None:
        self.dismiss(int(self._table.chosen))


class Help(ModalScreen[None]):
    """All keys and what they do, from the registry."""

    BINDINGS: ClassVar[list[BindingType]] = [*bind("help", "dismiss"), *_LEAVE]

    def __init__(self, commands: Sequence[Command] = COMMANDS) -> None:
        super().__init__()
        self._commands = commands

    def compose(self) -> ComposeResult:
        with Scroll(classes="sheet help") as sheet:
            sheet.border_title = "Keys"
            sheet.border_subtitle = "↑↓ scroll · esc closes"
            yield HelpText(self._commands)


class HelpText(Static):
    """The registry, folded to the width there is."""

    def __init__(self, commands: Sequence[Command]) -> None:
        super().__init__(markup=False)
        self._commands = commands

    def on_resize(self) -> None:
        self.update("\n".join(help_lines(self.size.width, self._commands)))


KEY_CELLS = 12
MORE_HELP = (
    "Actions act on what is chosen on the page in front, marked ▸, and show the scenario line that does the same.",
    "Every command has a word on the : line, which also takes what scenario files do: :link.degrade n0 n1 latency=60ms.",
    "The mouse works too: click a row, a tab, a page, a key in the footer or a moment on the bar; the wheel scrolls.",
)


def help_lines(width: int, commands: Sequence[Command] = COMMANDS) -> Sequence[str]:
    """The registry as text, group by group."""
    lines: list[str] = []
    for group in GROUPS:
        lines.append(group)
        for command in commands:
            if command.group == group:
                first, *more = wrap(command.help, max(width - KEY_CELLS - 1, 10))
                lines.append(f" {command.all_keys:<{KEY_CELLS}}{first}")
                lines += [" " * (KEY_CELLS + 1) + line for line in more]
        lines.append("")
    return [*lines, *(line for text in MORE_HELP for line in wrap(text, max(width, 10)))]
