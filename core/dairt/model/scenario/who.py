"""Who is befallen: nodes picked when the time has come, by the seed and by how things stand then."""

from typing import Literal

import msgspec

HowMany = Literal["one", "minority", "majority", "all", "random", "event"]
COUNTS: tuple[HowMany, ...] = ("one", "minority", "majority", "all", "random", "event")
STATES = ("down", "paused")  # what nodes can be, for not_in


class Pick(msgspec.Struct, frozen=True, tag="pick"):
    """Some nodes: how many, among which, and which not.

    `among` and `not_in` are names of nodes, `zone:…` and `role:coordinator`; `not_in` also `down` and `paused`. Nothing in
    `among` is every node. `random` is a number that the seed draws, at least one; `event` the node whose event it was.
    """

    pick: HowMany
    among: tuple[str, ...] = ()
    not_in: tuple[str, ...] = ()

    def __str__(self) -> str:
        many = "some" if self.pick == "random" else f"a {self.pick}" if self.pick in ("minority", "majority") else self.pick
        if self.pick == "event":
            return "the event's node"
        among = " and ".join(self.among)
        if self.pick == "all" and self.among and not self.not_in:
            return among
        return f"{many} of {among or 'the nodes'}" + (f" not {' or '.join(self.not_in)}" if self.not_in else "")
