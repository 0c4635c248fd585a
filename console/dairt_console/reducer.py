"""What the console knows, and how each frame changes it. Pure: a live link and the tests feed the same function."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from dairt.control.frames import Answer, Bye, Entries, Graphs, Hello, Latest, Peeked, ServerFrame, Story
from dairt.model.events import Entry
from dairt.model.views import FaultView, GraphView, NodeDetail, NodeView, RunView, Snapshot
from dairt_console.aftermath import Aftermath, follow_strikes
from dairt_console.alerts import Alerts, follow_alerts, heard
from dairt_console.attempts import Work, follow_work
from dairt_console.effects import Effects, follow_effects
from dairt_console.event_log import EventLog
from dairt_console.flows import Counted, follow_counts
from dairt_console.savings import follow_savings

ENTRIES_KEPT = 2_000  # what a person scrolls back through; the journal of the cluster keeps more
GRAPHS_KEPT = 32  # as many as the cluster remembers
RATE_OVER_S = 1.0  # short enough to see a cut, long enough not to flicker
SAMPLE_EVERY_S = 0.5
RUNS_KEPT = 100  # of those that no node tells of any more
SAMPLES_KEPT = 120  # a minute of the chart

LinkState = Literal["connecting", "live", "lost", "finished"]


@dataclass(frozen=True)
class LinkChanged:
    """The link's own news, fed among the server's frames. `text` is one sentence; `exit` the child's exit code, if it ended."""

    state: LinkState
    text: str = ""
    exit: int | None = None


@dataclass(frozen=True)
class Traffic:
    """One node's counters over the last second, and what they say: bytes a second now, and sent before."""

    incarnation: int
    points: tuple[tuple[float, int, int], ...]  # (time_s, tx_bytes, rx_bytes), oldest first
    sampled_s: float
    samples: tuple[float, ...] = ()  # sent
    received: tuple[float, ...] = ()
    tx: float = 0.0
    rx: float = 0.0


@dataclass(frozen=True)
class Seen:
    """Everything known at one moment. Frozen, so that a frozen view is simply an old one."""

    link: LinkChanged = LinkChanged("connecting")
    hello: Hello | None = None
    snapshot: Snapshot | None = None
    entries: tuple[Entry, ...] = ()
    entries_seen: int = 0
    entries_dropped: int = 0
    traffic: dict[str, Traffic] = field(default_factory=dict)
    runs: dict[str, RunView] = field(default_factory=dict)  # as last seen: a node that is killed tells of its runs no more
    aftermaths: Mapping[str, Aftermath] = field(default_factory=dict)  # what became of each fault
    strikes: tuple[Aftermath, ...] = ()  # earlier ones, of faults that have struck again
    effects: Mapping[str, Effects] = field(default_factory=dict)  # what each fault led to
    counted: tuple[Counted, ...] = ()  # bytes between nodes, up to a second ago
    answer: Answer | None = None
    graphs: Mapping[str, GraphView] = field(default_factory=dict)  # by digest, the latest last
    work: Mapping[str, Work] = field(default_factory=dict)  # what was told of each run's ops
    savings: tuple[Entry, ...] = ()  # what was told of checkpoints
    story: Story | None = None  # the session as it was told last
    peeked: Peeked | None = None  # the tensor looked into last
    log: EventLog = field(default_factory=EventLog)
    alerts: Alerts = field(default_factory=Alerts)
    details: Mapping[str, NodeDetail] = field(default_factory=dict)  # of the nodes watched just now

    @property
    def nodes(self) -> tuple[NodeView, ...]:
        return self.snapshot.nodes if self.snapshot else ()

    def node(self, name: str) -> NodeView | None:
        """The node of that name, or None."""
        return next((node for node in self.nodes if node.name == name), None)

    @property
    def active_faults(self) -> tuple[FaultView, ...]:
        """The faults in effect now."""
        return tuple(fault for fault in self.snapshot.faults if fault.state == "active") if self.snapshot else ()

    @property
    def now_s(self) -> float:
        """The world's own time."""
        return self.snapshot.time_s if self.snapshot else 0.0

    @property
    def never_was(self) -> bool:
        """True when the cluster is gone before there was anything to see of it."""
        return self.snapshot is None and self.link.state in ("lost", "finished")

    @property
    def world(self) -> str:
        return self.hello.world if self.hello else ""


