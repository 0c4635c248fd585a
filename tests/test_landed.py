"""A fault that waits for something, and never found it, leaves the verdict open: it has broken nothing."""

import pytest

from dairt.model.events import FaultFired, FaultLanded
from telling import story, tell

WORK = '[[work]]\nid = "w"\nkind = "broadcast"\nfrom = "a"\ntensor = { shape = [8] }\nat = "1s"\n'
RUN = '[[work]]\nid = "g"\nkind = "graph"\ngraph = { layers = 2, width = 2, size = 8 }\nfrom = "a"\nat = "1s"\n'
LINK = 'link = ["a", "b"]\n'
WAITING = [
    f'kind = "frame.corrupt"\n{LINK}',
    f'kind = "frame.truncate"\n{LINK}',
    f'kind = "frame.duplicate"\n{LINK}',
    f'kind = "frame.replay_stale"\nafter = "100ms"\n{LINK}',
    'kind = "disk.error"\nnode = "b"\ncalls = "write"\ntimes = 1\n',
    'kind = "disk.full"\nnode = "b"\n',
    'kind = "disk.fsync_error"\nnode = "b"\n',
    'kind = "tensor.nan"\nnode = "b"\n',
    'kind = "tensor.bitflip"\nnode = "b"\n',
]


def kind(fault: str) -> str:
    return fault.split('"')[1]


@pytest.mark.parametrize("fault", WAITING, ids=kind)
def test_what_waited_and_befell_something_leaves_no_doubt(fault: str) -> None:
    report, listener = tell(story(f'{WORK}{RUN}[[fault]]\nid = "f"\nat = "900ms"\n{fault}'))
    assert [entry.event for entry in listener.heard(FaultLanded)] == [FaultLanded("f")]
    assert report.verdict == "held", report.text()


@pytest.mark.parametrize("fault", WAITING, ids=kind)
def test_what_was_over_before_anything_came_by_leaves_the_verdict_open(fault: str) -> None:
    for_s = '"0s"' if kind(fault) == "frame.replay_stale" else '"1us"'
    report, listener = tell(story(f'[[fault]]\nid = "f"\nat = "900ms"\nfor = {for_s}\n{fault}'))
    assert not listener.heard(FaultLanded)
    assert (report.verdict, report.reason) == ("inconclusive", "fired, and befell nothing: f")
    assert report.exit_code == 3


def test_a_socket_that_is_cut_after_some_bytes_was_befallen_only_then() -> None:
    cut = '[[fault]]\nid = "f"\nat = "0s"\nkind = "conn.cut_after"\nlink = ["any", "c"]\nafter = '
    restart = '[[fault]]\nid = "r"\nat = "500ms"\nkind = "node.restart"\nnode = "c"\n'
    told = [tell(story(f'{WORK}{cut}"{after}"\n{restart}')) for after in ("100B", "1GiB")]
    assert [len(listener.heard(FaultLanded)) for _, listener in told] == [1, 0]
    assert [report.reason for report, _ in told] == ["", "fired, and befell nothing: f"]


def test_each_time_it_strikes_anew_it_is_told_anew() -> None:
    fault = (
        '[[fault]]\nid = "f"\nevery = { mean = "500ms", max_times = 4 }\nfor = "300ms"\nkind = "disk.fsync_error"\nnode = "b"\n'
    )
    report, listener = tell(story(f'{WORK}every = "20ms"\n{fault}'), seed=1)
    fired, landed = listener.heard(FaultFired), listener.heard(FaultLanded)
    assert 1 < len(landed) <= len(fired)
    assert report.verdict == "held", report.text()
