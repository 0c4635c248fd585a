"""What a node holds of graph runs: values under a lease, apart from the store."""

from collections import OrderedDict

import numpy as np
import trio

ENDED_MAX = 1000  # runs remembered as ended, so that a late attempt does not bring one back


class RunValues:
    """The values of the runs this node takes part in. Those of a run nobody touches for `lease_s` are forgotten."""

    def __init__(self, lease_s: float) -> None:
        self._lease_s = lease_s
        self._runs: dict[str, dict[str, np.ndarray]] = {}
        self._touched: dict[str, float] = {}
        self._kept: dict[str, None] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()

    def put(self, run: str, value: str, array: np.ndarray) -> None:
        """Keep a value, read-only from now on; the first one of a name stands. A run that has ended takes no more."""
        if run in self._ended:
            return
        array.flags.writeable = False
        self._runs.setdefault(run, {}).setdefault(value, array)
        self._touched[run] = trio.current_time()

    def get(self, run: str, value: str) -> np.ndarray | None:
        """A value of a run, or None where it is not held."""
        if run in self._touched:
            self._touched[run] = trio.current_time()
        return self._runs.get(run, {}).get(value)

    def end(self, run: str) -> None:
        """Forget a run, and take no more values for it."""
        self._forget(run)
        self._ended[run] = None
        if len(self._ended) > ENDED_MAX:
            self._ended.popitem(last=False)

    def sweep(self) -> None:
        """Forget what is held of runs whose lease is over: their coordinator is gone, or so long busy with other nodes.

        Such a run may go on all the same: it asks for what it misses to be made again.
        """
        overdue = trio.current_time() - self._lease_s
        for run in [run for run, touched in self._touched.items() if touched < overdue and run not in self._kept]:
            self._forget(run)

    def keep(self, run: str) -> None:
        """Hold the values of a run until it ends, lease or not: it is coordinated here."""
        self._kept[run] = None

    def has_ended(self, run: str) -> bool:
        """Whether a run was told to end here, not too long ago."""
        return run in self._ended

    def _forget(self, run: str) -> None:
        self._runs.pop(run, None)
        self._touched.pop(run, None)
        self._kept.pop(run, None)
