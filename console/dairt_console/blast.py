"""What an action would lose, and what it would do: sentences for a question, a dry run and the inject form."""

from collections.abc import Sequence

from dairt.errors import UsageError
from dairt.model.action import (
    Action,
    BlackholeLink,
    CutLink,
    DownNode,
    Heal,
    HoldLink,
    Link,
    LinkTrouble,
    PauseNode,
    ResetConnection,
    RestartNode,
    RotBit,
    WipeNode,
    nodes_of,
    why_not,
)
from dairt.model.action_toml import check_action
from dairt.model.views import NodeView
from dairt_console.draw.units import plural, size
from dairt_console.reducer import Seen


def loses_work(seen: Seen, action: Action) -> bool:
    """True for what a person is asked about first: it ends a life, empties a disk or damages a file."""
    if isinstance(action, RestartNode):
        return any(node.state != "down" for node in _among(seen, nodes_of(action)))
    return isinstance(action, DownNode | RotBit)


def radius(seen: Seen, action: Action) -> tuple[str, ...]:
    """What an action would lose or disturb, a sentence each."""
    nodes = _among(seen, nodes_of(action))
    match action:
        case WipeNode():
            return ("Its disk is emptied: what no other node holds is gone for good.", *_of_nodes(seen, nodes))
        case RestartNode():
            return ("It finishes its exchanges, stops, and starts again from its checkpoints.", *_of_nodes(seen, nodes))
        case RotBit():
            return ("One bit on its disk is wrong from then on; nobody is told until the file is read.",)
        case PauseNode():
            return ("It answers nobody: its peers suspect it, then take it for dead, until it is healed.",)
        case Heal():
            left = len(seen.active_faults)
            return (f"{plural(left, 'fault')} in effect {'ends' if left == 1 else 'end'}.",) if not action.fault else ()
    if isinstance(action, DownNode):
        return _of_nodes(seen, nodes)
    if isinstance(action, LinkTrouble):
        return _of_link(seen, action)
    return ()


def dry_run(seen: Seen, action: Action) -> tuple[str, ...]:
    """What would happen, and what would be refused, a sentence each; nothing does."""
    names = tuple(node.name for node in seen.nodes)
    try:
        check_action(action, names)
    except UsageError as exc:
        return (f"It would be refused: {exc}",)
    if because := why_not(action, seen.world):
        return (f"It would be refused: world {seen.world} cannot, as {because}.",)
    down = [node.name for node in _among(seen, nodes_of(action)) if node.state == "down"]
    lines = [f"It would {action}."]
    if down:
        lines.append(f"{', '.join(down)} {'is' if len(down) == 1 else 'are'} down already.")
    if action.lasts:
        lines.append("It would last until it is healed: u undoes it, M and H heal.")
    return (*lines, *radius(seen, action))


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
        f"{plural(node.sockets, 'socket')} close; {_lost(busy, queued)}.",
        not_saved if unsaved else f"All {plural(len(node.checkpoints), 'key')} it holds are on disk and come back with it.",
        f"Runs it coordinates fail: {', '.join(runs)}."
        if runs
        else "It coordinates no run; work of other nodes' runs is done again.",
        f"{left} of {len(seen.nodes)} nodes stay up.",
    )


def _among(seen: Seen, names: Sequence[str]) -> list[NodeView]:
    return [node for node in seen.nodes if node.name in names]


def _of_nodes(seen: Seen, nodes: Sequence[NodeView]) -> tuple[str, ...]:
    if len(nodes) == 1:
        return blast_radius(seen, nodes[0])
    return tuple(f"{node.name}: {line}" for node in nodes for line in blast_radius(seen, node)[:3])


def _of_link(seen: Seen, action: LinkTrouble) -> tuple[str, ...]:
    link: Link = action.link
    pairs = [(node, peer) for node in seen.nodes for peer in node.peers if link.covers(node.name, peer.name)]
    sockets = sum(peer.sockets for _, peer in pairs)
    what = f"{plural(sockets, 'open socket')} between {link.a} and {link.b}, as both ends count them."
    match action:
        case ResetConnection():
            return (what, "What is on its way is lost with them; both ends connect again and say it again.")
        case CutLink() | HoldLink() | BlackholeLink():
            return (what, "Nothing passes until it is healed; the ends come to suspect each other.")
    return (what,)


def _lost(busy: int, queued: int) -> str:
    if not busy and not queued:
        return "no task is running or waiting"
    return f"{plural(busy, 'running task')} and {queued} waiting are lost"