def apply(seen: Seen, frame: ServerFrame | LinkChanged) -> Seen:
    """What is known once `frame` has come in."""
    match frame:
        case Latest(snapshot, details):
            return replace(
                seen,
                snapshot=snapshot,
                traffic=_traffic(seen.traffic, snapshot),
                counted=follow_counts(seen.counted, snapshot),
                runs=_runs(seen.runs, snapshot),
                link=_live(seen.link),
                alerts=follow_alerts(seen.alerts, snapshot),
                details={detail.name: detail for detail in details},
            )
        case Entries(entries, dropped):
            return _with_entries(seen, entries, dropped)
        case Hello():
            return replace(seen, hello=frame)
        case Graphs(graphs):
            known = {**seen.graphs, **{graph.digest: graph for graph in graphs}}
            return replace(seen, graphs={digest: known[digest] for digest in list(known)[-GRAPHS_KEPT:]})
        case Answer():
            return replace(seen, answer=frame)
        case Peeked():
            return replace(seen, peeked=frame)
        case Story():
            return replace(seen, story=frame)
        case Bye(code, reason):
            return replace(seen, link=LinkChanged("finished", reason, code))
        case LinkChanged():
            # After a Bye the closing of the stream is no news.
            return seen if seen.link.state == "finished" else replace(seen, link=frame)


def _live(link: LinkChanged) -> LinkChanged:
    return LinkChanged("live") if link.state == "connecting" else link


def for_reading(entries: tuple[Entry, ...]) -> list[Entry]:
    """Those that people read: details are for drawing."""
    return [entry for entry in entries if not entry.event.detail]


def _with_entries(seen: Seen, entries: tuple[Entry, ...], dropped: int) -> Seen:
    told = for_reading(entries)
    aftermaths, strikes = follow_strikes(seen.aftermaths, seen.strikes, told)
    return replace(
        seen,
        entries=(*seen.entries, *told)[-ENTRIES_KEPT:],
        aftermaths=aftermaths,
        strikes=strikes,
        effects=follow_effects(seen.effects, aftermaths, told),
        work=follow_work(seen.work, entries),
        savings=follow_savings(seen.savings, told),
        log=seen.log.after(told, dropped),
        alerts=heard(seen.alerts, told),
        entries_seen=seen.entries_seen + len(told) + dropped,
        entries_dropped=seen.entries_dropped + dropped,
    )


def _runs(before: dict[str, RunView], snapshot: Snapshot) -> dict[str, RunView]:
    here = {run.run: run for run in snapshot.runs}
    gone = [run for run in before.values() if run.run not in here]
    return {**{run.run: run for run in gone[-RUNS_KEPT:]}, **here}


def _traffic(before: dict[str, Traffic], snapshot: Snapshot) -> dict[str, Traffic]:
    return {node.name: _next_traffic(before.get(node.name), node, snapshot.time_s) for node in snapshot.nodes}


def _next_traffic(before: Traffic | None, node: NodeView, now: float) -> Traffic:
    point = (now, node.tx_bytes, node.rx_bytes)
    if before is None or before.incarnation != node.incarnation or _went_back(before, point):
        return Traffic(node.incarnation, (point,), now)
    if now == before.points[-1][0]:
        return before  # paused: no time, no rate
    recent = [old for old in before.points if now - old[0] <= RATE_OVER_S] or [before.points[-1]]
    span = now - recent[0][0]
    tx, rx = (point[1] - recent[0][1]) / span, (point[2] - recent[0][2]) / span
    samples, received, sampled_s = before.samples, before.received, before.sampled_s
    if now - sampled_s >= SAMPLE_EVERY_S:
        samples, received, sampled_s = (*samples, tx)[-SAMPLES_KEPT:], (*received, rx)[-SAMPLES_KEPT:], now
    return Traffic(node.incarnation, (*recent, point), sampled_s, samples, received, tx, rx)


def _went_back(before: Traffic, point: tuple[float, int, int]) -> bool:
    """A counter or the clock is lower than it was: another life of the node, or another run."""
    return any(new < old for new, old in zip(point, before.points[-1], strict=True))
