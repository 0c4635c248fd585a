"""The transport bar as a widget: one line, and a click on it does what its cells say."""

from textual import events
from textual.message import Message

from dairt_console.draw.transport import Button, TransportBar, transport_bar
from dairt_console.transport_tape import Tape
from dairt_console.widgets.lines import Bar


class Transport(Bar):
    """Shows a tape. Posts what was clicked; whoever owns the transport obeys."""

    class Pressed(Message):
        """A button was clicked."""

        def __init__(self, button: Button) -> None:
            super().__init__()
            self.button = button

    class Sought(Message):
        """A moment was clicked, or dragged to."""

        def __init__(self, at_s: float) -> None:
            super().__init__()
            self.at_s = at_s

        def can_replace(self, message: Message) -> bool:
            """A newer one wins."""
            return isinstance(message, Transport.Sought)

    def __init__(self, id: str = "transport") -> None:
        super().__init__(id)
        self._drawn = TransportBar(())
        self._is_dragging = False

    def show_tape(self, tape: Tape | None) -> None:
        """Draw where in the recording this is; None where nothing is recorded."""
        self._drawn = transport_bar(tape, self.size.width)
        self.show(self._drawn.line)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        what = self._drawn.at(event.x)
        if isinstance(what, float):
            self._is_dragging = True
            self.capture_mouse()
            self.post_message(self.Sought(what))
        elif what is not None:
            self.post_message(self.Pressed(what))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        what = self._drawn.at(event.x) if self._is_dragging else None
        if isinstance(what, float):
            self.post_message(self.Sought(what))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._is_dragging:
            self._is_dragging = False
            self.release_mouse()
