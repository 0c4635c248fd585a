"""Wherever a broadcast or a checkpoint is cut off, nothing is lost and nobody sees a part; planted bugs are found."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from dairt.__main__ import run
from dairt.errors import UsageError
from dairt.model.tensor import CHUNK_BYTES
from dairt.model.version import Version
from dairt.protocol import wire
from dairt.protocol.messages import Held, Offer, Probe
from dairt.rehearsal import guillotine
from dairt.rehearsal.guillotine import Cut, Tally, execute, find_cuts
from dairt.rehearsal.guillotine_broadcast import read_frames
from dairt.rehearsal.guillotine_checkpoint import PowerCut, subsets, survivals
from dairt.runtime.framed import FramedConnection
from dairt.runtime.peer import Peer
from planted import planted

# How many cuts are made here, evenly spread; `dairt guillotine` itself makes all of them, in half a minute.
SOME = {"broadcast": 45, "checkpoint": 300}


def some_cuts(story: str) -> Tally:
    cuts = list(enumerate(find_cuts(story, 0), 1))
    return execute(story, cuts[:: max(1, len(cuts) // SOME[story])], seed=0)


@pytest.mark.parametrize("story", SOME)
def test_nothing_is_lost_wherever_it_is_cut(story: str) -> None:
    tally = some_cuts(story)
    assert tally.violations == (), tally.text()
    assert tally.cuts >= SOME[story]
    assert tally.text() == f"{tally.cuts} cut points, 0 violations"


def test_no_retry_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    ask = Peer.ask

    async def ask_once(self: Peer, *args: Any, **rest: Any) -> Any:
        return await ask(self, *args, **{**rest, "tries": 1})

    monkeypatch.setattr(Peer, "ask", ask_once)
    tally = some_cuts("broadcast")
    assert len(tally.violations) > 20
    assert "ended without b: unreachable" in tally.violations[0].reason


@pytest.mark.parametrize(
    ("story", "plant", "reason"),
    [
        ("broadcast", "published_before_verified", "with other bytes than were sent"),
        ("broadcast", "dead_sockets_kept", "sockets after it drained"),
        ("broadcast", "ack_before_durable", "as durable, and restores"),
        ("checkpoint", "ack_before_durable", "was acked, and nothing is restored"),
        ("checkpoint", "no_directory_sync", "was acked, and"),
        ("checkpoint", "no_fsync_before_rename", "was acked, and"),
        ("checkpoint", "checkpoint_overwritten_in_place", "was acked, and"),
    ],
)
def test_a_planted_bug_is_found(story: str, plant: str, reason: str) -> None:
    with planted(plant):
        tally = some_cuts(story)
    assert any(reason in violation.reason for violation in tally.violations), tally.text()


def test_a_leaked_socket_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FramedConnection, "abort", lambda self: self._uncount())
    tally = some_cuts("broadcast")
    assert any("was left open" in violation.reason for violation in tally.violations), tally.text()


def test_a_cut_found_is_cut_again_by_its_number() -> None:
    with planted("no_directory_sync"):
        found = some_cuts("checkpoint").violations[-1]
        assert found.replay == f"dairt guillotine checkpoint --seed 0 --only {found.number}"
        again = execute("checkpoint", [(found.number, find_cuts("checkpoint", 0)[found.number - 1])], seed=0)
    assert again.violations == (found,)


# ---------------------------------------------------------------------------------------------- which cuts there are


@pytest.mark.parametrize("size, sectors", [("small", 10), ("large", 40)])
def test_the_files_have_the_sectors_they_are_made_for(size: str, sectors: int) -> None:
    stakes = [c.moment.disk.at_stake() for c in find_cuts("checkpoint", 0) if isinstance(c, PowerCut) and c.moment.size == size]
    most = max(stakes, key=len)
    assert sum(thing.startswith("sector ") for thing in most) == sectors


def test_of_ten_sectors_every_subset_may_survive() -> None:
    things = ["names a", "length of a", *(f"sector {n} of a" for n in range(10))]
    kept = list(survivals(things, no_draw))
    assert len(kept) == len(set(kept)) == 2 * (1024 + 512)  # half of them have the last sector, and with it the length
    assert {bits >> 2 for bits in kept} == set(range(1024))


def test_of_more_sectors_every_prefix_loss_and_survivor_is_tried_and_some_are_drawn() -> None:
    drawn = iter(range(5, 5 + 256))
    chosen = set(subsets(range(40), lambda bits: next(drawn)))
    everything = 2**40 - 1
    assert {2**n - 1 for n in range(41)} <= chosen
    assert {1 << n for n in range(40)} | {everything - (1 << n) for n in range(40)} <= chosen
    assert set(range(5, 5 + 256)) <= chosen
    assert next(drawn, None) is None


def test_every_byte_of_a_header_and_every_edge_of_a_chunk_is_cut() -> None:
    probe = wire.encode(Probe())
    nbytes = CHUNK_BYTES + 10
    offer = wire.encode(Offer("k", Version(1, "a", 1), ("all",), 5), nbytes)
    body = bytes(8 + CHUNK_BYTES + 8 + 10)
    held = wire.encode(Held("durable", Version(1, "a", 1)))
    frames = list(read_frames(probe + offer + body + held))
    assert [frame.kind for frame in frames] == [tag(Probe), tag(Offer), tag(Held)]
    edges = {offset for frame in frames for offset, _ in frame.edges()}
    start, end = len(probe + offer), len(probe + offer + body)
    headers = {*range(start + 1), *range(end, end + len(held) + 1)}
    marks = (start, start + 8, start + 8 + CHUNK_BYTES, start + 16 + CHUNK_BYTES, end)
    chunks = {mark + near for mark in marks for near in (-1, 0, 1) if start < mark + near <= end}
    assert edges == headers | chunks


# --------------------------------------------------------------------------------------------------- how it is told


@dataclass
class Fake:
    where: str
    reason: str

    def fall(self) -> str:
        if self.reason == "bug":
            raise ExceptionGroup("a nursery's", [RuntimeError("a bug")])
        return self.reason


def fakes(seed: int) -> Iterator[Cut]:
    yield from (Fake("here", ""), Fake("there", "it broke"), Fake("beyond", "bug"))


@pytest.fixture
def _fake_story(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(guillotine.STORIES, "broadcast", f"{__name__}:fakes")


@pytest.mark.usefixtures("_fake_story")
def test_violations_are_listed_with_their_replay_and_the_last_line_is_the_sum(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["guillotine", "broadcast", "--seed", "4"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "✗ cut 2, there",
        "    it broke",
        "    dairt guillotine broadcast --seed 4 --only 2",
        "✗ cut 3, beyond",
        "    it ended by RuntimeError: a bug",
        "    dairt guillotine broadcast --seed 4 --only 3",
        "3 cut points, 2 violations",
    ]


@pytest.mark.usefixtures("_fake_story")
def test_json_lists_all_violations(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["guillotine", "broadcast", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["cuts"], said["exit_code"], [v["number"] for v in said["violations"]]) == (3, 1, [2, 3])


@pytest.mark.usefixtures("_fake_story")
def test_only_makes_one_cut_and_lets_its_bug_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["guillotine", "broadcast", "--only", "1"]) == 0
    assert capsys.readouterr().out == "1 cut point, 0 violations\n"
    with pytest.raises(ExceptionGroup, match="a nursery's"):
        run(["guillotine", "broadcast", "--only", "3"])


@pytest.mark.usefixtures("_fake_story")
@pytest.mark.parametrize("arguments", [["brodcast"], ["broadcast", "--only", "4"], ["broadcast", "--only", "0"]])
def test_bad_input_is_one_sentence(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["guillotine", *arguments]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_an_unknown_story_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="'broadcast'"):
        find_cuts("broadcat", 0)


def no_draw(bits: int) -> int:
    raise AssertionError("nothing is left to chance")


def tag(message: type) -> str:
    return str(message.__struct_config__.tag)  # type: ignore[attr-defined]
