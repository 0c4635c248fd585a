"""`dairt bench WHAT`: how fast things go on this machine."""

import importlib
import sys
from collections.abc import Callable, Iterator
from typing import Annotated

import msgspec
from cyclopts import Parameter

from dairt.bench.sim import Row
from dairt.errors import DairtError, UsageError
from dairt.model.toml_table import suggestion

# What can be measured: a function from rounds to rows.
BENCHES = {"sim": "dairt.bench.sim:measure", "console": "dairt.bench.console:measure"}


def bench(
    what: str,
    /,
    *,
    rounds: Annotated[int, Parameter(help="How often each thing is measured; the median counts.")] = 5,
    json: Annotated[bool, Parameter(negative="", help="Print one line of JSON for each row.")] = False,
) -> int:
    """Measure how fast this machine is: sim, the simulated world, or console, dairt-console and the cluster it watches.

    Prints a row a measurement: its median, its lowest and its highest round, and what it should reach. Slower than that
    is no failure, since machines differ.
    """
    if what not in BENCHES:
        raise UsageError(f"there is no bench {what!r}; {suggestion(what, BENCHES)}")
    if rounds < 1:
        raise UsageError(f"--rounds {rounds}: measure at least once")
    module, _, function = BENCHES[what].partition(":")
    measure: Callable[[int], Iterator[Row]] = getattr(importlib.import_module(module), function)
    try:
        for row in measure(rounds):
            print(msgspec.json.encode(row).decode() if json else row.line, flush=True)
    except DairtError as exc:
        print(f"dairt: {exc}", file=sys.stderr)
        return 1
    return 0
