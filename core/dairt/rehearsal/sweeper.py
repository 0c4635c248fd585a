"""One process of a sweep (`python -m dairt.rehearsal.sweeper`): an order on standard input, then seeds; an outcome each.

Standard input is its leash: when it ends, whatever became of whoever held it, this process ends too, in the middle of a seed.
"""

import os
import sys
import threading
from queue import SimpleQueue

import msgspec

from dairt.rehearsal import gallery
from dairt.rehearsal.sweep import Order, play_seed

STOPPED_EXIT = 130


def run() -> int:
    """Play the seeds that come, until one is stopped."""
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    story = gallery.load(order.story)
    seeds: SimpleQueue[int] = SimpleQueue()
    threading.Thread(target=_listen, args=(seeds,), daemon=True).start()
    while True:
        outcome = play_seed(order, story, seeds.get())
        if outcome.verdict == "stopped":
            return STOPPED_EXIT
        sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
        sys.stdout.buffer.flush()


def _listen(seeds: "SimpleQueue[int]") -> None:
    for line in sys.stdin.buffer:
        seeds.put(int(line))
    os._exit(0)


if __name__ == "__main__":
    sys.exit(run())
