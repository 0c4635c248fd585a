"""The Textual app: frames in, ten looks a second out, and commands obeyed. It owns no process and no socket."""

from collections.abc import Callable
from time import monotonic
from typing import ClassVar, Protocol

from textual.app import App
from textual.binding import BindingType
from textual.screen import Screen

from dairt.control import frames
from dairt.control.frames import Answer, ClientFrame, ServerFrame, SetSpeed
from dairt.model.action import Action
from dairt_console.actions import BY_ID, Command
from dairt_console.asking import Asking
from dairt_console.blast import dry_run
from dairt_console.chosen import Chosen
from dairt_console.collector import Collector
from dairt_console.config import PAGES, Config
from dairt_console.draw.deed import deed_line
from dairt_console.draw.spans import Span, Tone, clean
from dairt_console.draw.units import clock, speed
from dairt_console.keys import bind, bind_all
from dairt_console.pages.page import Page
from dairt_console.plan_kinds import Act, Ask, Cannot, Pick, Plan, Speed, StepTime
from dairt_console.plans import STEERING, obstacle_to, plan, plan_action, plan_undo
from dairt_console.reducer import LinkChanged, Seen, apply
from dairt_console.replay import Times
from dairt_console.screens.desk import Desk, Look
from dairt_console.screens.inject import Inject
from dairt_console.screens.overlays import Choose, Confirm, Help
from dairt_console.screens.palette import RegistryCommands
from dairt_console.session import Saving
from dairt_console.widgets.chrome import KeyLine, PageLine
from dairt_console.widgets.prompt import Prompt
from dairt_console.widgets.transport import Transport
from dairt_console.words import Words

_INDENT: Span = (" ", "plain")
FIRST_WORDS = "↑↓ choose a node, then a key acts on it"
REPLAY_WORDS = "a recording: p holds and plays it, ( ) go from fault to fault, { } back and on"


class Sender(Protocol):
    """Where frames for the cluster go."""

    def __call__(self, frame: ClientFrame, /) -> None: ...


