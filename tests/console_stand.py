"""One page of the desk alone on the screen, for tests: fed by hand, driven by its methods and keys, read as text."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from console_samples import AT_WORK, seen_after
from dairt.control.frames import ClientFrame, ServerFrame
from dairt_console import app as console_app
from dairt_console.chosen import Chosen
from dairt_console.pages.page import Page
from dairt_console.reducer import LinkChanged, Seen

Frames = Iterable[ServerFrame | LinkChanged]


class Stand(App[None]):
    """Holds the page, and keeps what it asks for."""

    CSS_PATH = str(console_app.__file__).replace("app.py", "console.tcss")

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page
        self.said: list[str] = []
        self.told: list[ClientFrame] = []
        self.went: list[tuple[str, Chosen]] = []

    def compose(self) -> ComposeResult:
        yield self.page

    def on_page_say(self, message: Page.Say) -> None:
        self.said.append(message.text)

    def on_page_tell(self, message: Page.Tell) -> None:
        self.told.append(message.frame)

    def on_page_go(self, message: Page.Go) -> None:
        self.went.append((message.page, message.chosen))


class Standing:
    """A page on its stand."""

    def __init__(self, stand: Stand, pilot: Pilot[None]) -> None:
        self.stand, self.pilot, self.page = stand, pilot, stand.page
        self.seen = Seen()

    async def feed(self, frames: Frames, elapsed_s: float = 1.0) -> None:
        """Take in these frames, and show what is seen."""
        self.seen = seen_after(frames, self.seen)
        self.page.show(self.seen, elapsed_s=elapsed_s)
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def settle_hidden(self) -> None:
        """Let everything asked for happen."""
        await self.pilot.pause()

    async def settle(self) -> str:
        """The screen as text, once everything asked for is drawn."""
        await self.pilot.pause()
        return self.page.text()


def stand(
    page: Page, script: Callable[[Standing], Awaitable[None]], frames: Frames = AT_WORK, size: tuple[int, int] = (100, 25)
) -> None:
    """Show the page in a terminal of this size, feed it, and let the script use it."""

    async def main() -> None:
        app = Stand(page)
        async with app.run_test(size=size) as pilot:
            standing = Standing(app, pilot)
            focused = page.focused()
            if focused is not None:
                focused.focus()
            await standing.feed(frames)
            await script(standing)

    asyncio.run(main())
