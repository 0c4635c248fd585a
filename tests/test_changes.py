"""A sync of a folder settles exactly what the rule says, however the changes are kept."""

from hypothesis import given
from hypothesis import strategies as st

from dairt.worlds.disk_names import folder_of
from dairt.worlds.sim.changes import Change, Changes

NAMES = st.sampled_from(["a", "b", "f/a", "f/b", "g/a"])
PARTS = st.lists(NAMES, min_size=1, max_size=2, unique=True)
STEPS = st.lists(PARTS | st.sampled_from(["", "f", "g", "h"]), max_size=30)


def settled_by_the_rule(pending: list[Change[str]], folder: str) -> list[Change[str]]:
    """What touches the folder, and whatever came before it on the same names."""
    settled: list[Change[str]] = []
    for change in reversed(pending):
        names = [name for name, _, _ in change.parts]
        later = [name for other in settled for name, _, _ in other.parts]
        if any(folder_of(name) == folder or name in later for name in names):
            settled.insert(0, change)
    return settled


@given(STEPS)
def test_a_sync_settles_what_the_rule_says_in_the_order_of_making(steps: list[list[str] | str]) -> None:
    changes: Changes[str] = Changes()
    pending: list[Change[str]] = []
    for step in steps:
        if isinstance(step, str):
            expected = settled_by_the_rule(pending, step)
            assert changes.settle(step) == expected
            pending = [change for change in pending if change not in expected]
        else:
            pending.append(changes.add(*((name, None, "file") for name in step)))
        assert list(changes) == pending
