"""Every planted bug is caught by the promise that is there for it, and without bugs the same stories hold.

`pytest -s tests/test_planted.py` prints by which story, and with which smallest seed, each of them is caught.
"""

from functools import cache

import pytest

from dairt.rehearsal.play import play
from dairt.rehearsal.promises import PROMISES
from dairt.rehearsal.report import Report
from planted import PLANTS, SEEDS, STORIES, planted, story
from planted.telling import rig


@cache
def without_bugs(name: str, seed: int) -> Report:
    with rig(name):
        return play(story(name), seed=seed)


def with_bug(name: str, seed: int) -> Report:
    with planted(name), rig(PLANTS[name].story):
        return play(story(PLANTS[name].story), seed=seed)


def broken(report: Report) -> list[str]:
    return [promise.promise for promise in report.promises if promise.state == "broken"]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", STORIES)
def test_without_bugs_every_promise_holds(name: str, seed: int) -> None:
    report = without_bugs(name, seed)
    assert report.verdict == "held", report.text()


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_bug_is_caught_by_its_promise(name: str) -> None:
    plant = PLANTS[name]
    seed = next((seed for seed in SEEDS if plant.promise in broken(with_bug(name, seed))), None)
    assert seed is not None, f"{name} is planted ({plant.what}), and {plant.promise} holds in {plant.story} all the same"
    print(f"{name:36} caught by {plant.promise} in {plant.story}, seed {seed}")
    report = without_bugs(plant.story, seed)
    assert report.verdict == "held", report.text()


def test_every_promise_catches_something() -> None:
    assert {plant.promise for plant in PLANTS.values()} == set(PROMISES)


def test_every_story_is_where_some_bug_is_found() -> None:
    assert {plant.story for plant in PLANTS.values()} == set(STORIES)


def test_a_bug_is_gone_when_its_block_is_left() -> None:
    name = "no_version_check"
    assert broken(with_bug(name, 0))
    with rig(PLANTS[name].story):
        assert play(story(PLANTS[name].story), seed=0).digest == without_bugs(PLANTS[name].story, 0).digest
