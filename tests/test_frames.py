"""The control stream's frames: what is encoded comes back the same, and nothing a peer sends does worse than an error."""

import math
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dairt.control import frames
from dairt.control.frames import (
    Act,
    Answer,
    Bye,
    ClientFrame,
    Entries,
    Graphs,
    Hello,
    Latest,
    Peek,
    Peeked,
    Save,
    ServerFrame,
    SetSpeed,
    Step,
    Story,
)
from dairt.errors import LocalProtocolError, RemoteProtocolError
from dairt.model.action import Broadcast, CutLink, GraphRecipe, Heal, KillNode, Link, RunGraph, TensorRecipe
from dairt.model.events import Entry, FaultFired, NodeBooted, TensorStored
from dairt.model.version import Version
from dairt.model.views import GraphView, NodeView, OpView, RunView, Snapshot, TensorView

SNAPSHOT = Snapshot(
    time_s=1.5, world="sim", scenario="first_look", seed=7, phase="trouble", speed=math.inf,
    nodes=(NodeView("n0", "n0:1", "up"),), runs=(RunView("r1", "mlp", "n0", "running", 4, 1, 2, 0, 0.5, 0.1),),
)  # fmt: skip
SERVER_EXAMPLES: Sequence[ServerFrame] = (
    Hello("sim", "first_look", 7, "operate"),
    Latest(SNAPSHOT),
    Entries((Entry(1, 0.0, "n0", NodeBooted("n0:1", 0, 0, 1)), Entry(2, 0.5, "", FaultFired("f", "link.cut", "cut"))), 3),
    Entries((Entry(3, 0.7, "n1", TensorStored("w", Version(1, "n0", 2**63), 64, 2**64 - 1, "n0")),)),
    Answer(4, "refused", "no"),
    Graphs((GraphView("d1", "mlp", ("x",), ("y",), (1,), (OpView("y", "tanh", 0, ("x",), ("y",), ("float32 [4]",)),)),)),
    Peeked(5, "n0", "w", TensorView(Version(1, "n0", 1), "float32", (2,), 8, 2, -1.0, 1.0, 0.0, 0, 0, 0, (-1.0, 1.0))),
    Story(9, "schema = …", 1.25, "d1"),
    Bye(0, "all promises held", "d1"),
)
CLIENT_EXAMPLES: Sequence[ClientFrame] = (
    Act(1, CutLink(Link("n0", "any", one_way=True))),
    Act(2, KillNode("n1")),
    Act(3, Heal()),
    Act(4, Broadcast("w", TensorRecipe((2, 3)))),
    Act(5, RunGraph(GraphRecipe(layers=3))),
    SetSpeed(6, math.inf),
    Step(7, 0.01),
    Peek(8, "n0", "w"),
    Save(9),
)


NUMBERS = st.integers(0, 2**63)
NAMES = st.text(max_size=20)
CLIENT_FRAMES = st.one_of(
    st.sampled_from(CLIENT_EXAMPLES),
    st.builds(Act, NUMBERS, st.builds(KillNode, NAMES) | st.builds(Heal, NAMES)),
    st.builds(SetSpeed, NUMBERS, st.floats(min_value=0, allow_nan=False)),
)
SERVER_FRAMES = st.one_of(
    st.sampled_from(SERVER_EXAMPLES),
    st.builds(Hello, world=NAMES, scenario=NAMES, seed=NUMBERS, role=st.sampled_from(["view", "operate", "inject"])),
    st.builds(Answer, NUMBERS, st.sampled_from(["armed", "taken", "done", "refused"]), NAMES),
    st.builds(Bye, st.integers(0, 255), NAMES),
)


@pytest.mark.parametrize("frame", SERVER_EXAMPLES, ids=lambda frame: type(frame).__name__)
def test_a_server_frame_comes_back_the_same(frame: ServerFrame) -> None:
    assert frames.from_server().feed(frames.encode(frame)) == [frame]


