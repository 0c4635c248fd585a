"""What a command comes to, given what is seen: pure rules; the app obeys them."""

from collections.abc import Sequence
from dataclasses import dataclass

from dairt.control.frames import Role
from dairt.model.action import (
    Action,
    Broadcast,
    CutLink,
    GraphRecipe,
    Heal,
    KillNode,
    Link,
    ResetConnection,
    RestartNode,
    RunGraph,
    TensorRecipe,
)
from dairt.model.views import NodeView
from dairt_console.actions import BY_ID, Command
from dairt_console.draw.states import state
from dairt_console.draw.units import size
from dairt_console.reducer import Seen

TENSOR = TensorRecipe(shape=(1024, 1024))  # 4 MiB: large enough to be seen moving, small enough to be there at once
GRAPH = GraphRecipe(layers=6, width=4, size=256)
SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 50.0, float("inf"))
STEP_S = 0.1


@dataclass(frozen=True)
class Act:
    """Send this action."""

    action: Action


@dataclass(frozen=True)
class Speed:
    """Let virtual time pass at `value`; 0 pauses."""

    value: float


@dataclass(frozen=True)
class StepTime:
    """Let a little virtual time pass."""

    seconds: float


@dataclass(frozen=True)
class Ask:
    """Ask before doing something that loses work. `lines` are its blast radius."""

    question: str
    lines: tuple[str, ...]
    action: Action


@dataclass(frozen=True)
class Pick:
    """Ask which. Each choice is a line to read and the action it stands for."""

    question: str
    choices: tuple[tuple[str, Action], ...]


@dataclass(frozen=True)
class Cannot:
    """It cannot be done now; the sentence says why and what would help."""

    reason: str


Plan = Act | Speed | StepTime | Ask | Pick | Cannot
_RANK: dict[Role, int] = {"view": 0, "operate": 1, "inject": 2}


def plan(command: str, seen: Seen, selected: str, resume_at: float = 1.0) -> Plan:
    """What `command` comes to now. `selected` is the name of the chosen node, "" for none; `resume_at` ends a pause."""
    if (obstacle := _obstacle(BY_ID[command], seen)) is not None:
        return obstacle
    if command in ("pause", "step", "slower", "faster"):
        return _steer(command, seen, resume_at)
    if command == "heal_all":
        return Act(Heal())
    if command == "heal_link":
        return _heal_link(seen)
    node = seen.node(selected)
    if node is None:
        return Cannot("choose a node first: tab to the Nodes panel, then the arrow keys")
    match command:
        case "broadcast":
            return _at(node) or Act(Broadcast("tensor", TENSOR, node.name))
        case "run_graph":
            return _at(node) or Act(RunGraph(GRAPH, node.name))
        case "kill_socket":
            return _pick_link(
                f"Kill the sockets between {node.name} and", [(text, ResetConnection(link)) for text, link in _links(node)]
            )
        case "cut_link":
            return _pick_link(f"Cut the link between {node.name} and", [(text, CutLink(link)) for text, link in _links(node)])
        case "kill_node":
            return _ask_kill(seen, node)
        case _:
            return _restart(seen, node)


def _obstacle(command: Command, seen: Seen) -> Cannot | None:
    if seen.link.state == "connecting":
        return Cannot("the cluster is still starting")
    if seen.link.state != "live" or seen.hello is None:
        return Cannot(f"the cluster is {seen.link.state}: q leaves")
    if _RANK[command.role] > _RANK[seen.hello.role]:
        return Cannot(f"{command.label} needs the role {command.role}; this console may only {seen.hello.role}")
    return None


def _steer(command: str, seen: Seen, resume_at: float) -> Plan:
    if seen.world != "sim":
        return Cannot(f"time runs by itself in world {seen.world}: start with --world sim to pause, step or speed it")
    now = seen.snapshot.speed if seen.snapshot else 1.0
    match command:
        case "pause":
            return Speed(resume_at if now == 0 else 0.0)
        case "step":
            return StepTime(STEP_S)
        case "slower":
            return Speed(max((speed for speed in SPEEDS if speed < (now or resume_at)), default=SPEEDS[0]))
        case _:
            return Speed(min((speed for speed in SPEEDS if speed > (now or resume_at)), default=SPEEDS[-1]))


def _at(node: NodeView) -> Cannot | None:
    return (
        None if node.state == "up" else Cannot(f"{node.name} is {node.state}: choose a node that is up, or restart it with r")
    )


def _links(node: NodeView) -> list[tuple[str, Link]]:
    return [
        (f"{peer.name}  {state(peer.state)[0]}  {_plural(peer.sockets, 'socket')}", Link(node.name, peer.name))
        for peer in node.peers
    ]


def _pick_link(question: str, choices: Sequence[tuple[str, Action]]) -> Plan:
    if not choices:
        return Cannot("the selected node has no peers")
    return Pick(question, tuple(choices))


def _heal_link(seen: Seen) -> Plan:
    broken = [fault for fault in seen.active_faults if fault.kind.startswith("link.")]
    match broken:
        case []:
            return Cannot("no link is cut or slowed")
        case [fault]:
            return Act(Heal(fault.id))
        case _:
            return Pick("Heal which?", tuple((fault.text, Heal(fault.id)) for fault in broken))


def _ask_kill(seen: Seen, node: NodeView) -> Plan:
    if node.state == "down":
        return Cannot(f"{node.name} is down already: r starts it")
    return Ask(f"Kill {node.name}?", blast_radius(seen, node), KillNode(node.name))


def _restart(seen: Seen, node: NodeView) -> Plan:
    action = RestartNode(node.name)
    if node.state == "down":
        return Act(action)
    lines = ("It finishes its exchanges, stops, and starts again from its checkpoints.", *blast_radius(seen, node))
    return Ask(f"Restart {node.name}, which is {node.state}?", lines, action)


def blast_radius(seen: Seen, node: NodeView) -> tuple[str, ...]:
    """What losing a node would lose, a sentence each."""
    unsaved = [item for item in node.checkpoints if item.state != "durable"]
    busy = sum(lane.busy for lane in node.lanes)
    queued = sum(lane.queued for lane in node.lanes)
    runs = (
        [run.graph for run in seen.snapshot.runs if run.coordinator == node.name and run.state == "running"]
        if seen.snapshot
        else []
    )
    left = sum(other.state == "up" for other in seen.nodes if other.name != node.name)
    not_saved = f"Not yet on disk: {', '.join(item.key for item in unsaved)} ({size(sum(item.nbytes for item in unsaved))})."
    return (
        f"{_plural(node.sockets, 'socket')} close, {_plural(busy, 'running task')} and {queued} waiting are lost.",
        not_saved if unsaved else f"All {_plural(len(node.checkpoints), 'key')} it holds are on disk and come back with it.",
        f"Runs it coordinates fail: {', '.join(runs)}."
        if runs
        else "It coordinates no run; work of other nodes' runs is done again.",
        f"{left} of {len(seen.nodes)} nodes stay up.",
    )


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
