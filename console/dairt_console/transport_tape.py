"""Where in a recording a console is, and what happened when: all that the transport bar shows."""

from dataclasses import dataclass
from typing import Literal

import msgspec

Shown = Literal["live", "past", "replay"]
MarkKind = Literal["fault", "checkpoint"]


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """A moment worth going to."""

    at_s: float
    kind: MarkKind


@dataclass(frozen=True)
class Tape:
    """What a transport bar shows: the span, where in it, what goes on, and the moments worth going to.

    `is_moving` is whether what is shown goes on.
    """

    first_s: float
    last_s: float
    at_s: float
    shown: Shown
    is_moving: bool
    speed: float
    marks: tuple[Mark, ...] = ()
