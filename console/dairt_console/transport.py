"""Which moment is shown: the present, or one of the recording, standing still or going on. Knows no clock and no screen."""

from math import inf

from dairt.errors import UsageError
from dairt_console.draw.units import clock
from dairt_console.draw.units import speed as speed_text
from dairt_console.recording import Recording
from dairt_console.reducer import Seen
from dairt_console.transport_tape import MarkKind, Shown, Tape

SEEK_SHARE = 1 / 20  # of the recording, one press of a key
SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 50.0)  # seconds of the recording a second


class Transport:
    """Goes through a recording: one that still grows, with a present to return to, or with `is_replay` one that was."""

    def __init__(self, recording: Recording, *, is_replay: bool = False) -> None:
        self.recording = recording
        self.is_replay = is_replay
        self.speed = 1.0
        self._found: tuple[float, Seen] | None = None  # what was looked up last
        self._at_s: float | None = recording.first_s if is_replay else None  # None is the present
        self._is_playing = is_replay

    @property
    def is_live(self) -> bool:
        """True when the present is shown."""
        return self._at_s is None

    @property
    def obstacle(self) -> str:
        """Why nothing can be done to what is shown; "" in the present."""
        if self.is_replay:
            return "this is a recording: it can be looked at, and nothing can be done to it"
        if self._at_s is not None:
            return f"this is the past, {clock(self._at_s)}: L returns to the present, where things can be done"
        return ""

    def seen(self, present: Seen) -> Seen:
        """What is to be shown. Raises UsageError when the recording cannot be read there."""
        if self._at_s is None:
            return present
        if self._found is None or self._found[0] != self._at_s:
            self._found = self._at_s, self.recording.at(self._at_s)
        return self._found[1]

    def tape(self, present: Seen) -> Tape:
        """What the bar shows."""
        recording = self.recording
        if self._at_s is None:
            moves = present.link.state == "live" and (present.snapshot is None or present.snapshot.speed != 0)
            end_s = max(present.now_s, recording.last_s)
            return Tape(recording.first_s, end_s, end_s, "live", moves, 1.0, tuple(recording.marks))
        shown: Shown = "replay" if self.is_replay else "past"
        marks = tuple(recording.marks)
        return Tape(recording.first_s, recording.last_s, self._at_s, shown, self._is_playing, self.speed, marks)

    def advance(self, real_s: float) -> None:
        """Let so much time pass; a recording that is over stands still at its end, one that still grows is the present."""
        if self._at_s is None or not self._is_playing:
            return
        self._at_s += real_s * self.speed
        if self._at_s >= self.recording.last_s:
            if self.is_replay:
                self._at_s, self._is_playing = self.recording.last_s, False
            else:
                self.live()

    def live(self) -> str:
        """Return to the present, or in a replay go to the end; what to say of it."""
        if self.is_replay:
            self._at_s, self._is_playing = self.recording.last_s, False
            return "the end of the recording"
        self._at_s = None
        return "the present"

    def toggle(self) -> str:
        """Let the past go on, or hold it; from its end a replay begins again."""
        self._is_playing = not self._is_playing
        if self._is_playing and self.is_replay and self._at_s == self.recording.last_s:
            self._at_s = self.recording.first_s
        return f"playing {speed_text(self.speed)}" if self._is_playing else "held"

    def pace(self, by: int) -> str:
        """Play faster (1) or slower (-1)."""
        index = SPEEDS.index(self.speed) + by
        self.speed = SPEEDS[min(max(index, 0), len(SPEEDS) - 1)]
        return f"playing {speed_text(self.speed)}"

    def seek(self, at_s: float) -> str:
        """Go to a moment and stand still there, or play on where a replay plays."""
        if self.recording.is_empty:
            return "nothing is recorded yet"
        self._is_playing = self._is_playing and self._at_s is not None
        self._at_s = min(max(at_s, self.recording.first_s), self.recording.last_s)
        return f"t={clock(self._at_s, 2)} · {self._how_to_return}"

    def skip(self, by: int) -> str:
        """Go forward (1) or back (-1) by a twentieth of all there is; past the end is the present."""
        span_s = self.recording.last_s - self.recording.first_s
        to_s = self._here_s + by * span_s * SEEK_SHARE
        if by > 0 and to_s >= self.recording.last_s:
            return self.live()
        return self.seek(to_s)

    def step(self, by: int) -> str:
        """Go to the next (1) or the previous (-1) look at the world, and stand still there."""
        if by > 0 and self._at_s is None:
            return "this is the present already"
        said = self.seek(self.recording.step(self._here_s, by))
        self._is_playing = False
        return said

    def jump(self, kind: MarkKind, by: int) -> str:
        """Go to the next (1) or the previous (-1) fault or checkpoint."""
        if by > 0 and self._at_s is None:
            return "this is the present already"
        # From the present the last one counts, even if it is of this very moment.
        there = self.recording.mark(inf if self._at_s is None else self._at_s, kind, by)
        if there is None:
            return f"no {kind} {'after' if by > 0 else 'before'} t={clock(self._here_s, 2)}"
        return f"{kind} at {self.seek(there)}"

    def go(self, word: str) -> str:
        """Go to a moment given as seconds, minutes:seconds or hours:minutes:seconds. Raises UsageError for what is none."""
        at_s = 0.0
        parts = word.strip().split(":")
        try:
            for part in parts:
                at_s = at_s * 60 + float(part)
        except ValueError:
            at_s = float("nan")
        if len(parts) > 3 or not 0 <= at_s < float("inf"):
            raise UsageError(f"at {word}: a moment is written 12.5, 1:02 or 1:02:03")
        return self.seek(at_s)

    @property
    def _here_s(self) -> float:
        return self.recording.last_s if self._at_s is None else self._at_s

    @property
    def _how_to_return(self) -> str:
        return "p plays on" if self.is_replay else "L returns to the present"
