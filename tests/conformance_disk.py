"""What a node may rely on of any disk: one suite, on real files and on the simulation, each bare and behind the faults."""

from pathlib import Path

import numpy as np
import pytest
import trio
from trio.testing import MockClock

from dairt.runtime.host import Disk
from dairt.worlds.faults import Faults
from dairt.worlds.faulty_disk import FaultyDisk
from dairt.worlds.files import FileDisk
from dairt.worlds.sim.dice import Dice
from dairt.worlds.sim.disk import SimDisk

pytestmark = pytest.mark.trio


@pytest.fixture(params=["files", "sim", "files behind faults", "sim behind faults"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    inner: Disk = FileDisk(tmp_path) if request.param.startswith("files") else SimDisk("n0", Dice(0))
    return FaultyDisk(inner, "n0", Faults(lambda: 0.0, Dice(0))) if "faults" in request.param else inner


async def write(disk: Disk, name: str, *buffers: bytes | memoryview) -> None:
    file = await disk.create(name)
    await file.write(buffers)
    await file.sync()
    await file.aclose()


async def read(disk: Disk, name: str) -> bytes:
    file = await disk.open(name)
    view = memoryview(bytearray(await disk.size(name) + 1))
    filled = 0
    while got := await file.read_into(view[filled:]):
        filled += got
    await file.aclose()
    return bytes(view[:filled])


async def test_what_is_written_is_read_back(disk: Disk, autojump_clock: MockClock) -> None:
    await write(disk, "a/x", b"one", b"", memoryview(b"two"), np.arange(3, dtype="<u2").data)
    assert await read(disk, "a/x") == b"onetwo\x00\x00\x01\x00\x02\x00"
    assert await disk.size("a/x") == 12


async def test_more_buffers_than_one_system_call_takes_are_written_in_order(disk: Disk, autojump_clock: MockClock) -> None:
    pieces = [bytes([n % 251]) * (n % 3) for n in range(5000)]
    await write(disk, "x", *pieces)
    assert await read(disk, "x") == b"".join(pieces)


async def test_writes_append(disk: Disk, autojump_clock: MockClock) -> None:
    file = await disk.create("x")
    await file.write([b"ab"])
    await file.sync()
    await file.write([b"cd"])
    await file.aclose()
    assert await read(disk, "x") == b"abcd"


async def test_names_are_sorted_and_of_one_folder_only(disk: Disk, autojump_clock: MockClock) -> None:
    for name in ("b", "a", "f/z", "f/y", "f/g/deep"):
        await write(disk, name, b".")
    assert list(await disk.names("")) == ["a", "b"]
    assert list(await disk.names("f")) == ["y", "z"]
    assert list(await disk.names("f/g")) == ["deep"]


async def test_a_folder_that_is_not_there_has_no_names(disk: Disk, autojump_clock: MockClock) -> None:
    assert list(await disk.names("nowhere")) == []


async def test_rename_replaces_and_makes_the_folder(disk: Disk, autojump_clock: MockClock) -> None:
    await write(disk, "new", b"new")
    await write(disk, "f/old", b"old")
    await disk.rename("new", "f/old")
    assert await read(disk, "f/old") == b"new"
    await disk.rename("f/old", "g/h/x")
    assert await read(disk, "g/h/x") == b"new"
    assert (list(await disk.names("")), list(await disk.names("f"))) == ([], [])


async def test_renaming_or_opening_what_is_not_there_raises_oserror(disk: Disk, autojump_clock: MockClock) -> None:
    with pytest.raises(FileNotFoundError):
        await disk.rename("x", "y")
    with pytest.raises(FileNotFoundError):
        await disk.open("x")
    with pytest.raises(FileNotFoundError):
        await disk.size("x")
    with pytest.raises(FileNotFoundError):
        await disk.sync_names("nowhere")


async def test_a_reader_keeps_the_file_it_opened(disk: Disk, autojump_clock: MockClock) -> None:
    await write(disk, "x", b"first")
    reader = await disk.open("x")
    await write(disk, "x", b"second")
    await write(disk, "y", b"third")
    await disk.rename("y", "x")
    view = memoryview(bytearray(10))
    assert bytes(view[: await reader.read_into(view)]) == b"first"
    await reader.aclose()
    assert await read(disk, "x") == b"third"


async def test_removing_twice_is_no_error(disk: Disk, autojump_clock: MockClock) -> None:
    await write(disk, "x", b"x")
    await disk.remove("x")
    await disk.remove("x")
    assert list(await disk.names("")) == []


async def test_syncing_names_is_possible_wherever_there_were_files(disk: Disk, autojump_clock: MockClock) -> None:
    await write(disk, "f/x", b"x")
    await disk.remove("f/x")
    await disk.sync_names("f")
    await disk.sync_names("")


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", ".", "a\\b", "a\0b"])
async def test_no_name_leads_out_of_the_folder(disk: Disk, name: str, autojump_clock: MockClock) -> None:
    with pytest.raises(OSError, match="is not the name of a file"):
        await disk.create(name)
    with pytest.raises(OSError, match="is not the name of a file"):
        await disk.open(name)
    await write(disk, "x", b"x")
    with pytest.raises(OSError, match="is not the name of a file"):
        await disk.rename("x", name)


async def test_a_descriptor_does_only_what_it_was_opened_for(disk: Disk, autojump_clock: MockClock) -> None:
    writer = await disk.create("x")
    with pytest.raises(OSError, match="descriptor"):
        await writer.read_into(memoryview(bytearray(1)))
    await writer.aclose()
    reader = await disk.open("x")
    with pytest.raises(OSError, match="descriptor"):
        await reader.write([b"x"])
    await reader.aclose()
    await reader.aclose()
    with pytest.raises(OSError, match="descriptor"):
        await reader.read_into(memoryview(bytearray(1)))


async def test_closing_closes_also_when_cancelled(disk: Disk, autojump_clock: MockClock) -> None:
    file = await disk.create("x")
    with trio.CancelScope() as scope:
        scope.cancel()
        await file.aclose()
    with pytest.raises(OSError, match="descriptor"):
        await file.write([b"x"])


async def test_a_call_of_the_cancelled_does_not_begin(disk: Disk, autojump_clock: MockClock) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await disk.create("x")
    assert scope.cancelled_caught
    assert list(await disk.names("")) == []


async def test_a_node_may_claim_its_folder_again_in_its_next_life(disk: Disk, autojump_clock: MockClock) -> None:
    await disk.lock()
    await disk.lock()
    assert list(await disk.names("")) == []
