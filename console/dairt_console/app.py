"""The Textual app: frames in, ten looks a second out, and plans obeyed. It owns no process and no socket."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count
from time import monotonic
from typing import ClassVar, Protocol

from textual.app import App
from textual.binding import Binding, BindingType
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.screen import Screen

from dairt.control import frames
from dairt.control.frames import Answer, ClientFrame, ServerFrame, SetSpeed
from dairt.model.action import Action
from dairt_console.actions import COMMANDS, Command
from dairt_console.collector import Collector
from dairt_console.draw.deed import Deed, deed_line
from dairt_console.draw.spans import Span, Tone, clean
from dairt_console.draw.units import clock, speed
from dairt_console.keys import bind
from dairt_console.plans import Act, Ask, Cannot, Pick, Plan, Speed, StepTime, plan
from dairt_console.reducer import LinkChanged, Seen, apply
from dairt_console.screens.overlays import Choose, Confirm, Help
from dairt_console.screens.overview import Overview

LOOKS_A_SECOND = 10
# Bound by widgets and overlays.
ELSEWHERE = (
    "up", "down", "left", "right", "page_up", "page_down", "first", "last", "next_panel", "previous_panel", "agree", "decline",
)  # fmt: skip


_INDENT: Span = (" ", "plain")


class Sender(Protocol):
    """Where frames for the cluster go."""

    def __call__(self, frame: ClientFrame, /) -> None: ...


class RegistryCommands(Provider):
    """The command palette's entries: the registry."""

    async def discover(self) -> Hits:
        for command in _callable_commands():
            yield DiscoveryHit(f"{command.label}  ({command.key})", self._call(command), help=command.help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for command in _callable_commands():
            text = f"{command.label}: {command.help}"
            if (score := matcher.match(text)) > 0:
                yield Hit(score, matcher.highlight(text), self._call(command), help=f"key {command.key}")

    def _call(self, command: Command) -> Callable[[], None]:
        app = self.app
        assert isinstance(app, ConsoleApp)
        return lambda: app.action_command(command.id)


def _callable_commands() -> Iterable[Command]:
    return (command for command in COMMANDS if command.id not in (*ELSEWHERE, "palette", "quit_anywhere"))


def _bindings() -> Iterable[Binding]:
    for command in COMMANDS:
        if command.id not in (*ELSEWHERE, "palette"):
            yield from bind(command.id, f"command('{command.id}')", priority=command.id == "quit_anywhere")


class ConsoleApp(App[int]):
    """Shows one cluster and passes on what a person wants done to it."""

    CSS_PATH = "console.tcss"
    TITLE = "dairt"
    COMMANDS: ClassVar = {RegistryCommands}
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [*_bindings()]

    def __init__(self, send: Sender, scenario: str, opening: str, collector: Collector | None = None) -> None:
        super().__init__()
        self._send = send
        self._collector = collector
        self.seen = Seen()
        self._still: Seen | None = None  # what a frozen view shows
        self._shown: Seen | None = None
        self._questions = count(1)
        self._asked: dict[int, str] = {}  # what each unanswered question was, by its id
        self._deed: Deed | None = None  # what the status line tells of, with its question
        self._deed_asked = 0
        self._resume_at = 1.0  # the speed that ends a pause
        self._holding = False  # a pause or a step is what was asked for last
        self._started = monotonic()
        self.overview = Overview(scenario, opening)
        self._say("↑↓ choose a node, then a key acts on it; ? shows all keys", "dim")

    def get_default_screen(self) -> Screen[None]:
        return self.overview

    def on_mount(self) -> None:
        self.set_interval(1 / LOOKS_A_SECOND, self.look)
        self.look()
        if self._collector is not None:
            self.call_after_refresh(self._collector.mounted)

    # -- frames in -----------------------------------------------------------------------------------------------------

    def deliver(self, frame: ServerFrame | LinkChanged) -> None:
        """Take in one frame; it is shown at the next look."""
        self.seen = apply(self.seen, frame)
        if self.seen.never_was and self.is_running:
            self.exit(return_code=0)  # why belongs on the terminal: there is nothing to look at
        match frame:
            case Answer():
                self._answered(frame)
            case LinkChanged(state="lost") if self.seen.link.state == "lost":
                self._say(f"lost, q leaves · {self.seen.link.text}", "bad")
            case frames.Bye():
                how = f"failed with exit code {frame.exit}" if frame.exit else "finished"
                self._say(f"{how}, q leaves · {frame.reason}", "bad" if frame.exit else "strong")

    def look(self) -> None:
        """Show what is new; the timer does ten times a second."""
        showing = self._still or self.seen
        waiting = showing.snapshot is None and showing.link.state == "connecting"
        news = showing is not self._shown
        if (news or waiting) and self.is_running and self.overview.is_mounted:
            self._shown = showing
            self.overview.show(showing, frozen=self._still is not None, elapsed_s=monotonic() - self._started)
            self._tell_deed()
        if self._collector is not None:
            self._collector.tick(news=news)

    # -- commands ------------------------------------------------------------------------------------------------------

    def action_command(self, command: str) -> None:
        """Do what the registry's command says."""
        match command:
            case "help":
                self.push_screen(Help())
            case "freeze":
                self._freeze()
            case "quit" | "quit_anywhere":
                self.exit(return_code=0)
            case _:
                self._obey(plan(command, self.seen, self.overview.nodes.chosen, self._resume_at, held=self._holding))

    def _obey(self, what: Plan) -> None:
        match what:
            case Cannot(reason):
                self._say(reason, "warn")
            case Act(action):
                self._act(action)
            case Ask():
                self.push_screen(Confirm(what, self.seen.now_s), self._chosen)
            case Pick():
                self.push_screen(Choose(what), self._chosen)
            case Speed(value):
                self._note_speed(value)
                number = self._question(f"time {speed(value)}")
                self._send(SetSpeed(number, value))
            case StepTime(seconds):
                self._note_speed(0.0)
                number = self._question(f"step {seconds:g} s")
                self._send(frames.Step(number, seconds))

    def _chosen(self, action: Action | None) -> None:
        if action is None:
            self._say("nothing done", "dim")
        else:
            self._act(action)

    def _note_speed(self, wanted: float) -> None:
        """Remember the speed to go on at after a pause. A step under way shows one of its own, which nobody asked for."""
        now = self.seen.snapshot.speed if self.seen.snapshot else 0.0
        if wanted > 0:
            self._resume_at = wanted
        elif now > 0 and not self._holding:
            self._resume_at = now
        self._holding = wanted == 0

    def _act(self, action: Action) -> None:
        self._deed_asked = self._question(str(action))
        self._deed = Deed(action, self.seen.now_s)
        self._tell_deed()
        self._send(frames.Act(self._deed_asked, action))

    def _tell_deed(self) -> None:
        if self._deed is not None:
            self.overview.say((_INDENT, *deed_line(self._deed, self.seen, self.size.width - 1)))

    def _question(self, what: str) -> int:
        number = next(self._questions)
        self._asked[number] = what
        return number

    def _answered(self, answer: Answer) -> None:
        what = self._asked.get(answer.id)
        if what is None:
            return  # to a question of somebody else who uses this link, such as docs/make_picture.py
        mine = self._deed if answer.id == self._deed_asked else None
        match answer.state:
            case "armed":
                if mine is not None:
                    self._deed = replace(mine, state="armed")
            case "taken":
                if mine is not None:
                    self._deed = replace(mine, state="taken", at_s=answer.at_s, fault=answer.fault)
            case "refused":
                self._say(f"refused: {answer.reason} · {what}", "bad")
            case "done":
                self._say(f"done  {what}", "good")
        self._tell_deed()
        if answer.state != "armed":
            self._asked.pop(answer.id, None)

    def _freeze(self) -> None:
        self._still = None if self._still else self.seen
        self._shown = None
        if self._still:
            self._say(f"view held at t={clock(self._still.now_s)}; the cluster runs on · F lets the view go on", "accent")
        else:
            self._say("view goes on", "dim")
        self.look()

    def _say(self, text: str, tone: Tone) -> None:
        self._deed = None
        self.overview.say((_INDENT, (clean(text), tone)))
