"""Actions as scenario files write them: one entry a kind, with the keys it takes."""

from collections.abc import Callable

from dairt.model.action import (
    Action,
    Broadcast,
    CutLink,
    DegradeLink,
    GraphRecipe,
    Heal,
    KillNode,
    Link,
    Put,
    ResetConnection,
    RestartNode,
    RunGraph,
    TensorRecipe,
)
from dairt.model.toml_table import Table, suggestion

DTYPES = ("float32", "float64", "float16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool")
FILLS = ("seeded", "zeros", "ones", "range")

Nodes = tuple[str, ...]
Maker = Callable[[Table, Nodes], Action]


def node_name(table: Table, key: str, nodes: Nodes, *, extra: Nodes = (), default: str | None = None) -> str:
    """The node named by a key: one of `nodes` or `extra`, or `default` where the key is absent."""
    name = table.text(key) if default is None else table.text(key, default)
    if table.has(key) and name not in nodes + extra:
        raise table.error(key, f"cannot be {name!r}; {suggestion(name, nodes + extra)}")
    return name


def _link(table: Table, nodes: Nodes) -> Link:
    both, one_way = table.has("link"), table.has("from") or table.has("to")
    if both == one_way:
        raise table.error("", 'needs link = ["A", "B"] for both ways, or from and to for one')
    if one_way:
        link = Link(
            node_name(table, "from", nodes, extra=("any",)), node_name(table, "to", nodes, extra=("any",)), one_way=True
        )
    else:
        ends = table.texts("link")
        wrong = [end for end in ends if end not in (*nodes, "any")]
        if len(ends) != 2 or wrong:
            hint = f"; {suggestion(wrong[0], (*nodes, 'any'))}" if wrong else ""
            raise table.error("link", f"must be two nodes, not {list(ends)}{hint}")
        link = Link(ends[0], ends[1])
    if link.a == link.b:
        raise table.error("", f"must link two different nodes, not {link.a!r} with itself")
    return link


def _degrade(table: Table, nodes: Nodes) -> DegradeLink:
    latency_s, jitter_s = table.seconds("latency", 0.0), table.seconds("jitter", 0.0)
    action = DegradeLink(_link(table, nodes), latency_s, jitter_s, table.rate("bandwidth", 0.0))
    if not (action.latency_s or action.jitter_s or action.bandwidth):
        raise table.error("", "needs a latency, a jitter or a bandwidth")
    return action


def _tensor(table: Table) -> TensorRecipe:
    recipe = table.table("tensor")
    shape = recipe.raw("shape")
    if not isinstance(shape, list) or not all(type(extent) is int and extent >= 0 for extent in shape):
        raise recipe.error("shape", f"must be a list of whole numbers, not {shape!r}")
    tensor = TensorRecipe(tuple(shape), recipe.choice("dtype", DTYPES, "float32"), recipe.choice("fill", FILLS, "seeded"))
    recipe.finish()
    return tensor


def _key(table: Table) -> str:
    return table.text("key", table.text("id", "")) or table.text("key")


def _broadcast(table: Table, nodes: Nodes) -> Broadcast:
    return Broadcast(_key(table), _tensor(table), node_name(table, "from", nodes, default=""))


def _put(table: Table, nodes: Nodes) -> Put:
    return Put(_key(table), _tensor(table), node_name(table, "node", nodes, default=""))


def _graph(table: Table, nodes: Nodes) -> RunGraph:
    recipe = table.table("graph", {})
    onnx, usual = recipe.text("onnx", ""), GraphRecipe()
    layers, width, size = (recipe.count(key, getattr(usual, key)) for key in ("layers", "width", "size"))
    if onnx and any(recipe.has(key) for key in ("layers", "width", "size")):
        raise recipe.error("", "is either an onnx file, or layers, width and size")
    recipe.finish()
    return RunGraph(GraphRecipe(onnx, layers, width, size), node_name(table, "from", nodes, default=""))


FAULTS: dict[str, Maker] = {
    "conn.reset": lambda table, nodes: ResetConnection(_link(table, nodes)),
    "link.cut": lambda table, nodes: CutLink(_link(table, nodes)),
    "link.degrade": _degrade,
    "node.kill": lambda table, nodes: KillNode(node_name(table, "node", nodes)),
    "node.restart": lambda table, nodes: RestartNode(node_name(table, "node", nodes)),
}
WORK: dict[str, Maker] = {"broadcast": _broadcast, "graph": _graph, "put": _put}
DO: dict[str, Maker] = {**FAULTS, **WORK, "heal": lambda table, nodes: Heal(table.text("fault", ""))}
