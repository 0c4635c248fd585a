"""What a node holds for everybody, in one number, so that two nodes that hold the same need not compare key by key."""

import xxhash

from dairt.model.version import Version
from dairt.protocol.messages import ALL, LOCAL, Audience

UNKNOWN = 0
_NOTHING = 1


class Summary:
    """The exclusive or of a hash of each key, its version and its bytes: changed in constant time, whatever is held.

    `value` is UNKNOWN while anything is held that is for some members only: they would have to leave it out.
    """

    def __init__(self) -> None:
        self._value = _NOTHING
        self._lines: dict[str, int] = {}
        self._for_some: dict[str, None] = {}

    @property
    def value(self) -> int:
        """The number to compare; of two that are not UNKNOWN, equal ones say that the same is held."""
        return UNKNOWN if self._for_some else self._value

    def hold(self, key: str, version: Version, checksum: int, audience: Audience) -> None:
        """From now on this version of the key is held, in place of what was."""
        self._value ^= self._lines.pop(key, 0)
        self._for_some.pop(key, None)
        if audience == ALL:
            line = f"{key}\0{version.counter}\0{version.origin}\0{version.nonce}\0{checksum}"
            self._lines[key] = xxhash.xxh3_64_intdigest(line.encode())
            self._value ^= self._lines[key]
        elif audience != LOCAL:
            self._for_some[key] = None
