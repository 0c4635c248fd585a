"""What the world's thread does for those who watch: seldom, bounded, and counted."""

import pytest
import trio

from dairt.control.conversation import Log
from dairt.control.frames import Entries
from dairt.control.publisher import ENTRIES_KEPT, News, Publisher
from dairt.model.events import ChunkSent, Entry, OpStarted, PhaseBegan
from dairt.runtime.journal import Journal
from dairt.worlds.sim.clock import VirtualClock
from toy_world import ToyEnding, ToyWorld


def test_snapshots_are_taken_at_most_15_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    posted: list[float] = []
    now = 100.0
    monkeypatch.setattr("time.perf_counter", lambda: now)
    publisher = Publisher(lambda news: posted.append(now))

    async def main() -> None:
        nonlocal now
        watch_quiet_world(publisher)
        for _ in range(3000):
            now += 0.001
            publisher.after_io_wait(0)

    trio.run(main)
    assert 43 <= len(posted) <= 46


def watch_quiet_world(publisher: Publisher) -> ToyWorld:
    world = ToyWorld(VirtualClock())
    world.journal = Journal(lambda: 0.0, keep=10)
    publisher.watch(world)
    return world


@pytest.mark.trio
async def test_details_people_watch_are_streamed_and_those_they_do_not_are_not() -> None:
    posted: list[Entry] = []
    publisher = Publisher(lambda news: posted.extend(news.entries))
    world = watch_quiet_world(publisher)
    world.journal.emit("n0", ChunkSent("n1", "w", 1, 2))
    world.journal.emit("n0", OpStarted("r", "matmul", 1, "compute-0"))
    publisher.close(ToyEnding(1.0))
    assert [type(entry.event) for entry in posted] == [OpStarted]


@pytest.mark.trio
async def test_the_last_snapshot_shows_the_verdict_and_every_node_down() -> None:
    posted: list[News] = []
    publisher = Publisher(posted.append)
    watch_quiet_world(publisher)
    publisher.close(ToyEnding(7.5))
    last = posted[-1].snapshot
    assert last is not None
    assert (last.time_s, last.phase, last.nodes[0].state, last.promises[0].state) == (7.5, "over", "down", "holds")


def test_a_log_counts_what_each_reader_missed() -> None:
    log = Log()
    entries = tuple(Entry(seq, 0.0, "", PhaseBegan("x")) for seq in range(1, ENTRIES_KEPT + 1))
    log.extend(entries[:3], 0)
    assert log.since(1) == Entries(entries[1:3], 0)
    log.extend(entries, 7)
    assert log.since(3) == Entries(entries, 7)
    assert log.since(0) == Entries(entries, 10)
    assert log.since(log.total) == Entries((), 0)
