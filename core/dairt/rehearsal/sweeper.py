"""One process of a sweep (`python -m dairt.rehearsal.sweeper`): turns on standard input; an outcome each.

Standard input is its leash: when it ends, whatever became of whoever held it, this process ends too, in the middle of a seed.
"""

import os
import sys
import threading
from functools import cache
from queue import SimpleQueue

import msgspec

from dairt.rehearsal import gallery
from dairt.rehearsal.sweep import Turn, play_seed

STOPPED_EXIT = 130


def run() -> int:
    """Play the turns that come, until one is stopped."""
    load = cache(gallery.load)
    turns: SimpleQueue[Turn] = SimpleQueue()
    threading.Thread(target=_listen, args=(turns,), daemon=True).start()
    while True:
        turn = turns.get()
        outcome = play_seed(turn.order, load(turn.order.story), turn.seed)
        if outcome.verdict == "stopped":
            return STOPPED_EXIT
        sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
        sys.stdout.buffer.flush()


def _listen(turns: "SimpleQueue[Turn]") -> None:
    for line in sys.stdin.buffer:
        turns.put(msgspec.json.decode(line, type=Turn))
    os._exit(0)


if __name__ == "__main__":
    sys.exit(run())
