"""What happens when: triggers, times, healing, work and operators."""

import math
import signal

import msgspec
import pytest

from dairt.model.action import (
    Action,
    Broadcast,
    CutLink,
    GraphRecipe,
    Heal,
    KillNode,
    Link,
    Put,
    ResetConnection,
    RunGraph,
    TensorRecipe,
)
from dairt.model.events import (
    ActionRefused,
    BroadcastEnded,
    ChunkSent,
    Entry,
    Event,
    FaultFired,
    FaultHealed,
    FaultSkipped,
    NodeBooted,
    NodeDown,
    OpCommitted,
    PhaseBegan,
    RunEnded,
    SocketRemoved,
)
from dairt.model.scenario import At, Fault, On
from dairt.rehearsal.ledger import Ledger
from dairt.rehearsal.play import play
from dairt.rehearsal.triggers import Triggers
from telling import HEAD, Listener, story, tell

CUT = CutLink(Link("a", "b"))
WORK = """
[[work]]
id = "w"
kind = "broadcast"
from = "a"
tensor = { shape = [512, 512] }
at = "500ms"
every = "1s"
until = "2600ms"
"""


def fired_by(on: On, events: list[tuple[str, Event]]) -> list[int]:
    """At which of the events, counted from 1, a fault with this trigger fires."""
    fired: list[str] = []
    triggers = Triggers([Fault("f", CUT, on)], lambda fault, node: fired.append(fault.id))
    at = []
    for seq, (node, event) in enumerate(events, 1):
        before = len(fired)
        triggers(Entry(seq, 0.0, node, event))
        at += [seq] * (len(fired) - before)
    return at


def chunk(offset: int, peer: str = "b") -> ChunkSent:
    return ChunkSent(peer, "w", offset, 100)


def test_a_trigger_fires_once_at_the_nth_event_of_one_node() -> None:
    events: list[tuple[str, Event]] = [("a", chunk(1)), ("b", chunk(1)), ("a", chunk(2)), ("b", chunk(2)), ("a", chunk(3))]
    assert fired_by(On("chunk_sent", nth=2), events) == [3]
    assert fired_by(On("chunk_sent", node="b", nth=2), events) == [4]
    assert fired_by(On("chunk_sent", node="c"), events) == []


def test_a_trigger_compares_texts_and_waits_for_numbers() -> None:
    events: list[tuple[str, Event]] = [
        ("a", chunk(30)),
        ("a", chunk(50, "c")),
        ("a", chunk(39)),
        ("a", chunk(41)),
        ("a", chunk(80)),
    ]
    assert fired_by(On("chunk_sent", where=(("peer", "b"), ("offset_pct", 40))), events) == [4]
    assert fired_by(On("chunk_sent", where=(("peer", "b"), ("offset_pct", 40)), nth=2), events) == [5]


def test_a_trigger_that_is_disarmed_does_not_fire() -> None:
    fired: list[Fault] = []
    triggers = Triggers([Fault("f", CUT, On("chunk_sent"))], lambda fault, node: fired.append(fault))
    triggers.disarm()
    triggers(Entry(1, 0.0, "a", chunk(1)))
    assert not fired


def test_the_ledger_forgets_old_faults_of_operators_but_none_of_the_story() -> None:
    ledger = Ledger((Fault("planned", CUT, At(1.0)),))
    for _ in range(300):
        fault = ledger.new_id()
        ledger.fired(fault, CUT, None)
        ledger.over(fault, "healed")
    views = ledger.views(0.0)
    assert len(views) < 220
    assert views[0].id == "planned"
    assert views[-1].id == "op-300"


def test_a_link_breaks_at_the_very_event_it_waited_for() -> None:
    when = 'on = { event = "chunk_sent", node = "a", where = { peer = "b" }, nth = 2 }'
    fault = f'[[fault]]\nid = "f"\n{when}\nkind = "conn.reset"\nlink = ["a", "b"]\n'
    report, listener = tell(story(WORK + fault))
    [fired] = listener.heard(FaultFired)
    before = listener.entries[listener.entries.index(fired) - 1]
    assert isinstance(before.event, ChunkSent)
    assert (before.event.peer, before.time_s) == ("b", fired.time_s)
    assert any(fired.time_s <= removed.time_s < fired.time_s + 0.1 for removed in listener.heard(SocketRemoved))
    assert report.verdict == "held"


def test_a_fault_lasts_as_long_as_it_says() -> None:
    report, listener = tell(story('[[fault]]\nid = "f"\nat = "500ms"\nfor = "1s"\nkind = "link.cut"\nlink = ["a", "any"]\n'))
    [begun] = [e for e in listener.heard(PhaseBegan) if e.event == PhaseBegan("trouble")]
    [fired], [healed] = listener.heard(FaultFired), listener.heard(FaultHealed)
    assert fired.time_s - begun.time_s == pytest.approx(0.5, abs=0.011)
    assert healed.time_s - fired.time_s == pytest.approx(1.0, abs=0.011)
    assert [view.state for view in listener.stage.ledger.views(0.0)] == ["healed"]
    assert report.verdict == "held"


