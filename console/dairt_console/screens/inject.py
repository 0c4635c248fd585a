"""The form that breaks something: a kind, its fields, and, at every key, what it would do and hit."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from dairt.errors import UsageError
from dairt.model.action import Action
from dairt_console.blast import dry_run
from dairt_console.chosen import Chosen
from dairt_console.draw.inject import KIND_COLUMNS, outlook, same_as
from dairt_console.draw.scenario_line import scenario_line
from dairt_console.keys import bind
from dairt_console.plan_kinds import Ask, Cannot
from dairt_console.plans_inject import KINDS, SHARED, Field, KindRow, fields_of, first_kind, kind_rows, plan_inject, read_form
from dairt_console.reducer import Seen
from dairt_console.screens.overlays import Confirm
from dairt_console.widgets.table import Table

FIELDS = max(len(fields_of(kind, Chosen(), ())) for kind in KINDS)
LOOK_S = 0.1
KEYS = "↑↓ kind   tab field   ⏎ arm, and ⏎ again fires   esc leave"


class FieldRow(Horizontal):
    """A field's name, what is written, and what may be."""

    def __init__(self) -> None:
        super().__init__(classes="field")
        self.label, self.hint = Static(markup=False, classes="name"), Static(markup=False, classes="hint")
        self.input = Input(compact=True, select_on_focus=False)
        self.key = ""

    def compose(self) -> ComposeResult:
        yield self.label
        yield self.input
        yield self.hint

    def show_field(self, field: Field, text: str) -> None:
        """Ask for this field, with this text in it."""
        self.key = field.key
        self.label.update(field.key)
        self.hint.update(field.hint)
        with self.input.prevent(Input.Changed):
            self.input.value = text
        self.input.cursor_position = len(text)


class Kinds(Table[KindRow]):
    """The kinds; says when the cursor is on another."""

    class Moved(Message):
        """The cursor has moved."""

    def _move_to(self, index: int) -> None:
        super()._move_to(index)
        self.post_message(self.Moved())


class Inject(ModalScreen[Action]):
    """Dismissed with the action that was armed and fired, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bind("open", "arm"),
        *bind("back", "dismiss", also="quit"),
        *bind("dry_run", "dry_run"),
        *bind("copy", "copy"),
        *bind("up", "app.focus_previous"),
        *bind("down", "app.focus_next"),
    ]
    DEFAULT_CSS = """
    Inject { align: center middle; }
    Inject Table { height: 9; background: $surface; }
    Inject.low Table { height: 4; }
    Inject .field { height: 1; }
    Inject .name { width: 12; color: $text-muted; }
    Inject .hint { width: 1fr; padding-left: 2; color: $text-muted; }
    Inject Input, Inject Input:focus { height: 1; width: 26; border: none; padding: 0 1; background: $panel; }
    Inject Input:focus { text-style: bold; }
    Inject .outlook { margin-top: 1; }
    """

    def __init__(self, seen: Callable[[], Seen], chosen: Chosen) -> None:
        super().__init__()
        self._seen, self._chosen = seen, chosen
        self._kinds = kind_rows(seen().world)
        self._table = Kinds("", KIND_COLUMNS, "kinds", acted_on=True)
        self._rows = [FieldRow() for _ in range(FIELDS)]
        self._written: dict[tuple[str, str], str] = {}  # by kind and field; by "" and field where kinds share it
        self._kind = ""
        self._outlook, self._same = Static(markup=False, classes="outlook"), Static(markup=False, classes="same")
        self._answers = Static(KEYS, classes="answers", markup=False)

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="sheet form", can_focus=False) as sheet:
            sheet.border_title = "Break something"
            yield self._table
            yield from self._rows
            yield self._outlook
            yield self._same
            yield self._answers

    def on_mount(self) -> None:
        self.set_class(self.app.size.height < 24, "low")
        self._table.show(self._kinds, ())
        self._table.focus()
        self._table.choose(first_kind(self._chosen))
        self._look()
        self.call_after_refresh(self._scroll)
        self.set_interval(LOOK_S, self._look)  # the cluster goes on, and with it what would be hit

    def _scroll(self) -> None:
        """Show the kind that is chosen, now that the table has its height."""
        self._table.choose(self._table.chosen)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        for row in self._rows:
            if row.input is event.input:
                self._written["" if row.key in SHARED else self._kind, row.key] = event.value
        self._look()

    def on_kinds_moved(self) -> None:
        self._look()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_arm()

    def _look(self) -> None:
        """Ask for what the kind at the cursor needs, and say what the form comes to now."""
        if self._table.chosen != self._kind:
            self._kind = self._table.chosen
            self._lay_fields()
        action = self._read()
        self._outlook.update("\n".join(outlook(self._seen(), action)))
        self._same.update("\n".join(same_as(self._seen(), action)))

    def _lay_fields(self) -> None:
        fields = fields_of(self._kind, self._chosen, self._names)
        for number, row in enumerate(self._rows):
            row.display = number < len(fields)
            row.key = ""
            if row.display:
                field = fields[number]
                row.show_field(field, self._written.get(("" if field.key in SHARED else self._kind, field.key), field.begin))

    @property
    def _names(self) -> list[str]:
        return [node.name for node in self._seen().nodes]

    def _read(self) -> Action | UsageError:
        try:
            return read_form(self._kind, {row.key: row.input.value for row in self._rows if row.key}, self._names)
        except UsageError as exc:
            return exc

    def action_arm(self) -> None:
        self._ask(tried=False)

    def action_dry_run(self) -> None:
        self._ask(tried=True)

    def action_copy(self) -> None:
        action = self._read()
        if not isinstance(action, UsageError):
            self.app.copy_to_clipboard(scenario_line(action, self._seen().now_s))
            self._answers.update(f"copied the scenario line · {KEYS}")

    def _ask(self, *, tried: bool) -> None:
        """Ask whether to fire; or say why there is nothing to be fired."""
        action = self._read()
        what = Cannot(str(action)) if isinstance(action, UsageError) else plan_inject(self._seen(), action)
        if isinstance(what, Ask):
            self._answers.update(KEYS)
            question = Confirm(what, self._seen().now_s, dry_run(self._seen(), what.action), tried=tried)
            self.app.push_screen(question, self._answered)
        elif isinstance(what, Cannot):
            self._answers.update(f"✕ {what.reason}")

    def _answered(self, action: Action | None) -> None:
        if action is not None:
            self.dismiss(action)
