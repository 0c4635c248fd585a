"""What a command comes to, given what is seen: pure rules; the app obeys them."""

from collections.abc import Sequence

from dairt.control.frames import Role
from dairt.model.action import (
    Action,
    Broadcast,
    GraphRecipe,
    Heal,
    KeepingAction,
    KillNode,
    PauseNode,
    PowerCut,
    Put,
    RestartNode,
    RunGraph,
    TensorRecipe,
    WipeNode,
    WorkAction,
    why_not,
)
from dairt.model.views import NodeView
from dairt_console.actions import BY_ID, Command
from dairt_console.blast import loses_work, radius
from dairt_console.chosen import Chosen
from dairt_console.plan_kinds import Act, Ask, Cannot, Pick, Plan, Speed, StepTime
from dairt_console.plans_checkpoints import plan_checkpoint
from dairt_console.plans_links import LINK_COMMANDS, plan_link
from dairt_console.reducer import Seen

TENSOR = TensorRecipe(shape=(1024, 1024))  # 4 MiB: large enough to be seen moving, small enough to be there at once
KEPT = TensorRecipe(shape=(512, 512))
GRAPH = GraphRecipe(layers=6, width=4, size=256)
SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 50.0, float("inf"))
STEP_S = 0.1
STEERING = ("pause", "step", "slower", "faster")
OF_CHECKPOINTS = ("verify_checkpoint", "restore_checkpoint", "corrupt_checkpoint")
_RANK: dict[Role, int] = {"view": 0, "operate": 1, "inject": 2}


def plan(command: str, seen: Seen, chosen: Chosen, resume_at: float = 1.0, *, held: bool = False) -> Plan:
    """What `command` comes to now, for what is chosen.

    `resume_at` is the speed that ends a pause; `held` says that one was asked for, whatever a step under way shows.
    """
    if (obstacle := obstacle_to(BY_ID[command], seen)) is not None:
        return obstacle
    if command in STEERING:
        return _steer(command, seen, resume_at, held)
    if command in OF_CHECKPOINTS:
        return plan_checkpoint(command, seen, chosen)
    if command == "heal_all":
        return Act(Heal())
    if command == "heal_one":
        return _heal_one(seen, chosen.fault)
    node = seen.node(chosen.node)
    if node is None:
        return Cannot("choose a node first: 4 shows them all, the arrow keys choose")
    return plan_link(command, node, chosen.peer) if command in LINK_COMMANDS else _for_node(command, seen, node)


def plan_action(seen: Seen, action: Action) -> Plan:
    """What it comes to when a person asks for this very action."""
    needed: Role = "operate" if isinstance(action, WorkAction | KeepingAction | Heal | RestartNode) else "inject"
    if (obstacle := _not_live(seen) or _not_granted(seen, str(action), needed)) is not None:
        return obstacle
    if because := why_not(action, seen.world):
        return Cannot(f"world {seen.world} cannot {action}: {because}")
    if loses_work(seen, action):
        return Ask(f"{str(action)[0].upper()}{str(action)[1:]}?", radius(seen, action), action)
    return Act(action)


def plan_undo(seen: Seen, own: Sequence[str]) -> Plan:
    """Heal the last of one's own faults that is still in effect; `own` are their ids, oldest first."""
    if (obstacle := obstacle_to(BY_ID["undo"], seen)) is not None:
        return obstacle
    active = [fault.id for fault in seen.active_faults]
    last = next((fault for fault in reversed(own) if fault in active), None)
    return Act(Heal(last)) if last is not None else Cannot("nothing that was done here is still in effect")


def allowed(command: Command, seen: Seen) -> bool:
    """True where the cluster grants the role this takes, or has not said yet."""
    return seen.hello is None or _RANK[command.role] <= _RANK[seen.hello.role]


def obstacle_to(command: Command, seen: Seen) -> Cannot | None:
    """Why a command that acts on the cluster cannot be done now; None where it can."""
    return _not_live(seen) or _not_granted(seen, command.label, command.role)


def _not_live(seen: Seen) -> Cannot | None:
    if seen.link.state == "connecting":
        return Cannot("the cluster is still starting")
    if seen.link.state != "live" or seen.hello is None:
        return Cannot(f"the cluster is {seen.link.state}: q leaves")
    return None


def _not_granted(seen: Seen, what: str, role: Role) -> Cannot | None:
    assert seen.hello is not None
    if _RANK[role] > _RANK[seen.hello.role]:
        return Cannot(f"{what} needs the role {role}; this console may only {seen.hello.role}")
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


def _for_node(command: str, seen: Seen, node: NodeView) -> Plan:
    name = node.name
    match command:
        case "broadcast":
            return _at(node) or Act(Broadcast("tensor", TENSOR, name))
        case "run_graph":
            return _at(node) or Act(RunGraph(GRAPH, name))
        case "checkpoint":
            return _at(node) or Act(Put(f"kept-{name}", KEPT, name))
        case "pause_node":
            return _suspend(seen, node)
        case "kill_node":
            return _not_down(node) or plan_action(seen, KillNode(name))
        case "power_cut":
            return _not_down(node) or plan_action(seen, PowerCut(name))
        case "wipe_node":
            return plan_action(seen, WipeNode(name))
        case _:
            return plan_action(seen, RestartNode(name))


def _at(node: NodeView) -> Cannot | None:
    if node.state == "up":
        return None
    return Cannot(f"{node.name} is {node.state}: choose a node that is up, or restart it with r")


def _not_down(node: NodeView) -> Cannot | None:
    return Cannot(f"{node.name} is down already: r starts it") if node.state == "down" else None


def _suspend(seen: Seen, node: NodeView) -> Plan:
    action = PauseNode(node.name)
    if node.state == "paused":
        fault = next((fault for fault in seen.active_faults if fault.text == str(action)), None)
        return Act(Heal(fault.id)) if fault is not None else Cannot(f"{node.name} is paused with others: M heals that")
    return _at(node) or plan_action(seen, action)


def _heal_one(seen: Seen, chosen: str) -> Plan:
    broken = seen.active_faults
    if any(fault.id == chosen for fault in broken):
        return Act(Heal(chosen))
    match broken:
        case []:
            return Cannot("nothing is broken that lasts")
        case [fault]:
            return Act(Heal(fault.id))
        case _:
            return Pick("Heal which?", tuple((fault.text, Heal(fault.id)) for fault in broken))
