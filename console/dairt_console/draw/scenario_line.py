"""An action as the `[[do]]` entry of a scenario file that equals it, on one line."""

import json

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
    kind_of,
)

Value = str | int | float | bool | list["Value"] | dict[str, "Value"]


def scenario_line(action: Action, at_s: float) -> str:
    """Such as `do = "conn.reset", at = "12.34s", link = ["n0", "n1"]`."""
    entries: dict[str, Value] = {"do": kind_of(action), "at": f"{max(at_s, 0):.2f}s", **_arguments(action)}
    return ", ".join(f"{key} = {_toml(value)}" for key, value in entries.items())


def _arguments(action: Action) -> dict[str, Value]:
    match action:
        case ResetConnection(link) | CutLink(link):
            return _link(link)
        case DegradeLink(link):
            latency: dict[str, Value] = {"latency": f"{action.latency_s * 1e3:g}ms", "jitter": f"{action.jitter_s * 1e3:g}ms"}
            return {**_link(link), **latency, "bandwidth": f"{action.bandwidth:g}B/s"}
        case KillNode(node) | RestartNode(node):
            return {"node": node}
        case Heal(fault):
            return {"fault": fault} if fault else {}
        case Broadcast(key, tensor, source):
            return {"key": key, "tensor": _tensor(tensor), **({"from": source} if source else {})}
        case Put(key, tensor, node):
            return {"key": key, "tensor": _tensor(tensor), **({"node": node} if node else {})}
        case RunGraph(graph, coordinator):
            return {"graph": _graph(graph), **({"from": coordinator} if coordinator else {})}


def _link(link: Link) -> dict[str, Value]:
    return {"from": link.a, "to": link.b} if link.one_way else {"link": [link.a, link.b]}


def _tensor(tensor: TensorRecipe) -> dict[str, Value]:
    return {"dtype": tensor.dtype, "shape": list(tensor.shape), "fill": tensor.fill}


def _graph(graph: GraphRecipe) -> dict[str, Value]:
    if graph.onnx:
        return {"onnx": graph.onnx}
    return {"layers": graph.layers, "width": graph.width, "size": graph.size}


def _toml(value: Value) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(entry)}" for key, entry in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(entry) for entry in value) + "]"
    return json.dumps(value, ensure_ascii=False)  # a JSON string, number or boolean is a TOML one
