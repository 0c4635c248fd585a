"""The control server: shows a world to whoever asks, and passes on what they want done; never in the world's way.

Two threads, each with a trio run of its own. The world's thread only ever appends an entry to a bounded deque and, at most
15 times a real second, takes a snapshot and posts both to the other thread. Encoding, sockets and slow clients are the
server thread's business; every client has one cursor into one bounded log, so a stuck one costs nothing but its socket.
"""

import contextlib
import math
import socket
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from types import TracebackType
from typing import Self

import trio

from dairt.control import frames
from dairt.control.conversation import Client, Log
from dairt.control.frames import Act, Answer, Bye, ClientFrame, Graphs, Hello, Latest, Peek, Save, SetSpeed, Step, Story, Watch
from dairt.control.peeks import Peeks, unseen
from dairt.control.publisher import Ending, News, Publisher, Stage
from dairt.control.saves import Saves
from dairt.control.throttle import Throttle
from dairt.errors import LocalProtocolError, UsageError
from dairt.model.action import Action, DownNode, WorldTrouble
from dairt.model.address import Address
from dairt.model.views import GraphView

CLIENTS_MAX = 16  # people and scripts watching one world; each costs a socket and at most one encoded batch
ARMED_MAX = 256  # actions waiting for the next tick; more than anyone gives by hand while time is paused
PATIENCE_S = 30.0  # a client on TCP that cannot take one batch in so long is gone
FAREWELL_S = 0.4  # the last words get so long, so that a stuck client cannot hold up the end
GRAPHS_KEPT = 32  # the newest shapes, for clients that come later
BREAKING = WorldTrouble | DownNode


@dataclass(frozen=True)
class _World:
    """A world that runs: how to call into its thread, what is to be seen there, and how to steer its time where it can be."""

    token: trio.lowlevel.TrioToken
    stage: Stage
    throttle: Throttle | None


