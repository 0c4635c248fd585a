"""What a cluster can be asked to do, and to have healed."""

from typing import ClassVar

import msgspec

from dairt.model.action.base import GraphRecipe, TensorRecipe


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


class CallPython(msgspec.Struct, frozen=True, tag="python"):
    """Call an async function `module:function` of the user's own with the cluster, and wait for it."""

    call: str
    lasts: ClassVar[bool] = False

    def __str__(self) -> str:
        return f"call {self.call}"


class RunGraph(msgspec.Struct, frozen=True, tag="graph"):
    """Run a graph over the nodes, coordinated by one of them."""

    graph: GraphRecipe
    coordinator: str = ""
    lasts: ClassVar[bool] = False

    def __str__(self) -> str:
        return f"run {self.graph.onnx or 'a layered graph'} from {self.coordinator or 'any node'}"
