"""A host that is switched off has no disk; one whose disk is in trouble sees just that trouble."""

import errno
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from dairt.model.action import DiskError, DiskFull, FsyncError, SlowDisk
from dairt.runtime.host import Disk
from dairt.worlds.faults import Faults
from dairt.worlds.faulty_disk import FaultyDisk
from dairt.worlds.files import FileDisk
from dairt.worlds.sim.dice import Dice
from dairt.worlds.sim.disk import SimDisk

pytestmark = pytest.mark.trio


def disks() -> tuple[SimDisk, FaultyDisk, Faults]:
    faults = Faults(trio.current_time, Dice(0))
    inner = SimDisk("n0", Dice(0))
    return inner, FaultyDisk(inner, "n0", faults), faults


async def test_with_its_host_off_no_call_has_an_effect(autojump_clock: MockClock) -> None:
    inner, disk, faults = disks()
    file = await disk.create("x")
    await file.write([b"x"])
    faults.switch_off("n0")
    for call in (
        lambda: disk.names(""), lambda: disk.size("x"), lambda: disk.open("x"), lambda: disk.create("y"),
        lambda: disk.rename("x", "y"), lambda: disk.sync_names(""), lambda: disk.remove("x"), lambda: disk.lock(),
        lambda: file.write([b"y"]), lambda: file.sync(),
    ):  # fmt: skip
        with pytest.raises(OSError, match="the host n0 is switched off"):
            await call()
    await file.aclose()
    assert (await inner.names(""), await inner.size("x")) == (["x"], 1)


async def test_nobody_is_told_of_a_call_in_flight_when_the_host_goes_off(autojump_clock: MockClock) -> None:
    _, disk, faults = disks()
    file = await disk.create("x")
    async with trio.open_nursery() as nursery:

        async def in_flight() -> None:
            with pytest.raises(OSError, match="switched off"):
                await file.sync()

        nursery.start_soon(in_flight)
        await trio.sleep(1e-6)
        faults.switch_off("n0")


async def test_another_host_off_or_this_one_on_again_is_no_trouble(autojump_clock: MockClock) -> None:
    _, disk, faults = disks()
    faults.switch_off("n1")
    await disk.names("")
    faults.switch_off("n0")
    faults.switch_on("n0")
    await disk.names("")


@pytest.fixture(params=["files", "sim"])
def any_disk(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Disk, Faults]:
    """A real and a simulated disk, each behind faults."""
    faults = Faults(trio.current_time, Dice(0))
    inner: Disk = FileDisk(tmp_path) if request.param == "files" else SimDisk("n0", Dice(0))
    return FaultyDisk(inner, "n0", faults), faults


async def put(disk: Disk, name: str, data: bytes, *, sync: bool = True) -> None:
    file = await disk.create(name)
    try:
        await file.write([data])
        if sync:
            await file.sync()
    finally:
        await file.aclose()


@pytest.mark.parametrize(
    ("calls", "failing"),
    [
        ("read", ["names", "size", "open"]),
        ("write", ["create"]),
        ("names", ["rename", "sync_names", "remove"]),
        ("any", ["names", "size", "open", "create", "rename", "sync_names", "remove"]),
    ],
)
async def test_only_the_calls_that_are_to_fail_do(
    any_disk: tuple[Disk, Faults], calls: str, failing: list[str], autojump_clock: MockClock
) -> None:
    disk, faults = any_disk
    await put(disk, "x", b"x")
    faults.apply("rot", DiskError("n0", calls))  # type: ignore[arg-type]  # one of DiskCalls
    tried: dict[str, Callable[[], Awaitable[object]]] = {
        "names": lambda: disk.names(""), "size": lambda: disk.size("x"), "open": lambda: disk.open("x"),
        "create": lambda: disk.create("y"), "rename": lambda: disk.rename("x", "z"),
        "sync_names": lambda: disk.sync_names(""), "remove": lambda: disk.remove("z"),
    }  # fmt: skip
    failed = []
    for name, call in tried.items():
        try:
            await call()
        except OSError as exc:
            failed.append(name if exc.errno == errno.EIO else str(exc))
    assert failed == failing
    faults.heal("rot")
    await disk.names("")


