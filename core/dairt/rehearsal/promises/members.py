"""Promises about who is there: the silent are suspected in time, the slow are not given up, and nobody storms back."""

from heapq import heappop, heappush

from dairt.model.events import (
    Entry,
    NodeBooted,
    NodeDown,
    NodeDrained,
    PeerDied,
    PeerReturned,
    PeerSuspected,
    ReconnectDelayed,
)
from dairt.model.scenario import Scenario
from dairt.model.views import Snapshot
from dairt.rehearsal.promises.base import Promise, usual
from dairt.rehearsal.promises.trouble import ActionOf, Troubles

# What a node said last may still be on its way; on a real machine, whoever should notice may have to wait for a processor.
SLACK_S = 0.5


class DeadPeerIsSuspectedInTime(Promise):
    """A node that ends, by whatever cause, is suspected by every node that stays up within a round of pings and suspect_after.

    The time counts from the end, or from when the observer booted, if that is later. A round is the most that lies between
    two pings from one node to another: probe_every for every other node, twice, since each round has an order of its own.
    The slack is half a second. It holds for every pair of nodes of which the one was up, and the other did not come back, all
    that time.
    Exception: no time is promised to a pair when any trouble but the end of a node befell either of them meanwhile, or was
    still in effect: bytes held back are a sign of life when they arrive, and who is paused suspects nobody.
    """

    def __init__(self) -> None:
        self._due: list[tuple[float, str, str, int, int, float]] = []
        self._up: dict[str, None] = {}
        self._lives: dict[str, int] = {}
        self._gone: dict[str, None] = {}
        self._suspects: dict[tuple[str, str], None] = {}
        self._troubles = Troubles()
        self._patience_s = _patience_s(None)

    def told(self, scenario: Scenario, action_of: ActionOf) -> None:
        self._patience_s = _patience_s(scenario)
        self._troubles.action_of = action_of

    def see(self, entry: Entry) -> str:
        reason = self._overdue(entry.time_s)
        self._troubles.see(entry)
        node, now = entry.node, entry.time_s
        match entry.event:
            case NodeBooted():
                self._change(node, now)
                self._up[node] = None
                self._gone.pop(node, None)
                for other in self._gone:
                    self._expect(node, other, now)
            case NodeDown() | NodeDrained() if node in self._up:
                self._change(node, now)
                del self._up[node]
                self._gone[node] = None
                for other in self._up:
                    self._expect(other, node, now)
            case PeerSuspected(peer=peer) | PeerDied(peer=peer):
                self._suspects[node, peer] = None
            case PeerReturned(peer=peer):
                self._suspects.pop((node, peer), None)
        return reason

    def judge(self, last: Snapshot) -> str:
        return self._overdue(last.time_s)

    def _change(self, node: str, now: float) -> None:
        """A life of a node begins or ends: nothing is due any more of, or about, the one before."""
        self._lives[node] = self._lives.get(node, 0) + 1
        self._suspects = {pair: None for pair in self._suspects if pair[0] != node}

    def _expect(self, observer: str, peer: str, now: float) -> None:
        due_s = now + self._patience_s
        heappush(self._due, (due_s, observer, peer, self._lives[observer], self._lives[peer], now))

    def _overdue(self, now: float) -> str:
        reasons = []
        while self._due and self._due[0][0] < now:
            due_s, observer, peer, life, end, since_s = heappop(self._due)
            still = (self._lives[observer], self._lives[peer]) == (life, end)
            if still and (observer, peer) not in self._suspects and not self._troubles.hampered(observer, peer, since_s):
                reasons.append(f"{observer} does not suspect {peer}, gone for {due_s - since_s:g} s")
        return "; ".join(reasons)


