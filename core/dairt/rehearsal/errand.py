"""Something to do on a stage while its story is told: one graph run, and what came of it."""

from collections.abc import Mapping

import numpy as np

from dairt.errors import DairtError
from dairt.model.graph import Graph
from dairt.rehearsal.stage import Stage


class GraphErrand:
    """Runs a graph once all nodes are up. Afterwards there are `outputs`, or `failure` says why not."""

    def __init__(self, graph: Graph, feeds: Mapping[str, np.ndarray]) -> None:
        self.outputs: dict[str, np.ndarray] | None = None
        self.failure = ""
        self._graph = graph
        self._feeds = feeds

    async def __call__(self, stage: Stage) -> None:
        """Run it; whatever is expected to go wrong is told, not raised."""
        try:
            self.outputs = await stage.cluster.run(self._graph, self._feeds)
        except DairtError as exc:
            self.failure = str(exc)
