"""Looks into tensors for those who ask: one at a time, in a thread of its own, and never in the world's."""

import contextlib
from collections.abc import Callable

import trio

from dairt.control.conversation import Client
from dairt.control.frames import Peek, Peeked
from dairt.control.publisher import Stage
from dairt.errors import DairtError
from dairt.model.views import TensorView

WAITING_MAX = 16  # questions of all clients; each keeps a tensor in memory until it is answered

Look = Callable[[], TensorView]


class Peeks:
    """Has the world's thread say where a tensor is, which nobody can change, and looks at it in the server's.

    All but `_find` is called in the server's thread.
    """

    def __init__(self) -> None:
        self._waiting = 0
        self._found, self._to_see = trio.open_memory_channel[tuple[Client, Peek, Look | str]](WAITING_MAX)
        self._token: trio.lowlevel.TrioToken

    async def run(self) -> None:
        """Answer questions until cancelled."""
        self._token = trio.lowlevel.current_trio_token()
        async for client, question, look in self._to_see:
            if isinstance(look, str):
                client.answer(unseen(question, look))
            else:
                view = await trio.to_thread.run_sync(look)
                client.answer(Peeked(question.id, question.node, question.key, view))
            self._waiting -= 1

    def ask(self, client: Client, question: Peek, world: trio.lowlevel.TrioToken, stage: Stage) -> str:
        """Take a question; return why not, if not."""
        if self._waiting >= WAITING_MAX:
            return f"{WAITING_MAX} tensors already wait to be looked at"
        try:
            world.run_sync_soon(self._find, client, question, stage)
        except trio.RunFinishedError:
            return "there is no tensor to look at: the world is over"
        self._waiting += 1
        return ""

    def _find(self, client: Client, question: Peek, stage: Stage) -> None:
        try:
            look: Look | str = stage.look_into(question.node, question.key)
        except DairtError as exc:
            look = str(exc)
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._found.send_nowait, (client, question, look))


def unseen(question: Peek, reason: str) -> Peeked:
    """The answer that says why there is nothing to be seen."""
    return Peeked(question.id, question.node, question.key, reason=reason)
