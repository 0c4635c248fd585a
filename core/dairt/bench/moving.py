"""A cluster on sockets of this machine that moves tensors as fast as it can, and writes down how much.

Run as `python -m dairt.bench.moving REPORT [FD]`; with FD, an inherited socket, a console watches it over there. It ends by
itself: with its console, when asked by SIGTERM, or after a while.
"""

import os
import signal
import socket
import sys
from pathlib import Path
from time import monotonic
from typing import TextIO

import numpy as np

from dairt.control.frames import Bye, Hello
from dairt.control.server import ControlServer
from dairt.model.scenario_toml import parse_scenario
from dairt.rehearsal.play import Errand, play
from dairt.rehearsal.stage import Stage
from dairt.runtime.parts import Node

STORY = """
schema = "dairt.scenario/1"
name   = "bench-moving"
[cluster]
nodes  = { prefix = "n", count = 3 }
config = { checkpoint = "never" }
"""
ELEMENTS = 1024 * 1024  # 4 MiB of float32
KEYS = 4  # whose tensors replace each other
EVERY_S = 0.1  # a line of the report
LONGEST_S = 120.0  # nobody measures for so long: whoever started this is gone


def moving(report: TextIO) -> Errand:
    """One node broadcasts to the others, one tensor after another; each line of the report is a time, and bytes until then."""

    async def errand(stage: Stage) -> None:
        node = stage.cluster.member("n0")
        assert isinstance(node, Node)
        array = np.arange(ELEMENTS, dtype=np.float32)
        moved, number = 0, 0
        began = written = monotonic()
        while (now := monotonic()) < began + LONGEST_S:
            if now >= written + EVERY_S:
                print(now, moved, file=report, flush=True)
                written = now
            await node.broadcast(f"key-{number % KEYS}", array)
            moved, number = moved + array.nbytes * len(node.peers), number + 1

    return errand


def main(path: Path, fd: int | None) -> None:
    """Move until the end, with or without somebody who watches."""
    scenario = parse_scenario(STORY, "bench")
    with path.open("w") as report:
        if fd is None:
            play(scenario, world="tcp", errand=moving(report))
            return
        end = socket.socket(fileno=fd)
        hello = Hello("tcp", scenario.name, 0, "inject")
        with ControlServer(hello, parent=end, abandoned=lambda: os.kill(os.getpid(), signal.SIGTERM)) as server:
            play(scenario, world="tcp", errand=moving(report), onlooker=server)
            server.finish(Bye(0, "moved enough"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