class ControlServer:
    """An onlooker of a played scenario and a server of the control stream; a context manager, since it has a thread.

    `parent` is one end of a socket pair whose other end started this process; `listen` is a loopback address for any number
    of clients. `abandoned` is called, in the server's thread, when it ends before `finish`: the parent is gone, or a bug.
    """

    def __init__(
        self,
        hello: Hello,
        *,
        parent: socket.socket | None = None,
        listen: Address | None = None,
        abandoned: Callable[[], None] = lambda: None,
    ) -> None:
        self.inbox: SimpleQueue[Action] = SimpleQueue()
        self.instrument = Publisher(self._post)
        self._hello = frames.encode(hello)
        self._role = hello.role
        self._parent = parent
        self._door = _bind(listen) if listen is not None else None
        self._abandoned = abandoned
        self._world: _World | None = None
        self._finishing = False
        self._thread = threading.Thread(target=self._run, name="control")
        self._ready = threading.Event()
        self._token: trio.lowlevel.TrioToken
        # Below: only the server's thread touches these.
        self._scope = trio.CancelScope()
        self._clients: list[Client] = []
        self._armed: deque[tuple[Client, int]] = deque()  # whose actions lie in the inbox, in its order
        self._log = Log()
        self._graphs: deque[GraphView] = deque(maxlen=GRAPHS_KEPT)
        self._graphs_told = 0  # kept or not
        self._peeks = Peeks()
        self._saves = Saves()
        self._latest = b""
        self._shown = 0  # the number of the latest snapshot
        self._bye: Bye | None = None

    @property
    def address(self) -> Address:
        """Where it listens; only with `listen`."""
        assert self._door is not None
        host, port = self._door.getsockname()[:2]
        return Address(host, port)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.finish(Bye(1, f"the world ended by {value!r}" if value is not None else "the server stopped"))
        if kind is None and self.instrument.failure is not None:
            raise self.instrument.failure  # it must not disturb the world, nor be forgotten

    # -- in the world's thread -----------------------------------------------------------------------------------------

    def opened(self, stage: Stage) -> None:
        """The world is there (called inside its trio run): show it at once."""
        throttle = Throttle(stage.clock, self.instrument.hurry) if stage.clock is not None else None
        self._world = _World(trio.lowlevel.current_trio_token(), stage, throttle)
        self.instrument.watch(stage)

    def closed(self, report: Ending) -> None:
        """The world is over: tell what happened last."""
        world, self._world = self._world, None
        self.instrument.close(report)
        if world is not None and report.verdict != "stopped":  # by a signal, at no moment that can be found again
            with contextlib.suppress(trio.RunFinishedError):
                text = world.stage.ending(report.seconds, report.digest)
                self._token.run_sync_soon(self._tell_all, Story(0, text, report.seconds, report.digest))

    def finish(self, bye: Bye) -> None:
        """Tell all clients the last news and `bye`, and end the thread. The first call counts."""
        self._finishing = True
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._dismiss_all, bye)
        self._thread.join()

    def _post(self, news: News) -> None:
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._receive, news)
            if self.instrument.failure is not None:
                self._token.run_sync_soon(self._dismiss_all, Bye(1, f"the world cannot be shown: {self.instrument.failure!r}"))

    def _steer(self, throttle: Throttle, client: Client, frame: SetSpeed | Step) -> None:
        if isinstance(frame, SetSpeed):
            throttle.set_speed(frame.speed)
        else:
            throttle.step(frame.seconds)
        self.instrument.hurry()
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(client.answer, Answer(frame.id, "done"))

    # -- in the server's thread ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            trio.run(self._serve)
        finally:
            self._ready.set()
            if not self._finishing:
                self._abandoned()

    async def _serve(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._ready.set()
        with self._scope:
            async with trio.open_nursery() as conversations:
                conversations.start_soon(self._peeks.run)
                if self._parent is not None:
                    # A console that is stopped for an hour still owns its world, and costs nothing: no deadline.
                    stream = trio.SocketStream(trio.socket.from_stdlib_socket(self._parent))
                    # It is a client from now on, so that a world which ends before it is greeted still says goodbye.
                    conversations.start_soon(self._talk_to_parent, self._admit(Client(stream, math.inf)))
                if self._door is not None:
                    listener = trio.SocketListener(trio.socket.from_stdlib_socket(self._door))
                    conversations.start_soon(trio.serve_listeners, self._talk_to_visitor, [listener])
                await trio.sleep_forever()

    async def _talk_to_parent(self, client: Client) -> None:
        await self._talk(client)
        self._scope.cancel()

    async def _talk_to_visitor(self, stream: trio.SocketStream) -> None:
        client = Client(stream, PATIENCE_S)
        if len(self._clients) >= CLIENTS_MAX:
            client.dismiss(Bye(1, f"{CLIENTS_MAX} clients already watch this world"))
        await self._talk(self._admit(client))

    def _admit(self, client: Client) -> Client:
        self._clients.append(client)
        if self._bye is not None:
            client.dismiss(self._bye)
        return client

    async def _talk(self, client: Client) -> None:
        try:
            await client.talk(self._hello, self._news, self._asked)
        finally:
            self._clients.remove(client)
            self._saves.forget(client)
            self._look_closely()
            if self._bye is not None and not self._clients:
                self._scope.cancel()

    def _news(self, client: Client) -> bytes:
        """All this client has not been sent yet, encoded: answers, then entries, then the newest snapshot only."""
        parts = [frames.encode(answer) for answer in client.answers]
        client.answers.clear()
        if client.cursor < self._log.total:
            parts.append(frames.encode(self._log.since(client.cursor)))
            client.cursor = self._log.total
        if client.graphs < self._graphs_told:
            kept = min(self._graphs_told - client.graphs, len(self._graphs))
            parts.append(frames.encode(Graphs(tuple(self._graphs)[-kept:])))
            client.graphs = self._graphs_told
        if client.shown < self._shown:
            parts.append(self._latest)
            client.shown = self._shown
        return b"".join(parts)

    def _receive(self, news: News) -> None:
        if self._bye is not None:
            return
        self._log.extend(news.entries, news.dropped)
        self._graphs.extend(news.graphs)
        self._graphs_told += len(news.graphs)
        if news.snapshot is not None:
            try:
                self._latest = frames.encode(Latest(news.snapshot, news.details))
            except LocalProtocolError as exc:
                self._dismiss_all(Bye(1, f"this world is too large to be shown: {exc}"))
                return
            self._shown += 1
        for do in news.taken:  # in the order of the inbox
            client, question = self._armed.popleft()
            client.answer(Answer(question, "taken", at_s=do.at_s, fault=do.id))
        for client in self._clients:
            client.woken.set()

    def _asked(self, client: Client, frame: ClientFrame) -> None:
        match frame:
            case Act():
                refusal = self._act(client, frame)
            case Save():
                refusal = self._save(client, frame)
            case Peek():
                return self._peek(client, frame)
            case Watch():
                refusal = self._watch(client, frame)
            case _:
                refusal = self._ask_to_steer(client, frame)
        if refusal:
            client.answer(Answer(frame.id, "refused", refusal))

    def _act(self, client: Client, frame: Act) -> str:
        """Put an action where the timeline takes it; return why not, if not."""
        if self._role == "view":
            return "this stream is for looking only"
        if self._role == "operate" and isinstance(frame.action, BREAKING):
            return f"role operate may not {frame.action}: breaking things needs role inject"
        if len(self._armed) >= ARMED_MAX:
            return f"{ARMED_MAX} actions already wait for the next tick"
        if (world := self._world) is not None:
            try:
                world.stage.check(frame.action)
            except UsageError as exc:
                return str(exc)
        self.inbox.put(frame.action)
        self._armed.append((client, frame.id))
        client.answer(Answer(frame.id, "armed"))
        return ""

    def _save(self, client: Client, frame: Save) -> str:
        """Have the session told; return why not, if not."""
        if self._world is None:
            return "there is no session to save: the world is still starting, or over"
        return self._saves.ask(client, frame, self._world.token, self._world.stage)

    def _peek(self, client: Client, frame: Peek) -> None:
        """Have a tensor looked at, here, once the world's thread has said where it is."""
        if self._world is None:
            client.answer(unseen(frame, "the world is still starting, or over"))
        elif why := self._peeks.ask(client, frame, self._world.token, self._world.stage):
            client.answer(unseen(frame, why))

    def _watch(self, client: Client, frame: Watch) -> str:
        """From the next snapshot on, have these nodes looked at closely; the world need not be there yet."""
        client.watched = frame.nodes
        self._look_closely()
        client.answer(Answer(frame.id, "done"))
        return ""

    def _look_closely(self) -> None:
        """Tell the world's thread which nodes somebody watches, even while its time stands still."""
        watched = dict.fromkeys(name for client in self._clients for name in client.watched)
        if (*watched,) != self.instrument.watched:
            self.instrument.watched = (*watched,)
            if self._world is not None:
                with contextlib.suppress(trio.RunFinishedError):
                    self._world.token.run_sync_soon(self.instrument.hurry)

    def _ask_to_steer(self, client: Client, frame: SetSpeed | Step) -> str:
        """Hand a clock control to the world's thread; return why not, if not."""
        amount = frame.speed if isinstance(frame, SetSpeed) else frame.seconds
        world = self._world
        if self._role == "view":
            return "this stream is for looking only"
        if world is None:
            return "there is no time to steer: the world is still starting, or over"
        if world.throttle is None:
            return "time is real in this world: it cannot be paused, stepped or sped up"
        if not amount >= 0:
            return f"{amount} is neither a speed nor a time: write 0 or more"
        try:
            world.token.run_sync_soon(self._steer, world.throttle, client, frame)
        except trio.RunFinishedError:
            return "there is no time to steer: the world is over"
        return ""

    def _tell_all(self, story: Story) -> None:
        for client in self._clients:
            client.answer(story)

    def _dismiss_all(self, bye: Bye) -> None:
        """Give every client its last news and `bye`, and end when all have them or the time for that is over."""
        if self._bye is not None:
            return
        self._bye = bye
        while self._armed:
            client, question = self._armed.popleft()
            client.answer(Answer(question, "refused", "the world ended before its next tick"))
        self._saves.give_up()
        for client in self._clients:
            client.dismiss(bye)
        if self._clients:
            self._scope.deadline = trio.current_time() + FAREWELL_S
        else:
            self._scope.cancel()


def _bind(address: Address) -> socket.socket:
    if not address.is_loopback:
        raise UsageError(f"--listen {address}: the control stream asks for no password, so it listens on loopback only")
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family)
    except OSError as exc:
        raise UsageError(f"--listen {address}: {exc.strerror}; port 0 takes a free one") from exc
