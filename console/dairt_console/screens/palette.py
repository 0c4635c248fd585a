"""The command palette: the registry, found by a few letters."""

from collections.abc import Callable, Iterator
from typing import Protocol, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from dairt_console.actions import Command
from dairt_console.keys import MOVEMENT


class Commanded(Protocol):
    """An app that obeys commands of the registry."""

    commands: tuple[Command, ...]

    def action_command(self, command: str) -> None: ...


class RegistryCommands(Provider):
    """The palette's entries."""

    async def discover(self) -> Hits:
        for command in self._offered():
            yield DiscoveryHit(f"{command.label}  ({command.key})", self._call(command), help=command.help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for command in self._offered():
            text = f"{command.label}: {command.help}"
            if (score := matcher.match(text)) > 0:
                yield Hit(score, matcher.highlight(text), self._call(command), help=f"key {command.key} · :{command.word}")

    @property
    def _console(self) -> Commanded:
        return cast(Commanded, self.app)

    def _offered(self) -> Iterator[Command]:
        hidden = (*MOVEMENT, "palette", "quit_anywhere", "dry_run")
        return (command for command in self._console.commands if command.id not in hidden)

    def _call(self, command: Command) -> Callable[[], None]:
        return lambda: self._console.action_command(command.id)
