"""A host with a disk and nothing else, for testing the parts of a node one by one."""

import random
from collections.abc import Callable
from typing import cast

import numpy as np

from dairt.model import tensor
from dairt.model.address import Address
from dairt.model.config import NodeConfig
from dairt.model.events import Event
from dairt.runtime.host import Compute, Disk, Host, Network

WALL_S = 1_700_000_000.0


def small_host(disk: Disk, emit: Callable[[Event], None], name: str = "n0") -> Host:
    """A host that reports its events to `emit`. It has neither network nor processors."""
    return Host(name, cast(Network, None), disk, cast(Compute, None), random.Random(0), lambda: WALL_S, emit)


def small_config(*, workers: int = 2, queue_max: int = 64, keep_generations: int = 2) -> NodeConfig:
    """The configuration of a cluster of one."""
    address = Address("n0", 1)
    return NodeConfig(
        "n0",
        address,
        {"n0": address},
        compute_workers=workers,
        io_workers=workers,
        queue_max=queue_max,
        keep_generations=keep_generations,
    )


def filled(value: float, count: int = 1000) -> np.ndarray:
    """A frozen float32 tensor of `count` times `value`."""
    return tensor.freeze(np.full(count, value, np.float32))
