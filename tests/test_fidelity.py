"""The manual says of every promise, and of every kind of trouble, what each world makes of it: what the code says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dairt.__main__ import run
from dairt.model.action import FaultAction, worlds_of
from dairt.model.action.worlds import EVERYWHERE, LIMITS
from dairt.rehearsal.promises import PROMISES, Promise
from dairt.rehearsal.promises.evidence import LACKING, lacking, why_unseen

MANUAL = Path(__file__).parent.parent / "docs" / "fidelity.md"
FAULTS: dict[str, type] = {str(kind.__struct_config__.tag): kind for kind in FaultAction.__args__}


def row(name: str, cells: Iterator[str]) -> str:
    return f"| `{name}` | {' | '.join(cells)} |"


def table(what: str, rows: list[str]) -> str:
    return "\n".join([f"| {what} | {' | '.join(EVERYWHERE)} |", "|---|---|---|---|", *rows])


def judged(promise: type[Promise], world: str) -> str:
    missing = lacking(promise.needs, world)
    if not missing:
        return "judged"
    return f"{'not judged' if missing == promise.needs else 'in part'}: {why_unseen(promise.needs, world)}"


def promises() -> str:
    return table("promise", [row(name, (judged(kind, world) for world in EVERYWHERE)) for name, kind in PROMISES.items()])


def faults() -> str:
    def does(kind: type, world: str) -> str:
        return "yes" if world in worlds_of(kind) else f"no: {LIMITS[kind].because}"

    return table("trouble", [row(name, (does(kind, world) for world in EVERYWHERE)) for name, kind in FAULTS.items()])


@pytest.mark.parametrize("expected", [promises(), faults()], ids=["promises", "faults"])
def test_the_manual_has_the_tables_of_the_code(expected: str) -> None:
    assert expected in MANUAL.read_text("utf-8"), f"{MANUAL.name} must have this table:\n{expected}"


def test_every_world_shows_what_it_is_not_said_to_lack() -> None:
    assert "sim" not in LACKING
    assert set(LACKING) < set(EVERYWHERE)


def test_check_says_which_promises_mean_nothing_in_a_world(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "kill_socket"]) == 0
    told = [line.strip() for line in capsys.readouterr().out.splitlines() if "not judged" in line]
    assert told == ["not judged in proc: no_leaked_sockets, with the process of a node the operating system ends its sockets"]
