"""Which answers answer a question: who says a frame twice, or again later, leaves an answer behind that is another's."""

from dairt.protocol.messages import (
    Alive,
    AskInventory,
    EndRun,
    Fetch,
    FetchValue,
    Held,
    InputLost,
    Inventory,
    Message,
    Offer,
    Ok,
    OpDone,
    OpFailed,
    Probe,
    RunOp,
    Sorry,
    Value,
)
from dairt.protocol.wire import UnknownMessage


def fits(question: Message, answer: Message | UnknownMessage) -> bool:
    """Say whether this can be the answer to that: of its kind, and about the same thing. A refusal answers everything."""
    match question, answer:
        case _, Sorry():
            return True
        case Probe(), _:
            return isinstance(answer, Alive)
        case EndRun(), _:
            return isinstance(answer, Ok)
        case AskInventory(), _:
            return isinstance(answer, Inventory)
        case Offer(version=version), _:
            return isinstance(answer, Held) and answer.version == version
        case Fetch(key=key, version=version), _:
            return isinstance(answer, Offer) and answer.key == key and answer.version >= version
        case FetchValue(run=run, value=value), _:
            return isinstance(answer, Value) and (answer.run, answer.value) == (run, value)
        case RunOp(run=run, op=op), _:
            return isinstance(answer, OpDone | OpFailed | InputLost) and (answer.run, answer.op) == (run, op)
        case _:
            return True  # what operators ask is told apart by whoever asked
