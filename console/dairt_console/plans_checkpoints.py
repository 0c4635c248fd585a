"""What care for checkpoints, and harm to them, comes to: pure rules, as in plans."""

from collections.abc import Sequence
from urllib.parse import quote

from dairt.model.action import JOIN, RestoreCheckpoint, RotBit, VerifyCheckpoint
from dairt.model.views import NodeView
from dairt_console.chosen import Chosen
from dairt_console.plan_kinds import Act, Ask, Cannot, Plan
from dairt_console.reducer import Seen

NAMED = 100  # so much of a key's file name is surely its own: longer ones end in a digest


def plan_checkpoint(command: str, seen: Seen, chosen: Chosen) -> Plan:
    """What `verify_checkpoint`, `restore_checkpoint` or `corrupt_checkpoint` comes to for a key, on one node or all."""
    if not chosen.key:
        return Cannot("choose a key first, on the page Checkpoints")
    nodes = holders(seen.nodes, chosen.key, chosen.node)
    if not nodes:
        where = f"{chosen.node} is not up, or" if chosen.node else "no node that is up"
        return Cannot(f"{where} holds no {chosen.key}")
    match command:
        case "verify_checkpoint":
            return Act(VerifyCheckpoint(JOIN.join(nodes), chosen.key))
        case "restore_checkpoint":
            return Act(RestoreCheckpoint(JOIN.join(nodes), chosen.key))
        case _:
            return _corrupt(seen, nodes, chosen.key)


def _corrupt(seen: Seen, nodes: Sequence[str], key: str) -> Plan:
    if len(nodes) > 1:
        return Cannot(f"choose one of the {len(nodes)} copies of {key} first: enter, then the arrow keys")
    [node] = nodes
    others = [name for name in holders(seen.nodes, key, "") if name != node]
    left = f"It stays on disk at {', '.join(others)}." if others else "No other node holds it: the next boot may lose it."
    lines = (
        f"One bit of its file on {node} flips; {node} does not notice, and still has it in memory.",
        "It is found when the file is verified, or read at the next boot; then it is set aside, or restored.",
        left,
    )
    return Ask(f"Damage the checkpoint of {key} on {node}?", lines, RotBit(node, file_of(key)))


def file_of(key: str) -> str:
    """What the name of a key's newest file begins with."""
    name = quote(key, safe="")
    return f"checkpoints/{name}.chk" if len(name) <= NAMED else f"checkpoints/{name[:NAMED]}"


def holders(nodes: Sequence[NodeView], key: str, only: str) -> list[str]:
    """The nodes that are up and hold a key: all of them, or `only` this one."""
    return [
        node.name
        for node in nodes
        if node.state == "up" and only in ("", node.name) and any(item.key == key for item in node.checkpoints)
    ]
