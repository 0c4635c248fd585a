"""Who is there: SWIM with suspicion and incarnations, and Lifeguard's local health, as a pure machine.

Every period a node pings one member, in an order shuffled anew each round, so that what it sends does not grow with their
number. Who does not answer is asked again through others; who does not answer them either is suspected, and everybody is told;
who does not defend itself in time, by a higher incarnation, is dead. (Das, Gupta, Motivala: SWIM, 2002. Dadgar, Phillips,
Currey: Lifeguard, 2017.)

What this node holds of a peer is the worse of two things: what the group holds, and whether the two can talk directly. A peer
that only others reach is alive for the group, and stays so; but this node cannot use it, and says so: a partial partition
ends in a stable decision.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from math import inf
from random import Random

import msgspec

from dairt.model.views import PeerState
from dairt.protocol.datagrams import Ack, Nack, Packet, Ping, PingFor, Rumour
from dairt.protocol.rumours import RANK, Rumours, overrides

HELPERS = 3  # asked to ping whom we cannot reach: as many false suspicions less as cost little (SWIM, section 3.1: k)
REVISITS = 4  # a period, of those silent or dead: back within a period in small clusters, bounded in large ones
HEALTH_WORST = 8  # Lifeguard's S: a node in trouble itself waits up to nine times as long before it accuses
DIRECT_SHARE = 4  # of its patience, a ping gets one part before it is late and others are asked
PUNCTUAL = 0.1  # of a period: a tick later than that says that this node did not run


class Rule(msgspec.Struct, frozen=True):
    """In seconds: one ping a period; whoever is silent for `suspect_after_s` is suspect, for `dead_after_s` dead."""

    period_s: float
    suspect_after_s: float
    dead_after_s: float


class Change(msgspec.Struct, frozen=True):
    """A peer's new state for this node, and how long it had been silent when it changed."""

    peer: str
    state: PeerState
    silent_s: float


