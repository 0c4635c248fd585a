"""What members tell each other in datagrams: pings, acknowledgements, and the rumours that ride on them.

A datagram is one packet: `DAIR`, version, reserved, flags (u8, u8, u16) and length of the rest (u32), xxh3_64 of these and of
the rest (u64), all little-endian, as the head of a frame; then a Packet in msgpack. It may be lost, late or doubled.
"""

import struct

import msgspec

from dairt.errors import RemoteProtocolError
from dairt.model.tensor import digest_of
from dairt.model.views import PeerState

PROTOCOL_VERSION = 1
_PREFIX = struct.Struct("<4sBxHI")  # magic, version, reserved, flags, length of the message
_MAGIC = b"DAIR"
_HEAD_BYTES = _PREFIX.size + 8


class Rumour(msgspec.Struct, frozen=True, array_like=True):
    """What somebody holds of a member, as of that member's `incarnation`: the number with which it last defended itself."""

    node: str
    state: PeerState
    incarnation: int


class Ping(msgspec.Struct, frozen=True, tag="ping"):
    """Are you there, `to`? Answered by an Ack with the same `number`."""

    to: str
    number: int


class PingFor(msgspec.Struct, frozen=True, tag="ping_for"):
    """Is `target` there? I cannot reach it. Answered by an Ack about it, or by a Nack."""

    target: str
    number: int


class Ack(msgspec.Struct, frozen=True, tag="ack"):
    """Yes: `node`, which is the sender or whom it was asked about, is there, in its incarnation `as_of`."""

    node: str
    as_of: int
    number: int


class Nack(msgspec.Struct, frozen=True, tag="nack"):
    """I am there, but do not hear whom you asked about."""

    number: int


class Packet(msgspec.Struct, frozen=True, array_like=True):
    """A message, and who says it: in which of its lives, as of which incarnation, what it holds, and what it has heard.

    `summary` is what the sender holds for everybody in one number, 0 when that cannot be said.
    """

    cluster: str
    sender: str
    life: int
    incarnation: int
    summary: int
    rumours: tuple[Rumour, ...]
    message: Ping | PingFor | Ack | Nack


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Packet)


def encode_packet(packet: Packet) -> bytes:
    """The bytes of one datagram."""
    body = _encoder.encode(packet)
    prefix = _PREFIX.pack(_MAGIC, PROTOCOL_VERSION, 0, len(body))
    return prefix + digest_of((prefix, body)) + body


def decode_packet(data: bytes) -> Packet:
    """What a datagram says; raises RemoteProtocolError for one that is damaged or not ours."""
    if len(data) < _HEAD_BYTES or not data.startswith(_MAGIC):
        raise RemoteProtocolError(f"a datagram of {len(data)} bytes is not dairt's")
    _, version, flags, length = _PREFIX.unpack_from(data)
    body = data[_HEAD_BYTES:]
    if (version, flags) != (PROTOCOL_VERSION, 0):
        raise RemoteProtocolError(f"a datagram of version {version}, flags {flags}: this node speaks {PROTOCOL_VERSION}")
    if length != len(body) or digest_of((data[: _PREFIX.size], body)) != data[_PREFIX.size : _HEAD_BYTES]:
        raise RemoteProtocolError(f"a datagram of {len(data)} bytes is damaged")
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise RemoteProtocolError(f"a datagram of {len(data)} bytes is malformed: {exc}") from exc
