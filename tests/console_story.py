"""A story as a console hears it: every frame of a real cluster in simulated time, with trouble in it, made once."""

from collections.abc import Callable
from functools import cache

from dairt.control.frames import Bye, Entries, Graphs, Hello, Latest, ServerFrame
from dairt.control.publisher import News, Publisher, SteerableClock
from dairt.model.scenario_toml import parse_scenario
from dairt.rehearsal.play import play
from dairt.rehearsal.report import Report
from dairt.rehearsal.stage import Stage
from dairt_console.reducer import LinkChanged

LOOK_S = 0.1  # of the world's time, from one snapshot to the next
STORY = """schema = "dairt.scenario/1"
name = "a-story"
[cluster]
nodes = { prefix = "n", count = 3 }
config = { probe_every = "250ms", suspect_after = "1s", dead_after = "3s", reconcile_every = "1s" }
[time]
trouble_until = "8s"
settle = "2s"
[[work]]
id = "weights"
kind = "broadcast"
from = "n0"
tensor = { shape = [64, 64] }
every = "1s"
[[work]]
id = "inference"
kind = "graph"
graph = { layers = 3, width = 2, size = 16 }
from = "n1"
at = "500ms"
every = "1500ms"
[[fault]]
id = "reset"
at = "2s"
kind = "conn.reset"
link = ["n0", "n1"]
[[fault]]
id = "cut"
at = "3s"
for = "1s"
kind = "link.cut"
link = ["n1", "n2"]
[[fault]]
id = "death"
at = "5s"
kind = "node.kill"
node = "n2"
then = { restart_after = "1s" }
[[expect]]
always = "versions_only_rise"
"""


class _Listener(Publisher):
    """A publisher that looks at the world's time and not at ours, so that it tells the same every time."""

    def __init__(self, post: Callable[[News], None]) -> None:
        super().__init__(post)
        self.inbox = None
        self.instrument = self
        self._next_s = 0.0
        self._clock: SteerableClock | None = None

    def opened(self, stage: Stage) -> None:
        self._clock = stage.clock
        self.watch(stage)

    def closed(self, report: Report) -> None:
        self._clock = None
        self.close(report)

    def after_io_wait(self, timeout: float) -> None:
        if self._clock is not None and self._clock.now >= self._next_s:
            self._next_s = self._clock.now + LOOK_S
            self._publish()


@cache
def told(text: str = STORY, seed: int = 7) -> tuple[ServerFrame | LinkChanged, ...]:
    """The frames, from the first to the link's end."""
    frames: list[ServerFrame | LinkChanged] = [Hello("sim", "a-story", seed, "inject")]

    def post(news: News) -> None:
        if news.graphs:
            frames.append(Graphs(news.graphs))
        if news.entries:
            frames.append(Entries(news.entries, news.dropped))
        if news.snapshot is not None:
            frames.append(Latest(news.snapshot, news.details))

    report = play(parse_scenario(text, "a-story.toml"), seed=seed, onlooker=_Listener(post))  # type: ignore[arg-type]
    return (*frames, Bye(report.exit_code, "over", report.digest), LinkChanged("lost", "the end"))
