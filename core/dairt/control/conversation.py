"""One client of the control server: what it still has to be told, and what it asks."""

import contextlib
from collections import deque
from collections.abc import Callable
from itertools import islice

import trio

from dairt.control import frames
from dairt.control.frames import Answer, Bye, ClientFrame, Entries, Peeked, Story
from dairt.control.publisher import ENTRIES_KEPT
from dairt.errors import RemoteProtocolError
from dairt.model.events import Entry

ANSWERS_MAX = 1024  # answers not yet sent; a client that asks on without reading is dismissed
RECEIVE_BYTES = 16 * 1024


class Log:
    """The newest entries, and how many there ever were: readers bring their own cursor."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=ENTRIES_KEPT)
        self.total = 0

    def extend(self, entries: tuple[Entry, ...], dropped: int) -> None:
        """Append `entries`, before which `dropped` were lost (only ever when the rest fills the log)."""
        self._entries.extend(entries)
        self.total += dropped + len(entries)

    def since(self, cursor: int) -> Entries:
        """What came after the first `cursor` entries, as far as it is still there."""
        kept = min(self.total - cursor, len(self._entries))
        newest = islice(self._entries, len(self._entries) - kept, None)
        return Entries(tuple(newest), dropped=self.total - cursor - kept)


class Client:
    """One conversation. `patience_s` is how long a client may take to accept what is sent at once."""

    def __init__(self, stream: trio.abc.Stream, patience_s: float) -> None:
        self.stream = stream
        self.patience_s = patience_s
        self.answers: list[Answer | Peeked | Story] = []
        self.cursor = 0  # entries sent, or counted as dropped
        self.shown = 0  # the number of the last snapshot sent
        self.watched: tuple[str, ...] = ()  # nodes it looks closely at
        self.graphs = 0  # how many graphs it was told of, or came too late for
        self.woken = trio.Event()
        self._bye: Bye | None = None

    def answer(self, answer: Answer | Peeked | Story) -> None:
        """Let it know, when it next takes anything."""
        if len(self.answers) >= ANSWERS_MAX:
            self.dismiss(Bye(2, f"{ANSWERS_MAX} answers wait to be read: read them before asking more"))
            return
        self.answers.append(answer)
        self.woken.set()

    def dismiss(self, bye: Bye) -> None:
        """End the conversation with `bye`, after what is still to be told."""
        self._bye = self._bye or bye
        self.woken.set()

    async def talk(
        self, hello: bytes, news: Callable[["Client"], bytes], asked: Callable[["Client", ClientFrame], None]
    ) -> None:
        """Greet it, send whatever `news` gives whenever `woken`, and pass on what is asked; until dismissed, gone or stuck."""
        async with self.stream, trio.open_nursery() as nursery:
            nursery.start_soon(self._tell, hello, news, nursery.cancel_scope)
            nursery.start_soon(self._hear, asked, nursery.cancel_scope)

    async def _tell(self, hello: bytes, news: Callable[["Client"], bytes], talk: trio.CancelScope) -> None:
        with contextlib.suppress(trio.BrokenResourceError, trio.TooSlowError):
            await self._send(hello)
            while True:
                self.woken = trio.Event()
                if data := news(self):
                    await self._send(data)
                elif self._bye is None:
                    await self.woken.wait()
                else:
                    await self._send(frames.encode(self._bye))
                    break
        talk.cancel()

    async def _hear(self, asked: Callable[["Client", ClientFrame], None], talk: trio.CancelScope) -> None:
        decoder = frames.from_client()
        with contextlib.suppress(trio.BrokenResourceError):
            while data := await self.stream.receive_some(RECEIVE_BYTES):
                if self._bye is not None:
                    continue  # it is being shown out, and no longer heard
                try:
                    for question in decoder.feed(data):
                        asked(self, question)
                except RemoteProtocolError as exc:
                    self.dismiss(Bye(2, str(exc)))
        talk.cancel()

    async def _send(self, data: bytes) -> None:
        with trio.fail_after(self.patience_s):
            await self.stream.send_all(data)
