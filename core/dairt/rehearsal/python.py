"""Code of its user that a story names as `module:function`: loaded only for those who allow it."""

import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dairt.errors import UsageError
from dairt.model.action import CallPython
from dairt.model.scenario import Scenario

FLAG = "--allow-python"


def load_python(story: Scenario, allowed: bool) -> dict[str, Any]:
    """Whatever the story names, by its name. Raises UsageError, also for the first one when none is allowed."""
    loaded: dict[str, Any] = {}
    for place, what, call in _calls(story):
        if not allowed:
            raise UsageError(f"{place}: {what} runs the Python code {call}; give {FLAG} if you trust it")
        if call not in loaded:
            loaded[call] = _load(call, place, Path(story.source).parent)
        if what.startswith("work") and not inspect.iscoroutinefunction(loaded[call]):
            raise UsageError(f"{place}: {what}: {call} must be an async function of a cluster, not {loaded[call]!r}")
    return loaded


def is_python(name: str) -> bool:
    """Whether the name of a promise is that of somebody's code."""
    return ":" in name


def _calls(story: Scenario) -> Iterator[tuple[str, str, str]]:
    """Of everything that names code: its place, what it is, and the code's name."""
    for work in story.work:
        if isinstance(work.action, CallPython):
            yield work.place, f"work {work.id!r}", work.action.call
    for do in story.actions:
        if isinstance(do.action, CallPython):
            yield do.place, "work done by an operator", do.action.call
    for expectation in story.expectations:
        if is_python(expectation.promise):
            yield expectation.place, f"the promise {expectation.promise}", expectation.promise


def _load(call: str, place: str, folder: Path) -> Any:
    """What `module:function` names; modules beside the story are found first."""
    module, _, name = call.partition(":")
    sys.path.insert(0, str(folder.absolute()))
    try:
        loaded = importlib.import_module(module)
    except ImportError as exc:
        raise UsageError(f"{place}: cannot import {module} for {call}: {exc}") from exc
    finally:
        sys.path.remove(str(folder.absolute()))
    if not callable(getattr(loaded, name, None)):
        raise UsageError(f"{place}: there is no function {name!r} in {module}")
    return getattr(loaded, name)
