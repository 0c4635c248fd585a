"""The line a person writes on: to find, to filter, or to give a command. It knows what was written on it before."""

from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

from textual.binding import BindingType
from textual.message import Message
from textual.widgets import Input, Static

from dairt_console.keys import bind

Kind = Literal["find", "filter", "command"]
MARKS: dict[Kind, str] = {"find": "/", "filter": "filter ", "command": ":"}
KEPT = 200  # lines of each kind


class Prompt(Input):
    """Completes with tab from what it is given; what kind of line it is stands before it, in `mark`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bind("back", "leave"),
        *bind("up", "older(1)"),
        *bind("down", "older(-1)"),
        *bind("next_panel", "complete(1)"),
        *bind("previous_panel", "complete(-1)"),
    ]
    DEFAULT_CSS = """
    Prompt, Prompt:focus { height: 1; width: 1fr; border: none; padding: 0; background: $panel; color: $foreground; }
    """

    class Written(Message):
        """The line has changed."""

        def __init__(self, kind: Kind, line: str) -> None:
            super().__init__()
            self.kind, self.line = kind, line

    class Given(Message):
        """The line is done."""

        def __init__(self, kind: Kind, line: str) -> None:
            super().__init__()
            self.kind, self.line = kind, line

    class Left(Message):
        """Nothing is to come of it."""

        def __init__(self, kind: Kind) -> None:
            super().__init__()
            self.kind = kind

    def __init__(self, completions: Callable[[str], Sequence[str]]) -> None:
        super().__init__(id="prompt", select_on_focus=False, compact=True)
        self.mark = Static(markup=False, classes="mark")
        self._completions = completions
        self._kind: Kind = "command"
        self._past: dict[Kind, list[str]] = {"find": [], "filter": [], "command": []}
        self._back = 0  # how far in the past the line is
        self._begun = ""  # what was written before tab or ↑
        self._completed: list[str] = []
        self._at = 0  # which of them stands there
        self._is_open = False

    @property
    def is_open(self) -> bool:
        """True while it is written on."""
        return self._is_open

    def open(self, kind: Kind, line: str = "") -> None:
        """Let a line of this kind be written."""
        self._kind, self._back, self._completed = kind, 0, []
        with self.prevent(Input.Changed):
            self.value = line
        self.cursor_position = len(line)
        self.mark.update(MARKS[kind])
        self._is_open = True
        self.focus()

    def close(self) -> None:
        """Let nothing more be written."""
        self._is_open = False

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.is_open:
            self._completed = []
            self.post_message(self.Written(self._kind, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        past = self._past[self._kind]
        if event.value and (not past or past[-1] != event.value):
            past.append(event.value)
            del past[:-KEPT]
        self.close()
        self.post_message(self.Given(self._kind, event.value))

    def action_leave(self) -> None:
        self.close()
        self.post_message(self.Left(self._kind))

    def action_older(self, by: int) -> None:
        past = self._past[self._kind]
        if self._back == 0:
            self._begun = self.value
        self._back = max(0, min(self._back + by, len(past)))
        self._write(past[-self._back] if self._back else self._begun)

    def action_complete(self, by: int) -> None:
        """Go through what the line may become."""
        if self._kind != "command":
            return
        if not self._completed:
            lines = self._completions(self.value)
            if not lines:
                return
            self._completed = [self.value, *lines]
            self._at = 0
        self._at = (self._at + by) % len(self._completed)
        self._write(self._completed[self._at])

    def _write(self, line: str) -> None:
        with self.prevent(Input.Changed):
            self.value = line
        self.cursor_position = len(line)
