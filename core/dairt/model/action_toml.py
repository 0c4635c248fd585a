"""Actions as scenario files write them, both ways. The keys of a trouble follow from the fields of its struct."""

import re
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any, Literal, get_args, get_origin

import msgspec

from dairt.errors import UsageError
from dairt.model.action import (
    ANY,
    JOIN,
    Action,
    Broadcast,
    CallPython,
    DegradeLink,
    FaultAction,
    GraphRecipe,
    Heal,
    KeepingAction,
    Link,
    Put,
    RunGraph,
    SkewClock,
    SlowDisk,
    SlowNode,
    TensorRecipe,
    kind_of,
    named,
)
from dairt.model.toml_table import Table, suggestion

DTYPES = ("float32", "float64", "float16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool")
FILLS = ("seeded", "zeros", "ones", "range")
LAYERED = ("layers", "width", "size", "fan_in")  # what describes a graph that is no file

Nodes = tuple[str, ...]
Maker = Callable[[Table, Nodes], Action]
Value = str | int | float | bool | list["Value"] | dict[str, "Value"]


def node_name(table: Table, key: str, nodes: Nodes, *, extra: Nodes = (), default: str | None = None) -> str:
    """The node named by a key: one of `nodes` or `extra`, or `default` where the key is absent."""
    name = table.text(key) if default is None else table.text(key, default)
    if table.has(key) and name not in nodes + extra:
        raise table.error(key, f"cannot be {name!r}; {suggestion(name, nodes + extra)}")
    return name


def who(table: Table, key: str, nodes: Nodes, *, extra: Nodes = ()) -> str:
    """The node that a key names, or the several it lists, joined: one word for whom some trouble befalls."""
    if not isinstance(table.raw(key), list):
        return node_name(table, key, nodes, extra=extra)
    names = table.texts(key)
    wrong = [name for name in names if name not in nodes]
    if wrong or not names or len(dict.fromkeys(names)) < len(names):
        hint = f"; {suggestion(wrong[0], nodes)}" if wrong else ""
        raise table.error(key, f"must be a node or a list of some, each once, not {list(names)}{hint}")
    return JOIN.join(names)


def _link(table: Table, nodes: Nodes) -> Link:
    both, one_way = table.has("link"), table.has("from") or table.has("to")
    if both == one_way:
        raise table.error("", 'needs link = ["A", "B"] for both ways, or from and to for one')
    if one_way:
        link = Link(who(table, "from", nodes, extra=(ANY,)), who(table, "to", nodes, extra=(ANY,)), one_way=True)
    else:
        link = _both_ways(table, nodes)
    shared = [name for name in named(link.a) if name in named(link.b)]
    if shared:
        raise table.error("", f"must link two different nodes, not {shared[0]!r} with itself")
    return link


def _both_ways(table: Table, nodes: Nodes) -> Link:
    value = table.raw("link")
    sides = [JOIN.join(side) if _is_list_of_texts(side) else side for side in value] if isinstance(value, list) else []
    wrong = [end for side in sides for end in named(str(side)) if end not in (*nodes, ANY)]
    if len(sides) != 2 or wrong:
        hint = f"; {suggestion(wrong[0], (*nodes, ANY))}" if wrong else ""
        raise table.error("link", f"must be two nodes, not {value!r}{hint}")
    return Link(str(sides[0]), str(sides[1]))


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(part, str) for part in value)


def _trouble(kind: type[msgspec.Struct], table: Table, nodes: Nodes) -> Any:
    """An action of a kind: every field by its type and its unit."""
    action = kind(**{field.name: _field(field, table, nodes) for field in msgspec.structs.fields(kind)})
    right = _CHECKS.get(kind, lambda action: "")(action)
    if right:
        raise table.error("", right)
    return action


def _field(field: msgspec.structs.FieldInfo, table: Table, nodes: Nodes) -> Any:
    key, default = key_of(field.name), () if field.required else (field.default,)
    if field.type is Link:
        return _link(table, nodes)
    if field.name == "node":
        return who(table, key, nodes)
    if field.name.endswith("_s"):
        return table.seconds(key, *default)
    if field.name.endswith("_bytes"):
        return int(table.size(key, *default))
    if field.name == "bandwidth":
        return table.rate(key, *default)
    if get_origin(field.type) is Literal:
        return table.choice(key, [choice for choice in get_args(field.type) if choice], *default)
    if field.type is int:
        least = 0 if field.name == "times" else 1  # 0 times is every time
        return table.count(key, least=least) if field.required else table.count(key, field.default, least)
    return table.text(key, *default)


def key_of(field: str) -> str:
    """The key of a field of an action: its unit is with the value."""
    return field.removesuffix("_s").removesuffix("_bytes")


def _check_slow(action: DegradeLink | SlowDisk) -> str:
    if isinstance(action, DegradeLink):
        return "" if action.latency_s or action.jitter_s or action.bandwidth else "needs a latency, a jitter or a bandwidth"
    return "" if action.latency_s or action.bandwidth else "needs a latency or a bandwidth"


