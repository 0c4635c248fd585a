"""A host that is switched off has no disk."""

import random

import pytest
import trio
from trio.testing import MockClock

from dairt.worlds.faults import Faults
from dairt.worlds.faulty_disk import FaultyDisk
from dairt.worlds.sim.dice import Dice
from dairt.worlds.sim.disk import SimDisk

pytestmark = pytest.mark.trio


def disks() -> tuple[SimDisk, FaultyDisk, Faults]:
    faults = Faults(lambda: 0.0, random.Random(0))
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
