"""Who is there: a peer is alive while it is heard, suspect when silent for a while, dead when silent for long."""

from collections.abc import Iterable

import msgspec

from dairt.model.views import PeerState


class Change(msgspec.Struct, frozen=True):
    """A peer's new state, and how long it had been silent when it changed."""

    peer: str
    state: PeerState
    silent_s: float


class Membership:
    """One node's opinion of the others, from nothing but when it last heard each. Times are any one clock's seconds.

    Everybody counts as heard at the start: a node that has just booted has no reason to suspect anyone.
    """

    def __init__(self, me: str, members: Iterable[str], now: float, suspect_after_s: float, dead_after_s: float) -> None:
        assert 0 < suspect_after_s <= dead_after_s, "a peer is suspected before it is given up"
        self._me = me
        self._suspect_after_s = suspect_after_s
        self._dead_after_s = dead_after_s
        self._heard_at = {peer: now for peer in sorted(members) if peer != me}
        self._states: dict[str, PeerState] = dict.fromkeys(self._heard_at, "alive")

    def heard(self, peer: str, now: float) -> Change | None:
        """Note a sign of life; the change if that brings `peer` back. Strangers, such as observers, are not tracked."""
        if peer not in self._heard_at:
            return None
        silent_s = self.silent_s(peer, now)
        self._heard_at[peer] = max(now, self._heard_at[peer])
        return self._turn(peer, "alive", silent_s)

    def tick(self, now: float) -> list[Change]:
        """The peers whose silence has become suspicious or too long by `now`, in the order of their names."""
        changes = []
        for peer in self._heard_at:
            silent_s = self.silent_s(peer, now)
            if silent_s >= self._suspect_after_s:
                changes.append(self._turn(peer, "dead" if silent_s >= self._dead_after_s else "suspect", silent_s))
        return [change for change in changes if change is not None]

    def state(self, peer: str) -> PeerState:
        """What this node thinks of `peer`, as of the last `heard` or `tick`; itself is always alive."""
        return "alive" if peer == self._me else self._states[peer]

    def silent_s(self, peer: str, now: float) -> float:
        """How long ago `peer` was last heard."""
        return max(0.0, now - self._heard_at[peer])

    def alive(self) -> tuple[str, ...]:
        """Everyone not given up, this node included, in order; a suspect counts until it is dead."""
        return tuple(sorted([self._me, *(peer for peer, state in self._states.items() if state != "dead")]))

    def _turn(self, peer: str, state: PeerState, silent_s: float) -> Change | None:
        if self._states[peer] == state:
            return None
        self._states[peer] = state
        return Change(peer, state, silent_s)
