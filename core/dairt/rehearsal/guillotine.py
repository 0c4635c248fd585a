"""The guillotine: a small story, cut off at every point where it can be, and what must hold after each cut."""

import importlib
from collections.abc import Callable, Iterable, Iterator
from time import perf_counter
from typing import Protocol

import msgspec

from dairt.errors import UsageError
from dairt.model.toml_table import suggestion

# What can be cut: a function from a seed to the cuts, imported when asked for. A new feature adds one row.
STORIES = {
    "broadcast": "dairt.rehearsal.guillotine_broadcast:cuts",
    "checkpoint": "dairt.rehearsal.guillotine_checkpoint:cuts",
}
VIOLATIONS_MAX = 1000  # past that no more cuts are made: there is a bug, and it is the same one
SHOWN_MAX = 20  # violations in a text; one bug breaks hundreds of cuts


class Cut(Protocol):
    """One point to cut at."""

    @property
    def where(self) -> str:
        """The point, in words."""

    def fall(self) -> str:
        """Play the story, cut it here, and say what does not hold; "" when all does."""


class Violation(msgspec.Struct, frozen=True):
    """A cut after which something did not hold, and the command that cuts there again."""

    number: int
    where: str
    reason: str
    replay: str


class Tally(msgspec.Struct, frozen=True):
    """What came of all cuts of one story."""

    story: str
    seed: int
    cuts: int
    violations: tuple[Violation, ...]
    wall_s: float

    @property
    def exit_code(self) -> int:
        """0 when all held, 1 when not."""
        return 1 if self.violations else 0

    def text(self) -> str:
        """The tally for people; its last line is the sum."""
        lines = []
        for violation in self.violations[:SHOWN_MAX]:
            lines += [f"✗ cut {violation.number}, {violation.where}", f"    {violation.reason}", f"    {violation.replay}"]
        more = len(self.violations) - SHOWN_MAX
        lines += [f"and {more} more; --json lists all of them"] if more > 0 else []
        lines.append(f"{self.cuts} cut point{'' if self.cuts == 1 else 's'}, {len(self.violations)} violations")
        return "\n".join(lines)

    def json(self) -> str:
        """The tally for programs."""
        return msgspec.json.encode({**msgspec.to_builtins(self), "exit_code": self.exit_code}).decode()


def find_cuts(story: str, seed: int) -> list[Cut]:
    """Every point at which a story can be cut, in an order that only the seed and the code decide. Raises UsageError."""
    if story not in STORIES:
        raise UsageError(f"the guillotine has no story {story!r}; {suggestion(story, STORIES)}")
    module, _, function = STORIES[story].partition(":")
    cuts: Callable[[int], Iterator[Cut]] = getattr(importlib.import_module(module), function)
    return list(cuts(seed))


def execute(
    story: str,
    cuts: Iterable[tuple[int, Cut]],
    *,
    seed: int,
    after_each: Callable[[int], None] = lambda violations: None,
    lets_bugs_out: bool = False,
) -> Tally:
    """Cut at each numbered point; `after_each` hears how many violations there are so far.

    A run that ends by an error is a violation too, unless bugs are let out, for whoever wants the traceback.
    """
    began, done = perf_counter(), 0
    violations: list[Violation] = []
    for number, cut in cuts:
        reason = cut.fall() if lets_bugs_out else _fall(cut)
        if reason:
            replay = f"dairt guillotine {story} --seed {seed} --only {number}"
            violations.append(Violation(number, cut.where, reason, replay))
        done += 1
        after_each(len(violations))
        if len(violations) == VIOLATIONS_MAX:
            break
    return Tally(story, seed, done, tuple(violations), perf_counter() - began)


def _fall(cut: Cut) -> str:
    try:
        return cut.fall()
    except Exception as exc:  # a node that ends by a bug is what this looks for, as much as a broken promise; noqa: dairt
        return f"it ended by {_plain(exc)}"


def _plain(exc: BaseException) -> str:
    while isinstance(exc, BaseExceptionGroup):
        exc = exc.exceptions[0]
    return f"{type(exc).__name__}: {exc}".rstrip(": ")
