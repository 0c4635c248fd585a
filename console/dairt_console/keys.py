"""Textual bindings made from the registry, so that every binding has its id and no key is written down twice."""

from collections.abc import Iterator

from textual.binding import Binding

from dairt_console.actions import BY_ID, COMMANDS, Command

# Bound by the widgets and pages that they move in.
MOVEMENT = tuple(command.id for command in COMMANDS if command.group == "Move")


def bind(command: str, action: str, *, priority: bool = False, also: str = "") -> list[Binding]:
    """The binding of one command's keys, and those of `also`, to a Textual action."""
    return [_binding(BY_ID[name], action, priority) for name in (command, also) if name]


def bind_all() -> Iterator[Binding]:
    """The bindings of all commands that the app itself obeys."""
    for command in COMMANDS:
        if command.id not in (*MOVEMENT, "palette"):
            yield from bind(command.id, f"command('{command.id}')", priority=command.id == "quit_anywhere")


def _binding(command: Command, action: str, priority: bool) -> Binding:
    return Binding(
        ",".join(command.keys), action, command.label, show=False, tooltip=command.help, id=command.id, priority=priority
    )
