"""A world's own folder goes with it; what a killed process has left goes when the next world begins."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from subprocess import PIPE

import pytest

from dairt.rehearsal.scratch import scratch_folder

HOLD = "from dairt.rehearsal.scratch import scratch_folder\nwith scratch_folder() as f: print(f, flush=True); input()"


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def holder(there: Path) -> "subprocess.Popen[str]":
    environment = {**os.environ, "TMPDIR": str(there)}
    return subprocess.Popen([sys.executable, "-c", HOLD], stdin=PIPE, stdout=PIPE, text=True, env=environment)


def folder_of(child: "subprocess.Popen[str]") -> Path:
    assert child.stdout is not None
    return Path(child.stdout.readline().strip())


def test_the_folder_and_all_in_it_are_gone_when_it_is_left(there: Path) -> None:
    with scratch_folder() as folder:
        (folder / "n0" / "checkpoints").mkdir(parents=True)
        (folder / "n0" / "checkpoints" / "w.chk").write_bytes(b"x")
        assert [folder] == list(there.iterdir())
        assert folder.stat().st_mode & 0o077 == 0, "nobody else may look into it"
    assert list(there.iterdir()) == []


def test_what_a_killed_process_has_left_goes_when_the_next_one_begins_and_what_is_held_stays(there: Path) -> None:
    with holder(there) as killed, holder(there) as alive:
        left, held = folder_of(killed), folder_of(alive)
        (left / "n0").mkdir()
        killed.kill()
        killed.wait()
        with scratch_folder() as folder:
            assert sorted(there.iterdir()) == sorted([held, folder])
        alive.communicate("\n")
    assert list(there.iterdir()) == []


def test_nothing_else_among_the_temporary_files_is_touched(there: Path) -> None:
    (there / "dairt-data").mkdir()
    (there / "target").mkdir()
    (there / "dairt-scratch-link").symlink_to(there / "target")
    (there / "dairt-scratch-file").write_text("mine")
    with scratch_folder():
        pass
    names = sorted(path.name for path in there.iterdir())
    assert names == ["dairt-data", "dairt-scratch-file", "dairt-scratch-link", "target"]
