"""What nodes in processes of their own tell of themselves: every entry, through a pipe, merged into one order of causes.

An entry is written before the emit of its event returns, so that a killed node has told all that it did, and stamped with
a clock that all processes of the machine share.
"""

import os
import struct
from collections.abc import Callable

import msgspec
import trio

from dairt.errors import RemoteProtocolError
from dairt.model.events import Entry

OUTPUT = 1  # the descriptor a node tells on
READ_BYTES = 64 * 1024  # a pipe holds no more
ENTRY_MAX_BYTES = 2**20  # an entry is a line of text and a few numbers
_PREFIX = struct.Struct(">I")
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Entry)


def tell(entry: Entry) -> None:
    """Write an entry to standard output: a listener of a node's journal."""
    body = _encoder.encode(entry)
    data = _PREFIX.pack(len(body)) + body
    try:
        while data:
            data = data[os.write(OUTPUT, data) :]
    except BrokenPipeError:
        return  # whoever listened is gone, and the leash will end us


class Tales:
    """The ends of the nodes' pipes where their entries arrive; `hear` gets each, causes before effects.

    An effect at another node is stamped, and written, after its cause was written. So of what one pass over all pipes finds,
    everything stamped before the pass began has its causes in the same pass; the rest waits for the next.
    """

    def __init__(self, now: Callable[[], float], hear: Callable[[Entry], None]) -> None:
        self._now = now
        self._hear = hear
        self._pipes: dict[int, bytearray] = {}
        self._waiting: list[Entry] = []

    def open(self) -> tuple[int, int]:
        """A new pipe: the end to read, which the caller gives back by `close`, and the end to write, which it closes itself."""
        source, sink = os.pipe()
        os.set_blocking(source, False)
        self._pipes[source] = bytearray()
        return source, sink

    async def listen(self, source: int) -> None:
        """Hear whatever any node tells whenever this one does; returns when its pipe has ended or is muted."""
        while source in self._pipes:
            await trio.lowlevel.wait_readable(source)
            self.catch_up()

    def mute(self, source: int) -> None:
        """Hear what is in a pipe now, and nothing of it ever after; harmless when repeated."""
        self.catch_up()
        self._pipes.pop(source, None)

    def close(self, source: int) -> None:
        """Hear what is left in a pipe and close it, when nobody listens any more."""
        self.mute(source)
        os.close(source)

    def catch_up(self) -> None:
        """Hear all that has been told by now."""
        while True:
            begun = self._now()
            for source, arrived in list(self._pipes.items()):
                if not _read(source, arrived):
                    del self._pipes[source]
                self._waiting += _cut(arrived)
            # Stable: entries of one node stay in their order, also when two have the same stamp.
            self._waiting.sort(key=lambda entry: entry.time_s)
            ready = [entry for entry in self._waiting if entry.time_s <= begun]
            self._waiting = self._waiting[len(ready) :]
            for entry in ready:
                self._hear(entry)
            if not self._waiting:
                return


def _read(source: int, arrived: bytearray) -> bool:
    """Read a pipe empty; False when it has ended."""
    try:
        while data := os.read(source, READ_BYTES):
            arrived += data
    except BlockingIOError:
        return True
    return False


def _cut(arrived: bytearray) -> list[Entry]:
    """Cut off the entries that have arrived whole."""
    entries, start = [], 0
    while len(arrived) - start >= _PREFIX.size:
        [nbytes] = _PREFIX.unpack_from(arrived, start)
        if nbytes > ENTRY_MAX_BYTES:
            arrived.clear()
            raise RemoteProtocolError(f"an entry of {nbytes} bytes in a node's tale, more than {ENTRY_MAX_BYTES}")
        end = start + _PREFIX.size + nbytes
        if len(arrived) < end:
            break
        entries.append(_decoder.decode(arrived[start + _PREFIX.size : end]))
        start = end
    del arrived[:start]
    return entries
