"""What nodes say to each other: one class a message, typed, decoded by msgspec with its types checked.

Every message is a question or an answer in an exchange that owns its connection. Those marked *with a body* are followed
by one tensor's TENS bytes in the same frame. Questions are idempotent, so that any may be asked again; but AskBroadcast and
AskRun, each of which makes something new.
"""

from typing import Annotated, Literal

import msgspec

from dairt.model.action import Action
from dairt.model.events import Entry
from dairt.model.graph import Outline
from dairt.model.ops import Kernel
from dairt.model.version import Version
from dairt.model.views import NodeReport

Audience = tuple[str, ...]  # node names; ("all",) or ("local",)
ALL: Audience = ("all",)
LOCAL: Audience = ("local",)
Outcome = Literal["stored", "durable", "superseded", "unreachable", "failed"]
PAGE_MAX = 1000  # lines of an inventory, or entries of a journal, in one answer: below the largest header
Page = Annotated[int, msgspec.Meta(ge=1, le=PAGE_MAX)]
Cursor = Annotated[int, msgspec.Meta(ge=0, le=2**62)]  # the number of an entry


class Message(msgspec.Struct, frozen=True):
    """The base of all messages; the tag is the kind by which an unknown one is refused."""


class Hello(Message, frozen=True, tag="hello"):
    """The first question on every connection."""

    protocol: int
    cluster: str
    node: str
    incarnation: int
    fingerprint: str
    role: Literal["node", "observer", "operator"] = "node"


class Welcome(Message, frozen=True, tag="welcome"):
    """The answer to Hello."""

    protocol: int
    cluster: str
    node: str
    incarnation: int
    fingerprint: str


class Sorry(Message, frozen=True, tag="sorry"):
    """No: an unknown kind, a wrong cluster, not yours to ask. The conversation may go on unless the sender then closes it."""

    reason: str


class Probe(Message, frozen=True, tag="probe"):
    """Are you there?"""


class Alive(Message, frozen=True, tag="alive"):
    """Yes."""

    incarnation: int


class Offer(Message, frozen=True, tag="offer"):
    """*With a body*: hold this version of a key. Answered by Held."""

    key: str
    version: Version
    audience: Audience
    checksum: int


class Held(Message, frozen=True, tag="held"):
    """What became of the `version` offered, as a MemberReceipt has it; `newest` is what superseded it."""

    outcome: Outcome
    version: Version
    newest: Version | None = None


class Have(msgspec.Struct, frozen=True):
    """One line of an inventory."""

    key: str
    version: Version
    checksum: int
    audience: Audience


class AskInventory(Message, frozen=True, tag="ask_inventory"):
    """Which versions do you hold that concern me? At most `limit` keys after `after`, in order."""

    member: str
    after: str = ""
    limit: Page = PAGE_MAX


class Inventory(Message, frozen=True, tag="inventory"):
    """The answer; `more` when the limit cut it."""

    have: tuple[Have, ...]
    more: bool


class Fetch(Message, frozen=True, tag="fetch"):
    """Give me this key at this version or a newer one. Answered by Offer *with a body*, or Sorry."""

    key: str
    version: Version


class Input(msgspec.Struct, frozen=True):
    """Where an op's input is: on a `node`, as a value of the run, or with a `key` in the store.

    A weight is known by its checksum: whoever holds those bytes under the key need not ask `node`, which does.
    """

    value: str
    node: str
    key: str = ""
    version: Version | None = None
    checksum: int = 0


class RunOp(Message, frozen=True, tag="run_op"):
    """Run one op of a run; fetch what you lack from where it says; keep the results under the run's lease."""

    run: str
    op: str
    attempt: int
    kernel: Kernel
    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]


class OpDone(Message, frozen=True, tag="op_done"):
    """The results are here, so many bytes each."""

    run: str
    op: str
    nbytes: tuple[int, ...]


class OpFailed(Message, frozen=True, tag="op_failed"):
    """The kernel itself refused: trying elsewhere would give the same."""

    run: str
    op: str
    reason: str


