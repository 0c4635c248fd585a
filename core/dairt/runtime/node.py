"""A node's life: it boots from its disk, opens its door, talks with its peers, and drains. A function of its host."""

from collections.abc import Callable

import trio

from dairt.model.config import NodeConfig
from dairt.model.events import NodeBooted, NodeDrained
from dairt.protocol.messages import Act
from dairt.runtime.door import Door
from dairt.runtime.host import Host
from dairt.runtime.journal import Journal
from dairt.runtime.parts import Node
from dairt.runtime.store import Restored
from dairt.runtime.workers import WorkerPool

__all__ = ["Node", "run_node"]


async def run_node(
    config: NodeConfig,
    host: Host,
    *,
    journal: Journal | None = None,
    act: Callable[[Act], None] | None = None,
    task_status: trio.TaskStatus[Node] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run one life of a node. Started once it has restored its checkpoints and listens; returns when it has drained.

    With a `journal` it answers observers who watch; with `act` it lets operators break it. Raises OSError where the disk
    or the address cannot be had.
    """
    await host.disk.lock()
    async with WorkerPool(host, config) as pool:
        node = Node(config, host, pool)
        restored = await node.store.restore()
        try:
            await _serve(node, host, restored, journal, act, task_status)
            await node.aclose()
        finally:
            node.abort()
    host.emit(NodeDrained())


async def _serve(
    node: Node,
    host: Host,
    restored: Restored,
    journal: Journal | None,
    act: Callable[[Act], None] | None,
    task_status: trio.TaskStatus[Node],
) -> None:
    """Talk until told to drain; then shut the doors, and give the exchanges a while to end."""
    door = Door(node, journal, act)
    async with trio.open_nursery() as exchanges:
        async with trio.open_nursery() as doors:
            node.address = await doors.start(door.serve, exchanges)
            doors.start_soon(node.calls.run, exchanges)
            await doors.start(node.pulse.run, node.address)
            doors.start_soon(node.reconciler.run)
            doors.start_soon(node.store.write_again)
            doors.start_soon(node.sweep)
            node.state = "up"
            host.emit(NodeBooted(str(node.address), restored.count, restored.set_aside, node.incarnation))
            task_status.started(node)
            await node.draining.wait()
            node.state = "draining"
            doors.cancel_scope.cancel()
            door.dismiss()
        exchanges.cancel_scope.deadline = trio.current_time() + node.config.limits.drain_s
