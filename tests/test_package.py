"""What ships: the wheel holds all of dairt, and the scenarios that come with it are found wherever it runs."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FIND_SCENARIOS = "from dairt.rehearsal.gallery import scenarios_dir; print(scenarios_dir())"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True, capture_output=True
    )
    [built] = folder.glob("dairt-*.whl")
    return built


def scenarios_of(packages: Path) -> Path:
    """Where a fresh interpreter that imports dairt from `packages` finds the scenarios."""
    environment = {**os.environ, "PYTHONPATH": str(packages), "PYTHONSAFEPATH": "1"}
    run = subprocess.run([sys.executable, "-c", FIND_SCENARIOS], env=environment, check=True, capture_output=True, text=True)
    return Path(run.stdout.strip())


def test_the_wheel_holds_every_module_and_scenario(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {
        file.relative_to(ROOT / top).as_posix()
        for top in ("core", "console")
        for file in (ROOT / top).rglob("*")
        if shipped(file)
    }
    stories = {f"dairt/scenarios/{file.name}" for file in (ROOT / "scenarios").glob("*.toml")}
    assert modules <= names
    assert stories
    assert stories <= names
    assert {"dairt/py.typed", "dairt_console/py.typed"} <= names


def shipped(file: Path) -> bool:
    return file.suffix in (".py", ".typed", ".tcss")


def test_the_wheel_puts_nothing_but_dairt_on_the_path(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"dairt", "dairt_console"}


def test_the_wheel_names_both_commands(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    [entry_points] = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
    lines = archive.read(entry_points).decode().splitlines()
    assert {"dairt = dairt.__main__:main", "dairt-console = dairt_console.__main__:main"} <= set(lines)


def test_an_installed_wheel_finds_its_own_scenarios(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    found = scenarios_of(tmp_path)
    assert found == tmp_path / "dairt" / "scenarios"
    assert sorted(path.name for path in found.glob("*.toml")) == sorted(p.name for p in (ROOT / "scenarios").glob("*.toml"))


def test_a_scenario_edited_in_a_checkout_is_the_one_that_is_played(tmp_path: Path) -> None:
    for top in ("core", "scenarios"):
        shutil.copytree(ROOT / top, tmp_path / top, ignore=shutil.ignore_patterns("__pycache__"))
    edited = tmp_path / "scenarios" / "kill_socket.toml"
    edited.write_text(edited.read_text("utf-8") + "# edited\n", "utf-8")
    found = scenarios_of(tmp_path / "core")
    assert (found / edited.name).read_text("utf-8").endswith("# edited\n")
