"""How the Overview's five panels share its room: a pure rule, so that every size can be looked at in a test."""

from dataclasses import dataclass
from typing import Literal

Shape = Literal["wide", "normal", "tabs"]
PANELS = ("nodes", "checkpoints", "runs", "trouble", "events")
TITLES = {"nodes": "Nodes", "checkpoints": "Checkpoints", "runs": "Runs", "trouble": "Faults", "events": "Events"}
SHORT_TITLES = {"nodes": "Nodes", "checkpoints": "Ckpt", "runs": "Runs", "trouble": "Fault", "events": "Event"}
FRAME = 3  # a panel's border, above and below, and its heading


@dataclass(frozen=True)
class Layout:
    """A shape, and the heights of its rows of panels as a stylesheet writes them; none with tabs.

    With tabs, the events stay below the panel in front where both have room (`events_too`).
    """

    shape: Shape
    rows: str
    events_too: bool = True
    low: bool = False  # so few lines that one panel is all there is room for

    def hidden(self, front: str) -> tuple[str, ...]:
        """The panels not shown while `front` is in front."""
        if self.shape != "tabs":
            return ()
        return tuple(panel for panel in PANELS if panel != front and not (panel == "events" and self.events_too))


def layout(width: int, height: int, nodes: int) -> Layout:
    """Panels side by side where the page has room; below 80x19 one behind tabs, and the events."""
    if width < 80 or height < 19:
        return Layout("tabs", "", events_too=height >= 14, low=height < 6)
    rows = max(nodes, 3)
    if width >= 150 and height >= 27:
        top = min(max(rows * 2, 6) + FRAME, height * 2 // 5)  # beside it stand the checkpoints, some for each node
        return Layout("wide", f"{top} 2fr 3fr")
    top = min(rows + FRAME, max(height // 3, 6))
    faults = FRAME + (1 if height < 23 else 3 + (height - 25) // 8)
    left = height - top - faults
    return Layout("normal", f"{top} {left - left // 2} {faults} 1fr")
