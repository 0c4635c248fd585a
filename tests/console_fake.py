"""`dairt-console` over a cluster that is only told: what it does when the other end dies, hangs or speaks nonsense.

Run as `python console_fake.py MANNER`; with `--serve FD MANNER` it is that other end.
"""

import asyncio
import signal
import socket
import sys
from collections.abc import Sequence
from select import select

from console_samples import AT_WORK, HELLO, trouble
from dairt.control.frames import Act, Answer, Bye, ClientFrame, Latest, encode, from_client
from dairt_console.__main__ import show
from dairt_console.link import ChildLink, Deliver


def serve(end: socket.socket, manner: str) -> int:
    """Behave in one of the manners the tests name; returns the exit code."""
    if manner == "usage":
        end.sendall(encode(HELLO) + encode(Bye(2, "no scenario is called 'nosuch'")))
        print("no scenario is called 'nosuch'", file=sys.stderr)
        return 2
    if manner == "mute":
        return _until_eof(end)
    for frame in AT_WORK:
        end.sendall(encode(frame))
    match manner:
        case "dies":
            print("Traceback\nValueError: the world is flat", file=sys.stderr)
            return 3
        case "finishes":
            end.sendall(encode(Bye(0, "all promises held")))
            return _until_eof(end)
        case "nonsense":
            end.recv(4096)
            end.sendall(b"\x00\x00\x00\x01\xc1")
            return _until_eof(end)
        case "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True:
                select([], [], [])  # nothing ever comes: only SIGKILL ends it
        case _:
            return _obey(end)


def _until_eof(end: socket.socket) -> int:
    while end.recv(4096):
        pass
    return 0


def _obey(end: socket.socket) -> int:
    """Take every action, and show trouble from then on."""
    decoder = from_client()
    while data := end.recv(4096):
        for frame in decoder.feed(data):
            end.sendall(encode(Answer(frame.id, "armed")) + encode(Answer(frame.id, "taken")))
            if isinstance(frame, Act):
                end.sendall(encode(Latest(trouble())))
    return 0


class BuggyLink(ChildLink):
    """Has a bug where it reads, or where it sends."""

    async def run(self, deliver: Deliver) -> None:
        if sys.argv[1] == "bug-reading":
            raise ZeroDivisionError("a planted bug")
        await super().run(deliver)

    def send(self, frame: ClientFrame) -> None:
        raise ZeroDivisionError("a planted bug")


def main() -> int:
    """The console, or the other end."""
    if sys.argv[1] == "--serve":
        with socket.socket(fileno=int(sys.argv[2])) as end:
            return serve(end, sys.argv[3])

    def command(arguments: Sequence[str], fd: int) -> list[str]:
        return [sys.executable, __file__, "--serve", str(fd), *arguments]

    link = BuggyLink if sys.argv[1].startswith("bug") else ChildLink
    return asyncio.run(show(link([sys.argv[1]], command), HELLO.scenario, "starting a 3-node cluster"))


if __name__ == "__main__":
    sys.exit(main())
