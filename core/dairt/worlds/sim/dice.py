"""Dice that do not depend on the order in which they are thrown."""

import random
from collections.abc import Callable
from hashlib import blake2b

DrawOf = Callable[[int], float]


class Dice:
    """Draws keyed by (seed, names): removing one fault or adding one message changes no other draw.

    That is what lets the story of a failure shrink and still fail.
    """

    def __init__(self, seed: int) -> None:
        self._root = _named(blake2b(digest_size=8), str(seed))

    def stream(self, *names: str) -> random.Random:
        """A generator of its own for one user, who throws in an order of its own."""
        return random.Random(int.from_bytes(_named(self._root, *names).digest(), "big"))

    def draws(self, *names: str) -> DrawOf:
        """The function from n to the n-th draw under `names`, uniform in [0, 1)."""
        base = _named(self._root, *names)

        def draw(n: int) -> float:
            keyed = base.copy()
            keyed.update(n.to_bytes(8, "big"))
            return (int.from_bytes(keyed.digest(), "big") >> 11) * 2.0**-53  # the 53 bits a float holds

        return draw

    def __deepcopy__(self, memo: object) -> "Dice":
        """Itself: dice have no state, so the copy of a disk goes on throwing what the disk would have thrown."""
        return self

    def draw(self, stream: str, key: str, n: int) -> float:
        """The n-th draw of `stream` for `key`, uniform in [0, 1)."""
        return self.draws(stream, key)(n)


def _named(base: blake2b, *names: str) -> blake2b:
    """Hash the names with their lengths, so that ("ab", "c") is not ("a", "bc")."""
    keyed = base.copy()
    for name in names:
        data = name.encode()
        keyed.update(len(data).to_bytes(4, "big") + data)
    return keyed
