"""The `:` line: words of the registry, a few of its own, and the `[[do]]` language of scenario files. Pure."""

import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dairt.errors import UsageError
from dairt.model.action import JOIN, Action
from dairt.model.action_toml import DO, Value
from dairt.model.toml_table import Table, suggestion
from dairt_console.actions import BY_ID, COMMANDS
from dairt_console.chosen import Chosen
from dairt_console.keys import MOVEMENT

# Shorter names, and what is written after them.
SHORT = {
    "kill": "kill_node", "reset": "kill_socket", "cut": "cut_link", "degrade": "degrade_link", "suspend": "pause_node",
    "restart": "restart_node", "wipe": "wipe_node", "graph": "run_graph", "run": "run_graph", "heal": "heal_all",
    "mend": "heal_one", "verify": "verify_checkpoint", "restore": "restore_checkpoint", "corrupt": "corrupt_checkpoint",
    "q": "quit", "keys": "help",
}  # fmt: skip
LINKS = ("kill_socket", "cut_link", "degrade_link")
CHECKPOINTS = ("verify_checkpoint", "restore_checkpoint", "corrupt_checkpoint")
NODES = ("broadcast", "run_graph", "checkpoint", "pause_node", "kill_node", "power_cut", "wipe_node", "restart_node")
# Words that take the rest of the line as it is.
WORDS = {
    "go": "a page", "node": "a node", "speed": "virtual seconds a second", "at": "a moment, such as 12.5 or 1:02",
    "find": "what to look for", "filter": "what to show", "save": "a file, or nothing", "record": "a file",
    "export": "svg, text or json, and a file or nothing", "theme": "a name, or nothing for the next", "dry-run": "an action",
}  # fmt: skip
_TOKEN = re.compile(r"""(?:"(?:[^"\\]|\\.)*"|\[[^\]]*\]|\{[^}]*\}|[^\s"])+""")
_ENTRY = re.compile(r"([a-z_]+)=(.*)", re.DOTALL)
_BARE = re.compile(r"true|false|[-+]?\d+(\.\d+)?|[\"'\[{].*", re.DOTALL)


@dataclass(frozen=True)
class Run:
    """A command of the registry, and what it is to act on where that was written."""

    command: str
    chosen: Chosen | None = None


@dataclass(frozen=True)
class Take:
    """An action; `dry` asks only what it would do."""

    action: Action
    dry: bool = False


@dataclass(frozen=True)
class Word:
    """One of WORDS, and the rest of the line."""

    word: str
    rest: str


Typed = Run | Take | Word


def read(line: str, names: Sequence[str]) -> Typed:
    """What a line says; `names` are the nodes. Raises UsageError, one sentence, for one that says nothing."""
    verb, _, rest = line.strip().removeprefix(":").strip().partition(" ")
    rest = rest.strip()
    if not verb:
        raise UsageError("write a command, such as kill n1; tab completes it")
    if verb == "dry-run" or verb == BY_ID["dry_run"].word:
        return Take(_action(rest, names), dry=True)
    if verb in WORDS:
        return Word(verb, rest)
    if verb in DO and ("=" in rest or (verb not in SHORT and verb not in BY_ID)):
        return Take(_action(line.strip().removeprefix(":"), names))
    if verb == "do" and rest.startswith("="):
        return Take(_pasted(line.strip().removeprefix(":"), names))
    command = SHORT.get(verb, verb.replace("-", "_"))
    if command not in BY_ID:
        raise UsageError(f"there is no command {verb!r}; {suggestion(verb, _verbs())}")
    return Run(command, _chosen(command, rest.split(), names))