@pytest.mark.parametrize("frame", CLIENT_EXAMPLES, ids=lambda frame: str(frame.id))
def test_a_client_frame_comes_back_the_same(frame: ClientFrame) -> None:
    assert frames.from_client().feed(frames.encode(frame)) == [frame]


@given(st.lists(CLIENT_FRAMES, max_size=4), st.lists(st.integers(0, 200), max_size=6))
def test_however_the_bytes_are_cut_the_same_frames_come_out(sent: list[ClientFrame], cuts: list[int]) -> None:
    data = b"".join(map(frames.encode, sent))
    places = sorted({0, *(min(cut, len(data)) for cut in cuts), len(data)})
    decoder = frames.from_client()
    received = [frame for a, b in pairwise(places) for frame in decoder.feed(data[a:b])]
    assert received == sent
    assert decoder.idle


def test_byte_at_a_time_gives_the_same_frames_and_is_idle_only_between_them() -> None:
    decoder, received = frames.from_server(), list[ServerFrame]()
    for frame in SERVER_EXAMPLES:
        data = frames.encode(frame)
        for i in range(len(data)):
            assert decoder.idle == (i == 0)
            received += decoder.feed(data[i : i + 1])
    assert received == list(SERVER_EXAMPLES)
    assert decoder.idle


@given(st.binary(max_size=300))
def test_garbage_raises_nothing_but_remote_protocol_errors(data: bytes) -> None:
    framed = len(data).to_bytes(4, "big") + data
    for decoder in (frames.from_server(), frames.from_client()):
        for garbage in (data, framed):
            with suppress(RemoteProtocolError):
                decoder.feed(garbage)


@given(CLIENT_FRAMES, st.data())
def test_a_damaged_frame_raises_nothing_but_remote_protocol_errors(frame: ClientFrame, data: st.DataObject) -> None:
    damaged = bytearray(frames.encode(frame))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(RemoteProtocolError):
        frames.from_client().feed(bytes(damaged))


@given(SERVER_FRAMES)
def test_any_server_frame_comes_back_the_same(frame: ServerFrame) -> None:
    assert frames.from_server().feed(frames.encode(frame)) == [frame]


def test_a_frame_of_nested_arrays_without_end_is_malformed() -> None:
    deep = b"\x81\xa1a" + b"\x91" * 60_000
    with pytest.raises(RemoteProtocolError, match="malformed"):
        frames.from_client().feed(len(deep).to_bytes(4, "big") + deep)


def test_an_unknown_frame_is_refused_by_name() -> None:
    body = msgspec.msgpack.encode({"type": "dance", "id": 1})
    with pytest.raises(RemoteProtocolError, match="dance"):
        frames.from_client().feed(len(body).to_bytes(4, "big") + body)


def test_a_server_frame_is_none_for_a_server() -> None:
    with pytest.raises(RemoteProtocolError, match="bye"):
        frames.from_client().feed(frames.encode(Bye(0, "")))


def test_too_large_a_frame_is_refused_at_its_length_before_any_of_it_is_held() -> None:
    with pytest.raises(RemoteProtocolError, match="4294967295 bytes is announced"):
        frames.from_server().feed(b"\xff\xff\xff\xff")


def test_after_an_error_a_decoder_never_gives_frames_again() -> None:
    decoder = frames.from_client()
    for data in (b"\0\0\0\1\xc1", frames.encode(Step(1, 1.0)), b""):
        with pytest.raises(RemoteProtocolError):
            decoder.feed(data)


def test_what_the_other_side_would_refuse_is_not_sent() -> None:
    with pytest.raises(LocalProtocolError, match="more than"):
        frames.encode(Act(1, KillNode("n" * frames.CLIENT_FRAME_MAX_BYTES)))


def test_a_server_of_another_protocol_is_told_from_garbage() -> None:
    hello = frames.encode(Hello("sim", "x", 0, "view", protocol=frames.PROTOCOL + 1))
    with pytest.raises(RemoteProtocolError, match="use one dairt"):
        frames.from_server().feed(hello)
