"""`dairt shrink SCENARIO --seed N`: make a failing story small, as a scenario file to look into and to keep."""

import sys
from pathlib import Path
from time import perf_counter
from typing import Annotated

from cyclopts import Parameter

from dairt.errors import UsageError
from dairt.model.scenario import Scenario
from dairt.rehearsal import gallery
from dairt.rehearsal.shrink import shrink as shrink_scenario


def shrink(
    scenario: str,
    /,
    *,
    seed: Annotated[int, Parameter(help="The seed that breaks a promise in the simulated world.")] = 0,
    output: Annotated[Path | None, Parameter(help="The file to write. [the story's name with .shrunk.toml, here]")] = None,
    allow_python: Annotated[bool, Parameter(negative="", help="Run the Python code that the scenario names.")] = False,
) -> int:
    """Take away of a failing story what it can do without, and write what is left as a scenario file.

    Faults, work, nodes and settings go, and numbers become round, while the same promise stays broken from the same seed.
    Ctrl-C writes the smallest story so far.

    Exits with 0 when the file is written, 2 for bad input, such as a story whose promises hold.
    """
    story, begun = gallery.load(scenario), perf_counter()
    file = output or Path(f"{Path(story.source).stem}.shrunk.toml")
    _check(file)

    def tell(smaller: Scenario, plays: int) -> None:
        print(f"{perf_counter() - begun:6.1f} s, {plays:4} plays: {_size(smaller)}", file=sys.stderr)

    shrunk = shrink_scenario(story, seed, tell, allow_python=allow_python)
    try:
        file.write_text(shrunk.text(str(file)), encoding="utf-8")
    except OSError as exc:
        raise UsageError(f"--output: cannot write {file}: {exc.strerror}") from exc
    how = "" if shrunk.finished else ", stopped early"
    print(f"{shrunk.promise}: {_size(shrunk.before)} became {_size(shrunk.after)} in {shrunk.plays} plays{how}")
    print(f"again: dairt play {file} --seed {seed}")
    return 0


def _check(file: Path) -> None:
    """Refuse what cannot be written before the work, not after it."""
    if file.is_dir():
        raise UsageError(f"--output {file} is a folder: give the name of a file")
    if not file.parent.is_dir():
        raise UsageError(f"--output {file}: there is no folder {file.parent}")


def _size(story: Scenario) -> str:
    parts = ((story.faults, "fault", "faults"), (story.work, "work", "works"), (story.nodes, "node", "nodes"))
    return ", ".join(f"{len(entries)} {one if len(entries) == 1 else many}" for entries, one, many in parts)
