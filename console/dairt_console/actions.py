"""The one registry of what a person can do here: keys, footer, palette and help are all made from it."""

from dataclasses import dataclass
from typing import Literal

from dairt.control.frames import Role

Group = Literal["Work", "Trouble", "Time", "View", "Questions"]
GROUPS: tuple[Group, ...] = ("Work", "Trouble", "Time", "View", "Questions")


@dataclass(frozen=True)
class Command:
    """One thing to do. `id` names its binding in keymaps; `role` is what the cluster must grant for it.

    `keep` ranks it in the footer, where the lowest leave first when it gets narrow; 0 is never there.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    group: Group
    role: Role = "view"
    keep: int = 0

    @property
    def key(self) -> str:
        """The first key as people read it."""
        return KEY_NAMES.get(self.keys[0], self.keys[0])

    @property
    def all_keys(self) -> str:
        """All its keys as people read them."""
        return " ".join(KEY_NAMES.get(key, key) for key in self.keys)


KEY_NAMES = {
    "escape": "esc", "ctrl+c": "^c",
    "full_stop": ".", "less_than_sign": "<", "greater_than_sign": ">", "question_mark": "?", "ctrl+p": "^p", "ctrl+q": "^q",
    "down": "↓", "up": "↑", "left": "←", "right": "→", "pageup": "pgup", "pagedown": "pgdn",
}  # fmt: skip


def _work(id: str, key: str, label: str, help: str, keep: int) -> Command:
    return Command(id, (key,), label, help, "Work", "operate", keep)


def _breaks(id: str, key: str, label: str, help: str, keep: int) -> Command:
    return Command(id, (key,), label, help, "Trouble", "inject", keep)


def _mends(id: str, key: str, label: str, help: str, keep: int) -> Command:
    return Command(id, (key,), label, help, "Trouble", "operate", keep)


def _time(id: str, key: str, label: str, help: str, keep: int) -> Command:
    return Command(id, (key,), label, f"{help} (world sim)", "Time", "operate", keep)


def _view(id: str, keys: str, label: str, help: str, keep: int = 0) -> Command:
    return Command(id, tuple(keys.split()), label, help, "View", keep=keep)


COMMANDS: tuple[Command, ...] = (
    _work("broadcast", "b", "broadcast", "Make a 4 MiB tensor at the selected node and send it to all", 80),
    _work("run_graph", "g", "graph", "Run a layered graph over all nodes, from the selected one", 79),
    _breaks("kill_socket", "k", "kill socket", "Reset the sockets between the selected node and a peer you pick", 90),
    _breaks("cut_link", "x", "cut", "Let nothing through between the selected node and a peer you pick", 70),
    _mends("heal_one", "h", "heal", "Heal one fault, such as a link that is cut; asks which, if there are several", 69),
    _breaks("kill_node", "K", "kill node", "End the selected node as SIGKILL does; asks first", 78),
    _mends("restart_node", "r", "restart", "Start the selected node again; one that is up is drained first", 77),
    _mends("heal_all", "H", "heal all", "Make every link whole and start every node that is down", 76),
    _time("pause", "p", "pause", "Stop virtual time, or let it go on", 81),
    _time("step", "full_stop", "step", "Let 0.1 s of virtual time pass, then pause", 40),
    _time("slower", "less_than_sign", "slower", "Let virtual time pass more slowly", 39),
    _time("faster", "greater_than_sign", "faster", "Let virtual time pass faster", 38),
    _view("freeze", "F", "freeze view", "Hold the view still; the cluster runs on", 50),
    _view("next_panel", "tab", "next panel", "Go to the next panel", 30),
    _view("previous_panel", "shift+tab", "previous panel", "Go to the panel before"),
    _view("up", "up", "up", "Move up in the panel or the list that has the focus; in Nodes, choose"),
    _view("down", "down", "down", "Move down"),
    _view("left", "left", "left", "Move left, in a picture"),
    _view("right", "right", "right", "Move right"),
    _view("page_up", "pageup", "page up", "Move up by a page"),
    _view("page_down", "pagedown", "page down", "Move down by a page"),
    _view("first", "home", "first", "Go to the first row"),
    _view("last", "end", "last", "Go to the last row; events follow the newest again"),
    _view("palette", "ctrl+p", "palette", "Find a command by name", 20),
    _view("help", "question_mark", "all keys", "Show all keys", 100),
    _view("quit", "q", "quit", "Leave; the cluster started here ends. In a question or in this list, leave only that", 99),
    _view("quit_anywhere", "ctrl+q ctrl+c", "quit", "Leave from anywhere"),
    Command("agree", ("enter", "y"), "do it", "Yes; do what is chosen", "Questions"),
    Command("decline", ("escape", "n"), "leave", "No; leave the question, and nothing is done", "Questions"),
)
BY_ID = {command.id: command for command in COMMANDS}
