"""An answer is taken only for the question it answers."""

import pytest

from dairt.model.ops import Kernel
from dairt.model.version import Version
from dairt.protocol.fitting import fits
from dairt.protocol.messages import (
    ALL,
    Alive,
    AskInventory,
    EndRun,
    Fetch,
    FetchValue,
    Held,
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

OLD, NEW = Version(1, "a", 7), Version(2, "a", 7)
OFFER, FETCH, OP = Offer("w", NEW, ALL, 5), Fetch("w", NEW), RunOp("r", "x", 1, Kernel("add"), (), ("y",))

FITTING: list[tuple[Message, Message]] = [
    (Probe(), Alive(1)),
    (EndRun("r"), Ok()),
    (AskInventory("a"), Inventory((), False)),
    (OFFER, Held("superseded", NEW)),
    (FETCH, Offer("w", Version(3, "b", 1), ALL, 6)),
    (FetchValue("r", "y"), Value("r", "y", 5)),
    (OP, OpDone("r", "x", (4,))),
    (OP, OpFailed("r", "x", "no")),
]
STALE: list[tuple[Message, Message]] = [
    (OFFER, Held("durable", OLD)),
    (FETCH, Offer("w", OLD, ALL, 5)),
    (FETCH, Offer("v", NEW, ALL, 5)),
    (FetchValue("r", "y"), Value("r", "z", 5)),
    (FetchValue("r", "y"), Value("q", "y", 5)),
    (OP, OpDone("r", "z", (4,))),
    (OP, OpDone("q", "x", (4,))),
]


@pytest.mark.parametrize(("question", "answer"), FITTING)
def test_the_answer_to_a_question_fits_it_and_no_other(question: Message, answer: Message) -> None:
    assert fits(question, answer)
    assert fits(question, Sorry("no"))
    others = [other for other, _ in FITTING if type(other) is not type(question)]
    assert not any(fits(other, answer) for other in others)


@pytest.mark.parametrize(("question", "answer"), STALE)
def test_the_answer_to_another_question_of_its_kind_is_not_taken(question: Message, answer: Message) -> None:
    assert not fits(question, answer)
