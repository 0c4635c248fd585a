"""Bare TENS frames, as the C++ program's clients send them: stored, checkpointed, summed."""

from contextlib import suppress

import numpy as np
import trio

from dairt.errors import GraphError
from dairt.model import tensor
from dairt.model.events import BareTensorReceived, TensorSummed
from dairt.model.ops import Kernel
from dairt.protocol.messages import LOCAL
from dairt.runtime.host import Host
from dairt.runtime.store import Store
from dairt.runtime.workers import Lane, WorkerPool

BARE_KEY = "latest_tensor"
_SUM = Kernel("sum")


async def keep_bare(array: np.ndarray, sender: str, host: Host, store: Store, pool: WorkerPool) -> None:
    """Hold a bare tensor under `latest_tensor`, checkpoint it, and sum it as a COMPUTE task, both at once.

    Nobody waits for an answer; so this waits for both to end, which makes a client that sends too fast wait too.
    """
    host.emit(BareTensorReceived(sender, array.dtype.name, array.shape))
    version = store.make_version()
    store.offer(BARE_KEY, version, array, LOCAL, tensor.checksum(array), sender)

    async def add_up(worker: str) -> None:
        [total] = await host.compute.run(_SUM, [array])
        host.emit(TensorSummed(BARE_KEY, float(total.real), worker))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.checkpoint, BARE_KEY, version)
        with suppress(GraphError):  # a tensor that cannot be summed: the pool has reported the task
            await pool.submit(Lane.COMPUTE, f"sum {BARE_KEY}", add_up)
