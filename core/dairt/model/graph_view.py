"""What of a graph is worth looking at: its ops in layers, without its weights."""

from dairt.model.graph import Graph, Op
from dairt.model.views import GraphView, OpView

OPS_MAX = 2000  # more nobody reads one by one: their layers are told, and how many ops each has


def graph_view(graph: Graph) -> GraphView:
    """The shape of a graph, op by op where it has at most `OPS_MAX` of them."""
    layers = _layers(graph)
    counts = [0] * (max(layers, default=-1) + 1)
    for layer in layers:
        counts[layer] += 1
    drawn = zip(graph.ops, layers, strict=True) if len(layers) <= OPS_MAX else ()
    ops = tuple(_op_view(graph, op, layer) for op, layer in drawn)
    return GraphView(graph.digest, graph.name, tuple(graph.inputs), graph.outputs, tuple(counts), ops)


def _layers(graph: Graph) -> list[int]:
    """Each op's layer: one after the last of those it takes something from."""
    made_in: dict[str, int] = {}
    layers = []
    for op in graph.ops:
        layer = max((made_in[value] + 1 for value in op.inputs if value in made_in), default=0)
        made_in.update(dict.fromkeys(op.outputs, layer))
        layers.append(layer)
    return layers


def _op_view(graph: Graph, op: Op, layer: int) -> OpView:
    specs = tuple(str(graph.specs[value]) for value in op.outputs if value in graph.specs)
    return OpView(op.name, op.kernel.op, layer, op.inputs, op.outputs, specs)
