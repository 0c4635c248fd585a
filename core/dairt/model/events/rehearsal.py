"""What the world itself says: faults, phases, promises."""

from dairt.model.events.base import EventBase


class FaultFired(EventBase, frozen=True, tag="fault_fired"):
    """Trouble from a scenario or an operator takes effect. `target` is whom it befalls: nodes, or the two sides of a link."""

    fault: str
    kind: str
    text: str
    target: tuple[str, ...] = ()
    level = "warn"

    @property
    def line(self) -> str:
        return f"FAULT {self.text}"


class FaultLanded(EventBase, frozen=True, tag="fault_landed"):
    """A fault that waits for something to come by, such as a frame or a call to a disk, has befallen the first."""

    fault: str
    level = "warn"

    @property
    def line(self) -> str:
        return f"{self.fault} has found what it waited for"


class FaultHealed(EventBase, frozen=True, tag="fault_healed"):
    """A lasting fault is over."""

    fault: str
    kind: str
    text: str
    target: tuple[str, ...] = ()
    level = "good"

    @property
    def line(self) -> str:
        return f"HEALED {self.text}"


class FaultSkipped(EventBase, frozen=True, tag="fault_skipped"):
    """A fault could not take effect; the reason says why."""

    fault: str
    kind: str
    reason: str

    @property
    def line(self) -> str:
        return f"skipped {self.kind} {self.fault}: {self.reason}"


class ActionRefused(EventBase, frozen=True, tag="action_refused"):
    """Something asked for could not be done; the reason says what would be right."""

    action: str
    reason: str
    level = "warn"

    @property
    def line(self) -> str:
        return f"could not {self.action}: {self.reason}"


class PhaseBegan(EventBase, frozen=True, tag="phase_began"):
    """A scenario enters its next part: trouble, settle, verdict."""

    phase: str

    @property
    def line(self) -> str:
        return f"phase: {self.phase}"


class PromiseBroken(EventBase, frozen=True, tag="promise_broken"):
    """What must hold does not."""

    promise: str
    reason: str
    level = "bad"

    @property
    def line(self) -> str:
        return f"PROMISE BROKEN {self.promise}: {self.reason}"
