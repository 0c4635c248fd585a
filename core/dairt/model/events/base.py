"""What every event has, and how its numbers read."""

from typing import ClassVar, Literal

import msgspec

Level = Literal["info", "good", "warn", "bad"]


def size_text(nbytes: int) -> str:
    """A number of bytes as people read it: 512 B, 64.0 KiB, 4.0 MiB."""
    amount = float(nbytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            break
        amount /= 1024
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


class EventBase(msgspec.Struct, frozen=True):
    """What every event has: a tag (its name in scenario files), a level, and one line of text (its name, if no more)."""

    level: ClassVar[Level] = "info"
    detail: ClassVar[bool] = False

    @property
    def line(self) -> str:
        return str(type(self).__struct_config__.tag).replace("_", " ")
