"""GraphRun against a plain model of the world: random graphs, random trouble, and the rules hold after every step."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from dairt.model.graph import Op, Outline, Spec
from dairt.model.ops import Kernel
from dairt.protocol.runs import Attempt, AttemptLost, Finished, GraphRun, InputGone, NodeBack, NodeLost, Outcome

NODES = ("n0", "n1", "n2")
SPEC = Spec("float32", (8, 8))


def finished(attempt: Attempt) -> Finished:
    return Finished(attempt.op.name, attempt.number, attempt.node, (256,) * len(attempt.op.outputs))


def lost(attempt: Attempt) -> AttemptLost:
    return AttemptLost(attempt.op.name, attempt.number, attempt.node, "connection reset")


@dataclass
class World:
    """What is really so: which node is up and holds what; and what the rules make of the outcomes told so far."""

    run: GraphRun
    outline: Outline
    flying: list[Attempt] = field(default_factory=list)
    running: dict[str, Attempt] = field(default_factory=dict)
    committed: dict[str, str] = field(default_factory=dict)
    alive: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(NODES, True))
    known: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(NODES, True))
    held: dict[str, dict[str, None]] = field(default_factory=lambda: {node: {} for node in NODES})

    def needed(self) -> list[str]:
        """The ops that must run, by the plain definition: back from the outputs, but not through what runs already."""
        makers = {value: op for op in self.outline.ops for value in op.outputs}
        needed: dict[str, None] = {}

        def visit(value: str) -> None:
            if value in makers and value not in self.committed and makers[value].name not in needed:
                op = makers[value]
                needed[op.name] = None
                for taken in () if op.name in self.running else op.inputs:
                    visit(taken)

        for value in self.outline.outputs:
            visit(value)
        return list(needed)

    def start(self) -> None:
        before = dict(self.running)
        for attempt in self.run.ready():
            name = attempt.op.name
            assert name not in self.running, "two running attempts of one op"
            assert self.known[attempt.node], "given to a lost node"
            assert name in self.needed(), "not needed"
            for placed in attempt.inputs:
                where = {"x": "n0", "w": ""}.get(placed.value) or self.committed.get(placed.value, "")
                assert placed.node == where
            self.running[name] = attempt
            self.flying.append(attempt)
        assert self.run.done or self.running or not any(self.known.values()), f"stuck after {before}"

    def settle(self, outcome: Outcome) -> None:
        needed, running = self.needed(), dict(self.running)
        again = self.run.settle(outcome)
        match outcome:
            case Finished(op, number, node) if self._current(op, number, node):
                attempt = self.running.pop(op)
                self.committed |= dict.fromkeys(attempt.op.outputs, node)
            case AttemptLost(op, number, node) if self._current(op, number, node):
                del self.running[op]
            case InputGone(op, number, node, value, holder):
                if self._current(op, number, node):
                    del self.running[op]
                if self.committed.get(value) == holder != "n0":
                    del self.committed[value]
            case NodeLost(node):
                self.known[node] = False
                self.running = {op: attempt for op, attempt in self.running.items() if attempt.node != node}
                self.committed = {value: at for value, at in self.committed.items() if at != node}
            case NodeBack(node):
                self.known[node] = True
            case _:
                pass
        assert {value: at for value, at in self.run.where.items() if value not in ("x", "w")} == self.committed
        assert self.run.counts.running == len(self.running)
        stopped = [op for op in running if op not in self.running]
        loses = not isinstance(outcome, Finished | NodeBack)
        assert sorted(again) == sorted(op for op in self.needed() if loses and (op in stopped or op not in needed))
        assert [op for op in again if op not in self.run.blame] == []
        assert not self.run.failed

    def _current(self, op: str, number: int, node: str) -> bool:
        attempt = self.running.get(op)
        return attempt is not None and (attempt.number, attempt.node) == (number, node)

    def land(self, attempt: Attempt, dropped: bool = False) -> None:
        """An attempt ends as it must, the world being as it is; `dropped`: its answer is lost."""
        self.flying.remove(attempt)
        if not self.alive[attempt.node] or dropped:
            return self.settle(lost(attempt))
        for placed in attempt.inputs:
            if placed.value not in ("x", "w") and placed.value not in self.held[placed.node]:
                gone = InputGone(attempt.op.name, attempt.number, attempt.node, placed.value, placed.node, "gone")
                return self.settle(gone)
        self.held[attempt.node] |= dict.fromkeys(attempt.op.outputs)
        return self.settle(finished(attempt))

    def kill(self, node: str) -> None:
        self.alive[node], self.held[node] = False, {}


@st.composite
def outlines(draw: st.DrawFn) -> Outline:
    """Random graphs of up to 12 ops, of one or two results each, with some outputs among them."""
    values, ops = ["x", "w"], []
    for at in range(draw(st.integers(1, 12))):
        inputs = tuple(draw(st.lists(st.sampled_from(values), min_size=1, max_size=3)))
        outputs = (f"v{at}",) if draw(st.booleans()) else (f"v{at}", f"u{at}")
        ops.append(Op(f"op{at}", Kernel("add"), inputs, outputs, draw(st.sampled_from([0.0, 1e6, 1e9]))))
        values += outputs
    wanted = draw(st.lists(st.sampled_from(values[2:]), min_size=1, max_size=4, unique=True))
    return Outline("g", "0" * 32, {"x": SPEC}, ("w",), tuple(ops), tuple(wanted))


def trouble(world: World, data: st.DataObject) -> None:
    """Something happens: mostly an attempt ends; else it is lost or answered twice, or a node dies, is missed, or returns."""
    node = data.draw(st.sampled_from(NODES[1:]))
    kind = data.draw(st.sampled_from(["land", "land", "land", "drop", "twice", "late", "kill", "notice", "return"]))
    if kind in ("land", "drop", "twice", "late") and world.flying:
        attempt = data.draw(st.sampled_from(world.flying))
        if kind == "late":  # given up, while it goes on at its node
            world.settle(lost(attempt))
        else:
            world.land(attempt, dropped=kind == "drop")
        if kind == "twice" and world.alive[attempt.node] and world.known[attempt.node]:
            world.settle(finished(attempt) if world.committed.get(attempt.op.outputs[0]) == attempt.node else lost(attempt))
    elif kind == "kill":
        world.kill(node)
    elif kind == "notice":
        world.kill(node)
        world.settle(NodeLost(node, "silent"))
    elif kind == "return" and not world.known[node]:
        world.alive[node] = True
        world.settle(NodeBack(node))


@settings(max_examples=150, deadline=None)
@given(outlines(), st.data())
def test_whatever_is_lost_doubled_or_late_every_output_is_committed_once_at_a_node_that_has_it(
    graph: Outline, data: st.DataObject
) -> None:
    world = World(GraphRun(graph, coordinator="n0", nodes=NODES, attempts_max=1000), graph)
    for _ in range(data.draw(st.integers(0, 40))):
        world.start()
        trouble(world, data)
    for node in NODES:
        if not world.alive[node] and world.known[node]:
            world.settle(NodeLost(node, "silent"))
    for _ in range(10 * len(graph.ops) + len(world.flying)):
        world.start()
        if world.run.done:
            break
        world.land(world.flying[0])
    assert world.run.done
    for value in graph.outputs:
        assert world.alive[world.run.where[value]]
        assert value in world.held[world.run.where[value]]
    assert world.run.counts.done == world.run.counts.total
