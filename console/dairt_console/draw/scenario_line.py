"""An action as the `[[do]]` entry of a scenario file that equals it, on one line."""

import json

from dairt.model.action import Action, kind_of
from dairt.model.action_toml import Value, keys_of


def scenario_line(action: Action, at_s: float) -> str:
    """Such as `do = "conn.reset", at = "12.34s", link = ["n0", "n1"]`."""
    entries: dict[str, Value] = {"do": kind_of(action), "at": f"{max(at_s, 0):.2f}s", **keys_of(action)}
    return ", ".join(f"{key} = {_toml(value)}" for key, value in entries.items())


def _toml(value: Value) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(entry)}" for key, entry in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(entry) for entry in value) + "]"
    return json.dumps(value, ensure_ascii=False)  # a JSON string, number or boolean is a TOML one
