"""Trouble inside the process of the node that it befalls: at the very event it waits for, before anything else happens."""

import os
import select
import signal
from collections.abc import Callable, Iterable, Mapping

from dairt.errors import UsageError
from dairt.model.action import CutLink, DegradeLink, Heal, KillNode, ResetConnection
from dairt.model.scenario import Fault
from dairt.protocol.messages import Act
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
        broken: Mapping[str, CutLink | DegradeLink],
        die: Callable[[], object],
    ) -> None:
        self._name = name
        self._faults = faults
        self._die = die
        self._struck_here: dict[str, None] = {}
        self.triggers = Triggers(planned, self._fire)
        for fault, action in broken.items():
            faults.apply(fault, action)

    def act(self, act: Act) -> None:
        """Break or heal links as told. Healing all also means that no trigger fires any more."""
        match act.action:
            case ResetConnection() | CutLink() | DegradeLink() as action:
                if act.fault in self._struck_here:
                    del self._struck_here[act.fault]  # our own trouble, told to everyone
                else:
                    self._faults.apply(act.fault, action)
            case Heal(fault=""):
                self._faults.heal_all()
                self.triggers.disarm()
            case Heal(fault=fault):
                self._faults.heal(fault)
            case action:
                raise UsageError(f"a node cannot {action} by itself; it can break and heal its links")

    def _fire(self, fault: Fault) -> None:
        match fault.action:
            case ResetConnection() | CutLink() | DegradeLink() as action:
                self._faults.apply(fault.id, action)
                self._struck_here[fault.id] = None
            case KillNode(node=self._name):
                self._die()
            case _:
                return  # another process, and whoever started us sees to it
