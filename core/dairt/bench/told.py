"""A cluster that is only told: the control stream of so many busy nodes, ten times a second, without one node.

Run as `python -m dairt.bench.told NODES FD`: it speaks over the inherited socket FD until the other side is gone.
"""

import select
import socket
import sys
import time
from collections.abc import Sequence

from dairt.control.frames import Answer, Entries, Hello, Latest, encode, from_client
from dairt.errors import RemoteProtocolError
from dairt.model.events import BroadcastEnded, Entry, TensorStored
from dairt.model.version import Version
from dairt.model.views import CheckpointView, LaneView, NodeView, PeerView, RunView, Snapshot, WorkerView

EVERY_S = 0.1
PEERS_MAX = 63  # all of 64 nodes know each other
PEERS_OF_MANY = 8  # a larger cluster publishes all its peers far less often than ten times a second: here some of them
EVENTS = 10  # a turn


def speak(end: socket.socket, nodes: int) -> None:
    """Tell one snapshot after another, and answer every question, until the other side is gone."""
    names = [f"n{number}" for number in range(nodes)]
    decoder = from_client()
    end.sendall(encode(Hello("tcp", "bench", 0, "inject")))
    due, turn = time.monotonic(), 0
    while True:
        left = due - time.monotonic()
        if left <= 0:
            end.sendall(encode(Latest(snapshot(names, turn))) + encode(Entries(entries(names, turn))))
            due, turn = max(due + EVERY_S, time.monotonic()), turn + 1
        elif select.select([end], [], [], left)[0]:
            data = end.recv(65536)
            if not data:
                return
            end.sendall(b"".join(encode(Answer(question.id, "done")) for question in decoder.feed(data)))


def snapshot(names: Sequence[str], turn: int) -> Snapshot:
    """The cluster at this turn: everything that moves in a busy one has moved since the last."""
    runs = tuple(
        RunView(f"n0.1.{n}", "layered", names[0], "running", 64, (turn + 8 * n) % 64, 2, 0, 0.1 * n, 0.1 * turn)
        for n in range(4)
    )
    nodes = tuple(node(names, number, turn) for number in range(len(names)))
    return Snapshot(turn * EVERY_S, "tcp", "bench", 0, "trouble", 1.0, nodes, runs, wall_s=time.time())


def node(names: Sequence[str], number: int, turn: int) -> NodeView:
    """One of the nodes at this turn."""
    moved = turn * 2**20 * (1 + number % 7)
    several = PEERS_MAX if len(names) <= PEERS_MAX + 1 else PEERS_OF_MANY
    peers = [names[(number + step) % len(names)] for step in range(1, min(several, len(names) - 1) + 1)]
    queued = (turn + number) % 24
    return NodeView(
        names[number],
        f"127.0.0.1:{5000 + number}",
        "up",
        incarnation=1,
        up_s=turn * EVERY_S,
        lanes=(LaneView("compute", queued, 64, turn % 3, 2), LaneView("io", queued // 3, 64, turn % 2, 2)),
        workers=tuple(WorkerView(f"compute-{n}", "compute", f"matmul-{turn % 97}", turn) for n in range(2)),
        peers=tuple(PeerView(peer, "alive", 2, moved // len(peers), moved // len(peers), 0.1) for peer in peers),
        checkpoints=tuple(checkpoint(key, turn) for key in ("weights", "gradients")),
        sockets=2 * len(peers),
        tx_bytes=moved,
        rx_bytes=moved,
    )


def checkpoint(key: str, turn: int) -> CheckpointView:
    """A tensor of 1 MiB, written a second ago."""
    version = Version(1 + turn // 10, "n0", 1)
    return CheckpointView(key, version, "float32", (512, 512), 2**20, turn, time.time() - 1.0, "durable", (version,))


def entries(names: Sequence[str], turn: int) -> tuple[Entry, ...]:
    """What happened since the last turn."""
    version = Version(turn + 1, names[0], 1)
    first = turn * EVENTS + 1
    stored = TensorStored("weights", version, 2**20, turn, names[0])
    held = tuple(Entry(first + n, turn * EVERY_S, names[(turn + n) % len(names)], stored) for n in range(EVENTS - 1))
    ended = BroadcastEnded("weights", version, len(names), (), 0.012)
    return (*held, Entry(first + EVENTS - 1, turn * EVERY_S, names[0], ended))


def main(nodes: int, fd: int) -> None:
    """Speak over this socket to its end."""
    with socket.socket(fileno=fd) as end:
        try:
            speak(end, nodes)
        except (ConnectionError, RemoteProtocolError):
            return  # whoever listened is gone


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
