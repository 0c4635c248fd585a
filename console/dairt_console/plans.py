"""What a command comes to, given what is seen: pure rules; the app obeys them."""

from collections.abc import Callable
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


def plan(command: str, seen: Seen, selected: str, resume_at: float = 1.0, *, held: bool = False) -> Plan:
    """What `command` comes to now. `selected` is the name of the chosen node, "" for none.

    `resume_at` is the speed that ends a pause; `held` says that one was asked for, whatever a step under way shows.
    """
    if (obstacle := _obstacle(BY_ID[command], seen)) is not None:
        return obstacle
    if command in ("pause", "step", "slower", "faster"):
        return _steer(command, seen, resume_at, held)
    if command == "heal_all":
        return Act(Heal())
    if command == "heal_one":
        return _heal_one(seen)
    node = seen.node(selected)
    if node is None:
        return Cannot("choose a node first: tab to the Nodes panel, then the arrow keys")
    match command:
        case "broadcast":
            return _at(node) or Act(Broadcast("tensor", TENSOR, node.name))
        case "run_graph":
            return _at(node) or Act(RunGraph(GRAPH, node.name))
        case "kill_socket":
            return _at(node) or _pick_link(node, "Kill the sockets", ResetConnection)
        case "cut_link":
            return _at(node) or _pick_link(node, "Cut the link", CutLink)
        case "kill_node":
            return _ask_kill(seen, node)
        case _:
            return _restart(seen, node)


def allowed(command: Command, seen: Seen) -> bool:
    """True where the cluster grants the role this takes, or has not said yet."""
    return seen.hello is None or _RANK[command.role] <= _RANK[seen.hello.role]


def _obstacle(command: Command, seen: Seen) -> Cannot | None:
    if seen.link.state == "connecting":
        return Cannot("the cluster is still starting")
    if seen.link.state != "live" or seen.hello is None:
        return Cannot(f"the cluster is {seen.link.state}: q leaves")
    if not allowed(command, seen):
        return Cannot(f"{command.label} needs the role {command.role}; this console may only {seen.hello.role}")
    return None


def _steer(command: str, seen: Seen, resume_at: float, held: bool) -> Plan:
    if seen.world != "sim":
        return Cannot(f"time runs by itself in world {seen.world}: start with --world sim to pause, step or speed it")
    now = 0.0 if held or seen.snapshot is None else seen.snapshot.speed
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


def _open(sockets: int) -> str:
    return f"{_plural(sockets, 'socket')} open" if sockets else "no socket open"


def _pick_link(node: NodeView, what: str, action: Callable[[Link], Action]) -> Plan:
    choices = tuple(
        (f"{peer.name}  {state(peer.state)[0]}  {_open(peer.sockets)}", action(Link(node.name, peer.name)))
        for peer in node.peers
    )  # fmt: skip
    return Pick(f"{what} between {node.name} and", choices) if choices else Cannot(f"{node.name} has no peers")


def _heal_one(seen: Seen) -> Plan:
    broken = seen.active_faults
    match broken:
        case []:
            return Cannot("nothing is broken that lasts")
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
        f"{_plural(node.sockets, 'socket')} close; {_lost(busy, queued)}.",
        not_saved if unsaved else f"All {_plural(len(node.checkpoints), 'key')} it holds are on disk and come back with it.",
        f"Runs it coordinates fail: {', '.join(runs)}."
        if runs
        else "It coordinates no run; work of other nodes' runs is done again.",
        f"{left} of {len(seen.nodes)} nodes stay up.",
    )


def _lost(busy: int, queued: int) -> str:
    if not busy and not queued:
        return "no task is running or waiting"
    return f"{_plural(busy, 'running task')} and {queued} waiting are lost"


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
