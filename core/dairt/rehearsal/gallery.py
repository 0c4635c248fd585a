"""Where the stories are: the scenario files that come with dairt, and those given by their path."""

from pathlib import Path

import dairt
from dairt.errors import UsageError
from dairt.model.scenario import Scenario
from dairt.model.scenario_toml import parse_scenario
from dairt.model.toml_table import suggestion

SUFFIX = ".toml"


def scenarios_dir() -> Path:
    """The folder of the stories that come with dairt: inside an installed package, or at the top of a checkout."""
    package = Path(dairt.__file__).parent
    installed = package / "scenarios"
    return installed if installed.is_dir() else package.parent.parent / "scenarios"


def names() -> tuple[str, ...]:
    """The names of those stories, in order."""
    return tuple(sorted(path.stem for path in scenarios_dir().glob(f"*{SUFFIX}")))


def load(story: str) -> Scenario:
    """Read a story given by the path of its file, or by its name when it comes with dairt. Raises UsageError."""
    path = _find(story)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8 text"
        raise UsageError(f"cannot read the scenario {story}: {reason}") from exc
    return parse_scenario(text, _shown(path))


def _find(story: str) -> Path:
    path = Path(story)
    if path.suffix == SUFFIX or len(path.parts) > 1:
        if not path.exists():
            raise UsageError(f"there is no scenario file {story}; {suggestion(path.stem, names())}")
        return path
    if story not in names():
        raise UsageError(f"there is no scenario {story!r}, and no such file; {suggestion(story, names())}")
    return scenarios_dir() / f"{story}{SUFFIX}"


def _shown(path: Path) -> str:
    """The path as one would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
