"""What operators did to a running story, as a story of its own that plays again without them."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from dairt.model.action import Action, RunGraph
from dairt.model.scenario import Do, Scenario
from dairt.model.scenario_text import write_scenario

SUFFIX = "-session"


def session(story: Scenario, taken: Sequence[Do], at_s: float) -> Scenario:
    """The story with all that was done in it. One without an end stops at `at_s`, or later where it would anyway."""
    folder = Path(story.source).parent
    return msgspec.structs.replace(
        story,
        name=story.name if story.name.endswith(SUFFIX) else f"{story.name}{SUFFIX}",
        work=tuple(msgspec.structs.replace(work, action=_found(work.action, folder)) for work in story.work),
        actions=tuple(msgspec.structs.replace(do, action=_found(do.action, folder)) for do in (*story.actions, *taken)),
        stop_at_s=max(at_s, story.stop_at_s or 0.0) if story.time is None else None,
    )


def session_text(
    story: Scenario, taken: Sequence[Do], at_s: float, *, world: str, seed: int, digest: str = "", over: bool = False
) -> str:
    """The session as a scenario file. Played in the simulated world from the same seed, it ends with `digest` where known.

    One of a story with an end of its own is told to that end, so that a digest of what was before `at_s` is not its last.
    """
    told = session(story, taken, at_s)
    is_last = over or told.stop_at_s == at_s
    what = "digest" if is_last else f"the digest of all before {at_s:g} s is"
    heading = [
        f"A session of {story.name} in the world {world}, seed {seed}, {'to its end' if over else f'saved at {at_s:g} s'}.",
        f"dairt play THIS_FILE --world sim --seed {seed}",
    ]
    return write_scenario(told, heading=[*heading, f"{what} {digest}"] if digest else heading)


def _found(action: Action, folder: Path) -> Action:
    """The same action, naming its file so that it is found from wherever the session is saved."""
    if not isinstance(action, RunGraph) or not action.graph.onnx:
        return action
    path = str((folder / action.graph.onnx).absolute())
    return msgspec.structs.replace(action, graph=msgspec.structs.replace(action.graph, onnx=path))
