"""What a person sets once: colours, keys, and how the console starts. Read from a TOML file, and printed as one."""

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Literal, get_args

from dairt.errors import UsageError
from dairt.model.toml_table import Table, suggestion
from dairt_console.actions import BY_ID, COMMANDS, KEY_NAMES, Command, rebound

PageName = Literal["overview", "topology", "runs", "nodes", "checkpoints", "faults", "events"]
PAGES: tuple[PageName, ...] = get_args(PageName)
WORLDS = ("tcp", "sim", "proc")
LOOKS_MAX = 30  # a second; more costs more than eyes see
WHAT = "the console's settings"
NAMES = {text: key for key, text in KEY_NAMES.items()}  # as people write keys, and as Textual calls them


@dataclass(frozen=True)
class Config:
    """All there is to set, with what holds where nothing is said. `looks` are a second; `keys` by the command's id."""

    theme: str = "textual-dark"
    start: str = "overview"
    looks: int = 10
    world: str = "tcp"
    read_only: bool = False
    record: bool = True
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def commands(self) -> tuple[Command, ...]:
        """The registry with the keys of this file."""
        return rebound(self.keys) if self.keys else COMMANDS

    def with_options(self, **given: str | int | None) -> "Config":
        """The same, with what the command line says. Raises UsageError for a theme or a number of looks that cannot be."""
        said = {name: value for name, value in given.items() if value is not None}
        checked_theme(str(said.get("theme", self.theme)), "--")
        _check_looks(int(said.get("looks", self.looks)), "--looks")
        return replace(self, **said)  # type: ignore[arg-type]  # each option is as its field is

    @property
    def keymap(self) -> dict[str, str]:
        """The keys as Textual takes them."""
        return {command: ",".join(keys) for command, keys in self.keys.items()}


def usual_path() -> Path:
    """Where the file is looked for when nobody names one."""
    home = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(home) if Path(home).is_absolute() else Path.home() / ".config") / "dairt" / "console.toml"


def load(path: Path | None) -> Config:
    """What a file says, or the usual one where there is one. Raises UsageError."""
    if path is None and not usual_path().exists():
        return Config()
    file = path or usual_path()
    try:
        return parse(file.read_text(encoding="utf-8"), str(file))
    except OSError as exc:
        raise UsageError(f"{file}: cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise UsageError(f"{file}: is no UTF-8 text") from exc


def parse(text: str, name: str) -> Config:
    """What such a text says; `name` is the file's. Raises UsageError, one sentence."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise UsageError(f"{name}: is no TOML: {exc}") from exc
    table = Table(values, WHAT, lambda *keys: name)
    usual = Config()
    looks = table.number("looks", usual.looks)
    _check_looks(looks, f"{name}: {WHAT}: looks")
    config = Config(
        theme=checked_theme(table.text("theme", usual.theme), f"{name}: {WHAT}: "),
        start=table.choice("start", PAGES, usual.start),
        looks=int(looks),
        world=table.choice("world", WORLDS, usual.world),
        read_only=table.flag("read_only", usual.read_only),
        record=table.flag("record", usual.record),
        keys=_keys(table.table("keys", {})),
    )
    table.finish()
    return config


def written(config: Config) -> str:
    """The settings as a file that reads back as the same."""
    lines = ["# Settings of dairt-console; what is left out is as it stands here.", f"# They are looked for in {usual_path()}."]
    for each in fields(config):
        if each.name != "keys":
            lines.append(f"{each.name} = {json.dumps(getattr(config, each.name))}")
    lines += ["", "[keys]"]
    for command in config.commands:
        keys = [KEY_NAMES.get(key, key) for key in command.keys]
        lines.append(f"{command.id} = {json.dumps(keys, ensure_ascii=False)}  # {command.label}")
    return "\n".join(lines) + "\n"


def checked_theme(name: str, place: str = "") -> str:
    """A theme that there is; raises UsageError for another."""
    if name != Config().theme:
        from textual.theme import BUILTIN_THEMES  # only where somebody wants another: the screen is there sooner

        if name not in BUILTIN_THEMES:
            raise UsageError(f"{place}theme cannot be {name!r}; {suggestion(name, sorted(BUILTIN_THEMES))}")
    return name


def _check_looks(looks: float, what: str) -> None:
    if looks not in range(1, LOOKS_MAX + 1):
        raise UsageError(f"{what} must be a whole number from 1 to {LOOKS_MAX}, not {looks:g}")


def _keys(table: Table) -> dict[str, tuple[str, ...]]:
    """The keys of commands that have others than usual; no key may be left with two meanings."""
    chosen: dict[str, tuple[str, ...]] = {}
    for command, value in table.items():
        if command not in BY_ID:
            raise table.error(command, f"is no command; {suggestion(command, BY_ID)}")
        words = [value] if isinstance(value, str) else value
        if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
            raise table.error(command, f'must be a key or a list of some, such as "x" or ["x", "ctrl+k"], not {value!r}')
        chosen[command] = tuple(_key(table, command, word) for word in words)
    meant: dict[str, str] = {}
    for each in rebound(chosen):
        for key in each.keys:
            if key in meant:
                raise table.error(each.id, f"cannot have {KEY_NAMES.get(key, key)!r}, which means {meant[key]}")
            meant[key] = each.id
    return {command: keys for command, keys in chosen.items() if keys != BY_ID[command].keys}


def _key(table: Table, command: str, word: str) -> str:
    from textual.keys import Keys  # only where somebody wants other keys

    key = NAMES.get(word, word)
    *modifiers, last = key.split("+")
    known = last in {each.value for each in Keys} | set(KEY_NAMES) or (len(last) == 1 and last.isalnum())
    if known and set(modifiers) <= {"ctrl", "shift", "alt"}:
        return key
    raise table.error(command, f"cannot have the key {word!r}: a key is a letter, f5, ctrl+k or such as --print-config shows")
