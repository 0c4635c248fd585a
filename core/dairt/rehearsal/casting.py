"""Who plays which part: the nodes that a fault's picks stand for, by the seed and by how things stand.

Every draw is keyed by the fault, the number of its moment and the node: neither another fault, nor a node more or less,
changes who comes before whom.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from dairt.errors import UsageError
from dairt.model.action import JOIN, FaultAction, Link, LinkTrouble
from dairt.model.scenario import Budget, Fault, On, Pick, Scenario
from dairt.worlds.sim.dice import Dice

Now = Callable[[str], Iterable[str]]  # the nodes that `down`, `paused` or `role:coordinator` means now


class Casting:
    """Picks the nodes of one story."""

    def __init__(self, story: Scenario, dice: Dice, now: Now) -> None:
        self._story = story
        self._dice = dice
        self._now = now

    def cast(self, fault: Fault, number: int, node: str) -> FaultAction:
        """The fault's action with nodes for its picks; `node` is whose event it is. Raises UsageError when nobody fits."""
        action, picks = fault.action, dict(fault.picks)
        if not picks:
            return action

        def chosen(who: str, *, from_the_back: bool = False) -> str:
            if who not in picks:
                return who
            if picks[who].pick != "event":
                return self.chosen(picks[who], fault.id, number, from_the_back=from_the_back)
            if not node:
                raise UsageError("it was no node's event")
            return node

        if not isinstance(action, LinkTrouble):
            return msgspec.structs.replace(action, node=chosen(action.node))
        # The ends are taken from both ends of one order: a minority and the majority are never the same nodes.
        link = Link(chosen(action.link.a), chosen(action.link.b, from_the_back=True), action.link.one_way)
        if link.a == link.b:
            raise UsageError(f"both ends of the link would be {link.a}")
        return msgspec.structs.replace(action, link=link)

    def chosen(self, pick: Pick, fault: str, number: int = 0, *, from_the_back: bool = False) -> str:
        """The nodes that are picked, in one word. Raises UsageError when nobody fits."""
        among = self._members(pick.among) if pick.among else list(self._story.nodes)
        not_in = self._members(pick.not_in)
        order = self._order(fault, number, [name for name in among if name not in not_in])
        count = self._how_many(pick, fault, number, len(order))
        if not count:
            raise UsageError(f"nobody is {pick} now")
        return JOIN.join(order[-count:] if from_the_back else order[:count])

    def _members(self, words: Sequence[str]) -> list[str]:
        """Whom words mean now, each once, in the story's order."""
        meant: list[str] = []
        for word in words:
            is_name = word in self._story.nodes or word.startswith("zone:")
            meant += self._story.members_of(word) if is_name else self._now(word)
        return [name for name in self._story.nodes if name in meant]

    def _order(self, fault: str, number: int, names: Sequence[str]) -> list[str]:
        return sorted(names, key=lambda name: self._dice.draws("fault", fault, "who", name)(number))

    def _how_many(self, pick: Pick, fault: str, number: int, of: int) -> int:
        match pick.pick:
            case "one":
                return min(1, of)
            case "minority":
                return max(0, of - 1) // 2
            case "majority":
                return of - max(0, of - 1) // 2
            case "random":
                return 1 + int(self._dice.draws("fault", fault, "how many")(number) * of) if of else 0
            case _:
                return of


def settled(story: Scenario, seed: int) -> tuple[Fault, ...]:
    """The faults of a story, with names where they wait for an event of nodes that the seed picks."""
    casting = Casting(story, Dice(seed), lambda word: ())
    faults = []
    for fault in story.faults:
        if isinstance(fault.when, On) and fault.when.pick is not None:
            node = casting.chosen(fault.when.pick, f"{fault.id}/on")
            fault = msgspec.structs.replace(fault, when=msgspec.structs.replace(fault.when, node=node, pick=None))
        faults.append(fault)
    return tuple(faults)


def struck_alone(story: Scenario, seed: int) -> tuple[Fault, ...]:
    """The faults that a node can let strike by itself, at its own event, with nobody else to say whom, when and whether."""
    if story.budget != Budget():
        return ()
    return tuple(
        fault for fault in settled(story, seed) if not fault.delay_s and all(p.pick == "event" for _, p in fault.picks)
    )


def at_event(fault: Fault, node: str) -> FaultAction:
    """What such a fault does at an event of this node."""
    return Casting(Scenario("", (node,)), Dice(0), lambda word: ()).cast(fault, 0, node)