def complete(line: str, names: Sequence[str], pages: Sequence[str], themes: Sequence[str]) -> list[str]:
    """The lines that this one may become by completing its last word, in order."""
    head, space, last = line.rpartition(" ")
    verb = head.split(" ", 1)[0] if space else ""
    if not space:
        words: Sequence[str] = _verbs()
    elif verb in ("dry-run",) and " " not in head.strip():
        words = sorted(DO)
    else:
        after: dict[str, Callable[[], Sequence[str]]] = {
            "go": lambda: pages,
            "theme": lambda: themes,
            "export": lambda: ("svg", "text", "json"),
        }
        words = after[verb]() if verb in after else names
    return [f"{head}{space}{word}" for word in words if word.startswith(last) and word != last]


def _verbs() -> list[str]:
    hidden = (*MOVEMENT, "quit_anywhere", "palette", "command_line")
    own = [command.word for command in COMMANDS if command.id not in hidden]
    return sorted(dict.fromkeys([*SHORT, *WORDS, *own, *DO]))


def _chosen(command: str, words: Sequence[str], names: Sequence[str]) -> Chosen | None:
    """What the words after a command name."""
    if not words:
        return None
    if command in CHECKPOINTS:
        key, *nodes = words
        return Chosen(key=key, node=_node(nodes[0], names) if nodes else "")
    if command == "heal_one":
        return Chosen(fault=words[0])
    most = 2 if command in LINKS else 1 if command in NODES else 0
    if len(words) > most:
        takes = {0: "nothing", 1: "a node", 2: "one node or two"}[most]
        raise UsageError(f"{BY_ID[command].word} takes {takes}, not {' '.join(words)}")
    nodes = [_node(word, names) for word in words]
    return Chosen(node=nodes[0], peer=nodes[1] if len(nodes) > 1 else "")


def _node(word: str, names: Sequence[str]) -> str:
    if word not in names:
        raise UsageError(f"there is no node {word!r}; {suggestion(word, names)}")
    return word


def _action(line: str, names: Sequence[str]) -> Action:
    """An action as `kind node key=value …`, or `kind a b …` on a link; the short words of nodes and links too."""
    if not line:
        raise UsageError("dry-run needs an action, such as dry-run node.kill n1")
    kind, *tokens = _TOKEN.findall(line)
    if kind not in DO:
        raise UsageError(f"{kind} is no kind of action; {suggestion(kind, DO)}")
    entries: dict[str, Value] = {}
    words: list[str] = []
    for token in tokens:
        match = _ENTRY.fullmatch(token)
        if match is None:
            words.append(token)
        else:
            entries[match[1]] = _value(match[1], match[2])
    ends: list[Value] = [[*word.split(JOIN)] if JOIN in word else word for word in words]
    if len(ends) == 1:
        entries["from" if kind in ("broadcast", "graph") else "node"] = ends[0]
    elif ends:
        entries["link"] = ends
    return made(kind, entries, names)


def _value(key: str, text: str) -> Value:
    """A value of an entry: as TOML has it, or a text without its quotes."""
    if not _BARE.fullmatch(text):
        return text
    try:
        value: Value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as exc:
        raise UsageError(f"{key}={text}: is no value of a scenario file: {exc}") from exc
    return value


def _pasted(line: str, names: Sequence[str]) -> Action:
    """An action as the console itself shows it: the entry of a scenario file on one line, its time left out."""
    try:
        entries = tomllib.loads(f"entry = {{ {line} }}")["entry"]
    except tomllib.TOMLDecodeError as exc:
        raise UsageError(f"this is no entry of a scenario file: {exc}") from exc
    entries.pop("at", None)
    kind = entries.pop("do")
    if kind not in DO:
        raise UsageError(f"do cannot be {kind!r}; {suggestion(str(kind), DO)}")
    return made(kind, entries, names)


def made(kind: str, entries: dict[str, Value], names: Sequence[str]) -> Action:
    """The action of a kind with these entries, as a scenario file has them. Raises UsageError."""
    table = Table(entries, kind, lambda *keys: ":")
    try:
        action = DO[kind](table, tuple(names))
        table.finish()
    except UsageError as exc:
        raise UsageError(str(exc).removeprefix(":: ")) from exc
    return action
