"""Which world can do which trouble: all of them do all that is not in this table."""

from dataclasses import dataclass

from dairt.model.action.disks import LoseUnsynced, TornWrites
from dairt.model.action.nodes import PauseNode, PowerCut

EVERYWHERE = ("sim", "tcp", "proc")


@dataclass(frozen=True)
class Limit:
    """The only worlds that can do some trouble; `because` ends a sentence about the others."""

    worlds: tuple[str, ...]
    because: str


_POWER = Limit(("sim",), "what a real disk keeps without its power cannot be tried from a program")

LIMITS: dict[type, Limit] = {
    PowerCut: _POWER,
    TornWrites: _POWER,
    LoseUnsynced: _POWER,
    PauseNode: Limit(("sim", "proc"), "its nodes share one process, which cannot be stopped for one of them"),
}


def worlds_of(kind: type) -> tuple[str, ...]:
    """The worlds that can do actions of a kind."""
    return LIMITS[kind].worlds if kind in LIMITS else EVERYWHERE


def why_not(action: object, world: str) -> str:
    """Why a world cannot do an action, in half a sentence; "" where it can."""
    limit = LIMITS.get(type(action))
    return "" if limit is None or world in limit.worlds else limit.because
