"""What came of a run: for people, as text; for programs, as JSON."""

from typing import Any, Literal

import msgspec

from dairt.model.events import ActionRefused, Entry, FaultFired, FaultHealed, FaultSkipped
from dairt.model.views import PromiseView

Verdict = Literal["held", "violated", "inconclusive", "stopped"]
EXIT_CODES: dict[Verdict, int] = {"held": 0, "violated": 1, "inconclusive": 3, "stopped": 130}
HAPPENED_MAX = 500  # lines of what happened in a report; a story that runs for days has more
GLYPHS = {"holds": "✓", "pending": "·", "broken": "✗"}


class Happening(msgspec.Struct, frozen=True):
    """A fault that fired, healed or was skipped, or something that was refused."""

    time_s: float
    what: Literal["fired", "healed", "skipped", "refused"]
    id: str
    text: str


class Report(msgspec.Struct, frozen=True):
    """What came of playing a scenario. `digest` is over all events, and only where time is simulated.

    `seconds` are of the story, `wall_s` of those who waited; `left_out` counts happenings past the first 500; `metrics` are
    what each metric measured; `allow_python` is whether code that the story names was run.
    """

    scenario: str
    source: str
    world: str
    seed: int
    verdict: Verdict
    reason: str
    seconds: float
    wall_s: float
    events: int
    digest: str
    happened: tuple[Happening, ...]
    left_out: int
    promises: tuple[PromiseView, ...]
    metrics: dict[str, list[float]] = {}
    allow_python: bool = False

    @property
    def exit_code(self) -> int:
        """0 held, 1 violated, 3 inconclusive, 130 stopped by someone."""
        return EXIT_CODES[self.verdict]

    @property
    def replay(self) -> str:
        """The command that plays this again."""
        python = " --allow-python" if self.allow_python else ""
        return f"dairt play {self.source or self.scenario} --world {self.world} --seed {self.seed}{python}"

    def text(self) -> str:
        """The report for people; its last line is the digest, where there is one."""
        lines = [f"{self.scenario} in the world {self.world}, seed {self.seed}: {self.seconds:.2f} s in {self.wall_s:.2f} s"]
        lines += [f"  {h.time_s:9.3f} s  {h.what:8} {h.text}" for h in self.happened]
        lines += [f"  and {self.left_out} more"] if self.left_out else []
        lines += [f"  {GLYPHS[p.state]} {p.state:8} {p.promise}{f': {p.reason}' if p.reason else ''}" for p in self.promises]
        lines += [f"{self.verdict}: {self.reason}" if self.reason else self.verdict]
        lines += [f"again: {self.replay}"] if self.verdict in ("violated", "inconclusive") else []
        lines += [f"digest {self.digest}"] if self.digest else []
        return "\n".join(lines)

    def values(self) -> dict[str, Any]:
        """The report as plain values, with the exit code and the command that plays it again."""
        return {**msgspec.to_builtins(self), "exit_code": self.exit_code, "replay": self.replay}

    def json(self) -> str:
        """The report for programs."""
        return msgspec.json.encode(self.values()).decode()


class Scribe:
    """Collects from the journal what a report tells."""

    def __init__(self) -> None:
        self.happened: list[Happening] = []
        self.events = 0
        self.left_out = 0

    def __call__(self, entry: Entry) -> None:
        """Hear of an event: a journal listener."""
        self.events += 1
        match entry.event:
            case FaultFired(fault=fault, text=text):
                self._note(Happening(entry.time_s, "fired", fault, f"{fault}: {text}"))
            case FaultHealed(fault=fault, text=text):
                self._note(Happening(entry.time_s, "healed", fault, f"{fault}: {text}"))
            case FaultSkipped(fault=fault, reason=reason):
                self._note(Happening(entry.time_s, "skipped", fault, f"{fault}: {reason}"))
            case ActionRefused(action=action, reason=reason):
                self._note(Happening(entry.time_s, "refused", "", f"{action}: {reason}"))

    def _note(self, happening: Happening) -> None:
        if len(self.happened) < HAPPENED_MAX:
            self.happened.append(happening)
        else:
            self.left_out += 1
