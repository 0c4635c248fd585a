"""The form that breaks something: which kinds there are, what each asks for, and the action a filled-in form comes to. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args, get_origin

import msgspec

from dairt.errors import UsageError
from dairt.model.action import ANY, JOIN, LIMITS, Action, FaultAction, Link, RotBit
from dairt.model.action_toml import FAULTS, Value, bytes_text, key_of, seconds_text
from dairt_console.blast import radius
from dairt_console.chosen import Chosen
from dairt_console.command_line import made
from dairt_console.plan_kinds import Act, Ask, Plan
from dairt_console.plans import plan_action
from dairt_console.plans_checkpoints import file_of
from dairt_console.reducer import Seen

KINDS: dict[str, type[msgspec.Struct]] = {str(kind.__struct_config__.tag): kind for kind in get_args(FaultAction)}
ONE, OTHER, ONE_WAY = "one side", "other side", "one way"
SHARED = ("node", ONE, OTHER, ONE_WAY)  # fields that keep what was written when another kind is picked
# What to begin with where a kind has no default, or one that would do nothing.
_BEGIN = {
    ("conn.slow_close", "linger"): "2s", ("conn.cut_after", "after"): "64KiB", ("link.degrade", "latency"): "60ms",
    ("disk.slow", "latency"): "20ms", ("node.clock", "ahead"): "1min",
}  # fmt: skip


@dataclass(frozen=True)
class KindRow:
    """One kind of fault; `why_not` ends a sentence about a world that cannot do it, and is "" where it can."""

    key: str
    does: str
    why_not: str


@dataclass(frozen=True)
class Field:
    """One thing to fill in: what it begins with, and what may be written."""

    key: str
    begin: str
    hint: str


def kind_rows(world: str) -> list[KindRow]:
    """All kinds, those that this world can do first."""
    rows = [KindRow(kind, (KINDS[kind].__doc__ or "").split("\n")[0], _why_not(KINDS[kind], world)) for kind in FAULTS]
    return sorted(rows, key=lambda row: bool(row.why_not))


def _why_not(kind: type, world: str) -> str:
    limit = LIMITS.get(kind)
    return "" if limit is None or world in limit.worlds else limit.because


def first_kind(chosen: Chosen) -> str:
    """The kind to begin with, by what is chosen."""
    if chosen.peer:
        return "conn.reset"
    return "disk.bitflip" if chosen.key else "node.kill"


def fields_of(kind: str, chosen: Chosen, names: Sequence[str]) -> tuple[Field, ...]:
    """What a kind asks for, filled in with what is chosen."""
    node = chosen.node or next(iter(names), "")
    several = f"a node, or several as {JOIN.join(names[:2]) or 'n0+n1'}"
    found: list[Field] = []
    for field in msgspec.structs.fields(KINDS[kind]):
        key = key_of(field.name)
        if field.type is Link:
            found.append(Field(ONE, node, several))
            found.append(Field(OTHER, chosen.peer or ANY, f"{several}, or {ANY}"))
            found.append(Field(ONE_WAY, "no", "yes: only what goes from the one to the other"))
        elif field.name == "node":
            found.append(Field(key, node, several))
        elif KINDS[kind] is RotBit and chosen.key:
            found.append(Field(key, file_of(chosen.key), _hint(field)))
        else:
            default = "" if field.required else _text(field.name, field.default)
            found.append(Field(key, _BEGIN.get((kind, key), default), _hint(field)))
    return tuple(found)


def _text(name: str, value: object) -> str:
    """A default as it is written in the form."""
    if isinstance(value, int | float) and name.endswith("_s"):
        return seconds_text(value)
    if isinstance(value, int | float) and name.endswith("_bytes"):
        return bytes_text(value)
    return f"{bytes_text(value)}/s" if isinstance(value, int | float) and name == "bandwidth" else str(value)


def _hint(field: msgspec.structs.FieldInfo) -> str:
    if field.name.endswith("_s"):
        return "a time, such as 250ms or 2s"
    if field.name.endswith("_bytes"):
        return "a size, such as 64KiB"
    if field.name == "bandwidth":
        return "a rate, such as 8MiB/s; 0B/s is no cap"
    if get_origin(field.type) is Literal:
        return ", ".join(choice or "nothing" for choice in get_args(field.type))
    if field.type is int:
        return "how many times; 0 is every time" if field.name == "times" else "a whole number"
    return "what its name begins with; nothing is any" if field.name == "file" else "a text"


def read_form(kind: str, texts: Mapping[str, str], names: Sequence[str]) -> Action:
    """The action that a filled-in form comes to, read as scenario files are. Raises UsageError, one sentence."""
    entries: dict[str, Value] = {}
    if ONE in texts:
        entries = _link(kind, texts)
    whole = [key_of(field.name) for field in msgspec.structs.fields(KINDS[kind]) if field.type is int]
    for key, text in texts.items():
        text = text.strip()
        if key not in (ONE, OTHER, ONE_WAY) and text:
            entries[key] = _side(text) if key == "node" else int(text) if key in whole and text.isdecimal() else text
    return made(kind, entries, names)


def _link(kind: str, texts: Mapping[str, str]) -> dict[str, Value]:
    one, other = _side(texts[ONE]), _side(texts[OTHER])
    match texts[ONE_WAY].strip():
        case "no" | "":
            return {"link": [one, other]}
        case "yes":
            return {"from": one, "to": other}
    raise UsageError(f"{kind}: {ONE_WAY} is yes or no, not {texts[ONE_WAY]!r}")


def _side(text: str) -> Value:
    """A node, or the list of several."""
    words: list[Value] = [*text.replace(JOIN, " ").replace(",", " ").split()]
    return words if len(words) > 1 else words[0] if words else ""


def plan_inject(seen: Seen, action: Action) -> Plan:
    """What a filled-in form comes to: a question in any case, for it is armed first and fired then."""
    what = plan_action(seen, action)
    if not isinstance(what, Act):
        return what
    return Ask(f"{str(action)[0].upper()}{str(action)[1:]}?", radius(seen, action) or ("Nothing else is lost by it.",), action)
