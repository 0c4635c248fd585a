"""What the documents show works, and what there is to know about scenarios is in them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dairt.model.action_toml import FAULTS, WORK
from dairt.model.scenario_toml import parse_scenario
from dairt.protocol.messages import AnyMessage
from dairt.rehearsal.judge import check_expectations
from dairt.rehearsal.promises import PROMISES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
SCENARIOS = (ROOT / "docs" / "scenarios.md").read_text("utf-8")
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text("utf-8")


def block(text: str, language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


def test_the_program_in_the_readme_runs() -> None:
    run = subprocess.run([sys.executable, "-c", block(README, "python")], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert "('n0', 'n1', 'n2')" in run.stdout


def test_the_scenario_in_the_manual_is_one() -> None:
    check_expectations(parse_scenario(block(SCENARIOS, "toml"), "docs/scenarios.md").expectations)


@pytest.mark.parametrize("word", [*FAULTS, *WORK, *PROMISES])
def test_the_manual_tells_of_every_kind_of_work_trouble_and_promise(word: str) -> None:
    assert f"`{word}`" in SCENARIOS


@pytest.mark.parametrize("kind", [cls.__struct_config__.tag for cls in AnyMessage.__args__])
def test_the_manual_tells_of_every_message(kind: str) -> None:
    assert f"`{kind}`" in PROTOCOL


@pytest.mark.parametrize("path", sorted(re.findall(r"\]\(([\w./-]+)\)", README)))
def test_the_readme_links_to_what_is_there(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_two_commands_of_the_readme_stand_alone_on_their_lines() -> None:
    commands = [line.strip() for line in README.splitlines() if line.strip().startswith("python3 -m venv")]
    assert [command.split("&&")[-1].strip() for command in commands] == [".venv/bin/dairt-console", ".venv/bin/pytest"]