@dataclass
class Steps:
    """What came of a tick or a datagram: packets to send, peers whose state changed, and peers in a life unknown till now."""

    sends: list[tuple[str, Packet]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    lives: list[tuple[str, int]] = field(default_factory=list)


@dataclass(slots=True)
class _Member:
    """What is held of a peer: `state` is the group's, `held` this node's; `unanswered` is since when our pings are."""

    name: str
    heard_at: float
    state: PeerState = "alive"
    held: PeerState = "alive"
    incarnation: int = 0
    life: int = 0
    summary: int = 0
    unanswered: float = inf


@dataclass(slots=True)
class _Question:
    """A ping on its way. `judged` when its failure makes a suspect of the group; `by` names another one who asks."""

    target: str
    asked_at: float
    late_at: float
    until: float
    judged: bool = False
    nacks_due: int = 0
    by: str = ""
    their_number: int = 0


class Membership:
    """One node's opinion of the others. Times are any one clock's seconds; nobody is suspected at the start.

    `summary` is asked for what this node holds, which rides on every datagram.
    """

    def __init__(
        self,
        me: str,
        members: Iterable[str],
        rule: Rule,
        now: float,
        *,
        cluster: str,
        life: int,
        random: Random,
        summary: Callable[[], int] = lambda: 0,
    ) -> None:
        assert 0 < rule.suspect_after_s <= rule.dead_after_s, "a peer is suspected before it is given up"
        self._me, self._cluster, self._life = me, cluster, life
        self._rule = rule
        self._random = random
        self._summary = summary
        self._members = {name: _Member(name, now) for name in sorted(members) if name != me}
        self._rumours = Rumours(len(self._members) + 1)
        self._numbers = count(1)
        self._questions: dict[int, _Question] = {}
        self._accused: dict[str, float] = {}  # suspects of the group, and when they are dead
        self._revisits: list[str] = []  # silent or dead, the longest not asked first
        self._round: list[str] = []  # still to be pinged in this round
        self._incarnation = 0
        self._health = 0
        self._is_new = True
        self._next_ping = now
        self._ticked = now
        self._awake_until = inf  # when the next tick was due
        self._steps = Steps()

    # -- what is known -------------------------------------------------------------------------------------------------

    def state(self, peer: str) -> PeerState:
        """What this node holds of `peer`; itself is always alive."""
        return "alive" if peer == self._me else self._members[peer].held

    def silent_s(self, peer: str, now: float) -> float:
        """How long ago `peer` was last heard, or how long our pings have gone unanswered, if that is longer."""
        member = self._members[peer]
        return max(0.0, now - min(member.heard_at, member.unanswered))

    def heard_at(self, peer: str) -> float:
        """When `peer` was last heard."""
        return self._members[peer].heard_at

    def summary(self, peer: str) -> int:
        """What `peer` held when it was last heard, in one number; 0 when that is not known."""
        return self._members[peer].summary

    def alive(self) -> tuple[str, ...]:
        """Everyone not given up, this node included, in order; a suspect counts until it is dead."""
        return tuple(sorted([self._me, *(name for name, member in self._members.items() if member.held != "dead")]))

    # -- what happens --------------------------------------------------------------------------------------------------

    def next_tick(self) -> float:
        """When `tick` should be called next, if no datagram comes before."""
        return min([self._next_ping, *self._deadlines()])

    def tick(self, now: float) -> Steps:
        """Do what is due: ask others, suspect, give up, ping."""
        self._forgive_own_sleep(now)
        for number, question in list(self._questions.items()):
            if now >= question.asked_at + self._rule.dead_after_s * (1 + self._health):
                del self._questions[number]
            elif now >= question.until:
                self._fail(question, now)
            elif now >= question.late_at:
                self._late(number, question)
        for name, until in list(self._accused.items()):
            if now >= until:
                self._hear(Rumour(name, "dead", self._members[name].incarnation), now)
        for name in list(self._revisits):
            self._judge(self._members[name], now)
        if now >= self._next_ping:
            self._next_ping = now + self._rule.period_s
            self._ping_some(now)
        self._ticked = now
        self._awake_until = self.next_tick()
        return self._told()

    def receive(self, packet: Packet, now: float) -> Steps:
        """Take in one datagram. Those of strangers, of other clusters and for others are as good as lost."""
        message = packet.message
        sender = self._members.get(packet.sender)
        if sender is None or packet.cluster != self._cluster or (isinstance(message, Ping) and message.to != self._me):
            return Steps()
        sender.heard_at, sender.summary = now, packet.summary
        self._hear_alive(sender, packet.incarnation, now)
        for rumour in packet.rumours:
            self._hear(rumour, now)
        match message:
            case Ping(number=number):
                self._send(sender.name, Ack(self._me, self._incarnation, number))
            case PingFor(target=target, number=number) if target in self._members:
                self._ping(target, now, by=sender.name, their_number=number)
            case Ack():
                self._answered(sender.name, message, now)
            case Nack(number=number) if number in self._questions:
                self._questions[number].nacks_due -= 1
        if sender.life != packet.life:
            sender.life = packet.life
            self._steps.lives.append((sender.name, packet.life))
        if sender.held != "alive":
            self._revisit(sender, now)
        return self._told()

    def greeted(self, peer: str, now: float) -> Steps:
        """Somebody has opened a connection and says to be `peer`: where that is news, it is asked at once."""
        member = self._members.get(peer)
        if member is not None and member.held != "alive":
            self._revisit(member, now)
        return self._told()

    # -- pings ---------------------------------------------------------------------------------------------------------

    def _ping_some(self, now: float) -> None:
        """One of the living, in its turn, and some of those that are silent; whoever has just booted greets a few more."""
        if not self._round:
            self._round = [name for name, member in self._members.items() if member.state != "dead"]
            self._random.shuffle(self._round)
        if self._round:
            self._ping(self._round.pop(), now, judged=True)
        if self._is_new:
            self._is_new = False
            for name in self._round[-REVISITS:]:
                self._ping(name, now)
        first, self._revisits = self._revisits[:REVISITS], self._revisits[REVISITS:]
        self._revisits += first
        for name in first:
            self._ping(name, now)

    def _ping(self, name: str, now: float, *, judged: bool = False, by: str = "", their_number: int = 0) -> None:
        patience_s = self._rule.suspect_after_s * (1 + self._health if judged else 1)
        late_at, until = now + patience_s / DIRECT_SHARE, now + patience_s
        if by:
            late_at, until = inf, now + patience_s / 2  # a Nack should be there before the asker's patience is over
        number = next(self._numbers)
        self._questions[number] = _Question(name, now, late_at, until, judged, by=by, their_number=their_number)
        self._send(name, Ping(name, number))

    def _revisit(self, member: _Member, now: float) -> None:
        """Ping one that should not have been able to speak, unless that has just been done."""
        if not any(q.target == member.name and now - q.asked_at < self._rule.period_s for q in self._questions.values()):
            self._ping(member.name, now)

    def _late(self, number: int, question: _Question) -> None:
        """From here on the peer is silent for this node; others are asked to reach it."""
        question.late_at = inf
        self._silent(self._members[question.target], question.asked_at)
        if question.judged:
            able = [name for name, member in self._members.items() if member.held == "alive" and name != question.target]
            helpers = self._random.sample(able, min(HELPERS, len(able)))
            question.nacks_due = len(helpers)
            for helper in helpers:
                self._send(helper, PingFor(question.target, number))

    def _answered(self, sender: str, ack: Ack, now: float) -> None:
        """Somebody is there: the sender, or through it the one we asked about."""
        question = self._questions.get(ack.number)
        if question is None or question.target != ack.node:
            return
        del self._questions[ack.number]
        member = self._members[ack.node]
        member.heard_at = now
        self._hear_alive(member, ack.as_of, now)
        if question.by:
            self._send(question.by, Ack(ack.node, ack.as_of, question.their_number))
        if question.judged:
            self._health = max(0, self._health - 1)
        if sender == ack.node:
            member.unanswered = inf
            self._settle_earlier(question)
            self._judge(member, now)

    def _settle_earlier(self, answered: _Question) -> None:
        """What was asked before, and got lost, is answered too."""
        for number, question in list(self._questions.items()):
            if question.target == answered.target and question.asked_at <= answered.asked_at and not question.by:
                del self._questions[number]

    def _fail(self, question: _Question, now: float) -> None:
        """Act on the silence. The question stays for a while: a late answer, from one that is slow, is an answer too."""
        question.until = inf
        member = self._members[question.target]
        if question.by:
            self._send(question.by, Nack(question.their_number))
            return
        self._silent(member, question.asked_at)
        self._judge(member, now)
        if question.judged:
            # Helpers that said nothing at all point at us rather than at the one asked about (Lifeguard, section IV.A).
            self._health = min(HEALTH_WORST, self._health + max(0, question.nacks_due))
            self._hear(Rumour(member.name, "suspect", member.incarnation), now)

    # -- opinions ------------------------------------------------------------------------------------------------------

    def _silent(self, member: _Member, since: float) -> None:
        member.unanswered = min(member.unanswered, since)
        if member.name not in self._revisits:
            self._revisits.append(member.name)

    def _hear_alive(self, member: _Member, incarnation: int, now: float) -> None:
        if incarnation > member.incarnation:
            self._hear(Rumour(member.name, "alive", incarnation), now)

    def _hear(self, rumour: Rumour, now: float) -> None:
        """Weigh a claim, and pass it on where it is news. Of ourselves we know better."""
        if rumour.node == self._me:
            if rumour.state != "alive" and rumour.incarnation >= self._incarnation:
                self._incarnation = rumour.incarnation + 1
                self._health = min(HEALTH_WORST, self._health + 1)
                self._rumours.add(Rumour(self._me, "alive", self._incarnation))
            return
        member = self._members.get(rumour.node)
        if member is None or not overrides(rumour, member.state, member.incarnation):
            return
        member.state, member.incarnation = rumour.state, rumour.incarnation
        self._rumours.add(rumour)
        self._accused.pop(member.name, None)
        if rumour.state == "suspect":
            self._accused[member.name] = now + self._rule.dead_after_s - self._rule.suspect_after_s
        if rumour.state != "alive" and member.name not in self._revisits:
            self._revisits.append(member.name)
        self._judge(member, now)

    def _judge(self, member: _Member, now: float) -> None:
        """Hold the worse of how long our own pings have gone unanswered and of what the group holds.

        The latter not of one just heard: that one will defend itself. So whoever was cut off, and comes back with the opinion
        that all others are dead, persuades nobody.
        """
        rule = self._rule
        held: PeerState = member.state if now >= member.heard_at + rule.suspect_after_s else "alive"
        if now >= member.unanswered + rule.dead_after_s:
            held = "dead"
        elif now >= member.unanswered + rule.suspect_after_s:
            held = max(held, "suspect", key=RANK.__getitem__)
        if member.unanswered == inf and member.state == "alive" and member.name in self._revisits:
            self._revisits.remove(member.name)
        if held != member.held:
            member.held = held
            self._steps.changes.append(Change(member.name, held, self.silent_s(member.name, now)))

    # -- the rest ------------------------------------------------------------------------------------------------------

    def _send(self, to: str, message: Ping | PingFor | Ack | Nack) -> None:
        """Queue a datagram, with rumours; whoever is accused hears so first, that it may defend itself."""
        member = self._members[to]
        accusation = Rumour(to, member.state, member.incarnation) if member.state != "alive" else None
        rumours = self._rumours.take(accusation)
        packet = Packet(self._cluster, self._me, self._life, self._incarnation, self._summary(), rumours, message)
        self._steps.sends.append((to, packet))

    def _told(self) -> Steps:
        steps, self._steps = self._steps, Steps()
        return steps

    def _deadlines(self) -> Iterator[float]:
        for question in self._questions.values():
            yield min(question.late_at, question.until, question.asked_at + self._rule.dead_after_s * (1 + self._health))
        yield from self._accused.values()
        for name in self._revisits:
            member, rule = self._members[name], self._rule
            for turn in (
                member.heard_at + rule.suspect_after_s,
                member.unanswered + rule.suspect_after_s,
                member.unanswered + rule.dead_after_s,
            ):
                if turn > self._ticked:
                    yield turn

    def _forgive_own_sleep(self, now: float) -> None:
        """Judge nobody by time in which this node itself did not run: it was stopped, or its machine is overloaded."""
        slept_s = now - self._awake_until
        if slept_s <= self._rule.period_s * PUNCTUAL:
            return
        for question in self._questions.values():
            question.asked_at += slept_s
            question.late_at += slept_s
            question.until += slept_s
        for name in self._accused:
            self._accused[name] += slept_s
        for member in self._members.values():
            member.unanswered += slept_s
            member.heard_at = min(now, member.heard_at + slept_s)
