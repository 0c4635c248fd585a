"""The one registry of what a person can do here: keys, footer, palette, `:` commands and help are all made from it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from dairt.control.frames import Role

Group = Literal["Work", "Trouble", "Time", "Pages", "View", "Move"]
GROUPS: tuple[Group, ...] = ("Work", "Trouble", "Time", "Pages", "View", "Move")


@dataclass(frozen=True)
class Command:
    """One thing to do. `id` names its binding in keymaps; `role` is what the cluster must grant for it.

    `keep` ranks it in the footer, where the lowest leave first when it gets narrow; 0 is never there. `on` are the pages it
    is for, () all of them.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    group: Group
    role: Role = "view"
    keep: int = 0
    on: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The first key as people read it."""
        return KEY_NAMES.get(self.keys[0], self.keys[0])

    @property
    def all_keys(self) -> str:
        """All its keys as people read them."""
        return " ".join(KEY_NAMES.get(key, key) for key in self.keys)

    @property
    def word(self) -> str:
        """What it is called on the `:` line."""
        return self.id.replace("_", "-")


KEY_NAMES = {
    "escape": "esc", "ctrl+c": "^c", "enter": "⏎", "space": "space",
    "full_stop": ".", "comma": ",", "less_than_sign": "<", "greater_than_sign": ">", "question_mark": "?", "colon": ":",
    "left_curly_bracket": "{", "right_curly_bracket": "}", "left_parenthesis": "(", "right_parenthesis": ")",
    "left_square_bracket": "[", "right_square_bracket": "]", "semicolon": ";", "apostrophe": "'", "slash": "/", "minus": "-",
    "plus": "+", "equals_sign": "=", "underscore": "_",
    "ctrl+p": "^p", "ctrl+q": "^q", "ctrl+f": "^f", "ctrl+b": "^b",
    "down": "↓", "up": "↑", "left": "←", "right": "→", "pageup": "pgup", "pagedown": "pgdn",
}  # fmt: skip


def _work(id: str, key: str, label: str, help: str, keep: int = 0, *, on: tuple[str, ...] = ()) -> Command:
    return Command(id, (key,), label, help, "Work", "operate", keep, on)


def _breaks(id: str, key: str, label: str, help: str, keep: int = 0, *, on: tuple[str, ...] = ()) -> Command:
    return Command(id, (key,), label, help, "Trouble", "inject", keep, on)


def _mends(id: str, key: str, label: str, help: str, keep: int = 0) -> Command:
    return Command(id, (key,), label, help, "Trouble", "operate", keep)


def _steers(id: str, key: str, label: str, help: str, keep: int = 0) -> Command:
    return Command(id, (key,), label, f"{help} (world sim)", "Time", "operate", keep)


def _past(id: str, key: str, label: str, help: str, keep: int = 0) -> Command:
    return Command(id, (key,), label, help, "Time", keep=keep)


def _page(id: str, keys: str, label: str, help: str, keep: int = 0) -> Command:
    return Command(id, tuple(keys.split()), label, help, "Pages", keep=keep)


def _view(id: str, keys: str, label: str, help: str, keep: int = 0, *, on: tuple[str, ...] = ()) -> Command:
    return Command(id, tuple(keys.split()), label, help, "View", keep=keep, on=on)


def _moves(id: str, keys: str, label: str, help: str) -> Command:
    return Command(id, tuple(keys.split()), label, help, "Move")


OF_KEYS = ("checkpoints",)
COMMANDS: tuple[Command, ...] = (
    _work("broadcast", "b", "broadcast", "Make a 4 MiB tensor at the chosen node and send it to all", 80),
    _work("run_graph", "w", "run graph", "Put the cluster to work: run a graph over all nodes, from the chosen one", 79),
    _work("checkpoint", "a", "checkpoint", "Make a 1 MiB tensor at the chosen node, and write its checkpoint there", 41),
    _work("verify_checkpoint", "v", "verify", "Read the chosen key back from disk and check it", 92, on=OF_KEYS),
    _work("restore_checkpoint", "V", "restore", "Make good what is not whole of the chosen key", 91, on=OF_KEYS),
    _breaks("kill_socket", "x", "kill socket", "Reset the sockets between the chosen node and a peer you pick", 90),
    _breaks("cut_link", "c", "cut", "Let nothing through between the chosen node and a peer you pick", 70),
    _breaks("degrade_link", "d", "degrade", "Slow the link between the chosen node and a peer you pick: 60 ms, 8 MiB/s", 42),
    _breaks("pause_node", "z", "suspend", "Suspend the chosen node as SIGSTOP does; again, and it goes on", 43),
    _breaks("kill_node", "K", "kill node", "End the chosen node as SIGKILL does; asks first", 78),
    _breaks("power_cut", "P", "power cut", "Take the chosen node's power, and what was not synced (world sim); asks first"),
    _breaks("wipe_node", "W", "wipe", "Kill the chosen node and empty its disk; asks first"),
    _breaks("corrupt_checkpoint", "C", "corrupt", "Flip a bit in the chosen key's file; asks first", 90, on=OF_KEYS),
    _breaks("inject", "i", "inject", "Break anything: a form with every kind of fault, and what each would hit", 68),
    _mends("restart_node", "r", "restart", "Start the chosen node again; one that is up is drained first, and asks", 77),
    _mends("undo", "u", "undo", "Heal the last fault that was asked for here", 45),
    _mends("heal_one", "M", "mend", "Heal one fault, such as a link that is cut; asks which, if there are several", 69),
    _mends("heal_all", "H", "heal all", "Make every link whole and start every node that is down", 76),
    _steers("pause", "p", "pause", "Stop virtual time, or let it go on; in the past, hold or play", 81),
    _steers("step", "full_stop", "step", "Let 0.1 s of virtual time pass, then pause; in the past, go to the next look", 40),
    _steers("slower", "less_than_sign", "slower", "Let time pass more slowly", 39),
    _steers("faster", "greater_than_sign", "faster", "Let time pass faster", 38),
    _past("step_back", "comma", "step back", "Go to the look before, in the recording"),
    _past("seek_back", "left_curly_bracket", "back", "Go back by a twentieth of the recording", 37),
    _past("seek_on", "right_curly_bracket", "on", "Go on by a twentieth of the recording", 36),
    _past("fault_before", "left_parenthesis", "fault before", "Go to the fault before"),
    _past("fault_after", "right_parenthesis", "fault after", "Go to the fault after"),
    _past("checkpoint_before", "semicolon", "ckpt before", "Go to the checkpoint before"),
    _past("checkpoint_after", "apostrophe", "ckpt after", "Go to the checkpoint after"),
    _past("live", "L", "live", "Return to the present; in a replay, go to its end", 82),
    _page("go_overview", "1", "Overview", "Nodes, checkpoints, runs, faults and events at one look"),
    _page("go_topology", "2", "Topology", "Nodes, and the links between them"),
    _page("go_runs", "3", "Runs", "Graph runs: the graph, and what each worker did"),
    _page("go_nodes", "4", "Nodes", "All nodes, and one from close by"),
    _page("go_checkpoints", "5", "Checkpoints", "What is on disk, by key and by node"),
    _page("go_faults", "6", "Faults", "The story's steps, faults and promises"),
    _page("go_events", "7", "Events", "All that happened: search, filter, cause"),
    _page("open", "enter", "open", "Go into what is chosen; in a question or on a line being written: do it", 60),
    _page("back", "escape", "back", "One level up; out of a question or a line being written, and nothing is done", 59),
    _page("last_page", "minus", "last page", "Back to the page that was in front before"),
    _page("previous", "left_square_bracket", "previous", "The detail of the one before"),
    _page("next", "right_square_bracket", "next", "The detail of the next one"),
    _view("command_line", "colon", "command", "Write a command, such as :kill n1 or :go runs; tab completes it", 52),
    _view("find", "slash", "find", "Go to what matches; nothing typed is what was looked for last", 55),
    _view("find_next", "n", "next match", "Go to the next match"),
    _view("find_previous", "N", "previous match", "Go to the match before"),
    _view("filter", "f", "filter", "Show only what matches; nothing shows all", 54),
    _view("sort", "s", "sort", "Sort by the next order", 53, on=("nodes", "runs", "checkpoints", "faults")),
    _view("mark", "space", "mark", "Mark what is chosen, or take the mark away", on=("nodes",)),
    _view("copy", "y", "copy", "Copy what is chosen; in a question, the line that does the same", 48),
    _view("dry_run", "D", "dry run", "In a question: show what would happen, and do nothing"),
    _view("export", "e", "export", "Write the screen to a file, as a picture or text, or the cluster as JSON", 35),
    _view("save_session", "S", "save session", "Write what was done here as a scenario that plays it again", 47),
    _view("zoom_in", "plus equals_sign", "zoom in", "Show less of the time, and larger", 93, on=("runs", "faults")),
    _view("zoom_out", "underscore", "zoom out", "Show more of the time", 92, on=("runs", "faults")),
    _view("follow", "t", "follow", "Let the task stream or the timeline follow the newest", 91, on=("runs", "faults")),
    _view("matrix", "m", "matrix", "All links as a matrix, or as a ring again", 89, on=("topology",)),
    _view("surround", "o", "around", "Show the lines round each match, or only matches", 93, on=("events",)),
    _view("freeze", "F", "freeze view", "Hold the view still; the cluster runs on", 50),
    _view("read_only", "R", "look only", "Refuse to act from here on, or no more"),
    _view("theme", "T", "theme", "Other colours; :theme NAME has them all"),
    _view("palette", "ctrl+p", "palette", "Find a command by name", 20),
    _view("help", "question_mark", "all keys", "Show all keys", 100),
    _view("quit", "q", "quit", "Leave; the cluster started here ends. In a question or in this list, leave only that", 99),
    _view("quit_anywhere", "ctrl+q ctrl+c", "quit", "Leave from anywhere"),
    _moves("up", "up k", "up", "Move up; on a line being written, to the one before"),
    _moves("down", "down j", "down", "Move down"),
    _moves("left", "left h", "left", "Move left, in a picture"),
    _moves("right", "right l", "right", "Move right"),
    _moves("page_up", "pageup ctrl+b", "page up", "Move up by a page"),
    _moves("page_down", "pagedown ctrl+f", "page down", "Move down by a page"),
    _moves("first", "home g", "first", "Go to the first row"),
    _moves("last", "end G", "last", "Go to the last row; events follow the newest again"),
    _moves("next_panel", "tab", "next panel", "Go to the next panel; on the command line, complete the word"),
    _moves("previous_panel", "shift+tab", "previous panel", "Go to the panel before"),
)
BY_ID = {command.id: command for command in COMMANDS}


def rebound(keymap: Mapping[str, tuple[str, ...]]) -> tuple[Command, ...]:
    """The registry with other keys for some of its commands."""
    return tuple(replace(command, keys=keymap.get(command.id, command.keys)) for command in COMMANDS)
