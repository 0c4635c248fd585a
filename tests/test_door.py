"""Whoever comes to a node's door with something wrong hears why in one sentence, and the node goes on serving."""

import errno
import struct
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import numpy as np
import pytest
import trio

from dairt.model import tensor
from dairt.model.action import Heal
from dairt.model.config import Limits
from dairt.model.events import DoorFull, ProtocolBroken
from dairt.model.ops import Kernel
from dairt.model.version import Version
from dairt.protocol import wire
from dairt.protocol.messages import (
    ALL,
    LOCAL,
    Act,
    Alive,
    AskBroadcast,
    AskInventory,
    Audience,
    Drain,
    EndRun,
    Fetch,
    FetchValue,
    Held,
    Hello,
    Inventory,
    KeepValue,
    Message,
    Offer,
    Ok,
    Probe,
    Receipt,
    RunOp,
    Watch,
    Welcome,
)
from dairt.runtime.node import Node
from dairt.worlds.sim.network import SimListener
from guest import Guest, at_the_door, frame, hello
from small_world import SmallWorld, in_small_world

V9 = Version(9, "n1", 7)
X = tensor.freeze(np.arange(6, dtype=np.float32))
Story = Callable[[SmallWorld, Guest], Awaitable[None]]


def visit(story: Story, greeting: Hello | None = None, **config: Any) -> list[str]:
    """Visit n0, with a story, and see that it goes on serving; the sentences its journal has about broken protocol."""
    broken: list[str] = []

    async def tell(world: SmallWorld) -> None:
        async with at_the_door(world, greeting=greeting) as guest:
            await story(world, guest)
        async with at_the_door(world, greeting=hello()) as other:
            assert isinstance(await other.ask(Probe()), Alive)
        receipt = await world.cluster.broadcast("still", np.ones(3, np.float32))
        assert receipt.missing == ()
        broken.extend(event.reason for event in world.events(ProtocolBroken, "n0"))

    in_small_world(tell, names=("n0", "n1"), **config)
    return broken


def offer(key: str = "k", version: Version = V9, audience: Audience = ALL, body: np.ndarray = X) -> bytes:
    return frame(Offer(key, version, audience, tensor.checksum(body)), body)


def unknown(kind: str, body: np.ndarray | None = None) -> bytes:
    """A frame whose message is of a kind nobody knows: Probe's, with another header."""
    header = msgspec.msgpack.encode({"type": kind, "steps": 3})
    chunks = b"" if body is None else frame(Ok(), body)[len(wire.encode(Ok(), 1)) :]
    prefix = struct.pack(">Q", 24 - 4 + len(header) + len(chunks)) + struct.pack("<4sBxHI", b"DAIR", 1, 0, len(header))
    return prefix + tensor.digest_of((prefix, header)) + header + chunks


@pytest.mark.parametrize(
    ("greeting", "sentence"),
    [
        (hello(protocol=2), "speaks protocol 2, this node speaks 1"),
        (hello(cluster="other"), "is of cluster 'other', this node is of 'dairt'"),
        (hello("n7"), "is no member of this cluster, whose nodes are n0, n1"),
        (hello("n0"), "says it is 'n0', which is this node: two nodes have one name"),
        (Probe(), "did not begin with a hello"),
        (unknown("dance"), "did not begin with a hello"),
    ],
)
def test_whoever_greets_wrongly_hears_why_and_is_shown_out(greeting: Message | bytes, sentence: str) -> None:
    async def story(world: SmallWorld, guest: Guest) -> None:
        assert await guest.refused(greeting) == sentence
        assert await guest.is_shown_out()

    assert visit(story) == [sentence]


def test_a_frame_of_another_protocol_version_is_refused_by_that() -> None:
    async def story(world: SmallWorld, guest: Guest) -> None:
        other = bytearray(frame(hello()))
        other[12] = 2
        assert "protocol version 2; this node speaks 1" in await guest.refused(bytes(other))

    visit(story)


@pytest.mark.parametrize("role", ["observer", "operator"])
def test_observers_and_operators_need_not_be_members(role: str) -> None:
    async def story(world: SmallWorld, guest: Guest) -> None:
        assert isinstance(await guest.ask(hello("somebody", role)), Welcome)
        assert isinstance(await guest.ask(Probe()), Alive)
        assert await guest.refused(Watch(0)) == "n0 keeps no journal for others to watch"

    assert visit(story) == []


@pytest.mark.parametrize("role", ["node", "observer"])
@pytest.mark.parametrize(
    "question",
    [frame(AskBroadcast("k"), X), frame(KeepValue("r", "x"), X), frame(Drain()), frame(Act(Heal()))],
    ids=["broadcast", "keep", "drain", "act"],
)
def test_what_only_operators_may_ask_is_refused_and_the_conversation_goes_on(role: str, question: bytes) -> None:
    async def story(world: SmallWorld, guest: Guest) -> None:
        assert await guest.refused(question) == f"only an operator may ask this, not a {role}"
        assert isinstance(await guest.ask(Probe()), Alive)
        assert world.cluster.node_views()[0].checkpoints == ()

    assert visit(story, hello("n1", role)) == []


