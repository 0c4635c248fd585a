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
from dairt_console.actions import COMMANDS, GROUPS
from dairt_console.draw.columns import Column
from dairt_console.draw.scenario_line import scenario_line
from dairt_console.draw.spans import clean
from dairt_console.keys import bind
from dairt_console.plans import Ask, Pick
from dairt_console.widgets.table import Table

_LEAVE = bind("decline", "dismiss", also="quit")


class Confirm(ModalScreen[Action]):
    """Asks before work is lost, and says what would be. Dismissed with the action, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [*bind("agree", "agree"), *_LEAVE]

    def __init__(self, ask: Ask, now_s: float) -> None:
        super().__init__()
        self._ask = ask
        self._line = scenario_line(ask.action, now_s)

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="sheet") as sheet:
            sheet.border_title = "Are you sure?"
            yield Static(clean(self._ask.question), classes="question", markup=False)
            for line in self._ask.lines:
                yield Static(f"· {clean(line)}", markup=False)
            yield Static(f"as a scenario line:  {clean(self._line)}", classes="quiet", markup=False)
            yield Static("y yes   n no", classes="answers", markup=False)

    def action_agree(self) -> None:
        self.dismiss(self._ask.action)


@dataclass(frozen=True)
class Choice:
    """One line of a list to pick from."""

    number: int
    text: str

    @property
    def key(self) -> str:
        return str(self.number)


class Choose(ModalScreen[Action]):
    """A list to pick one action from. Dismissed with it, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [*bind("agree", "choose"), *_LEAVE]

    def __init__(self, pick: Pick) -> None:
        super().__init__()
        self._pick = pick
        self._table: Table[Choice] = Table("", [Column("", 20, lambda choice, _: (choice.text, "plain"), grow=1)], "choices")

    def compose(self) -> ComposeResult:
        with Vertical(classes="sheet") as sheet:
            sheet.border_title = "Which one?"
            yield Static(clean(self._pick.question), classes="question", markup=False)
            yield self._table
            yield Static("↑↓ choose   enter do it   esc leave", classes="answers", markup=False)

    def on_mount(self) -> None:
        self._table.show([Choice(number, text) for number, (text, _) in enumerate(self._pick.choices)], ())
        self._table.focus()

    def action_choose(self) -> None:
        self.dismiss(self._pick.choices[int(self._table.chosen)][1])


class Help(ModalScreen[None]):
    """All keys and what they do, from the registry."""

    BINDINGS: ClassVar[list[BindingType]] = [*bind("help", "dismiss"), *_LEAVE]

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="sheet help") as sheet:
            sheet.border_title = "Keys"
            sheet.border_subtitle = "↑↓ scroll · esc closes"
            yield HelpText(markup=False)


class HelpText(Static):
    """The registry, folded to the width there is."""

    def on_resize(self) -> None:
        self.update("\n".join(help_lines(self.size.width)))


KEY_CELLS = 12
MORE_HELP = (
    "Actions act on the node marked ▸ in Nodes, and show the scenario line that does the same.",
    "The mouse works too: click a row or a tab; the wheel scrolls.",
)


def help_lines(width: int) -> Sequence[str]:
    """The registry as text, group by group."""
    lines: list[str] = []
    for group in GROUPS:
        lines.append(group)
        for command in COMMANDS:
            if command.group == group:
                first, *more = wrap(command.help, max(width - KEY_CELLS - 1, 10))
                lines.append(f" {command.all_keys:<{KEY_CELLS}}{first}")
                lines += [" " * (KEY_CELLS + 1) + line for line in more]
        lines.append("")
    return [*lines, *(line for text in MORE_HELP for line in wrap(text, max(width, 10)))]
