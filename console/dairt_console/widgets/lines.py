"""What the line-API widgets share: spans drawn as strips, in the tones of the stylesheet."""

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.scroll_view import ScrollView
from textual.strip import Strip

from dairt_console.draw.spans import TONES, Line, Tone, fit_line


class Lines(ScrollView):
    """A widget that draws lines itself, one strip each, and asks for only those that changed to be drawn again."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"tone--{tone}" for tone in TONES} | {"line--chosen"}

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._styles_found: dict[tuple[Tone, bool], Style] = {}

    def strip(self, line: Line, width: int, *, chosen: bool = False) -> Strip:
        """One line as exactly `width` cells; the chosen one carries the cursor's style."""
        segments = [Segment(text, self._style(tone, chosen)) for text, tone in fit_line(line, width) if text]
        return Strip(segments, width)

    def _style(self, tone: Tone, chosen: bool) -> Style:
        # Textual forgets its own at every refresh, even of one line, and needs half a millisecond a line to find them again.
        if (tone, chosen) not in self._styles_found:
            over = self.get_component_rich_style("line--chosen", partial=True) if chosen else Style.null()
            self._styles_found[tone, chosen] = self.get_component_rich_style(f"tone--{tone}") + over
        return self._styles_found[tone, chosen]

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles_found.clear()

    def retitle(self, title: str, subtitle: str = "") -> None:
        """Set the texts in the border, only when they change: each setting redraws the whole widget."""
        shown = (title, subtitle)
        if getattr(self, "_titles", None) != shown:
            self._titles = shown
            self.border_title, self.border_subtitle = _escape(title), _escape(subtitle) or None


def _escape(text: str) -> str:
    return text.replace("[", r"\[")


class Bar(Lines, can_focus=False):
    """One line that is not scrolled: the header, the footer, the status."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.line: Line = ()

    def show(self, line: Line) -> None:
        """Draw this line, if it is not the one shown."""
        if line != self.line:
            self.line = line
            self.refresh()

    def render_line(self, y: int) -> Strip:
        return self.strip(self.line if y == 0 else (), self.size.width)
