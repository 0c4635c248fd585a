"""What an action acts on: always who or what it is, never in which row it stands."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Chosen:
    """The entities under the cursor; "" (and 0) for none. `peer` with `node` is a link; `seq` numbers an event."""

    node: str = ""
    peer: str = ""
    run: str = ""
    op: str = ""
    key: str = ""
    fault: str = ""
    seq: int = 0
