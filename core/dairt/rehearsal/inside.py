"""Trouble inside the process of the node that it befalls: at the very event it waits for, before anything else happens."""

import os
import select
import signal
from collections.abc import Callable, Iterable, Mapping

from dairt.errors import UsageError
from dairt.model.action import (
    ANY,
    CutAfter,
    FrameTrouble,
    Heal,
    KillNode,
    PauseNode,
    RotBit,
    WipeNode,
    WorldTrouble,
    named,
)
from dairt.model.scenario import Fault
from dairt.protocol.messages import Act
from dairt.rehearsal.casting import at_event
from dairt.rehearsal.triggers import Triggers
from dairt.worlds.faults import Faults

LEASH = 0  # standard input, a pipe held by whoever started the process
HOLD_S = 1.0  # a kill takes milliseconds to come; one that the end of the story overtook never does


def hold_still() -> None:
    """Wait to be killed, with the whole loop: whoever holds the leash has just been told of the event that asks for it."""
    select.select([LEASH], [], [], HOLD_S)


def kill_ourselves() -> None:
    """End this process as a stranger's SIGKILL would."""
    os.kill(os.getpid(), signal.SIGKILL)


class Trouble:
    """What is broken at this node: by its own triggers, at the very event, and by an operator's word.

    `die` is called for a planned kill of this node.
    """

    def __init__(
        self,
        name: str,
        faults: Faults,
        planned: Iterable[Fault],
        broken: Mapping[str, WorldTrouble],
        die: Callable[[], object],
    ) -> None:
        self._name = name
        self._faults = faults
        self._die = die
        self._struck_here: dict[str, None] = {}
        self.triggers = Triggers(planned, self._fire)
        for fault, action in broken.items():
            self._apply(fault, action)

    def act(self, act: Act) -> None:
        """Break or heal something as told. Healing all also means that no trigger fires any more."""
        match act.action:
            case Heal(fault=""):
                self._faults.heal_all()
                self.triggers.disarm()
            case Heal(fault=fault):
                self._faults.heal(fault)
            case action if not isinstance(action, WorldTrouble):
                raise UsageError(f"a node cannot {action} by itself; it can break and heal its links, its disk and the like")
            case action if act.fault in self._struck_here:
                del self._struck_here[act.fault]  # our own trouble, told to everyone
            case action:
                self._apply(act.fault, action)

    def _apply(self, fault: str, action: WorldTrouble) -> None:
        """Let it begin, unless it befalls one connection, or one frame, and those are another node's."""
        if isinstance(action, CutAfter | FrameTrouble) and not {self._name, ANY} & {*named(action.link.a)}:
            return
        self._faults.apply(fault, action)

    def _fire(self, fault: Fault, node: str) -> None:
        match at_event(fault, node):
            case KillNode(node=nodes) | WipeNode(node=nodes) if self._name in named(nodes):
                self._die()
            case action if isinstance(action, WorldTrouble) and not isinstance(action, PauseNode | RotBit):
                self._apply(fault.id, action)
                self._struck_here[fault.id] = None
            case _:
                return  # another process, or a thing that whoever started us sees to
