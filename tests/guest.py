"""A guest at a node's door that says whatever it likes, byte by byte if need be, and hears what it is answered."""

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import numpy as np
import trio

from dairt.errors import RemoteProtocolError
from dairt.model import tensor
from dairt.model.address import Address
from dairt.model.config import Limits
from dairt.protocol import wire
from dairt.protocol.datagrams import Ack, Packet, Ping, decode_packet, encode_packet
from dairt.protocol.messages import Hello, Message, Sorry, Welcome
from dairt.runtime.host import Connection
from dairt.runtime.parts import PROTOCOL
from small_world import PORT, SmallWorld

PATIENCE_S = 100.0  # virtual


def hello(node: str = "n1", role: str = "node", *, protocol: int = PROTOCOL, cluster: str = "dairt") -> Hello:
    return Hello(protocol, cluster, node, 7, "", role)  # type: ignore[arg-type]  # one of three, as the tests well know


def frame(message: Message, body: np.ndarray | None = None) -> bytes:
    """A message and its tensor as they travel."""
    if body is None:
        return wire.encode(message)
    chunks = [bytes(b) for _, buffers in wire.body_frames(tensor.encode(body)) for b in buffers]
    return wire.encode(message, tensor.image_nbytes(body)) + b"".join(chunks)


class Guest:
    """One connection to a node's door."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._decoder = wire.Decoder(Limits())

    async def say(self, *frames: Message | bytes) -> None:
        """Send messages, or any bytes."""
        for each in frames:
            await self.connection.send_all(each if isinstance(each, bytes) else frame(each))

    async def hear(self, patience_s: float = PATIENCE_S) -> Message | wire.UnknownMessage | None:
        """The next answer; None when the node has closed the connection."""
        with trio.fail_after(patience_s):
            while True:
                match self._decoder.next():
                    case wire.Opened(message=message, body_nbytes=nbytes):
                        if nbytes:
                            self._decoder.body_into(tensor.allocate(nbytes))
                        return message
                    case None:
                        count = await self.connection.receive_into(self._decoder.buffer())
                        if not count:
                            return None
                        self._decoder.filled(count)

    async def ask(self, *frames: Message | bytes) -> Message | wire.UnknownMessage | None:
        """Send, and hear what comes back."""
        await self.say(*frames)
        return await self.hear()

    async def refused(self, *frames: Message | bytes) -> str:
        """Send, and hear why not."""
        answer = await self.ask(*frames)
        assert isinstance(answer, Sorry), answer
        return answer.reason

    async def drip(self, data: bytes, pause_s: float) -> None:
        """Send bytes one by one; raises BrokenResourceError when the node has had enough."""
        for byte in data:
            await self.say(bytes([byte]))
            await trio.sleep(pause_s)

    async def is_shown_out(self) -> bool:
        """Whether the node closes or resets the connection, with nothing more to say."""
        try:
            return await self.hear() is None
        except trio.BrokenResourceError:
            return True


@asynccontextmanager
async def at_the_door(world: SmallWorld, node: str = "n0", greeting: Hello | None = None) -> AsyncIterator[Guest]:
    """A guest of a node; with a greeting, one that was welcomed."""
    connection = await world.network.card("stranger").connect(Address(node, PORT))
    async with connection:
        guest = Guest(connection)
        if greeting is not None:
            await guest.ask(greeting)
        yield guest


Answer = Callable[[Message], tuple[Message, np.ndarray | None] | None]


@asynccontextmanager
async def impostor(world: SmallWorld, name: str, answer: Answer) -> AsyncIterator[None]:
    """Stand in for a node, which is killed first: it welcomes everybody, and says what `answer` says; None is nothing.

    It answers pings, and says there that it holds what nobody else does.
    """
    await world.kill(name)
    world.faults.switch_on(name)
    listener = await world.network.card(name).listen(Address(name, PORT))

    async def serve(connection: Connection) -> None:
        guest = Guest(connection)
        with suppress(trio.BrokenResourceError, RemoteProtocolError):
            while (question := await guest.hear(math.inf)) is not None:
                assert isinstance(question, Message)
                welcome = Welcome(PROTOCOL, "dairt", name, 7, "")
                said = (welcome, None) if isinstance(question, Hello) else answer(question)
                if said is not None:
                    await guest.say(frame(*said))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        nursery.start_soon(_answer_pings, world, name)
        yield
        nursery.cancel_scope.cancel()


async def _answer_pings(world: SmallWorld, name: str) -> None:
    async with await world.network.card(name).open_datagrams(Address(name, PORT)) as datagrams:
        while True:
            for data, source in await datagrams.receive():
                match decode_packet(data).message:
                    case Ping(number=number):
                        answer = Packet("dairt", name, 7, 0, 7, (), Ack(name, 0, number))
                        datagrams.send(encode_packet(answer), source)
