"""Every page at a moment of a recording reads as it read live at that moment."""

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

import dairt_console.pages
from dairt_console.pages.page import Page
from page_replay import assert_replays, difference


def page_classes() -> list[type[Page]]:
    """All there are, however many."""
    modules = [import_module(f"dairt_console.pages.{module.name}") for module in iter_modules(dairt_console.pages.__path__)]
    found = (each for module in modules for each in vars(module).values() if isinstance(each, type) and issubclass(each, Page))
    return list(dict.fromkeys(page for page in found if hasattr(page, "NAME")))


@pytest.mark.parametrize("page", page_classes(), ids=lambda page: page.NAME)
def test_a_page_at_a_moment_of_a_recording_is_the_page_that_was_live(
    page: type[Page], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert_replays(page)


def test_a_line_that_differs_is_shown_as_it_was_and_as_it_is() -> None:
    assert difference("a\nb", "a\nc\nd") == "- b\n+ c\n- \n+ d"
