"""Trouble with whole nodes: how they end and come back, and how they go on without being well.

`node` is one node, or several as `n0+n1`: those all at once. One that `is_down` by a fault stays so until that is healed.
"""

from typing import ClassVar, Literal

import msgspec

Unsynced = Literal["", "keep", "lose", "torn"]


class StopNode(msgspec.Struct, frozen=True, tag="node.stop"):
    """Drain a node, as SIGTERM does, and keep it down until healed."""

    node: str
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"stop {self.node}"


class KillNode(msgspec.Struct, frozen=True, tag="node.kill"):
    """End a node as SIGKILL does: no farewell, memory lost, files as the operating system has them."""

    node: str
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"kill {self.node}"


class PowerCut(msgspec.Struct, frozen=True, tag="node.power_cut"):
    """Take a node's power: no farewell, memory lost, connections silent, and of its disk only what was synced is certain.

    What was not is kept, lost, or torn by sector; "" is as the story's disks have it.
    """

    node: str
    unsynced: Unsynced = ""
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"cut the power of {self.node}"


class RestartNode(msgspec.Struct, frozen=True, tag="node.restart"):
    """Start a node that is down; one that is up is drained first."""

    node: str
    lasts: ClassVar[bool] = False

    def __str__(self) -> str:
        return f"restart {self.node}"


class WipeNode(msgspec.Struct, frozen=True, tag="node.wipe"):
    """Kill a node and empty its disk; one that is down loses its disk only. Healed, it comes back with nothing."""

    node: str
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"wipe {self.node}"


class PauseNode(msgspec.Struct, frozen=True, tag="node.pause"):
    """Run nothing of a node until healed, as SIGSTOP does; what it is sent waits in its sockets' buffers."""

    node: str
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"pause {self.node}"


class SlowNode(msgspec.Struct, frozen=True, tag="node.slow"):
    """Let every kernel of a node take `factor` times as long; in the simulation also run its tasks in one batch of `factor`."""

    node: str
    factor: int = 10
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"slow {self.node} down {self.factor} times"


class SkewClock(msgspec.Struct, frozen=True, tag="node.clock"):
    """Let a node's wall clock be `ahead_s` seconds ahead of the truth, and `behind_s` behind it. Deadlines are not touched."""

    node: str
    ahead_s: float = 0.0
    behind_s: float = 0.0
    lasts: ClassVar[bool] = True

    def __str__(self) -> str:
        skew_s = self.ahead_s - self.behind_s
        return f"put the clock of {self.node} {abs(skew_s):g} s {'ahead' if skew_s >= 0 else 'behind'}"
