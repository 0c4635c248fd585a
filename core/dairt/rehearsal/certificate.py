"""The certificate of a run: a rolling digest over everything that happened, and how it stood at the end of each second."""

import hashlib

import msgspec

from dairt.model.events import Entry


class Mark(msgspec.Struct, frozen=True):
    """How the digest stood at the end of a second of the world's time in which something happened.

    `events` counts from the beginning; `digest` is 32 hexadecimal digits.
    """

    second: int
    events: int
    digest: str


class Certificate:
    """A journal listener: a rolling BLAKE2b over every event, its time, its node, and all it says.

    Two runs whose certificates differ went apart in the first second whose marks differ.
    """

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=16)
        self._encoder = msgspec.msgpack.Encoder()
        self._second = 0
        self._events = 0
        self._marks: list[Mark] = []

    def __call__(self, entry: Entry) -> None:
        """Hear of an event."""
        if entry.time_s >= self._second + 1:
            self._end_second(int(entry.time_s))
        self._hash.update(self._encoder.encode((entry.time_s, entry.node, entry.event)))
        self._events += 1

    def hex(self) -> str:
        """The digest so far, in 32 digits."""
        return self._hash.hexdigest()

    def marks(self) -> tuple[Mark, ...]:
        """One mark for each second in which something happened, the last of which may not be over."""
        return (*self._marks, self._mark()) if self._is_news else tuple(self._marks)

    @property
    def _is_news(self) -> bool:
        return self._events > (self._marks[-1].events if self._marks else 0)

    def _mark(self) -> Mark:
        return Mark(self._second, self._events, self.hex())

    def _end_second(self, second: int) -> None:
        if self._is_news:
            self._marks.append(self._mark())
        self._second = second
