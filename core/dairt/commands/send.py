"""`dairt send FILE.npy --to HOST:PORT`: a bare TENS frame to each target, as the C++ program sends them."""

import tokenize
from pathlib import Path
from typing import Annotated

import numpy as np
import trio
from cyclopts import Parameter

from dairt.errors import DairtError, NoAnswer, PeerUnreachable, Refused, RemoteProtocolError, TensorFormatError, UsageError
from dairt.model.address import Address
from dairt.model.config import Limits
from dairt.model.events import size_text
from dairt.protocol import wire
from dairt.protocol.messages import Sorry
from dairt.runtime.host import Buffer

CONNECT_S = 3.0  # from asking to connected: a host that is up answers within a round trip
ANSWER_S = 10.0  # a receiver syncs the tensor to its disk before it closes; and so long more a slow byte


def send(
    file: Path,
    /,
    *,
    to: Annotated[list[str], Parameter(name="--to", help="HOST:PORT of a receiver; may be given several times.")],
) -> int:
    """Send the array in FILE, a .npy file, to each receiver as one bare TENS frame.

    Exits with 0 when all took it, 1 when one did not, 2 when there is nothing to send or nowhere to send it.
    """
    targets = [Address.parse(text) for text in to]
    array = read_array(file)
    try:
        buffers = wire.encode_bare(array)
    except TensorFormatError as exc:
        raise UsageError(f"{file}: {exc}") from exc
    outcomes = trio.run(send_to_all, buffers, targets)
    what = f"{array.dtype.name}{list(array.shape)}, {size_text(sum(len(buffer) for buffer in buffers))}"
    for target, outcome in zip(targets, outcomes, strict=True):
        print(f"{target}: {f'sent {what}' if outcome is None else outcome}", flush=True)
    return 0 if all(outcome is None for outcome in outcomes) else 1


def read_array(file: Path) -> np.ndarray:
    """The array in a .npy file, mapped and not read; raises UsageError for anything else. Never unpickles."""
    if not file.is_file():
        raise UsageError(f"{file}: there is no such file; give a .npy file, as numpy.save writes it")
    try:
        return np.lib.format.open_memmap(file, mode="r")
    except (OSError, ValueError, EOFError, tokenize.TokenError) as exc:
        raise UsageError(f"{file}: not a .npy file of numbers ({exc}); numpy.save writes one") from exc


async def send_to_all(buffers: list[Buffer], targets: list[Address]) -> list[DairtError | None]:
    """Send to all targets at once; for each, None or why not, in their order."""
    outcomes: list[DairtError | None] = [None] * len(targets)

    async def note(number: int, target: Address) -> None:
        try:
            await send_to(buffers, target)
        except DairtError as exc:
            outcomes[number] = exc

    async with trio.open_nursery() as nursery:
        for number, target in enumerate(targets):
            nursery.start_soon(note, number, target)
    return outcomes


async def send_to(buffers: list[Buffer], target: Address) -> None:
    """Send one frame and wait for the receiver to close; a node closes when it has the tensor on disk.

    Raises PeerUnreachable, Refused or NoAnswer.
    """
    try:
        with trio.fail_after(CONNECT_S):
            stream = await trio.open_tcp_stream(target.host, target.port)
    except (OSError, trio.TooSlowError) as exc:
        raise PeerUnreachable(f"not sent: nobody listens there ({exc or f'no answer in {CONNECT_S:g} s'})") from exc
    nbytes = sum(len(buffer) for buffer in buffers)
    patience_s = ANSWER_S + nbytes / Limits().slowest_bytes_per_s
    try:
        with trio.fail_after(patience_s):
            async with stream:
                for buffer in buffers:
                    await stream.send_all(buffer)
                await stream.send_eof()
                await _hear_it_close(stream)
    except trio.BrokenResourceError as exc:
        raise Refused("refused: the receiver reset the connection") from exc
    except trio.TooSlowError as exc:
        raise NoAnswer(f"may have arrived: the receiver did not close within {patience_s:.0f} s") from exc


async def _hear_it_close(stream: trio.SocketStream) -> None:
    decoder = wire.Decoder(Limits())
    try:
        while data := await stream.receive_some(wire.SCRATCH_BYTES):
            while data:
                room = decoder.buffer()[: len(data)]
                room[:] = data[: len(room)]
                decoder.filled(len(room))
                data = data[len(room) :]
                match decoder.next():
                    case wire.Opened(message=Sorry(reason=reason)):
                        raise Refused(f"refused: {reason}")
                    case None:
                        pass
                    case _:
                        raise Refused("refused: the receiver answered with something else than an end")
    except RemoteProtocolError as exc:
        raise Refused(f"refused: the receiver answered what no node says ({exc})") from exc
