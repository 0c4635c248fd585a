"""Care for checkpoints that are on disk already. `node` is whose, or those of several as `n0+n1`; `key` "" is all it holds."""

from typing import ClassVar

import msgspec


class VerifyCheckpoint(msgspec.Struct, frozen=True, tag="checkpoint.verify"):
    """Read every file of a key back from disk, and say of each whether it is whole; nothing is changed."""

    node: str
    key: str = ""
    lasts: ClassVar[bool] = False

    def __str__(self) -> str:
        return f"verify {self.key or 'every checkpoint'} on {self.node}"


class RestoreCheckpoint(msgspec.Struct, frozen=True, tag="checkpoint.restore"):
    """Verify, and make good what is not whole: the newest file from memory, older ones by setting them aside.

    And ask the peers at once whether they have anything newer.
    """

    node: str
    key: str = ""
    lasts: ClassVar[bool] = False

    def __str__(self) -> str:
        return f"restore {self.key or 'every checkpoint'} on {self.node}"
