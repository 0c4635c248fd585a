"""`dairt node`: be one node of a cluster, until a signal drains it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from dairt.errors import UsageError
from dairt.model.address import Address
from dairt.model.config import NodeConfig
from dairt.model.scenario_toml import node_settings
from dairt.rehearsal import gallery
from dairt.rehearsal.casting import struck_alone
from dairt.rehearsal.solo import Briefing, run


def node(
    *,
    name: Annotated[str, Parameter(help="The node's name, such as n0.")],
    listen: Annotated[str, Parameter(help="HOST:PORT to listen on.")],
    member: Annotated[
        tuple[str, ...], Parameter(help="NAME=HOST:PORT of another node; once for each.", negative="", show_default=False)
    ] = (),
    data: Annotated[Path | None, Parameter(help="Folder of its checkpoints; dairt-data/NAME if not given.")] = None,
    config: Annotated[
        tuple[str, ...],
        Parameter(
            help="KEY=VALUE of its configuration, as scenarios have it: probe_every=250ms.", negative="", show_default=False
        ),
    ] = (),
    rehearsal: Annotated[
        str,
        Parameter(help="A scenario, whose configuration and event-triggered faults it takes; operators may break its links."),
    ] = "",
    seed: Annotated[int | None, Parameter(help="Decides its dice; the operating system's if not given.")] = None,
) -> int:
    """Be one node of a cluster: restore its checkpoints, listen, and say on stderr when it is up.

    SIGTERM or SIGINT drains it, a second one ends it at once.

    Exits with 0 when it has drained, 2 for bad input or when it cannot have its address or its folder.
    """
    address = Address.parse(listen)
    members = {name: address} | {other: Address.parse(where) for other, where in _pairs("--member", member).items()}
    if members[name] != address:
        raise UsageError(f"--member {name}={members[name]} is this node itself, which listens on {address}: name the others")
    story = gallery.load(rehearsal) if rehearsal else None
    if story is not None and sorted(story.nodes) != sorted(members):
        raise UsageError(
            f"--rehearsal {rehearsal} is a story of {', '.join(story.nodes)}; give --name and --member these names"
        )
    settings = story.config if story is not None else {}
    settings = settings | node_settings({key: _value(text) for key, text in _pairs("--config", config).items()}, "--config")
    briefing = Briefing(
        config=NodeConfig(name=name, address=address, members=members, rehearsal=story is not None, **settings),
        data=str(data or Path("dairt-data") / name),
        seed=seed,
        faults=struck_alone(story, seed or 0) if story is not None else (),
    )
    return run(briefing)


def _pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    """What was given as NAME=VALUE, each name once; raises UsageError."""
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals or not value:
            raise UsageError(f"{option} {text!r} is not a name and a value: write {option} NAME=VALUE")
        if name in pairs:
            raise UsageError(f"{option} {name} is given twice: give it once")
        pairs[name] = value
    return pairs


def _value(text: str) -> Any:
    """A value as a scenario's TOML would have it: a whole number, true or false, or else a text."""
    return int(text) if text.isdecimal() else {"true": True, "false": False}.get(text, text)
