"""The control stream's frames, sans-io: shared by the trio server, the trio client and the console.

A frame is a u32 big-endian length and so many bytes of msgpack, a map whose `type` says which frame it is. The server
speaks first: Hello at once, then Latest and Entries as the world goes on, an Answer to every question, and Bye at the end.
Nothing here is asked for twice: a client that falls behind gets the newest snapshot and is told how many entries it missed.
"""

from typing import Annotated, Generic, Literal, TypeVar

import msgspec

from dairt.errors import LocalProtocolError, RemoteProtocolError
from dairt.model.action import Action
from dairt.model.events import Entry
from dairt.model.views import GraphView, NodeDetail, Snapshot, TensorView

PROTOCOL = 1
SERVER_FRAME_MAX_BYTES = 64 * 2**20  # a snapshot of 1,000 nodes with 500 peers each is about 40 MiB
WATCHED_MAX = 4  # nodes a client looks closely at: what a screen can show at once; each costs a walk through its tasks
NAME_MAX_CHARS = 63  # as long as a node's name may be
CLIENT_FRAME_MAX_BYTES = 64 * 2**10  # an action is a few hundred bytes; a node name may be long

Role = Literal["view", "operate", "inject"]  # look only; and give work, heal and steer the clock; and break things
AnswerState = Literal["armed", "taken", "done", "refused"]


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """The server's first frame, sent before the world is even built: until the first Latest, the world is starting."""

    world: str
    scenario: str
    seed: int
    role: Role
    protocol: int = PROTOCOL


class Latest(msgspec.Struct, frozen=True, tag="latest"):
    """The world as it is now; every later one replaces it. At most 15 a second. `details` are of the nodes watched."""

    snapshot: Snapshot
    details: tuple[NodeDetail, ...] = ()


class Entries(msgspec.Struct, frozen=True, tag="entries"):
    """What happened since the last Entries, in order; `dropped` entries came before these and are not shown."""

    entries: tuple[Entry, ...]
    dropped: int = 0


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """What became of the question with this `id`.

    An action is `armed` (it waits for the world's next tick; while paused that may be long), then `taken`: at `at_s` of the
    scenario's time, under the id `fault` if it is one, as a saved session writes it. What it did comes as entries. A clock
    control is `done`. Either may be `refused` instead, and `reason` says why.
    """

    id: int
    state: AnswerState
    reason: str = ""
    at_s: float = 0.0
    fault: str = ""


class Graphs(msgspec.Struct, frozen=True, tag="graphs"):
    """The shapes of graphs that are run, each told once, before the first snapshot with a run of it."""

    graphs: tuple[GraphView, ...]


class Peeked(msgspec.Struct, frozen=True, tag="peeked"):
    """What is in the tensor that the question `id` asked for, as the node held it just now; or None, and `reason` says why."""

    id: int
    node: str
    key: str
    tensor: TensorView | None = None
    reason: str = ""


class Story(msgspec.Struct, frozen=True, tag="story"):
    """What operators did so far, as the text of a scenario file that plays it again; `id` is of the Save it answers.

    It holds the story up to `at_s`; `digest` is of that much, "" where time is real or stands still. One with the `id` 0 was
    not asked for: the world is over, and this is all of it.
    """

    id: int
    text: str
    at_s: float
    digest: str = ""


class Bye(msgspec.Struct, frozen=True, tag="bye"):
    """The last frame: the exit code of the run, why it ended in one sentence, and its digest where time was simulated."""

    exit: int
    reason: str
    digest: str = ""


class Act(msgspec.Struct, frozen=True, tag="act"):
    """Do this in the world. `id` is the client's own, unique on its connection."""

    id: int
    action: Action


class SetSpeed(msgspec.Struct, frozen=True, tag="set_speed"):
    """Let virtual time pass at `speed` virtual seconds a real second: 0 pauses, inf does not wait at all."""

    id: int
    speed: float


class Step(msgspec.Struct, frozen=True, tag="step"):
    """Let `seconds` of virtual time pass, then pause."""

    id: int
    seconds: float


