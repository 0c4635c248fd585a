"""Make the picture of the console in the README: `python docs/make_picture.py` writes docs/console.svg.

It is taken of a real run: a simulated cluster in which a person runs a graph and kills a socket under it, by the keys. Time
is held between steps, and nothing is shown while it passes, so that the picture is the same, byte for byte, on every machine.
"""

import asyncio
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from textual.pilot import Pilot

from dairt.control.frames import Latest, ServerFrame, Step
from dairt_console.app import ConsoleApp
from dairt_console.link import ChildLink
from dairt_console.reducer import LinkChanged, Seen
from dairt_console.replay import begin_times

PICTURE = Path(__file__).with_name("console.svg")
SCENARIO, SEED, SIZE = "first_look", 7, (100, 30)
WITHIN_S = 60.0  # real seconds that any one step may take on a slow machine
# What a browser would fetch from elsewhere. Without it, the reader's own monospaced letters are used.
FONTS = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


class Story:
    """The console, its keys, and the time of the world it shows, which passes only in steps."""

    def __init__(self, app: ConsoleApp, link: ChildLink, pilot: Pilot[int]) -> None:
        self._app, self._link, self._pilot = app, link, pilot
        self._asked = 10_000  # ids apart from the app's own
        self._held = asyncio.Event()

    def deliver(self, frame: ServerFrame | LinkChanged) -> None:
        """Pass on everything but the world in the middle of a step: how much of that comes depends on the machine."""
        if isinstance(frame, Latest) and frame.snapshot.speed > 0:
            return
        self._app.deliver(frame)
        self._held.set()

    async def until(self, met: Callable[[Seen], bool], step_s: float) -> None:
        """Let time pass in steps until something is seen."""
        await self._hear(lambda: self._app.seen.snapshot is not None)
        while not met(self._app.seen):
            due = self._app.seen.now_s + step_s - 1e-6
            self._asked += 1
            self._link.send(Step(self._asked, step_s))
            await self._hear(partial(self._reached, due))

    def _reached(self, time_s: float) -> bool:
        return self._app.seen.now_s >= time_s

    async def _hear(self, enough: Callable[[], bool]) -> None:
        while not enough():
            if self._app.seen.link.state in ("lost", "finished"):
                raise RuntimeError(self._app.seen.link.text)
            self._held.clear()
            await asyncio.wait_for(self._held.wait(), WITHIN_S)

    async def press(self, *keys: str) -> None:
        """What a person does."""
        self._app.look()
        await self._pilot.press(*keys)
        await self._pilot.pause()

    async def picture(self) -> str:
        """The screen as it is now."""
        self._app.look()
        await self._pilot.pause()
        return FONTS.sub("", self._app.export_screenshot(title="dairt-console"))


async def tell(story: Story) -> str:
    """A cluster at work; a graph; a socket killed in the middle of it; and the graph goes on."""
    await story.until(lambda seen: seen.now_s >= 12.1, step_s=0.1)
    await story.press("w")
    await story.until(lambda seen: _run_so_far(seen) >= 0.3, step_s=0.002)
    await story.press("x", "enter")
    await story.until(lambda seen: _run_so_far(seen) >= 0.7, step_s=0.002)
    return await story.picture()


def _run_so_far(seen: Seen) -> float:
    """How much of the latest run is done."""
    run = max(seen.runs.values(), key=lambda run: run.started_s)
    return run.done / run.total if run.state == "running" else 0.0


async def take() -> str:
    """Start the cluster and the console, and return the picture as SVG."""
    link = ChildLink([SCENARIO, "--world", "sim", "--seed", str(SEED), "--speed", "0"])
    times = begin_times(None)
    await link.open()
    try:
        app = ConsoleApp(link.send, SCENARIO, "", times=times)
        async with app.run_test(size=SIZE) as pilot, asyncio.TaskGroup() as tasks:
            story = Story(app, link, pilot)
            reading = tasks.create_task(link.run(story.deliver))
            svg = await tell(story)
            reading.cancel()
        return svg
    finally:
        times.close()
        await link.close()


def main(target: Path = PICTURE) -> None:
    """Write the picture."""
    target.write_text(asyncio.run(take()), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
