"""`dairt bench WHAT`: how fast things go on this machine."""

import importlib
from collections.abc import Callable, Iterator
from typing import Annotated

import msgspec
from cyclopts import Parameter

from dairt.bench.sim import Row
from dairt.errors import UsageError
from dairt.model.toml_table import suggestion

# What can be measured: a function from rounds to rows.
BENCHES = {"sim": "dairt.bench.sim:measure"}


def bench(
    what: str,
    /,
    *,
    rounds: Annotated[int, Parameter(help="How often each thing is measured; the median counts.")] = 5,
    json: Annotated[bool, Parameter(negative="", help="Print one line of JSON for each row.")] = False,
) -> int:
    """Measure how fast this machine is, in seconds of one processor: sim, the simulated world.

    Prints a row a measurement: its median, the slowest and the fastest round, and what it should reach. Slower than that
    is no failure, since machines differ.
    """
    if what not in BENCHES:
        raise UsageError(f"there is no bench {what!r}; {suggestion(what, BENCHES)}")
    if rounds < 1:
        raise UsageError(f"--rounds {rounds}: measure at least once")
    module, _, function = BENCHES[what].partition(":")
    measure: Callable[[int], Iterator[Row]] = getattr(importlib.import_module(module), function)
    for row in measure(rounds):
        print(msgspec.json.encode(row).decode() if json else row.line, flush=True)
    return 0
