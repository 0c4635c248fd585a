"""Lamport versions of a key, and which of two puts wins."""

from typing import Annotated

import msgspec

from dairt.model.names import NODE_NAME

# Far above any number of puts, far below what msgpack can carry: whoever counts on from a foreign version stays below too.
COUNTER_MAX = 2**62


class Version(msgspec.Struct, frozen=True, order=True):
    """A put's place in the order of all puts to its key: the greater wins.

    The counter rises above every version its origin has seen (Lamport, 1978); the origin's name breaks ties; the nonce is
    drawn at every boot, so that a wiped node that counts from one again never reissues an old version with other bytes.
    """

    counter: Annotated[int, msgspec.Meta(ge=0, le=COUNTER_MAX)]
    origin: Annotated[str, msgspec.Meta(pattern=rf"^({NODE_NAME})?\Z")]  # "" for what another program wrote
    nonce: Annotated[int, msgspec.Meta(ge=0)]

    def __str__(self) -> str:
        return f"{self.counter}@{self.origin}"


def next_version(seen: int, origin: str, nonce: int) -> Version:
    """The version of a new put, above every counter its origin has `seen` for any key."""
    return Version(seen + 1, origin, nonce)
