"""Ticks that do not matter are not looked at, and nothing comes of it: an operator, for whom every one is, sees the same."""

import pytest

from dairt.model.events import FaultFired, FaultHealed
from dairt.model.scenario import TICK_S
from dairt.rehearsal.play import play
from dairt.rehearsal.timeline import Timeline
from dairt.worlds.sim.clock import VirtualClock
from telling import Listener, story, tell

WORK = '[[work]]\nid = "w"\nkind = "broadcast"\nfrom = "a"\ntensor = { shape = [64, 64] }\nevery = "170ms"\n'
BUSY = {
    "short and on an event": """
[[fault]]
id = "short"
on = { event = "broadcast_ended", node = "a", nth = 3 }
kind = "link.cut"
link = ["a", "b"]
for = "30ms"
""",
    "late and followed": """
[[fault]]
id = "late"
on = { event = "checkpoint_durable", node = "b", nth = 2 }
delay = "15ms"
kind = "link.degrade"
link = ["b", "any"]
latency = "3ms"
for = "45ms"
then = { kind = "conn.reset", link = ["a", "c"], delay = "5ms" }
""",
    "again and again": """
[[fault]]
id = "again"
every = { mean = "300ms", max_times = 5 }
kind = "link.cut"
link = ["c", "any"]
for = "25ms"
""",
    "on a condition": """
[[fault]]
id = "when"
when = "broadcasts.ended >= 4"
kind = "node.kill"
node = "c"
then = { restart_after = "333ms" }
""",
    "an operator's": """
[[do]]
at = "1230ms"
do = "link.cut"
id = "op-1"
link = ["a", "b"]
for = "20ms"
[[do]]
at = "1240ms"
do = "broadcast"
key = "k"
tensor = { shape = [4] }
""",
}
HOPES = """
[[expect]]
eventually = "every_node_returns"
within = "2s"
[[expect]]
sometimes = "acked_broadcast_on_all_live"
"""


@pytest.mark.parametrize("what", BUSY)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_tick_that_is_not_looked_at_would_have_changed_nothing(what: str, seed: int) -> None:
    told = story(WORK + BUSY[what] + HOPES)
    watched, listener = tell(told, seed)
    assert play(told, seed=seed).digest == watched.digest
    assert listener.heard(FaultFired)


def test_a_fault_is_healed_at_the_first_tick_after_its_time() -> None:
    listener = Listener()
    listener.inbox = None  # type: ignore[assignment]  # nobody who could act
    tell(story(WORK + BUSY["short and on an event"] + HOPES), 1, listener)
    [fired], [healed] = listener.heard(FaultFired), listener.heard(FaultHealed)
    assert 0.03 <= healed.time_s - fired.time_s <= 0.03 + TICK_S + 1e-6


def test_a_quiet_story_is_looked_at_ten_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    see = Timeline._see

    def count(timeline: Timeline, tick: int, clock: VirtualClock) -> None:
        looks.append(tick)
        see(timeline, tick, clock)

    monkeypatch.setattr(Timeline, "_see", count)
    report = play(story())
    assert report.seconds == pytest.approx(5.0, abs=0.1)
    assert len(looks) <= 51
