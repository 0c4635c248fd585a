"""Whether a page of a recording is the page that was live: the same text at every moment, however one got there."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path

from textual.app import App, ComposeResult
from textual.pilot import Pilot

import dairt_console
from console_story import told
from dairt_console.pages.page import Page
from dairt_console.recording import Recording
from dairt_console.recording_file import RecordingFile
from dairt_console.reducer import Seen, apply

ELAPSED_S = 2.0
LOOKS = 5  # one in so many is looked at; all of them would say no more


class Host(App[None]):
    """Nothing but one page, in the console's own style."""

    CSS_PATH = Path(dairt_console.__file__).parent / "console.tcss"

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page

    def compose(self) -> ComposeResult:
        yield self.page


async def text_at(pilot: Pilot[None], page: Page, seen: Seen) -> str:
    """The page's text once it shows this."""
    page.show(seen, elapsed_s=ELAPSED_S)
    await pilot.pause()
    return page.text()


async def texts_of(make: Callable[[], Page], looks: Sequence[tuple[float, Seen]], size: tuple[int, int]) -> dict[float, str]:
    """What one page says as it shows these one after the other."""
    host = Host(make())
    async with host.run_test(size=size) as pilot:
        return {at_s: await text_at(pilot, host.page, seen) for at_s, seen in looks}


def assert_replays(make: Callable[[], Page], *, size: tuple[int, int] = (100, 30), jumps: int = 3) -> None:
    """Fail unless the page reads live as it does in a recording: played from its beginning, and opened anywhere in it.

    Where its cursor is depends on what was shown before, so both go the same way. It also has to bear being wound back.
    """

    async def main() -> None:
        recording = Recording(RecordingFile.unnamed())
        live = [(at_s, seen) for at_s, seen in recorded(recording) if seen.snapshot is not None][::LOOKS]
        replayed = [(at_s, recording.at(at_s)) for at_s, _ in live]
        compare(await texts_of(make, live, size), await texts_of(make, replayed, size))
        for number in range(jumps, 0, -1):
            index = len(live) * number // jumps - 1
            there = live[index][0]
            compare(await texts_of(make, [live[index]], size), await texts_of(make, [(there, recording.at(there))], size))
        await texts_of(make, replayed[::-3], size)
        recording.close()

    asyncio.run(main())


def recorded(recording: Recording) -> list[tuple[float, Seen]]:
    """Record the story, and what was known last at each moment of its world."""
    seen, known = Seen(), dict[float, Seen]()
    for frame in told():
        recording.record(seen, frame, 0.0)
        seen = apply(seen, frame)
        known[recording.last_s] = seen
    return list(known.items())


def compare(live: dict[float, str], replayed: dict[float, str]) -> None:
    """Fail at the first moment that does not read the same."""
    for at_s, text in live.items():
        changed = difference(text, replayed[at_s])
        assert not changed, f"the page at {at_s:.3f} s, live and replayed:\n{changed}"


def difference(live: str, replayed: str) -> str:
    """The lines that differ, as they were live and as they are replayed."""
    pairs = zip_longest(live.splitlines(), replayed.splitlines(), fillvalue="")
    return "\n".join(f"- {was}\n+ {now}" for was, now in pairs if was != now)
