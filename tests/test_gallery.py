"""The stories that come with dairt can be found, read, and ask only for promises that exist."""

from pathlib import Path

import pytest

from dairt.errors import UsageError
from dairt.model.action import DownNode, kind_of
from dairt.model.action_toml import FAULTS
from dairt.model.scenario import Seeds
from dairt.rehearsal import gallery
from dairt.rehearsal.judge import check_expectations
from dairt.rehearsal.stage import check_world


def test_the_stories_are_there() -> None:
    assert {"first_look", "kill_socket", "node_restarts_from_checkpoint", "partition_heals"} <= set(gallery.names())


@pytest.mark.parametrize("name", gallery.names())
def test_every_story_can_be_read(name: str) -> None:
    story = gallery.load(name)
    check_expectations(story.expectations)
    assert story.name == name.replace("_", "-")
    assert story.summary
    assert story.expectations
    assert "sim" in story.worlds
    for world in story.worlds:
        check_world(story, world)


def test_every_kind_of_trouble_is_in_a_story_and_every_story_in_the_table() -> None:
    kinds = {str(row.action.__struct_config__.tag) for name in gallery.names() for row in gallery.load(name).faults}
    restarted = any(
        isinstance(row.action, DownNode) and row.for_s for name in gallery.names() for row in gallery.load(name).faults
    )
    assert restarted  # what `then = { restart_after = … }` writes
    assert kinds | {"node.restart"} == set(FAULTS)
    table = "\n".join(row(name) for name in gallery.names())
    assert table in (gallery.scenarios_dir() / "README.md").read_text("utf-8"), f"the table must be:\n{table}"


def row(name: str) -> str:
    """A story's line in the table of them."""
    story = gallery.load(name)
    kinds = dict.fromkeys(kind_of(fault.action) for fault in story.faults)
    faults = ", ".join(f"`{kind}`" for kind in kinds) or "none"
    return f"| [`{name}`]({name}.toml) | {story.summary} | {faults} | {', '.join(story.worlds)} |"


@pytest.mark.parametrize("name", [name for name in gallery.names() if gallery.load(name).ends])
def test_every_story_that_ends_names_its_seeds_for_every_day_and_for_the_night(name: str) -> None:
    assert gallery.load(name).seeds == {"ci": Seeds(0, 24), "nightly": Seeds(0, 999)}


def test_a_story_is_found_by_name_and_by_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(gallery.scenarios_dir().parent)
    by_name, by_path = gallery.load("kill_socket"), gallery.load("scenarios/kill_socket.toml")
    assert by_name == by_path
    assert by_path.source == str(Path("scenarios/kill_socket.toml"))
    monkeypatch.chdir(tmp_path)
    assert Path(gallery.load("kill_socket").source).is_absolute()


@pytest.mark.parametrize(
    ("story", "told"),
    [
        ("kill_sockt", "there is no scenario 'kill_sockt', and no such file; did you mean 'kill_socket'?"),
        ("elsewhere/kill_socke.toml", "there is no scenario file elsewhere/kill_socke.toml; did you mean 'kill_socket'?"),
        (".", "there is no scenario '.'"),
    ],
)
def test_a_story_that_is_not_there_is_one_sentence(story: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        gallery.load(story)
    assert str(caught.value).startswith(told)


def test_a_file_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="it is not UTF-8 text"):
        gallery.load(str(file))
    (tmp_path / "d.toml").mkdir()
    with pytest.raises(UsageError, match="cannot read the scenario"):
        gallery.load(str(tmp_path / "d.toml"))
