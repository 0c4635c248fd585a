"""An action as the `[[do]]` entry of a scenario file that equals it, on one line, and as what is written on the `:` line."""

import json

from dairt.model.action import Action, Link, kind_of
from dairt.model.action_toml import Value, keys_of


def scenario_line(action: Action, at_s: float) -> str:
    """Such as `do = "conn.reset", at = "12.34s", link = ["n0", "n1"]`."""
    entries: dict[str, Value] = {"do": kind_of(action), "at": f"{max(at_s, 0):.2f}s", **keys_of(action)}
    return ", ".join(f"{key} = {_toml(value)}" for key, value in entries.items())


def command_of(action: Action) -> str:
    """Such as `:conn.reset n0 n1` or `:link.degrade n0 n1 latency=60ms`."""
    keys = keys_of(action)
    words: list[str] = []
    link = getattr(action, "link", None)
    if isinstance(link, Link) and not link.one_way:
        del keys["link"]
        words = [link.a, link.b]
    elif isinstance(node := keys.get("node"), str) and next(iter(keys)) == "node":
        del keys["node"]
        words = [node]
    return " ".join([f":{kind_of(action)}", *words, *(f"{key}={_word(value)}" for key, value in keys.items())])


def _word(value: Value) -> str:
    """A value without quotes where it reads back without them."""
    if isinstance(value, str) and value and not set(value) & set(" \"'[]{}=,#\\"):
        return value
    return _toml(value)


def _toml(value: Value) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(entry)}" for key, entry in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(entry) for entry in value) + "]"
    return json.dumps(value, ensure_ascii=False)  # a JSON string, number or boolean is a TOML one
