"""What makes two runs the same: one hash over all that happened, which can be asked for at any moment of the story."""

import hashlib
import math

import msgspec

from dairt.model.events import Entry


class Digest:
    """A rolling hash over every event: its time, its node, and all it says (BLAKE2b)."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=16)
        self._encoder = msgspec.msgpack.Encoder()
        self._time_s = -math.inf  # of the latest events, which are not yet in the hash
        self._latest: list[bytes] = []
        self._closed = ""

    def __call__(self, entry: Entry) -> None:
        """Hear of an event: a journal listener."""
        if entry.time_s != self._time_s:
            self._hash.update(b"".join(self._latest))
            self._latest.clear()
            self._time_s = entry.time_s
        self._latest.append(self._encoder.encode((entry.time_s, entry.node, entry.event)))

    def before(self, time_s: float) -> str:
        """The digest of all that happened before this moment, which is now or later, in 32 digits."""
        digest = self._hash.copy()
        if self._time_s < time_s:
            digest.update(b"".join(self._latest))
        return digest.hexdigest()

    def close(self, time_s: float) -> None:
        """What happens from this moment on belongs to the story no more."""
        self._closed = self.before(time_s)

    def hex(self) -> str:
        """The digest of the story as far as it was told, in 32 digits."""
        return self._closed or self.before(math.inf)