# What the fields of an action must be together: the end of a sentence where they are not.
_CHECKS: dict[type, Callable[[Any], str]] = {
    DegradeLink: _check_slow,
    SlowDisk: _check_slow,
    SkewClock: lambda action: "" if (action.ahead_s > 0) != (action.behind_s > 0) else "needs either ahead or behind",
    SlowNode: lambda action: "" if action.factor > 1 else "needs a factor of at least 2",
}


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
    layers, width, size, fan_in = (recipe.count(key, getattr(usual, key)) for key in LAYERED)
    if onnx and any(recipe.has(key) for key in LAYERED):
        raise recipe.error("", "is either an onnx file, or layers, width, size and fan_in")
    recipe.finish()
    return RunGraph(GraphRecipe(onnx, layers, width, size, fan_in), node_name(table, "from", nodes, default=""))


def _python(table: Table, nodes: Nodes) -> CallPython:
    call = table.text("call")
    if not _CALL.fullmatch(call):
        raise table.error("call", f'must be a module and a function of it, such as "mywork:train", not {call!r}')
    return CallPython(call)


_CALL = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
FAULTS: dict[str, Maker] = {str(kind.__struct_config__.tag): partial(_trouble, kind) for kind in get_args(FaultAction)}
WORK: dict[str, Maker] = {"broadcast": _broadcast, "graph": _graph, "put": _put, "python": _python}
KEEPING: dict[str, Maker] = {str(kind.__struct_config__.tag): partial(_trouble, kind) for kind in get_args(KeepingAction)}
DO: dict[str, Maker] = {**FAULTS, **WORK, **KEEPING, "heal": lambda table, nodes: Heal(table.text("fault", ""))}


# ------------------------------------------------------------------------------------------------ and back


def keys_of(action: Action) -> dict[str, Value]:
    """The keys of an action, but for its kind, as a scenario file has them: what reads back as the same action."""
    match action:
        case Heal(fault):
            return {"fault": fault} if fault else {}
        case Broadcast(key, tensor, source):
            return {"key": key, "tensor": _tensor_keys(tensor), **({"from": source} if source else {})}
        case Put(key, tensor, node):
            return {"key": key, "tensor": _tensor_keys(tensor), **({"node": node} if node else {})}
        case CallPython(call):
            return {"call": call}
        case RunGraph(graph, coordinator):
            return {"graph": _graph_keys(graph), **({"from": coordinator} if coordinator else {})}
    keys: dict[str, Value] = {}
    for field in msgspec.structs.fields(action):
        value = getattr(action, field.name)
        if isinstance(value, Link):
            keys.update(_link_keys(value))
        elif field.required or value != field.default:
            keys[key_of(field.name)] = _value(field.name, value)
    return keys


def check_action(action: Action, nodes: Nodes) -> None:
    """Raise UsageError unless a scenario of these nodes can say this: what cannot be written down cannot be played again."""
    kind = kind_of(action)
    try:
        read = DO[kind](Table({"do": kind, **keys_of(action)}, "the action", lambda *keys: kind), nodes)
    except ArithmeticError as exc:
        raise UsageError(f"{kind}: the action has a number that is none") from exc
    if read != action:
        raise UsageError(f"{kind}: no scenario says {action}; it says {read}")


def _link_keys(link: Link) -> dict[str, Value]:
    a, b = _who_value(link.a), _who_value(link.b)
    return {"from": a, "to": b} if link.one_way else {"link": [a, b]}


def _who_value(who: str) -> Value:
    return list(named(who)) if JOIN in who else who


def _tensor_keys(tensor: TensorRecipe) -> dict[str, Value]:
    return {"dtype": tensor.dtype, "shape": list(tensor.shape), "fill": tensor.fill}


def _graph_keys(graph: GraphRecipe) -> dict[str, Value]:
    if graph.onnx:
        return {"onnx": graph.onnx}
    keys: dict[str, Value] = {"layers": graph.layers, "width": graph.width, "size": graph.size}
    return keys if graph.fan_in == GraphRecipe().fan_in else {**keys, "fan_in": graph.fan_in}


def _value(field: str, value: Any) -> Value:
    if field == "node":
        return _who_value(value)
    if field.endswith("_s"):
        return seconds_text(value)
    if field.endswith("_bytes"):
        return bytes_text(value)
    if field == "bandwidth":
        return f"{bytes_text(value)}/s"
    return value  # type: ignore[no-any-return]  # a text or a number, as it is


def seconds_text(seconds: float) -> str:
    """A time with its unit that reads back as the very same number: 60ms, 2.5s."""
    thousands = float(f"{seconds * 1e3:.12g}")
    return f"{_plain(thousands)}ms" if 0 < seconds < 1 and thousands * 1e-3 == seconds else f"{_plain(seconds)}s"


def bytes_text(nbytes: float) -> str:
    """A size with its unit that reads back as the very same number: 64KiB, 100B."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if nbytes and nbytes % factor == 0:
            return f"{_plain(nbytes / factor)}{unit}"
    return f"{_plain(nbytes)}B"


def _plain(number: float) -> str:
    """A number in digits, without an exponent."""
    text = format(Decimal(repr(number)), "f")
    return text.rstrip("0").removesuffix(".") if "." in text else text
