"""The pytest plugin: stories in .toml files as tests, one a seed, and the fixture `dairt_cluster`.

It is loaded by every pytest of the environment, so nothing of dairt, numpy or trio is imported before a story or the fixture
asks for it; a .toml file that is no story is not touched.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dairt.errors import UsageError

if TYPE_CHECKING:
    from dairt.model.scenario import Scenario
    from dairt.runtime.cluster import Cluster

SCHEMA = "dairt.scenario/"
HEAD_BYTES = 8192  # the schema is one of a file's first entries, after a comment perhaps
USUAL_SEEDS = "ci"
MARKER = "dairt_cluster(nodes=3, world='tcp'): how many nodes the fixture dairt_cluster has, and in which world, tcp or proc"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the plugin's options."""
    group = parser.getgroup("dairt", "stories of trouble (dairt)")
    group.addoption("--dairt-seeds", metavar="A..B", help="seeds of every story, or a name of its own ranges [its ci, or 0]")
    group.addoption("--dairt-world", choices=("sim", "tcp", "proc"), default="sim", help="where stories are played [sim]")
    group.addoption("--allow-python", action="store_true", help="run the Python code that stories name")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", MARKER)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> StoryFile | None:
    """Collect a .toml file whose schema says that it is a story."""
    return StoryFile.from_parent(parent, path=file_path) if file_path.suffix == ".toml" and is_story(file_path) else None


def is_story(path: Path) -> bool:
    """Whether the top of a TOML file has a `schema` that starts with `dairt.scenario/`; reads a few bytes."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES).decode("utf-8", "replace")
    except OSError:
        return False
    for line in head.splitlines():
        key, _, value = line.partition("=")
        if key.strip().strip("\"'") == "schema":
            return value.strip().lstrip("\"'").startswith(SCHEMA)
        if line.lstrip().startswith("["):
            break
    return False


class StoryFile(pytest.File):
    """A scenario file: one test a seed."""

    def collect(self) -> Iterator[pytest.Item]:
        """The tests; what is wrong with the file, or with an option, is one sentence."""
        from dairt.rehearsal import gallery
        from dairt.rehearsal.judge import check_expectations
        from dairt.rehearsal.python import load_python

        try:
            story = gallery.load(str(self.path))
            seeds = _seeds(story, self.config.getoption("--dairt-seeds"))
            check_expectations(story.expectations)
            load_python(story, self.config.getoption("--allow-python"))
        except UsageError as exc:
            raise self.CollectError(str(exc)) from exc
        for seed in seeds:
            yield StorySeed.from_parent(self, name=f"{story.name}[{seed}]", story=story, seed=seed)


class StorySeed(pytest.Item):
    """One seed of a story, a test that passes when all that the story promises holds."""

    obj = None  # pytest-trio asks every item for its function

    def __init__(self, *, story: Scenario, seed: int, **others: object) -> None:
        super().__init__(**others)  # type: ignore[arg-type]  # what pytest gives to every node
        self._story = story
        self._seed = seed
        self._world: str = self.config.getoption("--dairt-world")
        if not story.ends:
            self.add_marker(pytest.mark.skip(reason=f"{story.name} has no end"))
        elif self._world not in story.worlds:
            self.add_marker(pytest.mark.skip(reason=f"{story.name} is for {', '.join(story.worlds)}, not for {self._world}"))

    def runtest(self) -> None:
        """Play it."""
        from dairt.rehearsal.play import play

        allowed = self.config.getoption("--allow-python")
        report = play(self._story, world=self._world, seed=self._seed, allow_python=allowed)
        if report.verdict == "stopped":
            raise KeyboardInterrupt(report.reason)
        if report.verdict != "held":
            raise StoryFailed(report.text())

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """The report of a story that failed; for a bug its traceback, and the command that shows it again."""
        if isinstance(excinfo.value, StoryFailed | UsageError):
            return str(excinfo.value)
        return f"{excinfo.getrepr(style='long')}\nagain: {self._again}"

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it is, for pytest's own headings."""
        return self.path, 0, self.name

    @property
    def _again(self) -> str:
        from dairt.rehearsal.sweep import Order

        return Order(self._story.source, self._world, self.config.getoption("--allow-python")).again(self._seed)


class StoryFailed(AssertionError):
    """A promise of a story was broken, or a fault never fired; the text is the report."""


@pytest.fixture
async def dairt_cluster(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Cluster]:
    """A running cluster for a pytest-trio test: nodes n0, n1, n2, real sockets on loopback; drained when the test is over.

    `@pytest.mark.dairt_cluster(nodes=5, world="proc")` asks for another one.
    """
    from dairt.rehearsal.local import open_local_cluster

    marker = request.node.get_closest_marker("dairt_cluster")
    asked = {"nodes": 3, "world": "tcp"} | (marker.kwargs if marker is not None else {})
    async with open_local_cluster(**asked, data=tmp_path / "dairt") as cluster:
        yield cluster


def _seeds(story: Scenario, asked: str | None) -> range:
    """The seeds that the option asks for, by default the story's own for every day, or 0."""
    from dairt.model.scenario import parse_seeds

    seeds = story.seeds.get(asked or USUAL_SEEDS) or parse_seeds(asked or "0")
    if seeds is None:
        own = f" or one of {', '.join(story.seeds)}" if story.seeds else ""
        raise UsageError(f"--dairt-seeds cannot be {asked!r}: give a range such as 0..24{own}")
    return seeds.range
