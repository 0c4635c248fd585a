"""dairt: a fault-tolerant distributed tensor runtime. The same answer, bit for bit, whatever broke."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dairt.errors import DairtError, GraphError, PeerUnreachable, RunFailed, UsageError
    from dairt.model.expression import GraphBuilder
    from dairt.model.graph import Graph
    from dairt.model.onnx import read_onnx
    from dairt.protocol.messages import Receipt
    from dairt.rehearsal.local import open_local_cluster
    from dairt.rehearsal.play import play
    from dairt.rehearsal.report import Report
    from dairt.runtime.cluster import Cluster

__all__ = [
    "Cluster",
    "DairtError",
    "Graph",
    "GraphBuilder",
    "GraphError",
    "PeerUnreachable",
    "Receipt",
    "Report",
    "RunFailed",
    "UsageError",
    "open_local_cluster",
    "play",
    "read_onnx",
]

# Where each name lives. Imported when first used: a console that only speaks the control stream starts without numpy, and
# the commands choose numpy's threads before it is imported.
_HOMES = {
    "dairt.errors": ("DairtError", "GraphError", "PeerUnreachable", "RunFailed", "UsageError"),
    "dairt.model.expression": ("GraphBuilder",),
    "dairt.model.graph": ("Graph",),
    "dairt.model.onnx": ("read_onnx",),
    "dairt.protocol.messages": ("Receipt",),
    "dairt.rehearsal.local": ("open_local_cluster",),
    "dairt.rehearsal.play": ("play",),
    "dairt.rehearsal.report": ("Report",),
    "dairt.runtime.cluster": ("Cluster",),
}


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module 'dairt' has no attribute {name!r}")
