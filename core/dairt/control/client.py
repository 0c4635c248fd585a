"""A client of the control stream for trio programs: the command line, scripts and tests."""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from dairt.control import frames
from dairt.control.frames import Act, ClientFrame, Hello, Peek, Save, ServerFrame, SetSpeed, Step, Watch
from dairt.errors import NoAnswer, PeerUnreachable, RemoteProtocolError
from dairt.model.action import Action
from dairt.model.address import Address

HELLO_S = 3.0  # a server says hello before it does anything else
RECEIVE_BYTES = 64 * 1024


class ControlClient:
    """One end of a control stream: iterate over it for the server's frames, in order, until the stream ends."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._decoder = frames.from_server()
        self._received: deque[ServerFrame] = deque()
        self._asked = 0

    def __aiter__(self) -> AsyncIterator[ServerFrame]:
        return self

    async def __anext__(self) -> ServerFrame:
        """The next frame; raises RemoteProtocolError at what is none, or where the stream ends inside one."""
        while not self._received:
            try:
                data = await self._stream.receive_some(RECEIVE_BYTES)
            except trio.BrokenResourceError as exc:
                raise StopAsyncIteration from exc
            if not data:
                if self._decoder.idle:
                    raise StopAsyncIteration
                raise RemoteProtocolError("the control stream ended in the middle of a frame")
            self._received.extend(self._decoder.feed(data))
        return self._received.popleft()

    async def act(self, action: Action) -> int:
        """Ask for an action; returns the id its answers will carry."""
        return await self._ask(Act(self._next_id(), action))

    async def set_speed(self, speed: float) -> int:
        """Ask for virtual time to pass at `speed` (0 pauses); returns the id its answer will carry."""
        return await self._ask(SetSpeed(self._next_id(), speed))

    async def step(self, seconds: float) -> int:
        """Ask for `seconds` of virtual time, then a pause; returns the id its answer will carry."""
        return await self._ask(Step(self._next_id(), seconds))

    async def peek(self, node: str, key: str) -> int:
        """Ask what is in a tensor; returns the id that Peeked, or its refusal, will carry."""
        return await self._ask(Peek(self._next_id(), node, key))

    async def save(self) -> int:
        """Ask for the session as a scenario; returns the id of the Story that answers."""
        return await self._ask(Save(self._next_id()))

    async def watch(self, *nodes: str) -> int:
        """Ask for a close look at these nodes from now on, and at no others; returns the id its answer will carry."""
        return await self._ask(Watch(self._next_id(), nodes))

    async def aclose(self) -> None:
        """Leave."""
        await self._stream.aclose()

    def _next_id(self) -> int:
        self._asked += 1
        return self._asked

    async def _ask(self, frame: ClientFrame) -> int:
        await self._stream.send_all(frames.encode(frame))
        return frame.id


@asynccontextmanager
async def connect(address: Address) -> AsyncIterator[tuple[Hello, ControlClient]]:
    """Watch the world served at `address`; raises PeerUnreachable, NoAnswer or RemoteProtocolError, naming it."""
    try:
        with trio.fail_after(HELLO_S):
            stream = await trio.open_tcp_stream(address.host, address.port)
    except (OSError, trio.TooSlowError) as exc:
        raise PeerUnreachable(f"nothing serves a world at {address}: {exc}") from exc
    async with stream:
        yield await greeted(stream, str(address))


async def greeted(stream: trio.abc.Stream, name: str, hello_s: float = HELLO_S) -> tuple[Hello, ControlClient]:
    """A client on a stream that is already open, such as one end of a socket pair, once the server has said hello."""
    client = ControlClient(stream)
    try:
        with trio.fail_after(hello_s):
            hello = await anext(client)
    except (StopAsyncIteration, trio.TooSlowError) as exc:
        raise NoAnswer(f"{name} took the connection but said no hello") from exc
    if not isinstance(hello, Hello):
        raise RemoteProtocolError(f"{name} began with {type(hello).__name__} and not with Hello")
    return hello, client
