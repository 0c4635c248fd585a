"""What promises know of the trouble there is: which of it silences a node, or slows it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dairt.model.action import (
    ANY,
    Action,
    BlackholeLink,
    CutLink,
    DegradeLink,
    HalfOpen,
    HangConnections,
    HoldLink,
    NodeTrouble,
    PauseNode,
    RefuseConnections,
    RestartNode,
    StopNode,
    named,
    nodes_of,
)
from dairt.model.events import Entry, FaultFired, FaultHealed, NodeBooted, NodeDown, NodeDrained, PhaseBegan

ActionOf = Callable[[str], Action | None]
"""What the fault of an id does, asked when it fires; None where that is not known."""

SILENCING = (CutLink, BlackholeLink, HoldLink, HangConnections, RefuseConnections, HalfOpen, PauseNode)
KEEP_S = 300.0  # trouble that ended so long ago excuses nothing any more
WAYS = 2  # of a ping and its answer


@dataclass
class _Spell:
    """A time of trouble; `end_s` is None until it is over. `gone` is a node that was not up, where that was the trouble."""

    begin_s: float
    end_s: float | None
    action: Action | None = None
    gone: str = ""

    def befalls(self, *nodes: str) -> bool:
        """Whether any of these nodes, or a way to or from it, was in trouble."""
        if self.action is None:
            return self.gone in nodes
        link = getattr(self.action, "link", None)
        everyone = link is not None and ANY in (link.a, link.b)
        return everyone or any(name in nodes for name in nodes_of(self.action))

    def parts(self, a: str, b: str, patience_s: float) -> bool:
        """Whether it kept each of two nodes from hearing the other for as long as `patience_s`."""
        match self.action:
            case None:
                return self.gone in (a, b)
            case PauseNode(node=node):
                return a in named(node) or b in named(node)
            case DegradeLink(link=link, latency_s=latency_s, jitter_s=jitter_s):
                return (link.covers(a, b) or link.covers(b, a)) and WAYS * (latency_s + jitter_s) > patience_s
            case action if isinstance(action, SILENCING):
                return bool(action.link.covers(a, b) or action.link.covers(b, a))
            case _:
                return False

    def shuts(self, a: str, b: str) -> bool:
        """Whether nothing at all came through between two nodes, either way."""
        action = self.action
        return isinstance(action, CutLink | BlackholeLink) and action.link.covers(a, b) and action.link.covers(b, a)


class Troubles:
    """The trouble of a run so far: a fold over its events."""

    def __init__(self) -> None:
        self.action_of: ActionOf = lambda fault: None
        self._spells: list[_Spell] = []
        self._active: dict[str, _Spell] = {}
        self._booted: dict[str, None] = {}

    def see(self, entry: Entry) -> None:
        """Hear of an event."""
        now = entry.time_s
        match entry.event:
            case FaultFired(fault=fault) if (action := self.action_of(fault)) is not None:
                self._active[fault] = spell = _Spell(now, None if action.lasts else now, action)
                self._spells.append(spell)
                if isinstance(action, StopNode | RestartNode):
                    self._leave(nodes_of(action), now)
            case FaultHealed(fault=fault) if fault in self._active:
                self._active.pop(fault).end_s = now
            case NodeDown() | NodeDrained():
                self._leave((entry.node,), now)
            case PhaseBegan(phase="verdict"):
                self._leave(tuple(self._booted), now)
            case NodeBooted():
                self._return(entry.node, now)

    def parted(self, a: str, b: str, since_s: float, patience_s: float) -> bool:
        """Whether anything, at any time since then, kept two nodes from hearing each other for longer than `patience_s`."""
        return any(spell.parts(a, b, patience_s) for spell in self._since(since_s))

    def shut(self, a: str, b: str, since_s: float) -> bool:
        """Whether nothing came through between two nodes from then until now."""
        return any(spell.begin_s <= since_s and spell.end_s is None and spell.shuts(a, b) for spell in self._spells)

    def hampered(self, node: str, other: str, since_s: float) -> bool:
        """Whether there was trouble with `node` or the way to `other` since then, apart from nodes that ended."""
        return any(
            spell.action is not None and not isinstance(spell.action, NodeTrouble) and spell.befalls(node, other)
            for spell in self._since(since_s)
        )

    def _since(self, since_s: float) -> Iterator[_Spell]:
        return (spell for spell in self._spells if spell.end_s is None or spell.end_s >= since_s)

    def _leave(self, nodes: tuple[str, ...], now: float) -> None:
        """These nodes are up no more: they are gone, or have been told to stop and shut their doors."""
        self._spells += [_Spell(now, None, gone=node) for node in nodes]

    def _return(self, node: str, now: float) -> None:
        if node not in self._booted:
            self._booted[node] = None
            self._spells.append(_Spell(0.0, now, gone=node))
        for spell in self._spells:
            if spell.gone == node and spell.end_s is None:
                spell.end_s = now
        self._spells = list(self._since(now - KEEP_S))