class ConsoleApp(App[int]):
    """Shows one cluster and passes on what a person wants done to it."""

    CSS_PATH = "console.tcss"
    TITLE = "dairt"
    COMMANDS: ClassVar = {RegistryCommands}
    BINDINGS: ClassVar[list[BindingType]] = [*bind_all(), *bind("palette", "command_palette", priority=True)]

    def __init__(
        self,
        send: Sender,
        scenario: str,
        opening: str,
        collector: Collector | None = None,
        *,
        times: Times | None = None,
        config: Config | None = None,
    ) -> None:
        super().__init__()
        self._send = send
        self._collector = collector
        self._config = config or Config()
        self.commands: tuple[Command, ...] = self._config.commands
        self.times = times or Times(None)
        self.seen = Seen()
        self.asking = Asking()
        self.saving = Saving()
        self._words = Words(self)
        self._still: Seen | None = None  # what a frozen view shows
        self._shown: Seen | None = None
        self._read_only = self._config.read_only
        self._resume_at = 1.0  # the speed that ends a pause
        self._holding = False  # a pause or a step is what was asked for last
        self.pattern = ""  # what was searched for last
        self._started = monotonic()
        self.desk = Desk(scenario, opening, self._config.start, self.commands, self._words.completions)
        keys = next(command.key for command in self.commands if command.id == "help")
        self.say(f"{REPLAY_WORDS if self.times.is_replay else FIRST_WORDS}; {keys} shows all keys", "dim")

    def get_default_screen(self) -> Screen[None]:
        return self.desk

    def on_mount(self) -> None:
        self.set_keymap(self._config.keymap)
        self._words.theme(self._config.theme)
        self.set_interval(1 / self._config.looks, self.look)
        self.look()
        if self._collector is not None:
            self.call_after_refresh(self._collector.mounted)

    # -- frames in -----------------------------------------------------------------------------------------------------

    def deliver(self, frame: ServerFrame | LinkChanged) -> None:
        """Take in one frame; it is shown at the next look."""
        self.times.take(self.seen, frame)
        self.seen = apply(self.seen, frame)
        if self.seen.never_was and self.is_running:
            self.exit(return_code=0)  # why belongs on the terminal: there is nothing to look at
        match frame:
            case Answer():
                self._answered(frame)
            case frames.Story():
                self._words.told(frame)
            case LinkChanged(state="lost") if self.seen.link.state == "lost":
                self.say(f"lost, q leaves · {self.seen.link.text}", "bad")
            case frames.Bye():
                how = f"failed with exit code {frame.exit}" if frame.exit else "finished"
                self.say(f"{how}, q leaves · {frame.reason}", "bad" if frame.exit else "strong")

    def _answered(self, answer: Answer) -> None:
        said = self.asking.answered(answer)
        if answer.state == "refused":
            self.saving.refused(answer.id)
        if said is not None:
            self.say(*said)
        self._tell_deed()

    @property
    def showing(self) -> Seen:
        """What is on the screen: the present, a view that is held, or a moment of the recording."""
        return self._shown or self.seen

    def look(self) -> None:
        """Show what is new; the timer does ten times a second."""
        showing = self._still or self.times.showing(self.seen)
        waiting = showing.snapshot is None and showing.link.state == "connecting"
        news = showing is not self._shown
        if (news or waiting) and self.is_running and self.desk.is_mounted:
            self._shown = showing
            self._show(showing)
        elif not self.times.is_live and self.desk.is_mounted:
            self.desk.transport.show_tape(self.times.tape(self.seen))  # which grows, whatever is looked at
        if self.times.trouble:
            self.say(self.times.trouble, "bad")
            self.times.trouble = ""
        if self._collector is not None:
            self._collector.tick(news=news)

    def _show(self, seen: Seen) -> None:
        elapsed_s = monotonic() - self._started
        held = self._still is not None
        self.desk.show(seen, Look(held, self._read_only, elapsed_s, self.times.tape(self.seen)))
        self._tell_deed()

    def look_again(self) -> None:
        """Show all anew, also where nothing new has come."""
        self._shown = None
        self.look()

    # -- commands ------------------------------------------------------------------------------------------------------

    def action_command(self, command: str, chosen: Chosen | None = None) -> None:
        """Do what the registry's command says, to what is chosen on the page in front."""
        own = self._own_commands().get(command)
        if own is not None:
            own()
        elif command.startswith("go_"):
            self.desk.bring(command.removeprefix("go_"))
        elif (said := self.times.do(command)) is not None:
            self.say(said, "accent")
            self.look_again()
        elif command in STEERING or BY_ID[command].role != "view":
            self._act_on(command, chosen or self.desk.front.chosen())
        else:
            page = self.desk.front
            self.say(page.do(command) or f"{BY_ID[command].label}: nothing of that on {page.TITLE}", "dim")
            self.desk.show_chrome()

    def _own_commands(self) -> dict[str, Callable[[], object]]:
        """The commands that are about the console and its pages, and not about the cluster."""
        page, words = self.desk.front, self._words
        return {
            "help": lambda: self.push_screen(Help(self.commands)),
            "palette": self.action_command_palette,
            "freeze": self._freeze,
            "quit": lambda: self.exit(return_code=0),
            "quit_anywhere": lambda: self.exit(return_code=0),
            "open": lambda: self._moved(page.open),
            "back": self._back,
            "previous": lambda: self._moved(lambda: page.neighbour(-1)),
            "next": lambda: self._moved(lambda: page.neighbour(1)),
            "last_page": self.desk.bring_last,
            "command_line": lambda: self.desk.write("command"),
            "find": lambda: self.desk.write("find"),
            "filter": lambda: self.desk.write("filter"),
            "find_next": lambda: self.find(self.pattern, 1),
            "find_previous": lambda: self.find(self.pattern, -1),
            "sort": lambda: self.say(page.sort(), "dim"),
            "mark": lambda: self.say(page.mark(), "dim"),
            "copy": words.copy,
            "dry_run": lambda: self.say("D is for questions; elsewhere :dry-run says what an action would do", "dim"),
            "undo": lambda: self.obey(self._undo()),
            "inject": self._inject,
            "read_only": self._toggle_read_only,
            "theme": lambda: words.theme(""),
            "export": words.ask_export,
            "save_session": lambda: words.save(""),
        }

    def _moved(self, move: Callable[[], None]) -> None:
        move()
        self.desk.show_chrome()

    def _back(self) -> None:
        self.desk.front.back()
        self.desk.show_chrome()

    @property
    def obstacle(self) -> str:
        """Why nothing can be done to the cluster from here; "" where it can."""
        if self.times.obstacle:
            return self.times.obstacle
        return "this console only looks: R lets it act" if self._read_only else ""

    def _act_on(self, command: str, chosen: Chosen) -> None:
        if self.obstacle:
            self.say(self.obstacle, "warn")
        else:
            self.obey(plan(command, self.seen, chosen, self._resume_at, held=self._holding))

    def _inject(self) -> None:
        """Let a person fill in what to break, beginning with what is chosen."""
        obstacle = Cannot(self.obstacle) if self.obstacle else obstacle_to(BY_ID["inject"], self.seen)
        if obstacle is not None:
            self.obey(obstacle)
        else:
            self.push_screen(Inject(lambda: self.seen, self.desk.front.chosen()), self._decided)

    def _undo(self) -> Plan:
        return Cannot(self.obstacle) if self.obstacle else plan_undo(self.seen, self.asking.own)

    def take(self, action: Action, *, dry: bool = False) -> None:
        """Do an action that was written down; or say what it would do."""
        if dry:
            asked = Ask(f"Dry run: {action}", (), action)
            self._confirm(asked, tried=True)
        else:
            self.obey(Cannot(self.obstacle) if self.obstacle else plan_action(self.seen, action))

    def obey(self, what: Plan) -> None:
        """Send what is to be sent, and ask what is to be asked."""
        match what:
            case Cannot(reason):
                self.say(reason, "warn")
            case Act(action):
                self._act(action)
            case Ask():
                self._confirm(what)
            case Pick(question, choices):
                texts = [text for text, _ in choices]
                self.push_screen(
                    Choose(question, texts), lambda number: self._decided(None if number is None else choices[number][1])
                )
            case Speed(value):
                self._note_speed(value)
                self._send(SetSpeed(self.asking.number(f"time {speed(value)}"), value))
            case StepTime(seconds):
                self._note_speed(0.0)
                self._send(frames.Step(self.asking.number(f"step {seconds:g} s"), seconds))

    def _confirm(self, ask: Ask, *, tried: bool = False) -> None:
        self.push_screen(Confirm(ask, self.seen.now_s, dry_run(self.seen, ask.action), tried=tried), self._decided)

    def _decided(self, action: Action | None) -> None:
        if action is None:
            self.say("nothing done", "dim")
        elif self.obstacle:
            self.say(self.obstacle, "warn")
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
        question = self.asking.act(action, self.seen.now_s)
        self._tell_deed()
        self._send(question)

    def _tell_deed(self) -> None:
        if self.asking.deed is not None:
            self.desk.say((_INDENT, *deed_line(self.asking.deed, self.seen, self.size.width - 1)))

    def _freeze(self) -> None:
        self._still = None if self._still else self.showing
        if self._still:
            self.say(f"view held at t={clock(self._still.now_s)}; the cluster runs on · F lets the view go on", "accent")
        else:
            self.say("view goes on", "dim")
        self.look_again()

    def _toggle_read_only(self) -> None:
        self._read_only = not self._read_only
        self.say("from here on nothing is done from here: R ends that" if self._read_only else "actions act again", "accent")
        self.look_again()

    def find(self, pattern: str, step: int) -> None:
        """Go to the next or the previous match on the page in front."""
        self.pattern = pattern
        self.say(self.desk.front.find(pattern, step) if pattern else "nothing was searched for yet: / does", "dim")
        self.desk.show_chrome()

    def sift(self, pattern: str) -> None:
        """Show only what matches on the page in front."""
        self.say(f"only {pattern}" if pattern else "all is shown", "dim")
        self.desk.front.sift(pattern)  # which says so when it is no filter

    def send(self, frame: ClientFrame) -> None:
        """Send a frame that asks for no action."""
        self._send(frame)

    def say(self, text: str, tone: Tone) -> None:
        """Say something on the status line, and tell of the last deed no more."""
        self.asking.forget()
        self.desk.say((_INDENT, (clean(text), tone)))

    # -- what pages, lines and prompts post ----------------------------------------------------------------------------

    def on_page_say(self, message: Page.Say) -> None:
        self.say(message.text, message.tone)

    def on_page_tell(self, message: Page.Tell) -> None:
        self._send(message.frame)

    def on_page_go(self, message: Page.Go) -> None:
        self.desk.bring(message.page, message.chosen)

    def on_page_moved(self) -> None:
        self.desk.show_chrome()

    def on_page_line_chosen(self, message: PageLine.Chosen) -> None:
        self.desk.bring(PAGES[message.number])

    def on_key_line_pressed(self, message: KeyLine.Pressed) -> None:
        self.action_command(message.command)

    def on_transport_pressed(self, message: Transport.Pressed) -> None:
        self.action_command(message.button)

    def on_transport_sought(self, message: Transport.Sought) -> None:
        self.say(self.times.seek(message.at_s), "accent")
        self.look_again()

    # -- lines that are written ----------------------------------------------------------------------------------------

    def on_prompt_written(self, message: Prompt.Written) -> None:
        if message.kind == "filter":
            self.desk.front.sift(message.line)
        elif message.kind == "command":
            ahead = [line.rpartition(" ")[2] for line in self._words.completions(message.line)]
            self.say("   ".join(ahead), "dim")

    def on_prompt_given(self, message: Prompt.Given) -> None:
        self.desk.written()
        match message.kind:
            case "find":
                self.find(message.line or self.pattern, 1)
            case "filter":
                self.sift(message.line)
            case _:
                self._words.give(message.line)

    def on_prompt_left(self, message: Prompt.Left) -> None:
        self.desk.written()
        if message.kind == "filter":
            self.desk.front.sift("")
        self.say("nothing done", "dim")
