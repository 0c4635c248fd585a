"""Where a scenario is played: a cluster in one of the worlds, and the one door through which anyone acts on it."""

import importlib
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
import trio

from dairt.errors import UsageError
from dairt.model.action import (
    Action,
    Broadcast,
    CallPython,
    GraphRecipe,
    Heal,
    NodeTrouble,
    Put,
    RestoreCheckpoint,
    RunGraph,
    Unsynced,
    VerifyCheckpoint,
    WorldTrouble,
    kind_of,
    named,
    nodes_of,
    why_not,
    worlds_of,
)
from dairt.model.action_toml import check_action
from dairt.model.events import PhaseBegan
from dairt.model.graph import Graph
from dairt.model.numbers import tensor_view
from dairt.model.scenario import TICK_S, Do, Scenario
from dairt.model.toml_table import suggestion
from dairt.model.views import GraphView, NodeDetail, NodeView, Snapshot, TensorView
from dairt.rehearsal.digest import Digest
from dairt.rehearsal.judge import Judge
from dairt.rehearsal.ledger import Ledger
from dairt.rehearsal.metrics import Meter
from dairt.rehearsal.python import load_python
from dairt.rehearsal.recipes import make_feeds, make_graph, make_tensor
from dairt.rehearsal.session import session_text
from dairt.rehearsal.steps import Steps
from dairt.rehearsal.trouble import Trouble, WorldFaults
from dairt.runtime.cluster import Cluster, Machines, open_cluster
from dairt.runtime.journal import Journal
from dairt.worlds.sim.clock import VirtualClock
from dairt.worlds.sim.scheduler import Controller

JOURNAL_KEEP = 10_000  # entries for people; promises and the digest are fed at emit and need none
# Where each world is opened: a function (Setting, Journal) -> async context manager of a Ground. Imported when asked for.
OPENERS = {
    "sim": "dairt.rehearsal.simulated:open_ground",
    "tcp": "dairt.rehearsal.loopback:open_ground",
    "proc": "dairt.rehearsal.separate:open_ground",
}


@dataclass(frozen=True)
class Setting:
    """What is to be put on a stage. `clock` and `controller` are there in the simulated world only.

    `data` is where real nodes keep their checkpoints; None is a temporary folder, removed at the end. `allow_python` lets the
    scenario run code of its own.
    """

    scenario: Scenario
    world: str
    seed: int
    clock: VirtualClock | None = None
    controller: Controller | None = None
    data: Path | None = None
    allow_python: bool = False


@dataclass(frozen=True)
class Ground:
    """What a world lends to a stage: machines, their links' faults, a wall clock, and how many sockets a host has open.

    `power_cut` switches a host off in silence, just before its node is killed, and loses what its disk has not synced; it
    raises UsageError where a world cannot. `wipe` empties the disk of a node that is down. `litter` tells what
    such a node has left behind besides sockets: tasks that go on and files that were never finished, where that can be seen.
    `detail` tells what is to be seen of a node from close by.
    """

    machines: Machines
    faults: WorldFaults
    wall: Callable[[], float]
    sockets: Callable[[str], int]
    power_cut: Callable[[str, Unsynced], None]
    wipe: Callable[[str], Awaitable[None]]
    litter: Callable[[str], tuple[str, ...]] = lambda name: ()
    detail: Callable[[str], NodeDetail] = NodeDetail


Opener = Callable[[Setting, Journal], AbstractAsyncContextManager[Ground]]