def test_every_fault_ends_when_the_trouble_does() -> None:
    faults = (
        '[[fault]]\nid = "cut"\nat = "1s"\nkind = "link.cut"\nfrom = "a"\nto = "b"\n'
        '[[fault]]\nid = "slow"\nat = "1s"\nkind = "link.degrade"\nlink = ["a", "c"]\nlatency = "50ms"\n'
        '[[fault]]\nid = "kill"\nat = "1s"\nkind = "node.kill"\nnode = "c"\n'
    )
    report, listener = tell(story(faults + '[[expect]]\nfinally = "every_node_returns"\n'))
    [settle] = [e for e in listener.heard(PhaseBegan) if e.event == PhaseBegan("settle")]
    healed = listener.heard(FaultHealed)
    assert sorted(e.event.fault for e in healed if isinstance(e.event, FaultHealed)) == ["cut", "kill", "slow"]
    assert all(settle.time_s <= e.time_s < settle.time_s + 0.5 for e in healed)
    assert report.verdict == "held"


def test_a_killed_node_restarts_when_it_should() -> None:
    fault = '[[fault]]\nid = "f"\nat = "1s"\nkind = "node.kill"\nnode = "b"\nthen = { restart_after = "700ms" }\n'
    _, listener = tell(story(fault))
    [down] = [e for e in listener.heard(NodeDown) if e.node == "b"]
    _, again = [e for e in listener.heard(NodeBooted) if e.node == "b"]
    assert again.time_s - down.time_s == pytest.approx(0.7, abs=0.1)
    [healed] = listener.heard(FaultHealed)
    assert healed.time_s >= again.time_s


def test_a_restart_drains_a_node_that_is_up_and_starts_one_that_is_down() -> None:
    faults = (
        '[[fault]]\nid = "up"\nat = "500ms"\nkind = "node.restart"\nnode = "a"\n'
        '[[fault]]\nid = "kill"\nat = "1s"\nkind = "node.kill"\nnode = "b"\n'
        '[[fault]]\nid = "down"\nat = "1500ms"\nkind = "node.restart"\nnode = "b"\n'
    )
    report, listener = tell(story(faults))
    boots = [e.node for e in listener.heard(NodeBooted)]
    assert sorted(boots) == ["a", "a", "b", "b", "c"]
    assert [e.node for e in listener.heard(NodeDown)] == ["b"]
    assert report.verdict == "held"


def test_what_cannot_be_broken_is_skipped_and_leaves_the_verdict_open() -> None:
    faults = (
        '[[fault]]\nid = "one"\nat = "1s"\nkind = "node.kill"\nnode = "b"\n'
        '[[fault]]\nid = "two"\nat = "1500ms"\nkind = "node.kill"\nnode = "b"\n'
    )
    report, listener = tell(story(faults))
    [skipped] = listener.heard(FaultSkipped)
    assert skipped.event == FaultSkipped("two", "node.kill", "b is down already")
    assert (report.verdict, report.exit_code) == ("inconclusive", 3)


def test_a_reset_of_no_socket_counts_as_skipped() -> None:
    fault = '[[fault]]\nid = "f"\non = { event = "node_booted" }\nkind = "conn.reset"\nlink = ["a", "b"]\n'
    report, listener = tell(story(fault))
    [skipped] = listener.heard(FaultSkipped)
    assert isinstance(skipped.event, FaultSkipped)
    assert skipped.event.reason == "no socket is open on a↔b"
    assert report.verdict == "inconclusive"


def test_a_fault_whose_moment_never_comes_leaves_the_verdict_open() -> None:
    fault = '[[fault]]\nid = "f"\non = { event = "run_begun" }\nkind = "node.kill"\nnode = "b"\n'
    report, listener = tell(story(fault))
    assert not listener.heard(FaultFired)
    assert report.reason == "never fired: f"
    assert report.exit_code == 3


EVERY = """
[[fault]]
id = "{id}"
every = {{ mean = "400ms", max_times = 3 }}
for = "100ms"
kind = "link.cut"
link = ["a", "{to}"]
"""


def times(listener: Listener, fault: str) -> list[float]:
    return [e.time_s for e in listener.heard(FaultFired) if isinstance(e.event, FaultFired) and e.event.fault == fault]


def test_a_repeated_fault_is_drawn_from_its_own_dice() -> None:
    _, alone = tell(story(EVERY.format(id="f", to="b")))
    _, again = tell(story(EVERY.format(id="f", to="b")))
    _, both = tell(story(EVERY.format(id="other", to="c") + EVERY.format(id="f", to="b")))
    _, other_seed = tell(story(EVERY.format(id="f", to="b")), seed=1)
    assert 1 <= len(times(alone, "f")) <= 3
    assert times(alone, "f") == times(again, "f")
    assert times(both, "f") == pytest.approx(times(alone, "f"), abs=0.011)
    assert times(other_seed, "f") != times(alone, "f")


