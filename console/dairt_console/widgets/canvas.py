"""A picture with a cursor: drawn for the room there is; the arrow keys and the mouse are left to the page."""

from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message

from dairt_console.keys import bind
from dairt_console.widgets.sheet import Sheet

FAR = 1_000_000


class Canvas(Sheet, inherit_bindings=False):
    """Lines that always fit: what is shown of a larger picture is the page's to say, by where its cursor is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bind("up", "steer(0, -1)"),
        *bind("down", "steer(0, 1)"),
        *bind("left", "steer(-1, 0)"),
        *bind("right", "steer(1, 0)"),
        *bind("first", f"steer(-{FAR}, 0)"),
        *bind("last", f"steer({FAR}, 0)"),
    ]

    class Steered(Message):
        """The cursor is to move so many steps to the right and down."""

        def __init__(self, canvas: "Canvas", right: int, down: int) -> None:
            super().__init__()
            self.canvas, self.right, self.down = canvas, right, down

    class Pointed(Message):
        """A cell was clicked."""

        def __init__(self, canvas: "Canvas", x: int, y: int) -> None:
            super().__init__()
            self.canvas, self.x, self.y = canvas, x, y

    def action_steer(self, right: int, down: int) -> None:
        self.post_message(self.Steered(self, right, down))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None:
            self.post_message(self.Pointed(self, offset.x, offset.y))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.action_steer(0, -1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.action_steer(0, 1)