class Stage:
    """A running cluster with everything that can be done to it and seen of it."""

    def __init__(self, setting: Setting, ground: Ground, cluster: Cluster, journal: Journal) -> None:
        self.scenario = setting.scenario
        self.world = setting.world
        self.seed = setting.seed
        self.clock = setting.clock
        self.cluster = cluster
        self.journal = journal
        self.phase = "boot"
        self.taken: list[Do] = []  # what operators did, as a scenario would write it
        self.begun_s = math.inf  # when all nodes were up: from then on the story counts its time
        self.at_next_tick: list[Callable[[float], None]] = []  # told the tick's time, before anything of it happens
        self.digest = Digest()
        self.trouble = Trouble(ground.faults, ground, cluster, Ledger(setting.scenario.faults), journal.emit, self.now)
        self.steps = Steps(setting.scenario)
        self.meter = Meter(lambda fault: self.ledger[fault].action, self.snapshot)
        self._python = load_python(setting.scenario, setting.allow_python)
        self.judge = Judge(
            setting.scenario.expectations, journal.emit, measured=lambda: self.meter.values(), python=self._python
        )
        self.judge.tell(setting.scenario, lambda fault: self.ledger[fault].action)
        self._ground = ground
        self._uses: dict[str, int] = {}
        self._graphs: dict[GraphRecipe, Graph] = {}

    @property
    def ledger(self) -> Ledger:
        """What became of every fault."""
        return self.trouble.ledger

    @property
    def graphs(self) -> Mapping[str, GraphView]:
        """The shapes of the graphs run lately, by digest."""
        return self.cluster.graphs

    def look_into(self, node: str, key: str) -> Callable[[], TensorView]:
        """What looks into a tensor that a node holds, in any thread; raises a DairtError where there is none to be seen."""
        version, array = self.cluster.member(node).held(key)
        return partial(tensor_view, array, version)

    def now(self) -> float:
        """Seconds since the world was opened."""
        return trio.current_time() if self.clock is None else self.clock.now

    def begin(self, phase: str) -> None:
        """Enter the next part of the story."""
        self.phase = phase
        self.journal.emit("", PhaseBegan(phase))

    def snapshot(self) -> Snapshot:
        """The whole world as it is now."""
        now = self.now()
        return Snapshot(
            time_s=now,
            world=self.world,
            scenario=self.scenario.name,
            seed=self.seed,
            phase=self.phase,
            speed=1.0 if self.clock is None else self.clock.speed,
            nodes=tuple(self._true_sockets(view) for view in self.cluster.node_views()),
            runs=self.cluster.run_views(),
            faults=self.ledger.views(now),
            promises=self.judge.views(),
            wall_s=self._ground.wall(),
            steps=self.steps.views(now),
        )

    def check(self, action: Action) -> None:
        """Raise UsageError for what no scenario of this cluster could say: a session with it could not be written down."""
        check_action(action, self.scenario.nodes)

    def save(self, tell: Callable[[str, float, str], None]) -> None:
        """Tell the operators' session as a scenario file, how much of the story it holds, and the digest of that much.

        Played again in the simulated world from the same seed, the file gives that digest. While time goes on it is told at
        the next tick; while time stands still at once, without a digest: nobody can know yet what happens before that tick.
        """
        if self.clock is not None and self.clock.speed == 0:
            elapsed_s = max(0.0, self.now() - self.begun_s)
            self._tell_session(tell, round((math.floor(elapsed_s / TICK_S + 1e-6) + 1) * TICK_S, 6), "")
        else:
            self.at_next_tick.append(
                lambda at_s: self._tell_session(tell, at_s, self.digest.before(self.now()) if self.clock is not None else "")
            )

    def ending(self, seconds: float, digest: str) -> str:
        """The session as a scenario file, now that the story is over."""
        return session_text(self.scenario, self.taken, seconds, world=self.world, seed=self.seed, digest=digest, over=True)

    def _tell_session(self, tell: Callable[[str, float, str], None], at_s: float, digest: str) -> None:
        tell(session_text(self.scenario, self.taken, at_s, world=self.world, seed=self.seed, digest=digest), at_s, digest)

    def detail(self, node: str) -> NodeDetail:
        """What is to be seen of one node from close by."""
        return self._ground.detail(node)

    async def inject(self, action: Action, fault_id: str = "", for_s: float | None = None) -> None:
        """Do something to the cluster and return when it is done: the one door for scenarios, tests and operators.

        Raises UsageError for what makes no sense now, and what the cluster's own calls raise.
        """
        self._check(action)
        if isinstance(action, WorldTrouble):
            return self.trouble.strike(fault_id or self.ledger.new_id(), action, for_s)
        if isinstance(action, NodeTrouble):
            return await self.trouble.strike_node(fault_id or self.ledger.new_id(), action, for_s)
        match action:
            case Heal(fault=fault):
                await self.trouble.heal(fault)
            case Broadcast(key=key, tensor=recipe, source=source):
                array = make_tensor(recipe, self.seed, "tensor", key, self._use(key))
                await self.cluster.broadcast(key, array, source=source)
            case Put(key=key, tensor=recipe, node=node):
                await self.cluster.put(key, make_tensor(recipe, self.seed, "tensor", key, self._use(key)), node=node)
            case VerifyCheckpoint(node=nodes, key=key) | RestoreCheckpoint(node=nodes, key=key):
                for node in named(nodes):
                    await self.cluster.scrub(node, key, repair=isinstance(action, RestoreCheckpoint))
            case CallPython(call=call):
                if call not in self._python:
                    raise UsageError(f"{call} is none of the story's own code, and nothing else is called")
                await self._python[call](self.cluster)
            case RunGraph(graph=recipe, coordinator=coordinator):
                graph = self._graph(recipe)
                await self.cluster.run(graph, make_feeds(graph, self.seed), coordinator=coordinator)

    def _check(self, action: Action) -> None:
        if because := why_not(action, self.world):
            raise UsageError(f"{kind_of(action)} is not for the world {self.world!r}: {because}")
        for name in nodes_of(action):
            if name not in self.cluster.names:
                raise UsageError(f"there is no node {name!r}; {suggestion(name, self.cluster.names)}")

    def _use(self, key: str) -> int:
        self._uses[key] = self._uses.get(key, 0) + 1
        return self._uses[key]

    def _graph(self, recipe: GraphRecipe) -> Graph:
        if recipe not in self._graphs:
            self._graphs[recipe] = make_graph(recipe, self.seed, Path(self.scenario.source).parent)
        return self._graphs[recipe]

    def _true_sockets(self, view: NodeView) -> NodeView:
        """A node that is down cannot say what it left open: its host can."""
        if view.state != "down":
            return view
        sockets, litter = self._ground.sockets(view.name), self._ground.litter(view.name)
        return msgspec.structs.replace(view, sockets=sockets, litter=litter)


