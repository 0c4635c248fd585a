"""The planned trouble of a story: when each moment comes, whom it befalls, whether the budget allows it, what follows."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import trio

from dairt.errors import DairtError, UsageError
from dairt.model.action import DownNode, FaultAction, PauseNode, RestartNode, WorldTrouble, kind_of, named
from dairt.model.condition import parse_condition
from dairt.model.events import FaultSkipped
from dairt.model.scenario import After, At, Every, Fault, Span, When, draw_s
from dairt.rehearsal.casting import Casting, settled
from dairt.rehearsal.gauges import Gauges
from dairt.rehearsal.stage import Stage
from dairt.rehearsal.triggers import Triggers
from dairt.worlds.sim.dice import Dice

AtTime = Callable[[float, Callable[[], None]], None]  # call this at such a time of the story
Start = Callable[[Callable[["Moment"], Awaitable[None]], "Moment"], None]


class OverBudget(UsageError):
    """The story allows no more trouble at once."""


@dataclass(frozen=True)
class Moment:
    """A fault's time has come, for the `number`-th time; `node` is whose event it was, where it waited for one."""

    fault: Fault
    number: int
    node: str = ""


class Strikes:
    """Lets a story's faults strike. Made before any node is up, so that triggers hear the first event.

    `at` puts something on the timeline's list, `start` starts a task there, and `elapsed` is the story's time.
    """

    def __init__(self, stage: Stage, at: AtTime, start: Start, elapsed: Callable[[], float]) -> None:
        story = stage.scenario
        self._stage = stage
        self._at = at
        self._start_soon = start
        self._elapsed = elapsed
        self._dice = Dice(stage.seed)
        self._casting = Casting(story, self._dice, self._who)
        self._faults = settled(story, stage.seed)
        self._moments = dict.fromkeys((fault.id for fault in self._faults), 0)
        self._under_way: dict[str, FaultAction] = {}
        # At most one for every planned fault waits here.
        self._struck, self._strikes = trio.open_memory_channel[Moment](len(self._faults))
        self._triggers = Triggers(self._faults, self._on_event)
        stage.journal.listeners.append(self._triggers)
        self._armed = [(fault, parse_condition(fault.when.condition)) for fault in self._faults if isinstance(fault.when, When)]
        self._gauges = Gauges(stage.snapshot)
        if self._armed:
            stage.journal.listeners.append(self._gauges.see)

    def plan(self, end_s: float) -> None:
        """Put on the list whatever has a time before the end of trouble; called when all nodes are up."""
        for fault in self._faults:
            match fault.when:
                case At(at_s=at_s):
                    self._later(fault, self._drawn(at_s, fault, "at", 0), lambda fault=fault: self._come(fault))  # type: ignore[misc]
                case Every(mean_s=mean_s, max_times=max_times):
                    times = [at_s for at_s in self._times(fault, mean_s, max_times) if at_s < end_s]
                    for at_s in times:
                        self._later(fault, at_s, lambda fault=fault: self._come(fault))  # type: ignore[misc]
                    if not times:
                        self._excuse(fault, f"the seed gives it no time: {fault.when}")

    async def run(self) -> None:
        """Let strike what an event asked for, and could not strike at once, until cancelled."""
        async for moment in self._strikes:
            self._start(moment)

    @property
    def is_watching(self) -> bool:
        """Whether some fault waits for a condition, so that every tick has to be looked at."""
        return bool(self._armed)

    def tick(self) -> None:
        """See which conditions hold now, of those that some fault waits for."""
        if not self._armed:
            return
        self._gauges.begin_tick(self._elapsed())
        for fault, condition in list(self._armed):
            if condition.holds(self._gauges.value_of):
                self._armed.remove((fault, condition))
                self._come(fault)

    def end(self) -> None:
        """The time of trouble is over: let nothing strike any more, and skip what never did."""
        self._triggers.disarm()
        self._armed.clear()
        self._stage.ledger.expect_nothing()
        for fault in self._faults:
            if self._stage.ledger[fault.id].state != "planned":
                continue
            if isinstance(fault.when, After) and self._stage.ledger[fault.when.fault].excused:
                self._excuse(fault, f"{fault.when.fault} was skipped")
            else:
                self._skip(fault, f"its moment never came: {fault.when}")

    # -- a moment comes ------------------------------------------------------------------------------------------------

    def _on_event(self, fault: Fault, node: str) -> None:
        """Inside the emit: links, disks and the like break right here, nodes as soon as the task that strikes them runs."""
        moment = self._moment(fault, node)
        if self._is_late(moment):
            return
        if not isinstance(fault.action, WorldTrouble):
            self._struck.send_nowait(moment)
            return
        try:
            action = self._made(moment)
            self._stage.trouble.strike(fault.id, action, self._for_s(moment))  # type: ignore[arg-type]  # picks keep the kind
        except UsageError as exc:
            self._fail(fault, exc)
        else:
            self._follow(fault)

    def _come(self, fault: Fault) -> None:
        """A fault's time has come, in the timeline's task."""
        moment = self._moment(fault)
        if not self._is_late(moment):
            self._start(moment)

    def _moment(self, fault: Fault, node: str = "") -> Moment:
        self._moments[fault.id] += 1
        return Moment(fault, self._moments[fault.id] - 1, node)

    def _is_late(self, moment: Moment) -> bool:
        """Put off what has a delay, and say whether it has."""
        delay_s = self._drawn(moment.fault.delay_s, moment.fault, "delay", moment.number)
        if delay_s:
            self._later(moment.fault, self._elapsed() + delay_s, lambda: self._start(moment))
        return delay_s > 0

    def _later(self, fault: Fault, at_s: float, act: Callable[[], None]) -> None:
        """Put something of a fault's on the list, and say when it comes."""
        ledger, stage = self._stage.ledger, self._stage
        ledger.expect(fault.id, stage.now() - self._elapsed() + at_s)

        def come() -> None:
            ledger.came(fault.id)
            act()

        self._at(at_s, come)

    def _start(self, moment: Moment) -> None:
        self._start_soon(self._strike, moment)

    async def _strike(self, moment: Moment) -> None:
        fault = moment.fault
        try:
            action = self._under_way[fault.id] = self._made(moment)
            await self._stage.inject(action, fault.id, self._for_s(moment))
        except (DairtError, OSError) as exc:
            self._fail(fault, exc)
        else:
            self._follow(fault)
        finally:
            self._under_way.pop(fault.id, None)

    def _follow(self, fault: Fault) -> None:
        """What comes after a fault that has struck is put on the list."""
        for follower in self._faults:
            if follower.when == After(fault.id):
                self._at(self._elapsed(), lambda follower=follower: self._come(follower))  # type: ignore[misc]

    # -- what is drawn, and what is allowed ----------------------------------------------------------------------------

    def _drawn(self, span: Span, fault: Fault, use: str, number: int) -> float:
        return span if isinstance(span, float) else draw_s(span, self._dice.draws("fault", fault.id, use)(number))

    def _for_s(self, moment: Moment) -> float | None:
        for_s = moment.fault.for_s
        return None if for_s is None else self._drawn(for_s, moment.fault, "for", moment.number)

    def _times(self, fault: Fault, mean_s: float, max_times: int) -> Iterator[float]:
        dice, at_s = self._dice.stream("fault", fault.id), 0.0
        for _ in range(max_times):
            at_s += dice.expovariate(1 / mean_s)
            yield at_s

    def _made(self, moment: Moment) -> FaultAction:
        """The action with its nodes picked. Raises UsageError when nobody fits, OverBudget when it would be too much."""
        action = self._casting.cast(moment.fault, moment.number, moment.node)
        budget, in_effect = self._stage.scenario.budget, self._in_effect()
        if budget.max_active is not None and len(in_effect) >= budget.max_active:
            raise OverBudget(f"the budget allows {budget.max_active} at once, and so many faults are in effect")
        if budget.max_down is not None and (new := _downs(action)):
            down = dict.fromkeys(name for other in in_effect for name in _downs(other))
            if len({**down, **dict.fromkeys(new)}) > budget.max_down:
                rest = f", and {', '.join(down)} {'are' if len(down) > 1 else 'is'}" if down else ""
                raise OverBudget(f"the budget allows {budget.max_down} down at once{rest}")
        return action

    def _in_effect(self) -> list[FaultAction]:
        """The actions of all faults in effect, and of those about to be."""
        active = {row.id: row.action for row in self._stage.ledger.active()}
        return list({**active, **self._under_way}.values())  # type: ignore[arg-type]  # rows are of faults

    def _who(self, word: str) -> Iterator[str]:
        """Whom a word means now; for Casting."""
        cluster = self._stage.cluster
        match word:
            case "down":
                return (name for name in cluster.names if not cluster.is_up(name))
            case "paused":
                paused = [action for action in self._in_effect() if isinstance(action, PauseNode)]
                return (name for action in paused for name in named(action.node))
            case _:
                return (run.coordinator for run in cluster.run_views() if run.state == "running")

    # -- what does not strike ------------------------------------------------------------------------------------------

    def _fail(self, fault: Fault, exc: Exception) -> None:
        if isinstance(exc, OverBudget):
            self._excuse(fault, str(exc))
        else:
            self._skip(fault, str(exc))

    def _excuse(self, fault: Fault, reason: str) -> None:
        """Skip a fault as the story itself has it: that leaves no doubt about the verdict."""
        self._stage.ledger[fault.id].excused = True
        self._skip(fault, reason)

    def _skip(self, fault: Fault, reason: str) -> None:
        if not self._stage.ledger[fault.id].fired:
            self._stage.ledger.over(fault.id, "skipped", reason)
        self._stage.journal.emit("", FaultSkipped(fault.id, kind_of(fault.action), reason))


def _downs(action: FaultAction) -> tuple[str, ...]:
    """The nodes that an action takes down, or makes as good as down."""
    return named(action.node) if isinstance(action, DownNode | PauseNode | RestartNode) else ()