class SlowPeerIsNotDeclaredDead(Promise):
    """A node counts a peer as dead only if something parted the two, or one of them was not up, since it last heard of it.

    What parts them: a cut, black hole or hold of the link in either direction, new connections hanging or refused, a half
    open connection, a pause of either; and a latency, jitter included, of more than half of suspect_after, since a ping and
    its answer take two ways. All else is slowness: slow nodes, disks and links, small bandwidth, resets,
    datagrams that are lost.
    """

    def __init__(self) -> None:
        self._troubles = Troubles()
        self._suspect_after_s = usual().suspect_after_s

    def told(self, scenario: Scenario, action_of: ActionOf) -> None:
        self._suspect_after_s = usual(scenario).suspect_after_s
        self._troubles.action_of = action_of

    def see(self, entry: Entry) -> str:
        self._troubles.see(entry)
        match entry.event:
            case PeerDied(peer=peer, silent_s=silent_s):
                since_s = entry.time_s - silent_s - SLACK_S
                if not self._troubles.parted(entry.node, peer, since_s, self._suspect_after_s):
                    return f"{entry.node} counts {peer} as dead after {silent_s:.2f} s, and nothing had parted them"
        return ""


class PartedPeerStaysLost(Promise):
    """Whom a node has suspected, or counts as dead, is not alive to it again while the two are still cut off from each other.

    That is: no cut or black hole of the link in both directions was in effect from before the suspicion until the return,
    whoever else may reach both. The opinion of a node that ends is forgotten.
    """

    def __init__(self) -> None:
        self._troubles = Troubles()
        self._lost_s: dict[tuple[str, str], float] = {}

    def told(self, scenario: Scenario, action_of: ActionOf) -> None:
        self._troubles.action_of = action_of

    def see(self, entry: Entry) -> str:
        self._troubles.see(entry)
        match entry.event:
            case PeerSuspected(peer=peer) | PeerDied(peer=peer):
                self._lost_s.setdefault((entry.node, peer), entry.time_s)
            case NodeDown() | NodeDrained():
                self._lost_s = {pair: lost_s for pair, lost_s in self._lost_s.items() if pair[0] != entry.node}
            case PeerReturned(peer=peer):
                lost_s = self._lost_s.pop((entry.node, peer), None)
                if lost_s is not None and self._troubles.shut(entry.node, peer, lost_s):
                    return f"{peer}, lost to {entry.node} since {lost_s:.2f} s, is back for it, and they are still cut off"
        return ""


class WronglySuspectedNodeReturns(Promise):
    """Every live node counts every other live node as alive."""

    is_state = True

    def judge(self, last: Snapshot) -> str:
        up = {node.name: None for node in last.nodes if node.state == "up"}
        doubts = [
            f"{node.name} counts {peer.name}, which is up, as {peer.state}"
            for node in last.nodes
            if node.name in up
            for peer in node.peers
            if peer.name in up and peer.state != "alive"
        ]
        return "; ".join(doubts)


class ReconnectsBackOff(Promise):
    """After each failed try to reach a peer a node waits longer, up to a cap, with jitter, and never in step with another.

    After the n-th failure in a row it waits at least half of min(backoff_max, backoff_first doubled n - 1 times), and at most
    the whole; and its last wait for a peer is never the very same number of seconds as another node's for that peer.
    """

    def __init__(self) -> None:
        self._first_s, self._max_s = usual().backoff_first_s, usual().backoff_max_s
        self._waits: dict[str, dict[str, float]] = {}

    def told(self, scenario: Scenario, action_of: ActionOf) -> None:
        self._first_s, self._max_s = usual(scenario).backoff_first_s, usual(scenario).backoff_max_s

    def see(self, entry: Entry) -> str:
        match entry.event:
            case ReconnectDelayed(peer=peer, attempt=attempt, delay_s=delay_s):
                ceiling_s = min(self._max_s, self._first_s * 2.0 ** min(attempt - 1, 60))
                if not ceiling_s / 2 <= delay_s <= ceiling_s:
                    return f"{entry.node} waits {delay_s:g} s for {peer} after failure {attempt}, not up to {ceiling_s:g} s"
                waits = self._waits.setdefault(peer, {})
                waits[entry.node] = delay_s
                in_step = [node for node, wait_s in waits.items() if wait_s == delay_s]
                if len(in_step) > 1:
                    return f"{' and '.join(in_step)} wait for {peer} in step, {delay_s:g} s each"
        return ""


def _patience_s(scenario: Scenario | None) -> float:
    config = usual(scenario)
    others = len(scenario.nodes) - 1 if scenario is not None else 1
    return config.suspect_after_s + 2 * others * config.probe_every_s + SLACK_S