@asynccontextmanager
async def open_stage(setting: Setting) -> AsyncIterator[Stage]:
    """The stage of a world, with no node up yet. On leaving, all is healed and the nodes that are up are drained."""
    clock = setting.clock
    journal = Journal(trio.current_time if clock is None else lambda: clock.now, JOURNAL_KEEP)
    async with (
        _opener(setting.world)(setting, journal) as ground,
        open_cluster(ground.machines, setting.scenario.nodes, journal) as cluster,
    ):
        stage = Stage(setting, ground, cluster, journal)
        journal.listeners += [stage.ledger.see, stage.meter.see, stage.judge.see]
        try:
            yield stage
        finally:
            stage.trouble.mend()


def check_world(scenario: Scenario, world: str) -> None:
    """Raise UsageError unless the scenario can be played in this world."""
    if world not in OPENERS:
        raise UsageError(f"--world cannot be {world!r}; {suggestion(world, OPENERS)}")
    if world not in scenario.worlds:
        raise UsageError(
            f"{scenario.source}: {scenario.name} is not for the world {world!r}; its worlds are {', '.join(scenario.worlds)}"
        )
    for fault in scenario.faults:
        if why := why_not(fault.action, world):
            can = " or ".join(worlds_of(type(fault.action)))
            raise UsageError(f"{fault.place}: fault {fault.id!r} cannot be played in {world}, only in {can}: {why}")
    planned = [(fault.place, fault.action) for fault in scenario.faults]
    for place, action in [*planned, *((do.place, do.action) for do in scenario.actions)]:
        if because := why_not(action, world):
            raise UsageError(f"{place or scenario.source}: the world {world!r} cannot do {kind_of(action)}: {because}")


def _opener(world: str) -> Opener:
    module, _, function = OPENERS[world].partition(":")
    opener: Opener = getattr(importlib.import_module(module), function)
    return opener