class InputLost(Message, frozen=True, tag="input_lost"):
    """An input could not be fetched from the node said to hold it."""

    run: str
    op: str
    value: str
    node: str
    reason: str


class FetchValue(Message, frozen=True, tag="fetch_value"):
    """Give me a value of a run. Answered by Value *with a body*, or Sorry."""

    run: str
    value: str


class Value(Message, frozen=True, tag="value"):
    """*With a body*: a value of a run."""

    run: str
    value: str
    checksum: int


class EndRun(Message, frozen=True, tag="end_run"):
    """The run is over: forget its values."""

    run: str


class Ok(Message, frozen=True, tag="ok"):
    """Done; nothing more to say."""


class AskBroadcast(Message, frozen=True, tag="ask_broadcast"):
    """*With a body*, from an operator: make a version of this key for this audience. Answered by Receipt.

    With `unless_held`, a key held with the very same bytes is offered again as it is, under its old version.
    """

    key: str
    audience: Audience = ALL
    unless_held: bool = False


class MemberReceipt(msgspec.Struct, frozen=True):
    """One member's part of a receipt: what is known of it, after `seconds`.

    `durable`: it is on that member's disk. `superseded`: something newer is. `stored`: it, or something newer, is in its
    memory, and not on its disk as far as it knows. `failed`: the member refused it, or its disk did. `unreachable`: it does
    not have it, or it does and could not say so.
    """

    outcome: Outcome
    seconds: float
    reason: str = ""


class Receipt(Message, frozen=True, tag="receipt"):
    """What became of a broadcast or put, member by member; *acked by m* is m's `durable` or `superseded`."""

    key: str
    version: Version
    checksum: int
    members: dict[str, MemberReceipt]

    @property
    def durable(self) -> tuple[str, ...]:
        """The members on whose disk it is."""
        return tuple(m for m, r in self.members.items() if r.outcome == "durable")

    @property
    def missing(self) -> tuple[str, ...]:
        """The members that are not known to have it: anti-entropy brings it to them."""
        return tuple(m for m, r in self.members.items() if r.outcome in ("unreachable", "failed"))


class KeepValue(Message, frozen=True, tag="keep_value"):
    """*With a body*, from an operator: keep this value for a run I am about to ask for. Answered by Ok."""

    run: str
    value: str


class AskRun(Message, frozen=True, tag="ask_run"):
    """From an operator: run this graph, whose weights were broadcast, with the feeds you keep for this run.

    Answered by RunAnswer, or Sorry saying why there is no answer. The operator ends the run when it has the outputs.
    """

    run: str
    outline: Outline


class RunAnswer(Message, frozen=True, tag="run_answer"):
    """The outputs are kept here as values of the run; `digest` is over all of them."""

    run: str
    digest: str


class Watch(Message, frozen=True, tag="watch"):
    """From an observer: what do you look like, and what happened after entry `after`? Answered by Seen."""

    after: Cursor
    limit: Page = PAGE_MAX


class Seen(Message, frozen=True, tag="seen"):
    """A node's view of itself and its journal since then; `dropped` entries were already forgotten."""

    report: NodeReport
    entries: tuple[Entry, ...]
    dropped: int


class Act(Message, frozen=True, tag="act"):
    """From an operator to a node started for rehearsal: break, or heal, something. Answered by Ok or Sorry."""

    action: Action
    fault: str = ""


class Scrub(Message, frozen=True, tag="scrub"):
    """From an operator: read the files of this key, or with "" of all, back from disk; with `repair`, make them good.

    Answered by Ok when done; what was found is told in the journal.
    """

    key: str = ""
    repair: bool = False


class Drain(Message, frozen=True, tag="drain"):
    """From an operator: stop gracefully."""


AnyMessage = (
    Hello | Welcome | Sorry | Probe | Alive | Offer | Held | AskInventory | Inventory | Fetch
    | RunOp | OpDone | OpFailed | InputLost | FetchValue | Value | EndRun | Ok
    | AskBroadcast | Receipt | KeepValue | AskRun | RunAnswer | Watch | Seen | Act | Scrub | Drain
)  # fmt: skip
