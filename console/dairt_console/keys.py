"""Textual bindings made from the registry, so that every binding has its id and no key is written down twice."""

from textual.binding import Binding

from dairt_console.actions import BY_ID, Command


def bind(command: str, action: str, *, priority: bool = False, also: str = "") -> list[Binding]:
    """The binding of one command's keys, and those of `also`, to a Textual action."""
    return [_binding(BY_ID[name], action, priority) for name in (command, also) if name]


def _binding(command: Command, action: str, priority: bool) -> Binding:
    return Binding(
        ",".join(command.keys), action, command.label, show=False, tooltip=command.help, id=command.id, priority=priority
    )