@pytest.mark.parametrize(
    "question",
    [
        offer(),
        frame(RunOp("r", "op", 1, Kernel("add"), (), ("v",))),
        frame(EndRun("r")),
        frame(Fetch("k", Version(1, "n0", 1))),
        frame(FetchValue("r", "v")),
        frame(AskInventory("n1")),
    ],
    ids=["offer", "run_op", "end_run", "fetch", "fetch_value", "inventory"],
)
def test_an_observer_only_looks(question: bytes) -> None:
    async def story(world: SmallWorld, guest: Guest) -> None:
        assert await guest.refused(question) == "an observer may only probe and watch"
        assert isinstance(await guest.ask(Probe()), Alive)

    assert visit(story, hello("eye", "observer")) == []


@pytest.mark.parametrize("body", [None, X], ids=["alone", "with a tensor"])
def test_an_unknown_kind_is_refused_by_name_and_the_conversation_goes_on(body: np.ndarray | None) -> None:
    async def story(world: SmallWorld, guest: Guest) -> None:
        assert await guest.refused(unknown("dance", body)) == "this node knows no question of the kind 'dance'"
        assert isinstance(await guest.ask(Probe()), Alive)

    assert visit(story, hello()) == []


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (frame(Ok()), "asked with a Ok, which is no question"),
        (frame(hello()), "asked with a Hello, which is no question"),
        (frame(Probe(), X), "sent a tensor with a Probe, which has none"),
        (frame(Fetch("k", Version(1, "n0", 1)), X), "sent a tensor with a Fetch, which has none"),
        (frame(Offer("k", Version(1, "n1", 1), ALL, 5)), "sent no tensor with its Offer"),
        (frame(Offer("k", Version(1, "n1", 1), ALL, 5), X), "offered 'k' with other bytes than its checksum says"),
        (offer(audience=("n1",)), "offered 'k', which is not for n0"),
        (offer(audience=LOCAL), "offered 'k', which is not for n0"),
        (offer(key=""), "n1 offers what is no key: a key has at least one character"),
        (offer(key="x" * 513), "n1 offers what is no key: a key has at most 512 bytes, this one has 513"),
        (offer(version=Version(2**63, "n1", 7)), "a message 'offer' is malformed: Expected `int` <= 4611686018427387904"),
        (offer(version=Version(1, "../n1", 7)), "a message 'offer' is malformed: Expected `str` matching regex"),
        (frame(AskInventory("n1", "", -1)), "a message 'ask_inventory' is malformed: Expected `int` >= 1 - at `$.limit`"),
        (frame(AskInventory("n1", "", 10**9)), "a message 'ask_inventory' is malformed: Expected `int` <= 1000 - at `$.limit`"),
        (frame(Watch(-1)), "a message 'watch' is malformed: Expected `int` >= 0 - at `$.after`"),
        (struct.pack(">Q", 64) + b"TENS" + bytes(60), "the tensor is of TENS version 0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_breaks_the_protocol_gets_one_sentence_and_the_guest_is_shown_out(said: bytes, sentence: str) -> None:
    async def story(world: SmallWorld, guest: Guest) -> None:
        reason = await guest.refused(said)
        assert reason.startswith(sentence)
        assert "\n" not in reason
        assert await guest.is_shown_out()

    [broken] = visit(story, hello())
    assert broken.startswith(sentence)


def test_one_version_with_two_contents_is_refused_and_what_was_held_stays() -> None:
    async def story(world: SmallWorld, guest: Guest) -> None:
        assert await guest.ask(offer()) == Held("durable", V9)
        assert await guest.ask(offer()) == Held("durable", V9)
        assert "offers other bytes for k 9@n1 than are held" in await guest.refused(offer(body=tensor.freeze(X + 1)))
        [held] = world.cluster.node_views()[0].checkpoints
        assert held.checksum == tensor.checksum(X)

    visit(story, hello())


def test_an_older_offer_is_superseded_only_when_what_superseded_it_is_durable() -> None:
    async def story(world: SmallWorld, guest: Guest) -> None:
        await guest.ask(offer())
        assert await guest.ask(offer(version=Version(3, "n1", 7))) == Held("superseded", Version(3, "n1", 7), V9)

    visit(story, hello())


@pytest.mark.parametrize("key", ["..", ".", "a/../../b", "x" * 512, "/" * 512, "é" * 256, "\0", "a\nb", "CON", ".chk", "%2e"])
def test_a_crazy_key_is_kept_like_any_other_and_survives_a_restart(key: str) -> None:
    async def story(world: SmallWorld, guest: Guest) -> None:
        for counter in (9, 10):
            version = Version(counter, "n1", 7)
            assert await guest.ask(offer(key, version)) == Held("durable", version)
        await world.kill("n0")
        await world.restart("n0")
        assert [(held.key, held.version.counter) for held in world.cluster.node_views()[0].checkpoints] == [(key, 10)]
        assert max(len(name.encode()) for name in await world.disks["n0"].names("checkpoints/old")) <= 255

    assert visit(story, hello()) == []


def test_a_page_of_an_inventory_fits_a_header_however_long_keys_and_audiences_are() -> None:
    audience = ("n0", *(f"n{'x' * 60}{at}" for at in range(60)))

    async def story(world: SmallWorld, guest: Guest) -> None:
        keys = [f"{at:04}{'x' * 508}" for at in range(400)]
        for key in keys:
            await guest.ask(offer(key, audience=audience))
        found, after, more = [], "", True
        while more:
            page = await guest.ask(AskInventory(audience[-1], after))
            assert isinstance(page, Inventory)
            found += [have.key for have in page.have]
            after, more = found[-1], page.more
        assert found == keys

    assert visit(story, hello(), checkpoint="never") == []


def test_an_answer_that_does_not_fit_is_one_sentence() -> None:
    async def story(world: SmallWorld, guest: Guest) -> None:
        for at in range(40):
            await guest.ask(offer(f"{at:02}{'x' * 500}"))
        assert "is too large: at most 10000 are accepted" in await guest.refused(AskInventory("n1"))
        assert isinstance(await guest.ask(Probe()), Alive)

    visit(story, hello(), limits=Limits(header_max_bytes=10_000))


def test_a_guest_that_says_no_hello_is_not_waited_for() -> None:
    async def story(world: SmallWorld, guest: Guest) -> None:
        begun = trio.current_time()
        assert await guest.is_shown_out()
        assert trio.current_time() - begun == pytest.approx(3.0, abs=0.1)

    assert visit(story) == []


def test_a_guest_that_has_nothing_more_to_say_is_let_go_after_a_while() -> None:
    async def story(world: SmallWorld, guest: Guest) -> None:
        begun = trio.current_time()
        assert await guest.is_shown_out()
        assert trio.current_time() - begun == pytest.approx(60.0, abs=0.1)

    assert visit(story, hello()) == []


@pytest.mark.parametrize(("pause_s", "after_s"), [(6.0, 5.0), (4.0, 30.0)], ids=["stalls", "drips"])
def test_a_guest_that_stalls_or_drips_in_the_middle_of_a_message_is_cut_off(pause_s: float, after_s: float) -> None:
    async def story(world: SmallWorld, guest: Guest) -> None:
        begun = trio.current_time()
        with pytest.raises(trio.BrokenResourceError):
            await guest.drip(offer(), pause_s)
        assert after_s <= trio.current_time() - begun <= after_s + 2 * pause_s

    assert visit(story, hello()) == []


def test_a_tensor_that_drips_gives_its_memory_back() -> None:
    async def story(world: SmallWorld, guest: Guest) -> None:
        said = offer(body=tensor.freeze(np.zeros(250_000, np.float32)))
        await guest.say(said[:1000])
        with pytest.raises(trio.BrokenResourceError):
            await guest.drip(said[1000:], 4)
        node = world.cluster.member("n0")
        assert isinstance(node, Node)
        assert node.budget._free == Limits().bodies_max_bytes

    assert visit(story, hello()) == []


def test_one_guest_too_many_is_turned_away_and_there_is_room_again_when_others_leave() -> None:
    async def story(world: SmallWorld, guest: Guest) -> None:
        async with AsyncExitStack() as others:
            guests = [await others.enter_async_context(at_the_door(world)) for _ in range(10)]
            await trio.sleep(1)
            answers = [await another.ask(hello("eye", "observer")) for another in guests[:3]]
            assert all(isinstance(answer, Welcome) for answer in answers)
            for another in guests[5:]:
                with pytest.raises(trio.BrokenResourceError):
                    await another.ask(hello("eye", "observer"))
        await trio.sleep(1)  # as their farewells travel

        reasons = [event.reason for event in world.events(DoorFull, "n0")]
        assert reasons
        assert all(reason.endswith("would be one more than 6") for reason in reasons)

    assert visit(story, hello(), limits=Limits(connections_max=6)) == []


def test_a_machine_out_of_descriptors_lets_callers_wait_at_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    accept, left = SimListener.accept, [5]

    async def poor(self: SimListener) -> object:
        if left[0]:
            left[0] -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return await accept(self)

    async def story(world: SmallWorld, guest: Guest) -> None:
        assert isinstance(await guest.ask(Probe()), Alive)
        assert {event.reason for event in world.events(DoorFull)} == {"Too many open files"}

    monkeypatch.setattr(SimListener, "accept", poor)
    assert visit(story, hello()) == []
    assert left == [0]


def test_an_operator_hears_in_a_sentence_what_is_wrong_with_its_broadcast() -> None:
    async def story(world: SmallWorld, guest: Guest) -> None:
        assert await guest.refused(frame(AskBroadcast(""), X)) == "'' is no key: a key has at least one character"
        sentence = "'k' cannot be for n9: name some of n0, n1, or give ALL or LOCAL"
        assert await guest.refused(frame(AskBroadcast("k", ("n9",)), X)) == sentence
        assert isinstance(await guest.ask(frame(AskBroadcast("k"), X)), Receipt)
        assert isinstance(await guest.ask(Probe()), Alive)

    assert visit(story, hello("op", "operator")) == []
