"""Only of real files: two nodes and one folder, and what a store leaves there."""

import os
import random
from pathlib import Path

import numpy as np
import pytest

from dairt.model import tensor
from dairt.model.events import Event
from dairt.protocol.messages import ALL
from dairt.runtime.store import Store
from dairt.runtime.workers import WorkerPool
from dairt.worlds.files import FileDisk
from small_host import filled, small_config, small_host


@pytest.mark.trio
async def test_a_folder_in_use_is_refused_by_its_name_until_it_is_closed(tmp_path: Path) -> None:
    first, second = FileDisk(tmp_path), FileDisk(tmp_path)
    await first.lock()
    with pytest.raises(OSError, match=f"{tmp_path.name} is in use by another node"):
        await second.lock()
    first.close()
    await second.lock()
    second.close()


@pytest.mark.trio
async def test_what_is_put_into_a_new_folder_lies_under_the_root(tmp_path: Path) -> None:
    root = tmp_path / "data" / "n0"
    file = await FileDisk(root).create("checkpoints/old/x")
    await file.aclose()
    assert [path.relative_to(root).as_posix() for path in root.rglob("x")] == ["checkpoints/old/x"]


@pytest.mark.trio
async def test_checkpoints_on_real_files_come_back_in_the_next_life(tmp_path: Path) -> None:
    disk, config = FileDisk(tmp_path), small_config()
    events: list[Event] = []
    host = small_host(disk, events.append)
    for life in range(3):
        async with WorkerPool(host, config) as pool:
            store = Store(host, config, pool, nonce=life)
            assert (await store.restore()).count == (1 if life else 0)
            version = store.make_version()
            assert version.counter == life + 1
            store.offer("layer/0", version, filled(life), ALL, tensor.checksum(filled(life)), "n0")
            assert await store.checkpoint("layer/0", version) == "durable"
    plain = tensor.decode((tmp_path / "checkpoints" / "layer%2F0.chk").read_bytes(), max_bytes=2**20)
    assert np.array_equal(plain, filled(2)), "readers that know nothing of the trailer read it too"
    assert len(list((tmp_path / "checkpoints" / "old").iterdir())) == 2


@pytest.mark.trio
async def test_a_wiped_disk_is_empty_and_still_the_nodes_own(tmp_path: Path) -> None:
    disk = FileDisk(tmp_path)
    await disk.lock()
    for name in ("x", "f/g/y"):
        await (await disk.create(name)).aclose()
    await disk.wipe()
    assert os.listdir(tmp_path) == [".lock"]
    await (await disk.create("f/g/y")).aclose()
    assert list(await disk.names("f/g")) == ["y"]
    disk.close()


@pytest.mark.trio
async def test_rot_flips_one_bit_of_one_file(tmp_path: Path) -> None:
    disk = FileDisk(tmp_path)
    assert disk.flip_bit(random.Random(0)) == ""
    file = await disk.create("f/x")
    await file.write([bytes(100)])
    await file.aclose()
    assert disk.listing() == ("f/x",)
    assert disk.flip_bit(random.Random(0), "x") == "", "a name that contains it is not one that begins so"
    assert disk.flip_bit(random.Random(0), "f/") == "f/x"
    assert sum(byte.bit_count() for byte in (tmp_path / "f" / "x").read_bytes()) == 1
