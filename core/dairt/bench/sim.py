"""How fast this machine simulates, one core of it: messages between real nodes, and whole seeds of a story."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from statistics import median
from time import process_time

import msgspec
import numpy as np
import trio

from dairt.model.scenario import Scenario
from dairt.model.scenario_toml import parse_scenario
from dairt.protocol.messages import Probe
from dairt.rehearsal.play import play
from dairt.rehearsal.stage import Stage
from dairt.runtime.parts import Node

ASKS = 400  # of each of five nodes to each other
BROADCASTS = 400
ELEMENTS = 256  # 1 KiB of float32
PATIENCE_S = 60.0
SEEDS = 4  # a round

QUIET = """
schema = "dairt.scenario/1"
name   = "bench-messages"
[cluster]
nodes  = { prefix = "n", count = 5 }
config = { checkpoint = "never" }
"""
STORY = """
schema  = "dairt.scenario/1"
name    = "bench-seeds"
summary = "Five nodes and small tensors through a cut, a reset and a restart, for thirty seconds."

[time]
trouble_until = "20s"
settle        = "10s"

[cluster]
nodes  = { prefix = "n", count = 5 }
config = { probe_every = "1s", suspect_after = "2s", dead_after = "5s", reconcile_every = "1s" }

[[work]]
id     = "weights"
kind   = "broadcast"
from   = "n0"
tensor = { dtype = "float32", shape = [256] }
at     = "500ms"
every  = "1s"

[[fault]]
id   = "cut"
at   = "4s"
for  = "3s"
kind = "link.cut"
link = ["n0", "n2"]

[[fault]]
id   = "reset"
on   = { event = "chunk_sent", node = "n0", nth = 30 }
kind = "conn.reset"
link = ["n0", "n3"]

[[fault]]
id   = "restart"
at   = "12s"
kind = "node.restart"
node = "n4"

[[expect]]
always = "no_partial_tensor_visible"
[[expect]]
always = "durable_survives_restart"
[[expect]]
finally = "acked_broadcast_on_all_live"
"""
GRAPHS = """
[[work]]
id    = "inference"
kind  = "graph"
graph = { layers = 3, width = 2, size = 16 }
from  = "n1"
at    = "1s"
every = "5s"

[[expect]]
always = "runs_give_the_same_answer"
"""


class Row(msgspec.Struct, frozen=True):
    """What was measured: the median, the lowest and the highest of the rounds. A `target` of 0 is none."""

    name: str
    unit: str
    median: float
    low: float
    high: float
    target: float
    rounds: int
    at_most: bool = False  # what the target means: this, or at least

    @property
    def line(self) -> str:
        """The row of a table."""
        spread = f"{self.low:,.1f} .. {self.high:,.1f}"
        target = f"at {'most' if self.at_most else 'least'} {self.target:,.0f}" if self.target else "-"
        return f"{self.name:38} {self.median:10,.1f} {self.unit:12} {spread:>20}   {target}"


def measure(rounds: int) -> Iterator[Row]:
    """Measure one thing after another, `rounds` times each."""
    messages, story, graphs = (parse_scenario(text, "bench") for text in (QUIET, STORY, STORY + GRAPHS))
    yield _row("ping-pong", "messages/s", 15_000, [_messages(messages, ping_pong) for _ in range(rounds)])
    yield _row("1 KiB broadcasts", "messages/s", 0, [_messages(messages, broadcasts) for _ in range(rounds)])
    yield _row("5 nodes, 30 s, small tensors", "seeds/s", 10, [_seeds(story, n) for n in range(rounds)])
    yield _row("the same, and graph runs", "seeds/s", 0, [_seeds(graphs, n) for n in range(rounds)])


async def ping_pong(nodes: Sequence[Node]) -> int:
    """Every node probes every other, all at once, again and again; the number of messages."""

    async def ask(node: Node, peer: str) -> None:
        for _ in range(ASKS):
            await node.peers[peer].ask(Probe(), deadline_s=PATIENCE_S)

    async with trio.open_nursery() as nursery:
        for node in nodes:
            for peer in node.peers:
                nursery.start_soon(ask, node, peer)
    return 2 * ASKS * len(nodes) * (len(nodes) - 1)


async def broadcasts(nodes: Sequence[Node]) -> int:
    """One node broadcasts small tensors, one after another, without checkpoints; offers and receipts."""
    array = np.zeros(ELEMENTS, np.float32)
    for number in range(BROADCASTS):
        await nodes[0].broadcast(f"key-{number % 10}", array)
    return 2 * BROADCASTS * (len(nodes) - 1)


def _messages(scenario: Scenario, traffic: Callable[[Sequence[Node]], Awaitable[int]]) -> float:
    rate = 0.0

    async def errand(stage: Stage) -> None:
        nonlocal rate
        members = [stage.cluster.member(name) for name in stage.cluster.names]
        nodes = [member for member in members if isinstance(member, Node)]
        began = process_time()
        rate = await traffic(nodes) / (process_time() - began)

    play(scenario, errand=errand)
    return rate


def _seeds(scenario: Scenario, turn: int) -> float:
    began = process_time()
    for seed in range(turn * SEEDS, (turn + 1) * SEEDS):
        report = play(scenario, seed=seed)
        assert report.verdict == "held", report.text()
    return SEEDS / (process_time() - began)


def _row(name: str, unit: str, target: float, rates: list[float]) -> Row:
    return Row(name, unit, median(rates), min(rates), max(rates), target, len(rates))
