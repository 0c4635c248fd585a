"""What can be asked for, by a scenario, a test or a person at the console: one vocabulary for trouble and for work."""

from typing import ClassVar

import msgspec


class Link(msgspec.Struct, frozen=True):
    """The way between two nodes: both directions, or from `a` to `b` only. `any` stands for every other node."""

    a: str
    b: str
    one_way: bool = False

    def covers(self, source: str, target: str) -> bool:
        """Say whether bytes going from `source` to `target` travel on this link."""
        return self._matches(source, target) or (not self.one_way and self._matches(target, source))

    def _matches(self, source: str, target: str) -> bool:
        return self.a in (source, "any") and self.b in (target, "any")

    def __str__(self) -> str:
        return f"{self.a}{'→' if self.one_way else '↔'}{self.b}"


class TensorRecipe(msgspec.Struct, frozen=True):
    """A tensor described rather than carried: `fill` is seeded (standard normal), zeros, ones or range."""

    shape: tuple[int, ...]
    dtype: str = "float32"
    fill: str = "seeded"


class GraphRecipe(msgspec.Struct, frozen=True):
    """A graph described: an ONNX or TOML file, or a layered network of seeded weights."""

    onnx: str = ""
    layers: int = 4
    width: int = 3
    size: int = 64


class ResetConnection(msgspec.Struct, frozen=True, tag="conn.reset"):
    """Reset every connection open on a link, now; both ends find a dead socket."""

    link: Link
    lasts: ClassVar[bool] = False

    def __str__(self) -> str:
        return f"reset the sockets {self.link}"


class CutLink(msgspec.Struct, frozen=True, tag="link.cut"):
    """Let nothing through: bytes are held, new connections hang, until healed."""

    link: Link
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"cut {self.link}"


class DegradeLink(msgspec.Struct, frozen=True, tag="link.degrade"):
    """Add latency (seconds, plus up to `jitter_s`) and cap the bandwidth (bytes a second; 0 is no cap)."""

    link: Link
    latency_s: float = 0.0
    jitter_s: float = 0.0
    bandwidth: float = 0.0
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        cap = f", at most {self.bandwidth / 2**20:.3g} MiB/s" if self.bandwidth else ""
        return f"slow {self.link} by {self.latency_s * 1e3:.0f} ms{cap}"


class KillNode(msgspec.Struct, frozen=True, tag="node.kill"):
    """End a node as SIGKILL does: no farewell, memory lost, files as the operating system has them."""

    node: str
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"kill {self.node}"


class RestartNode(msgspec.Struct, frozen=True, tag="node.restart"):
    """Start a node that is down; one that is up is drained first."""

    node: str
    lasts: ClassVar[bool] = False

    def __str__(self) -> str:
        return f"restart {self.node}"


class Heal(msgspec.Struct, frozen=True, tag="heal"):
    """End one fault by its id, or with "" all that last: links whole, nodes up. Healing twice is harmless."""

    fault: str = ""
    lasts: ClassVar[bool] = False

    def __str__(self) -> str:
        return f"heal {self.fault or 'all'}"


class Broadcast(msgspec.Struct, frozen=True, tag="broadcast"):
    """Make a tensor at one node and broadcast it to all."""

    key: str
    tensor: TensorRecipe
    source: str = ""
    lasts: ClassVar[bool] = False

    def __str__(self) -> str:
        return f"broadcast {self.key} {'x'.join(map(str, self.tensor.shape))} from {self.source or 'any node'}"


class Put(msgspec.Struct, frozen=True, tag="put"):
    """Make a tensor at one node and keep it there (audience `local`)."""

    key: str
    tensor: TensorRecipe
    node: str = ""
    lasts: ClassVar[bool] = False

    def __str__(self) -> str:
        return f"put {self.key} {'x'.join(map(str, self.tensor.shape))} on {self.node or 'any node'}"


class RunGraph(msgspec.Struct, frozen=True, tag="graph"):
    """Run a graph over the nodes, coordinated by one of them."""

    graph: GraphRecipe
    coordinator: str = ""
    lasts: ClassVar[bool] = False

    def __str__(self) -> str:
        return f"run {self.graph.onnx or 'a layered graph'} from {self.coordinator or 'any node'}"


LinkTrouble = ResetConnection | CutLink | DegradeLink
NodeTrouble = KillNode | RestartNode
FaultAction = LinkTrouble | NodeTrouble
WorkAction = Broadcast | Put | RunGraph
Action = FaultAction | Heal | WorkAction


def kind_of(action: Action) -> str:
    """The action's name as scenario files write it, such as `conn.reset`."""
    return str(type(action).__struct_config__.tag)