async def test_an_error_for_so_many_calls_is_over_after_them(any_disk: tuple[Disk, Faults], autojump_clock: MockClock) -> None:
    disk, faults = any_disk
    faults.apply("twice", DiskError("n0", "read", times=2))
    for _ in range(2):
        with pytest.raises(OSError, match="Input/output error"):
            await disk.names("")
    await disk.names("")


async def test_a_full_disk_takes_no_bytes_and_no_new_file_but_gives_what_it_has(
    any_disk: tuple[Disk, Faults], autojump_clock: MockClock
) -> None:
    disk, faults = any_disk
    await put(disk, "old", b"old")
    faults.apply("full", DiskFull("n0", after_bytes=10))
    await put(disk, "x", b"12345678")
    file = await disk.create("y")
    with pytest.raises(OSError, match="No space left") as caught:
        await file.write([b"123"])
    assert caught.value.errno == errno.ENOSPC
    await file.write([b"12"])
    await file.aclose()
    with pytest.raises(OSError, match="No space left"):
        await disk.create("z")
    assert await disk.size("y") == 2
    await disk.rename("old", "new")
    await disk.remove("x")
    await disk.sync_names("")
    assert list(await disk.names("")) == ["new", "y"]
    faults.heal("full")
    await put(disk, "z", b"12345678")


async def test_a_slow_disk_takes_longer_for_each_call_and_longer_for_each_byte(autojump_clock: MockClock) -> None:
    _, disk, faults = disks()
    faults.apply("slow", SlowDisk("n0", latency_s=2.0, bandwidth=100.0))
    began = trio.current_time()
    file = await disk.create("x")
    assert trio.current_time() - began == pytest.approx(2.0, abs=0.01)
    await file.write([bytes(500), memoryview(bytes(500))])
    assert trio.current_time() - began == pytest.approx(14.0, abs=0.01)


async def test_a_call_that_is_late_is_not_given_up_and_not_begun_when_cancelled(autojump_clock: MockClock) -> None:
    _, disk, faults = disks()
    faults.apply("slow", SlowDisk("n0", latency_s=2.0))
    began = trio.current_time()
    with trio.move_on_after(1.0) as scope:
        await disk.create("x")
    assert scope.cancelled_caught
    assert trio.current_time() - began == pytest.approx(2.0, abs=0.01)
    assert list(await disk.names("")) == []


async def test_a_sync_that_fails_fails_once_on_any_disk(any_disk: tuple[Disk, Faults], autojump_clock: MockClock) -> None:
    disk, faults = any_disk
    faults.apply("fsync", FsyncError("n0"))
    file = await disk.create("x")
    await file.write([b"x"])
    with pytest.raises(OSError, match="Input/output error"):
        await file.sync()
    await file.sync()
    await file.aclose()


async def test_a_sync_tried_again_after_it_failed_makes_nothing_good(autojump_clock: MockClock) -> None:
    inner, disk, faults = disks()
    faults.apply("fsync", FsyncError("n0"))
    file = await disk.create("x")
    await disk.sync_names("")
    await file.write([b"x" * 100])
    with pytest.raises(OSError, match="Input/output error"):
        await file.sync()
    await file.sync()
    inner.power_cut("lose")
    view = memoryview(bytearray(100))
    assert await (await disk.open("x")).read_into(view) == 100
    assert bytes(view) == bytes(100)


async def test_trouble_with_one_disk_is_none_with_another(autojump_clock: MockClock) -> None:
    _, disk, faults = disks()
    faults.apply("error", DiskError("n1"))
    faults.apply("full", DiskFull("n1+n2"))
    faults.apply("fsync", FsyncError("n2"))
    faults.apply("slow", SlowDisk("n1", latency_s=10.0))
    began = trio.current_time()
    await put(disk, "x", b"x")
    assert trio.current_time() - began < 1.0