class Save(msgspec.Struct, frozen=True, tag="save"):
    """Tell this session as a scenario. Answered by Story at the world's next tick, or refused; nothing of the world changes."""

    id: int


class Peek(msgspec.Struct, frozen=True, tag="peek"):
    """What is in the tensor a node holds under this key? Answered by Peeked; nothing of the world changes."""

    id: int
    node: str
    key: str


class Watch(msgspec.Struct, frozen=True, tag="watch"):
    """From now on, look closely at these nodes, and at no others: every Latest has their details. Answered by `done`."""

    id: int
    nodes: Annotated[tuple[Annotated[str, msgspec.Meta(max_length=NAME_MAX_CHARS)], ...], msgspec.Meta(max_length=WATCHED_MAX)]


ServerFrame = Hello | Latest | Entries | Graphs | Answer | Peeked | Story | Bye
ClientFrame = Act | SetSpeed | Step | Save | Peek | Watch
F = TypeVar("F")

_encoder = msgspec.msgpack.Encoder()


def encode(frame: ServerFrame | ClientFrame) -> bytes:
    """The bytes of one frame; raises LocalProtocolError when it is larger than the other side accepts."""
    data = bytearray(4)
    _encoder.encode_into(frame, data, 4)
    limit = CLIENT_FRAME_MAX_BYTES if isinstance(frame, ClientFrame) else SERVER_FRAME_MAX_BYTES
    if len(data) - 4 > limit:
        raise LocalProtocolError(
            f"a {type(frame).__name__} of {len(data) - 4} bytes is more than the {limit} a control frame may have"
        )
    data[:4] = (len(data) - 4).to_bytes(4, "big")
    return bytes(data)


class FrameDecoder(Generic[F]):
    """Turns received bytes into frames; holds at most one incomplete frame. Made by `from_server` or `from_client`."""

    def __init__(self, decoder: msgspec.msgpack.Decoder[F], max_bytes: int) -> None:
        self._decoder = decoder
        self._max_bytes = max_bytes
        self._data = bytearray()
        self._wanted = 4  # bytes to have before looking again, so that a large frame in small pieces costs no rescans

    @property
    def idle(self) -> bool:
        """True between frames: an end of stream now cuts nothing."""
        return not self._data

    def feed(self, data: bytes | bytearray) -> list[F]:
        """The frames complete with `data`, in order; raises RemoteProtocolError at what is not one, and then always."""
        self._data += data
        frames: list[F] = []
        start = 0
        while len(self._data) - start >= self._wanted:
            size = self._checked_size(start)
            self._wanted = 4 + size
            if len(self._data) - start < self._wanted:
                break
            with memoryview(self._data)[start + 4 : start + self._wanted] as payload:
                frames.append(self._decode(payload))
            start += self._wanted
            self._wanted = 4
        del self._data[:start]
        return frames

    def _checked_size(self, start: int) -> int:
        size = int.from_bytes(self._data[start : start + 4], "big")
        if size > self._max_bytes:
            raise RemoteProtocolError(f"a control frame of {size} bytes is announced; at most {self._max_bytes} are allowed")
        return size

    def _decode(self, payload: memoryview) -> F:
        try:
            frame = self._decoder.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            raise RemoteProtocolError(f"a control frame of {len(payload)} bytes is malformed: {exc}") from exc
        if isinstance(frame, Hello) and frame.protocol != PROTOCOL:
            raise RemoteProtocolError(
                f"the server speaks control protocol {frame.protocol}, this client {PROTOCOL}: use one dairt"
            )
        return frame


def from_server() -> FrameDecoder[ServerFrame]:
    """A decoder for what a server sends."""
    return FrameDecoder(msgspec.msgpack.Decoder(ServerFrame), SERVER_FRAME_MAX_BYTES)


def from_client() -> FrameDecoder[ClientFrame]:
    """A decoder for what a client sends."""
    return FrameDecoder(msgspec.msgpack.Decoder(ClientFrame), CLIENT_FRAME_MAX_BYTES)
