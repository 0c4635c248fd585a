"""What a command may come to: something to send, something to ask first, or why not."""

from dataclasses import dataclass

from dairt.model.action import Action


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
