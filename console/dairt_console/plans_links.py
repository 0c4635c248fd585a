"""What trouble on a link comes to: pure rules, as in plans."""

from collections.abc import Callable

from dairt.model.action import Action, CutLink, DegradeLink, Link, ResetConnection
from dairt.model.views import NodeView
from dairt_console.draw.states import state
from dairt_console.draw.units import plural
from dairt_console.plan_kinds import Act, Cannot, Pick, Plan

LATENCY_S = 0.060  # as across a continent
BANDWIDTH = 8 * 2**20  # bytes a second: a 4 MiB tensor is seen to take its time

LINK_COMMANDS: dict[str, tuple[str, Callable[[Link], Action]]] = {
    "kill_socket": ("Kill the sockets", ResetConnection),
    "cut_link": ("Cut the link", CutLink),
    "degrade_link": ("Slow the link", lambda link: DegradeLink(link, LATENCY_S, 0.0, BANDWIDTH)),
}


def plan_link(command: str, node: NodeView, peer: str) -> Plan:
    """What it comes to between a node and the peer that is chosen; where none is, it is asked which."""
    if node.state != "up":
        return Cannot(f"{node.name} is {node.state}: choose a node that is up, or restart it with r")
    what, action = LINK_COMMANDS[command]
    if peer and any(other.name == peer for other in node.peers):
        return Act(action(Link(node.name, peer)))
    # A socket can only be killed where one is open: those peers come first, the others say that none is.
    peers = sorted(node.peers, key=lambda other: command == "kill_socket" and not other.sockets)
    choices = tuple(
        (f"{other.name}  {state(other.state)[0]}  {_open(other.sockets)}", action(Link(node.name, other.name)))
        for other in peers
    )
    return Pick(f"{what} between {node.name} and", choices) if choices else Cannot(f"{node.name} has no peers")


def _open(sockets: int) -> str:
    return f"{plural(sockets, 'socket')} open" if sockets else "no socket open"
