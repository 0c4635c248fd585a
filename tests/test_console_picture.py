"""The picture in the README is made by one command, of a real run, and is the same wherever it is made."""

import os
import subprocess
import sys
from pathlib import Path

MAKER = Path(__file__).parent.parent / "docs" / "make_picture.py"


def test_the_picture_shows_a_killed_socket_and_is_the_same_wherever_it_is_made(tmp_path: Path) -> None:
    makers = [
        subprocess.Popen([sys.executable, MAKER, tmp_path / f"{seed}.svg"], env={**os.environ, "PYTHONHASHSEED": seed})
        for seed in ("1", "2")
    ]
    assert [maker.wait(60) for maker in makers] == [0, 0]
    one, other = ((tmp_path / f"{seed}.svg").read_text() for seed in ("1", "2"))
    assert one == other
    words = one.replace("&#160;", " ")
    for piece in ("FAULT reset the sockets n0↔n1", "✓ healed", "▶ running", "world sim"):
        assert piece in words
    assert "@font-face" not in one  # nothing is fetched from elsewhere
