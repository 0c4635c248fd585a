"""A running console for tests: fed by hand, driven by keys, its screen as text."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from time import monotonic

from textual.pilot import Pilot

from console_samples import AT_WORK, Recorder
from dairt.control.frames import Act, ServerFrame
from dairt_console.app import ConsoleApp
from dairt_console.pages.page import Page
from dairt_console.reducer import LinkChanged

# As Textual calls the keys of these characters.
KEYS = {" ": "space", ":": "colon", "=": "equals_sign", ".": "full_stop", "-": "minus", "/": "slash"}
Frames = Iterable[ServerFrame | LinkChanged]


class Console:
    """A running console, its keys and its screen."""

    def __init__(self, app: ConsoleApp, pilot: Pilot[int], recorder: Recorder) -> None:
        self.app, self.pilot, self.recorder = app, pilot, recorder

    async def feed(self, frames: Frames) -> None:
        """Deliver these frames, and look."""
        for frame in frames:
            self.app.deliver(frame)
        self.app.look()
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def write(self, line: str, *, opened_by: str = "colon") -> None:
        """Write a line on the prompt, and give it."""
        await self.press(opened_by)
        await self.pilot.press(*(KEYS.get(letter, letter) for letter in line))
        await self.press("enter")

    @property
    def front(self) -> Page:
        """The page in front."""
        return self.app.desk.front

    @property
    def status(self) -> str:
        """What the status line says."""
        return self.text.split("\n")[-3].strip()

    @property
    def text(self) -> str:
        """The screen as text, every line without its trailing blanks."""
        return "\n".join(strip.text.rstrip() for strip in self.app.screen._compositor.render_strips())

    @property
    def sent(self) -> list[object]:
        """The actions sent so far."""
        return [frame.action if isinstance(frame, Act) else frame for frame in self.recorder.sent]


def watch(script: Callable[[Console], Awaitable[None]], frames: Frames = AT_WORK, size: tuple[int, int] = (100, 30)) -> None:
    """Run a console of this size, feed it, and let the script use it."""

    async def main() -> None:
        recorder = Recorder()
        app = ConsoleApp(recorder, "first_look", "starting a 3-node cluster")
        app._started = monotonic() + 3600  # no screen tells how long it has waited on a machine that is busy
        async with app.run_test(size=size) as pilot:
            console = Console(app, pilot, recorder)
            await console.feed(frames)
            await script(console)

    asyncio.run(main())
