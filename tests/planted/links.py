"""Planted bugs in what travels between nodes, and in what they think of each other."""

from collections.abc import Iterator
from math import inf
from typing import Any

import numpy as np
import trio

from dairt.errors import RemoteProtocolError
from dairt.model import tensor
from dairt.model.events import ReconnectDelayed
from dairt.protocol import wire
from dairt.protocol.datagrams import Rumour
from dairt.protocol.membership import Membership, _Member, _Question
from dairt.protocol.messages import Offer
from dairt.protocol.rumours import RANK
from dairt.runtime.answers import Answers, Reply
from dairt.runtime.framed import LINK_ERRORS, FramedConnection, Received
from dairt.runtime.idle import IdleLines
from dairt.runtime.peer import Peer
from planted.garden import plant, swapped
from planted.versions import trusting


async def _trusting(self: Answers, question: Offer, received: Received) -> Reply:
    await trio.lowlevel.checkpoint()
    return trusting(self, question, received)


@plant("no_partial_tensor_visible", "resets")
def published_before_verified() -> Iterator[None]:
    """A tensor becomes visible with its first bytes, and stays as it is when the rest never comes."""

    async def body(self: FramedConnection, nbytes: int) -> np.ndarray:
        view = tensor.allocate(nbytes)
        view[:] = bytes(nbytes)
        self._decoder.body_into(view)
        end = 0
        try:
            while end < nbytes:
                part = await self._part(self._limits.stall_s)
                assert isinstance(part, wire.Chunk)
                end = part.end
        except (RemoteProtocolError, *LINK_ERRORS):
            if not end:
                raise
            self._decoder.body_checksum = tensor.checksum(tensor.decode(view, max_bytes=nbytes))
        return tensor.decode(view, max_bytes=nbytes)

    with swapped(FramedConnection, "_body", body), swapped(Answers, "_offer", _trusting):
        yield


@plant("corrupt_frame_never_delivered", "frames")
def frame_checksum_ignored() -> Iterator[None]:
    """Nobody compares what came with the checksums that came with it."""

    def verify(self: wire._Body) -> wire.Chunk:
        assert self.view is not None
        self._digests.update(tensor.digest_of([self.view[self.end : self.chunk_end]]))
        self.end, self.promised = self.chunk_end, b""
        return wire.Chunk(self.end, self.nbytes)

    with swapped(wire._Body, "verify", verify), swapped(Answers, "_offer", _trusting):
        yield


@plant("no_leaked_sockets", "restarts")
def dead_sockets_kept() -> Iterator[None]:
    """A dead socket is said to be removed, and left as it is."""
    with swapped(FramedConnection, "abort", lambda self: None):
        yield


@plant("queues_stay_within_bounds", "crowd")
def idle_sockets_pile_up() -> Iterator[None]:
    """Every connection is kept for reuse, however many there are."""
    with swapped(IdleLines, "keep", lambda self, line: self._lines.append(line)):
        yield


@plant("reconnects_back_off", "restarts")
def no_reconnect_backoff() -> Iterator[None]:
    """A node that cannot be reached is tried again at once."""

    def back_off(self: Peer) -> None:
        self._refusals += 1
        self._host.emit(ReconnectDelayed(self.name, self._refusals, 0.0))

    with swapped(Peer, "_back_off", back_off):
        yield


@plant("reconnects_back_off", "restarts")
def reconnects_in_step() -> Iterator[None]:
    """The waits before the next try have no jitter, so that all come back at once."""

    def back_off(self: Peer) -> None:
        self._refusals += 1
        delay_s = min(self._config.backoff_max_s, self._config.backoff_first_s * 2 ** min(self._refusals - 1, 16))
        self._not_before = trio.current_time() + delay_s
        self._host.emit(ReconnectDelayed(self.name, self._refusals, delay_s))

    with swapped(Peer, "_back_off", back_off):
        yield


@plant("wrongly_suspected_node_returns", "partition")
def suspicion_never_refuted() -> Iterator[None]:
    """Who has once been suspected stays so, whatever he says."""

    judge = Membership._judge

    def judged(self: Membership, member: _Member, now: float) -> None:
        before, told = member.held, len(self._steps.changes)
        judge(self, member, now)
        if RANK[member.held] < RANK[before]:
            member.held = before
            del self._steps.changes[told:]

    with swapped(Membership, "_judge", judged):
        yield


@plant("parted_peer_stays_lost", "estranged")
def revisited_means_forgiven() -> Iterator[None]:
    """Whoever is asked once more begins with a clean slate, though nothing has been heard of it."""
    ping = Membership._ping

    def forgiving(self: Membership, name: str, now: float, **how: Any) -> None:
        member = self._members[name]
        if member.held != "alive":
            member.unanswered = inf
            self._judge(member, now)
        ping(self, name, now, **how)

    with swapped(Membership, "_ping", forgiving):
        yield


@plant("slow_peer_is_not_declared_dead", "lossy")
def dead_without_a_hearing() -> Iterator[None]:
    """Whose answer to one ping is lost, on every way, is declared dead, and never gets to defend itself."""
    fail = Membership._fail

    def condemned(self: Membership, question: _Question, now: float) -> None:
        fail(self, question, now)
        if question.judged:
            self._hear(Rumour(question.target, "dead", self._members[question.target].incarnation), now)

    with swapped(Membership, "_fail", condemned):
        yield


@plant("dead_peer_is_suspected_in_time", "restarts")
def nobody_is_suspected() -> Iterator[None]:
    """Silence is not noticed."""
    with swapped(Membership, "_judge", lambda self, member, now: None):
        yield


@plant("slow_peer_is_not_declared_dead", "slow")
def declared_dead_at_once() -> Iterator[None]:
    """A peer that does not answer the first ping at once counts as dead."""
    silent = Membership._silent

    def given_up(self: Membership, member: _Member, since: float) -> None:
        silent(self, member, since - self._rule.dead_after_s)

    with swapped(Membership, "_silent", given_up):
        yield
