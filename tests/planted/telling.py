"""The stories in which planted bugs are looked for: those of `stories/`, with every promise that there is."""

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path

import msgspec

from dairt.model.scenario import Expectation, ExpectKind, Scenario
from dairt.model.scenario_toml import parse_scenario
from dairt.rehearsal.promises import PROMISES
from planted import rigs

_FOLDER = Path(__file__).parent / "stories"
STORIES = tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))
# What a story sets out to break, so that it is not promised there.
# Or what only holds most of the time: where pings get lost, somebody may be under suspicion at the very end.
NOT_PROMISED = {"poison": ("every_run_has_one_result",), "lossy": ("wrongly_suspected_node_returns",)}


@cache
def story(name: str) -> Scenario:
    """A story of this name, in which everything is promised."""
    path = _FOLDER / f"{name}.toml"
    told = parse_scenario(path.read_text("utf-8"), f"tests/planted/stories/{path.name}")
    promised = [promise for promise in PROMISES if promise not in NOT_PROMISED.get(name, ())]
    kinds: dict[str, ExpectKind] = {name: "finally" if PROMISES[name].is_state else "always" for name in promised}
    return msgspec.structs.replace(
        told,
        expectations=tuple(Expectation(promise, kinds[promise]) for promise in promised),
    )


def rig(name: str) -> AbstractContextManager[None]:
    """What a story needs besides its faults, such as an op that cannot be computed."""
    return getattr(rigs, name, nullcontext)()