def test_work_comes_when_and_as_often_as_it_says() -> None:
    entry = '[[work]]\nid = "k"\nkind = "put"\nnode = "b"\ntensor = { shape = [4] }\nat = "1s"\ncopies = 2\n'
    graph = (
        '[[work]]\nid = "g"\nkind = "graph"\ngraph = { layers = 2, width = 2, size = 8 }\nfrom = "b"\nat = "1s"\ncopies = 3\n'
    )
    _, listener = tell(story(WORK + entry + graph))
    keys = [e.event.key for e in listener.heard(BroadcastEnded) if isinstance(e.event, BroadcastEnded)]
    assert keys.count("w") == 3
    assert sorted(key for key in keys if key.startswith("k")) == ["k-0", "k-1"]
    assert len(listener.heard(RunEnded)) == 3


def test_work_that_does_not_end_does_not_pile_up() -> None:
    entry = '[[work]]\nid = "w"\nkind = "broadcast"\nfrom = "a"\ntensor = { shape = [4] }\nevery = "10ms"\n'
    cut = '[[fault]]\nid = "f"\nat = "0s"\nkind = "link.cut"\nlink = ["a", "b"]\n'
    patient = (
        HEAD.replace("config = {", 'config = { limits = { exchange = "30s", hello = "30s" },')
        .replace("1500ms", "60s")
        .replace("600ms", "50s")
    )
    _, listener = tell(story(entry + cut, head=patient))
    refused = listener.heard(ActionRefused)
    assert refused
    assert all(isinstance(e.event, ActionRefused) and "still under way" in e.event.reason for e in refused)


def operator(at: dict[type[Event], list[Action]]) -> Listener:
    """Someone who acts when such an event comes for the first time."""
    left = dict(at)

    def react(me: Listener, entry: Entry) -> None:
        for action in left.pop(type(entry.event), []):
            me.inbox.put(action)

    return Listener(react)


SESSION: dict[type[Event], list[Action]] = {
    BroadcastEnded: [
        CutLink(Link("a", "b")),
        Broadcast("mine", TensorRecipe((64, 64)), "c"),
        RunGraph(GraphRecipe(layers=3)),
    ],
    OpCommitted: [ResetConnection(Link("a", "any")), KillNode("c"), Put("here", TensorRecipe((8,)), "b")],
    NodeDown: [Heal("op-1"), KillNode("nobody"), Heal("")],
}


@pytest.mark.parametrize("seed", [0, 1])
def test_an_operators_session_saved_replays_bit_for_bit(seed: int) -> None:
    live, listener = tell(story(WORK), seed, operator(SESSION))
    taken = tuple(listener.stage.taken)
    assert len(taken) == 9
    assert len(listener.heard(FaultFired)) == 3
    replayed = play(msgspec.structs.replace(story(WORK), actions=taken), seed=seed)
    assert replayed.digest == live.digest
    assert replayed.events == live.events


def test_who_only_looks_on_changes_nothing() -> None:
    watched, _ = tell(story(WORK))
    assert watched.digest == play(story(WORK)).digest


def test_speed_changes_nothing() -> None:
    head = HEAD.replace('"3s"', '"600ms"').replace('"2s"', '"100ms"')
    short = story(WORK.replace("2600ms", "600ms"), head=head)
    assert play(short, speed=20.0).digest == play(short, speed=math.inf).digest


def test_what_an_operator_may_not_do_is_refused_with_the_reason() -> None:
    asked: dict[type[Event], list[Action]] = {
        PhaseBegan: [
            KillNode("d"),
            Heal("nothing"),
            Broadcast("k", TensorRecipe((1,)), "zz"),
            ResetConnection(Link("x", "any")),
        ]
    }
    report, listener = tell(story(), 0, operator(asked))
    reasons = [e.event.reason for e in listener.heard(ActionRefused) if isinstance(e.event, ActionRefused)]
    assert len(reasons) == 4
    assert "there is no node 'd'" in " ".join(reasons)
    assert "there is no fault 'nothing'; active: none" in reasons
    assert report.verdict == "held"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_heals_what_is_broken_and_stops(number: signal.Signals) -> None:
    def react(me: Listener, entry: Entry) -> None:
        if isinstance(entry.event, FaultFired):
            signal.raise_signal(number)

    before = signal.getsignal(number)
    endless = HEAD.partition("[time]")[0]
    fault = '[[fault]]\nid = "f"\nat = "1s"\nkind = "link.cut"\nlink = ["a", "b"]\n'
    report, listener = tell(story(WORK + fault, head=endless), 0, Listener(react))
    assert (report.verdict, report.exit_code, report.reason) == ("stopped", 130, f"by {number.name}")
    assert len(listener.heard(FaultHealed)) == 1
    assert signal.getsignal(number) is before
