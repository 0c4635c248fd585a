"""A run for the doctor, in a process of its own: `python -m dairt.rehearsal.specimen BRIEFING`, the briefing as JSON."""

import gc
import sys
from pathlib import Path

import msgspec

from dairt.model.events import Entry
from dairt.rehearsal import gallery
from dairt.rehearsal.play import play


class Briefing(msgspec.Struct, frozen=True):
    """What to play, where to write what happened, and when to collect garbage: after so many new objects, 0 for never."""

    story: str
    seed: int
    events: str
    gc_threshold: int | None = None


def main(argument: str) -> None:
    """Play a story, write one line of JSON for each event, and print the digest."""
    briefing = msgspec.json.decode(argument, type=Briefing)
    if briefing.gc_threshold is not None:
        gc.set_threshold(briefing.gc_threshold)
    encoder = msgspec.json.Encoder()
    with Path(briefing.events).open("wb") as events:

        def write(entry: Entry) -> None:
            events.write(encoder.encode(entry) + b"\n")

        report = play(gallery.load(briefing.story), seed=briefing.seed, listener=write)
    print(report.digest)


if __name__ == "__main__":
    main(sys.argv[1])
