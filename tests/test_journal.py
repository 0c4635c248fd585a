"""What listeners and readers of the journal may rely on."""

import pytest
import trio
import trio.testing

from dairt.model.events import ChunkSent, Entry, NodeDown, NodeDrained, PhaseBegan
from dairt.runtime.journal import Journal

DETAIL = ChunkSent("n1", "k", 1, 2)


def phases(journal: Journal, count: int) -> None:
    for n in range(count):
        journal.emit("", PhaseBegan(str(n)))


def test_entries_are_stamped_and_numbered_from_one() -> None:
    times = iter([1.5, 2.5])
    journal = Journal(lambda: next(times), keep=10)
    journal.emit("n0", NodeDrained())
    journal.emit("", PhaseBegan("settle"))
    assert journal.since(0, 10) == ((Entry(1, 1.5, "n0", NodeDrained()), Entry(2, 2.5, "", PhaseBegan("settle"))), 0)
    assert journal.last_seq == 2


def test_every_listener_hears_everything_before_emit_returns() -> None:
    journal = Journal(lambda: 0.0, keep=10)
    heard: list[tuple[str, Entry]] = []
    journal.listeners += [lambda entry: heard.append(("a", entry)), lambda entry: heard.append(("b", entry))]
    journal.emit("n0", DETAIL)
    assert heard == [("a", Entry(0, 0.0, "n0", DETAIL)), ("b", Entry(0, 0.0, "n0", DETAIL))]


def test_details_are_told_but_not_kept_and_leave_no_gap_in_the_numbers() -> None:
    journal = Journal(lambda: 0.0, keep=10)
    heard: list[int] = []
    journal.listeners.append(lambda entry: heard.append(entry.seq))
    phases(journal, 2)
    journal.emit("n0", DETAIL)
    phases(journal, 1)
    assert [entry.seq for entry in journal.since(0, 10)[0]] == [1, 2, 3]
    assert heard == [1, 2, 2, 3]


def test_what_a_listener_emits_is_heard_by_all_after_its_cause() -> None:
    journal = Journal(lambda: 0.0, keep=10)
    heard: list[str] = []

    def trigger(entry: Entry) -> None:
        if isinstance(entry.event, PhaseBegan):
            journal.emit("n1", NodeDown("killed"))

    journal.listeners += [trigger, lambda entry: heard.append(f"{entry.seq} {entry.event.line}")]
    journal.emit("", PhaseBegan("trouble"))
    assert heard == ["1 phase: trouble", "2 down: killed"]


def test_a_listener_that_raises_is_heard_of_and_does_not_block_later_events() -> None:
    journal = Journal(lambda: 0.0, keep=10)
    heard: list[int] = []

    def fail_once(entry: Entry) -> None:
        heard.append(entry.seq)
        if entry.seq == 1:
            raise AssertionError("a bug")

    journal.listeners.append(fail_once)
    with pytest.raises(AssertionError, match="a bug"):
        phases(journal, 1)
    phases(journal, 1)
    assert heard == [1, 2]


@pytest.mark.parametrize(
    "seq, limit, seqs, dropped", [(0, 9, [8, 9, 10], 7), (5, 9, [8, 9, 10], 2), (7, 2, [8, 9], 0), (10, 9, [], 0)]
)
def test_a_reader_that_fell_behind_is_told_how_much_it_missed(seq: int, limit: int, seqs: list[int], dropped: int) -> None:
    journal = Journal(lambda: 0.0, keep=3)
    phases(journal, 10)
    entries, missed = journal.since(seq, limit)
    assert ([entry.seq for entry in entries], missed) == (seqs, dropped)


def test_a_cursor_from_an_earlier_life_reads_nothing_until_the_numbers_reach_it() -> None:
    journal = Journal(lambda: 0.0, keep=3)
    phases(journal, 2)
    assert journal.since(50, 9) == ((), 0)


@pytest.mark.trio
async def test_waiting_readers_miss_no_wakeup() -> None:
    journal = Journal(lambda: 0.0, keep=100)
    read: dict[str, list[int]] = {"a": [], "b": []}

    async def reader(name: str) -> None:
        cursor = 0
        while cursor < 20:
            await journal.wait(cursor)
            entries, _ = journal.since(cursor, 3)
            read[name] += [entry.seq for entry in entries]
            cursor = entries[-1].seq

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reader, "a")
            nursery.start_soon(reader, "b")
            for n in range(20):
                phases(journal, 1)
                if n % 3 == 0:
                    await trio.lowlevel.checkpoint()
    assert read == {"a": list(range(1, 21)), "b": list(range(1, 21))}


@pytest.mark.trio
async def test_details_wake_no_reader() -> None:
    journal = Journal(lambda: 0.0, keep=100)
    woken = trio.Event()

    async def reader() -> None:
        await journal.wait(0)
        woken.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader)
        await trio.testing.wait_all_tasks_blocked()
        journal.emit("n0", DETAIL)
        await trio.testing.wait_all_tasks_blocked()
        assert not woken.is_set()
        phases(journal, 1)
