"""The console with a probe in its loop, for `dairt bench console`.

Run as `python -m dairt_console.bench REPORT COMMAND…`: COMMAND is the cluster's, and is given the number of its end of the
socket pair as its last argument.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic, process_time
from typing import TextIO

from dairt_console.__main__ import show
from dairt_console.link import ChildLink
from dairt_console.replay import begin_times

NAP_S = 0.01
LINE_S = 0.1


async def probe(report: TextIO) -> None:
    """Nap again and again; each line is a time, by how much a nap since the last line was too long, and processor seconds."""
    worst, written = 0.0, monotonic()
    while True:
        lay_down = monotonic()
        await asyncio.sleep(NAP_S)
        now = monotonic()
        worst = max(worst, now - lay_down - NAP_S)
        if now >= written + LINE_S:
            print(now, worst, process_time(), file=report, flush=True)
            worst, written = 0.0, now


async def watch(report: TextIO, command: Sequence[str]) -> int:
    """Show the cluster of this command until a person or a signal ends it, as `dairt-console` does, and probe all the while."""
    link = ChildLink(command, lambda arguments, fd: [*arguments, str(fd)])
    times = begin_times(None)
    probing = asyncio.create_task(probe(report))
    try:
        return await show(link, "bench", "starting the bench", times)
    finally:
        probing.cancel()
        times.close()


def main() -> int:
    """The exit code of the console."""
    with Path(sys.argv[1]).open("w") as report:
        return asyncio.run(watch(report, sys.argv[2:]))


if __name__ == "__main__":
    sys.exit(main())
