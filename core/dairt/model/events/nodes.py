"""What happens to nodes and between them: boots and ends, sockets, suspicion, broken protocol."""

from dairt.model.events.base import EventBase


class NodeBooted(EventBase, frozen=True, tag="node_booted"):
    """A node has restored its checkpoints and listens."""

    address: str
    restored: int
    set_aside: int
    incarnation: int
    level = "good"

    @property
    def line(self) -> str:
        aside = f", {self.set_aside} set aside" if self.set_aside else ""
        return f"up at {self.address}, {self.restored} keys restored{aside}"


class NodeDrained(EventBase, frozen=True, tag="node_drained"):
    """A node has closed its doors and finished its exchanges."""

    @property
    def line(self) -> str:
        return "drained and stopped"


class NodeDown(EventBase, frozen=True, tag="node_down"):
    """A node is gone without farewell."""

    reason: str
    level = "bad"

    @property
    def line(self) -> str:
        return f"down: {self.reason}"


class SocketOpened(EventBase, frozen=True, tag="socket_opened"):
    """A connection to a peer passed its hello."""

    peer: str

    @property
    def line(self) -> str:
        return f"socket to {self.peer} open"


class SocketRemoved(EventBase, frozen=True, tag="socket_removed"):
    """A dead socket was found and removed."""

    peer: str
    reason: str
    level = "warn"

    @property
    def line(self) -> str:
        return f"dead socket to {self.peer} removed: {self.reason}"


class ReconnectDelayed(EventBase, frozen=True, tag="reconnect_delayed"):
    """A peer could not be reached; the next try waits `delay_s`."""

    peer: str
    attempt: int
    delay_s: float
    level = "warn"

    @property
    def line(self) -> str:
        return f"{self.peer} unreachable, try {self.attempt + 1} in {self.delay_s * 1e3:.0f} ms"


class DoorFull(EventBase, frozen=True, tag="door_full"):
    """A node can take no more connections for now: by its own limit, or by its machine's."""

    reason: str
    level = "warn"

    @property
    def line(self) -> str:
        return f"no room for another connection: {self.reason}"


class PeerSuspected(EventBase, frozen=True, tag="peer_suspected"):
    """A peer has been silent for `silent_s`."""

    peer: str
    silent_s: float
    level = "warn"

    @property
    def line(self) -> str:
        return f"suspects {self.peer}: silent for {self.silent_s:.1f} s"


class PeerDied(EventBase, frozen=True, tag="peer_died"):
    """A suspected peer stayed silent and counts as dead."""

    peer: str
    silent_s: float
    level = "bad"

    @property
    def line(self) -> str:
        return f"counts {self.peer} as dead: silent for {self.silent_s:.1f} s"


class PeerReturned(EventBase, frozen=True, tag="peer_returned"):
    """A peer answers again."""

    peer: str
    level = "good"

    @property
    def line(self) -> str:
        return f"{self.peer} is back"


class ProtocolBroken(EventBase, frozen=True, tag="protocol_broken"):
    """Somebody sent what the protocol does not allow; the connection is aborted, the node goes on."""

    address: str
    reason: str
    level = "warn"

    @property
    def line(self) -> str:
        return f"{self.address} broke the protocol: {self.reason}"
