"""Recordings begun and opened for a console, and what its commands and clicks on the bar do with them."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from dairt.control.frames import ClientFrame
from dairt.errors import UsageError
from dairt_console.recording import Recording
from dairt_console.recording_file import RecordingFile
from dairt_console.recording_format import Frame
from dairt_console.reducer import LinkChanged, Seen
from dairt_console.transport import Transport
from dairt_console.transport_tape import Tape

# What each command of the registry does. In the present, those of the second table steer the cluster's own time.
_MOVES: dict[str, Callable[[Transport], str]] = {
    "seek_back": lambda transport: transport.skip(-1),
    "seek_on": lambda transport: transport.skip(1),
    "fault_before": lambda transport: transport.jump("fault", -1),
    "fault_after": lambda transport: transport.jump("fault", 1),
    "checkpoint_before": lambda transport: transport.jump("checkpoint", -1),
    "checkpoint_after": lambda transport: transport.jump("checkpoint", 1),
    "step_back": lambda transport: transport.step(-1),
    "live": lambda transport: transport.live(),
}
_MOVES_IN_THE_PAST: dict[str, Callable[[Transport], str]] = {
    "pause": lambda transport: transport.toggle(),
    "step": lambda transport: transport.step(1),
    "slower": lambda transport: transport.pace(-1),
    "faster": lambda transport: transport.pace(1),
}


class ReplayLink:
    """A link to nothing: all there is to show was recorded."""

    last_line = ""

    async def open(self) -> None:
        """See Link."""

    async def run(self, deliver: Callable[[Frame], None]) -> None:
        """See Link."""
        deliver(LinkChanged("connecting"))  # there is something to show: nobody need wait
        await asyncio.Event().wait()

    def send(self, frame: ClientFrame) -> None:
        """See Link: nobody takes it."""

    async def close(self) -> None:
        """See Link."""


def open_recording(path: Path) -> Recording:
    """A recording to be replayed; raises UsageError for what is none, or is of another dairt."""
    recording = Recording(RecordingFile.read(path))
    try:
        recording.at(recording.first_s)
    except UsageError as exc:
        recording.close()
        raise UsageError(f"{path}: {exc}") from exc
    return recording


class Times:
    """Where in time a console is: records what comes, and says what is shown. Without a recording there is only the present."""

    def __init__(
        self, recording: Recording | None, *, is_replay: bool = False, why_not: str = "", now: Callable[[], float] = monotonic
    ) -> None:
        self._transport = Transport(recording, is_replay=is_replay) if recording is not None else None
        self._why_not = why_not or "not recording: start without --no-record to go back in time"
        self._now = now
        self._began_s = self._looked_s = now()
        self.trouble = ""  # one sentence, once the recording could not be read

    @property
    def is_live(self) -> bool:
        """True when the present is shown."""
        return self._transport is None or self._transport.is_live

    @property
    def is_replay(self) -> bool:
        """True when there is no present at all."""
        return self._transport is not None and self._transport.is_replay

    @property
    def obstacle(self) -> str:
        """Why nothing can be done to what is shown; "" in the present."""
        return "" if self._transport is None else self._transport.obstacle

    @property
    def failure(self) -> str:
        """Why no more is recorded, in one sentence; "" while it is."""
        return "" if self._transport is None else self._transport.recording.failure

    def take(self, before: Seen, frame: Frame) -> None:
        """Record a frame that came just now; `before` is what was known until then."""
        if self._transport is not None and not self._transport.is_replay:
            self._transport.recording.record(before, frame, self._now() - self._began_s)

    def showing(self, present: Seen) -> Seen:
        """What is to be shown now."""
        now = self._now()
        real_s, self._looked_s = now - self._looked_s, now
        if self._transport is None:
            return present
        self._transport.advance(real_s)
        try:
            return self._transport.seen(present)
        except UsageError as exc:
            self.trouble = str(exc)
            self._transport.live()
            return present

    def tape(self, present: Seen) -> Tape | None:
        """What the bar shows; None without a recording."""
        return self._transport.tape(present) if self._transport is not None else None

    def do(self, command: str) -> str | None:
        """Obey a command about time; what to say of it, or None for one that is not about the recording, or not now."""
        move = _MOVES.get(command) or (None if self.is_live else _MOVES_IN_THE_PAST.get(command))
        if move is None:
            return None
        return self._why_not if self._transport is None else self._in_one_sentence(move)

    def seek(self, at_s: float) -> str:
        """Go to a moment; what to say of it."""
        return self._why_not if self._transport is None else self._in_one_sentence(lambda transport: transport.seek(at_s))

    def go(self, word: str) -> str:
        """Go to a moment that a person wrote; what to say of it. Raises UsageError for what is none."""
        return self._why_not if self._transport is None else self._transport.go(word)

    def save(self, path: Path) -> str:
        """Write the recording to a new file; what to say of it. Raises UsageError."""
        if self._transport is None:
            return self._why_not
        self._transport.recording.save(path)
        return f"saved · dairt-console --replay {path}"

    def close(self) -> None:
        """Write what is still to be written; a recording that nobody named is gone then."""
        if self._transport is not None:
            self._transport.recording.close()

    def _in_one_sentence(self, move: Callable[[Transport], str]) -> str:
        assert self._transport is not None
        try:
            return move(self._transport)
        except UsageError as exc:
            return str(exc)


def begin_times(path: Path | None) -> Times:
    """Times that record at a path, or where nobody looks and nothing is left; without a place for that, why they do not.

    Raises UsageError for a path that cannot be recorded at: that was asked for.
    """
    if path is not None:
        return Times(Recording(RecordingFile.named(path)))
    try:
        return Times(Recording(RecordingFile.unnamed()))
    except OSError as exc:
        return Times(None, why_not=f"not recording: {exc.filename or 'the state folder'}: {exc.strerror}")
