"""Short stories for tests, told in the simulated world, with someone who listens to all that happens."""

from collections.abc import Callable
from queue import SimpleQueue

import msgspec
import trio

from dairt.model.action import Action
from dairt.model.events import Entry, Event
from dairt.model.scenario import Scenario, Timing
from dairt.model.scenario_toml import parse_scenario
from dairt.rehearsal.play import play
from dairt.rehearsal.report import Report
from dairt.rehearsal.stage import Stage

HEAD = """schema = "dairt.scenario/1"
name = "short"
[cluster]
nodes = ["a", "b", "c"]
config = { probe_every = "200ms", suspect_after = "600ms", dead_after = "1500ms", reconcile_every = "300ms" }
[time]
trouble_until = "3s"
settle = "2s"
"""


def story(entries: str = "", *, head: str = HEAD) -> Scenario:
    """A story of three nodes with these entries."""
    return parse_scenario(head + entries, "short.toml")


def shortened(scenario: Scenario, trouble_s: float, settle_s: float) -> Scenario:
    """A story that comes to its end sooner."""
    return msgspec.structs.replace(scenario, time=Timing(trouble_s, settle_s, 30.0))


class Listener:
    """An onlooker that keeps every event, and may do something when one comes."""

    def __init__(self, react: Callable[["Listener", Entry], None] = lambda me, entry: None) -> None:
        self.inbox: SimpleQueue[Action] = SimpleQueue()
        self.instrument: trio.abc.Instrument | None = None
        self.entries: list[Entry] = []
        self.reports: list[Report] = []
        self.stage: Stage
        self._react = react

    def opened(self, stage: Stage) -> None:
        self.stage = stage
        stage.journal.listeners.append(self._hear)

    def closed(self, report: Report) -> None:
        self.reports.append(report)

    def _hear(self, entry: Entry) -> None:
        self.entries.append(entry)
        self._react(self, entry)

    def heard(self, kind: type[Event]) -> list[Entry]:
        """The entries with an event of a kind."""
        return [entry for entry in self.entries if isinstance(entry.event, kind)]


def tell(scenario: Scenario, seed: int = 0, listener: Listener | None = None) -> tuple[Report, Listener]:
    """Play a story in the simulated world."""
    listener = listener or Listener()
    return play(scenario, seed=seed, onlooker=listener), listener
