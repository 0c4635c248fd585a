"""What some promises are judged by besides events and views, and which worlds have none of it to show."""

from typing import Literal

Evidence = Literal["sockets", "tasks", "files"]  # that a node which is down has left behind
_ENDED = "with the process of a node the operating system ends its"

LACKING: dict[str, dict[Evidence, str]] = {
    "tcp": {"tasks": "which tasks go on only the simulation's scheduler knows"},
    "proc": {
        "sockets": f"{_ENDED} sockets",
        "tasks": f"{_ENDED} tasks",
        "files": "nobody looks into the folder of a process that has ended",
    },
}


def lacking(needs: tuple[Evidence, ...], world: str) -> tuple[Evidence, ...]:
    """Which of this a world cannot show; when that is all of it, a promise that needs it means nothing there."""
    return tuple(evidence for evidence in needs if evidence in LACKING.get(world, {}))


def why_unseen(needs: tuple[Evidence, ...], world: str) -> str:
    """Why a world does not show all that is needed, in a few half sentences; "" where it does."""
    return "; ".join(LACKING[world][evidence] for evidence in lacking(needs, world))
