"""Sessions written down for those who ask: by the world's thread, at the moment that the story has a name for."""

import contextlib

import trio

from dairt.control.conversation import Client
from dairt.control.frames import Answer, Save, Story
from dairt.control.publisher import Stage


class Saves:
    """Has the world's thread tell its session. All but `_told` is called in the server's thread."""

    def __init__(self) -> None:
        self._waiting: dict[Client, int] = {}  # the question each client waits with
        self._token: trio.lowlevel.TrioToken

    def ask(self, client: Client, question: Save, world: trio.lowlevel.TrioToken, stage: Stage) -> str:
        """Take a question; return why not, if not."""
        if client in self._waiting:
            return "this session is being saved already: it is told at the world's next tick"
        self._token = trio.lowlevel.current_trio_token()
        try:
            world.run_sync_soon(stage.save, lambda *story: self._told(client, *story))
        except trio.RunFinishedError:
            return "the world is over"
        self._waiting[client] = question.id
        return ""

    def give_up(self) -> None:
        """The world is over, and whoever still waits is told so."""
        for client, question in self._waiting.items():
            client.answer(Answer(question, "refused", "the world ended before its next tick"))
        self._waiting.clear()

    def forget(self, client: Client) -> None:
        """The client is gone."""
        self._waiting.pop(client, None)

    def _told(self, client: Client, text: str, at_s: float, digest: str) -> None:
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._answer, client, text, at_s, digest)

    def _answer(self, client: Client, text: str, at_s: float, digest: str) -> None:
        if client in self._waiting:
            client.answer(Story(self._waiting.pop(client), text, at_s, digest))
