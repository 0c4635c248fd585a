"""What the words of the `:` line do that are about the console itself: files, colours, pages and moments."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dairt.control.frames import Save, Story
from dairt.errors import UsageError
from dairt.model.toml_table import suggestion
from dairt_console.chosen import Chosen
from dairt_console.command_line import Run, Take, Word, complete, read
from dairt_console.config import PAGES
from dairt_console.export import FORMATS, SUFFIXES, Format, free_path, read_format, snapshot_json, write_new
from dairt_console.plan_kinds import Cannot, Speed
from dairt_console.plans import plan
from dairt_console.screens.overlays import Choose

if TYPE_CHECKING:
    from dairt_console.app import ConsoleApp


class Words:
    """Obeys them for one app. What a person did wrong is a UsageError."""

    def __init__(self, app: "ConsoleApp") -> None:
        self._app = app

    def obey(self, word: str, rest: str) -> None:
        """Do what a word of the `:` line says. Raises UsageError."""
        app = self._app
        does: dict[str, Callable[[str], None]] = {
            "go": self._go,
            "node": self._node,
            "speed": self._speed,
            "at": self._at,
            "find": lambda pattern: app.find(pattern or app.pattern, 1),
            "filter": app.sift,
            "save": self.save,
            "record": self._record,
            "export": self._export,
            "theme": self.theme,
        }
        does[word](rest)

    def give(self, line: str) -> None:
        """Obey a line of the `:` language, or say what is wrong with it."""
        app = self._app
        if not line.strip():
            app.say("nothing done", "dim")
            return
        try:
            match read(line, [node.name for node in app.showing.nodes]):
                case Run(command, chosen):
                    app.action_command(command, chosen)
                case Take(action, dry):
                    app.take(action, dry=dry)
                case Word(word, rest):
                    self.obey(word, rest)
        except UsageError as exc:
            app.say(str(exc), "bad")

    def completions(self, line: str) -> list[str]:
        """What a line may become."""
        names = [node.name for node in self._app.showing.nodes]
        return complete(line, names, PAGES, sorted(self._app.available_themes))

    # -- where one is --------------------------------------------------------------------------------------------------

    def _go(self, page: str) -> None:
        pages = [name for name in PAGES if page and name.startswith(page.lower())]
        if page.isdecimal() and 1 <= int(page) <= len(PAGES):
            pages = [PAGES[int(page) - 1]]
        if not pages:
            raise UsageError(f"there is no page {page!r}; {suggestion(page, PAGES)}")
        self._app.desk.bring(pages[0])

    def _node(self, name: str) -> None:
        names = [node.name for node in self._app.showing.nodes]
        if name not in names:
            raise UsageError(f"there is no node {name!r}; {suggestion(name, names)}")
        desk = self._app.desk
        desk.bring("nodes", Chosen(node=name))
        desk.front.open()
        desk.show_chrome()

    def _speed(self, word: str) -> None:
        try:
            value = float(word.removeprefix("×"))
        except ValueError:
            value = -1.0
        if not value >= 0:
            raise UsageError(f"speed {word}: a speed is 0 (paused) or more, such as 5, 0.5 or inf")
        app = self._app
        steering = plan("pause", app.seen, Chosen())
        app.obey(Cannot(app.obstacle) if app.obstacle else steering if isinstance(steering, Cannot) else Speed(value))

    def _at(self, word: str) -> None:
        self._app.say(self._app.times.go(word), "accent")
        self._app.look_again()

    # -- files ---------------------------------------------------------------------------------------------------------

    def save(self, word: str) -> None:
        """Save the session as a scenario, at a path or a free name."""
        app = self._app
        try:
            if app.seen.link.state == "live" and not app.times.is_replay:
                number = app.asking.number("save the session")
                app.saving.ask(number, word, app.seen)
                app.send(Save(number))
            else:
                app.say(app.saving.over(word, app.showing if app.times.is_replay else app.seen), "good")
        except UsageError as exc:
            app.say(str(exc), "bad")

    def told(self, story: Story) -> None:
        """Write the session that was asked for."""
        try:
            said = self._app.saving.told(story, self._app.seen)
        except UsageError as exc:
            self._app.say(str(exc), "bad")
        else:
            if said:
                self._app.say(said, "good")

    def _record(self, word: str) -> None:
        if not word:
            raise UsageError("record needs a file to write the recording to, such as record trouble.rec")
        self._app.say(self._app.times.save(Path(word).expanduser()), "good")

    def ask_export(self) -> None:
        """Ask as what."""
        texts = ("a picture (SVG)", "the text of this page", "the cluster as JSON")

        def picked(number: int | None) -> None:
            if number is None:
                self._app.say("nothing done", "dim")
            else:
                # Once the question is off the screen, which is what is exported.
                self._app.call_after_refresh(self._export_or_say, FORMATS[number])

        self._app.push_screen(Choose("Export what?", texts), picked)

    def _export_or_say(self, word: str) -> None:
        try:
            self._export(word)
        except UsageError as exc:
            self._app.say(str(exc), "bad")

    def _export(self, words: str) -> None:
        word, _, name = words.partition(" ")
        kind = read_format(word)
        page = self._app.desk.front
        path = Path(name.strip()).expanduser() if name.strip() else free_path(f"dairt-{page.NAME}", SUFFIXES[kind])
        write_new(path, self._exported(kind))
        self._app.say(f"written: {path}", "good")

    def _exported(self, kind: Format) -> str:
        match kind:
            case "svg":
                return self._app.export_screenshot(title="dairt-console")
            case "text":
                return self._app.desk.front.text() + "\n"
            case _:
                return snapshot_json(self._app.showing)

    def copy(self) -> None:
        """Put what is chosen on the clipboard."""
        text = self._app.desk.front.copy()
        if not text:
            self._app.say("nothing is chosen to copy", "dim")
            return
        self._app.copy_to_clipboard(text)
        lines = text.count("\n") + 1
        self._app.say(f"copied {text}" if lines == 1 else f"copied {lines} lines", "good")

    # -- colours -------------------------------------------------------------------------------------------------------

    def theme(self, name: str) -> None:
        """Take these colours, or with "" the next. Raises UsageError for a name that is none."""
        app = self._app
        names = sorted(app.available_themes)
        if not name:
            name = names[(names.index(app.theme) + 1) % len(names)]
            app.say(f"theme {name}", "dim")
        elif name not in names:
            raise UsageError(f"there is no theme {name!r}; {suggestion(name, names)}")
        app.theme = name
