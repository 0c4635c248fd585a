"""Many seeds of stories: one after another in this process, or several at once in processes of their own."""

import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from subprocess import PIPE
from traceback import format_exc

import msgspec
import trio

from dairt.errors import UsageError
from dairt.model.scenario import Scenario, parse_seeds
from dairt.model.toml_table import suggestion
from dairt.rehearsal import gallery
from dairt.rehearsal.judge import check_expectations
from dairt.rehearsal.outcomes import Outcome, crash, outcome_of
from dairt.rehearsal.play import play
from dairt.rehearsal.python import FLAG, load_python
from dairt.rehearsal.stage import check_world

COMMAND = (sys.executable, "-m", "dairt.rehearsal.sweeper")
LINE_MAX_BYTES = 16 * 2**20  # an outcome is a few numbers for each metric, and perhaps a traceback
DEAL_MAX = 1_000_000  # seeds of one sweep: more is a typing mistake


@dataclass(frozen=True)
class Order:
    """Which story, as the command line names it, in which world, and whether code that it names is run."""

    story: str
    world: str = "sim"
    allow_python: bool = False

    def again(self, seed: int) -> str:
        """The command that plays one seed of it."""
        return f"dairt play {self.story} --world {self.world} --seed {seed}{f' {FLAG}' if self.allow_python else ''}"


class Turn(msgspec.Struct, frozen=True):
    """One seed of one story, to be played."""

    order: Order
    seed: int


Tell = Callable[[Order, Outcome], None]


def read_seeds(text: str, story: Scenario) -> range:
    """The seeds that --seeds asks for: 0..999, 7, or a name of the story's own ranges. Raises UsageError."""
    seeds = story.seeds.get(text) or parse_seeds(text)
    if seeds is None:
        own = (
            f", or {', '.join(story.seeds)}: {suggestion(text, story.seeds)}" if story.seeds else f"; {story.source} names none"
        )
        raise UsageError(f"--seeds cannot be {text!r}: give a range such as 0..24{own}")
    if len(seeds.range) > DEAL_MAX:
        raise UsageError(f"--seeds {text} are {len(seeds.range)}: give {DEAL_MAX} at most")
    return seeds.range


def sweep(orders: Mapping[Order, Iterable[int]], tell: Tell, *, jobs: int = 1) -> bool:
    """Play every seed of every story and `tell` each outcome as it comes; say whether all were played: Ctrl-C can prevent it.

    With several `jobs` outcomes come in any order, each seed from a process of its own that plays many; none outlives this
    call. Raises UsageError before anything starts.
    """
    for order in orders:
        _check(order)
        if jobs > 1 and order.world != "sim":
            raise UsageError(
                f"--jobs {jobs}: in the world {order.world!r} seeds are played one after another, they would disturb"
            )
    turns = (Turn(order, seed) for order, seeds in orders.items() for seed in seeds)
    return _in_processes(turns, tell, jobs) if jobs > 1 else _one_by_one(turns, tell)


def _check(order: Order) -> None:
    """Raise UsageError unless the seeds of this story can be played."""
    story = gallery.load(order.story)
    if not story.ends:
        raise UsageError(f"{story.source}: {story.name} has no end, so its seeds cannot be played one after another")
    check_expectations(story.expectations)
    check_world(story, order.world)
    load_python(story, order.allow_python)


def play_seed(order: Order, story: Scenario, seed: int) -> Outcome:
    """Play one seed to its outcome, whatever that is. Raises UsageError."""
    try:
        return outcome_of(play(story, world=order.world, seed=seed, allow_python=order.allow_python))
    except UsageError:
        raise
    except Exception:  # a bug that this seed has found: an outcome, as the next seeds may find others; noqa: dairt
        return crash(seed, order.again(seed), format_exc())


def _one_by_one(turns: Iterator[Turn], tell: Tell) -> bool:
    load = cache(gallery.load)
    for turn in turns:
        outcome = play_seed(turn.order, load(turn.order.story), turn.seed)
        if outcome.verdict == "stopped":
            return False
        tell(turn.order, outcome)
    return True


def _in_processes(turns: Iterator[Turn], tell: Tell, jobs: int) -> bool:
    async def main() -> bool:
        stopped = False
        # Not left to KeyboardInterrupt, which Python may raise where it is lost, such as in a destructor.
        with trio.open_signal_receiver(signal.SIGINT) as interrupts:
            async with trio.open_nursery() as watch:

                async def stop() -> None:
                    nonlocal stopped
                    await anext(interrupts)
                    stopped = True
                    watch.cancel_scope.cancel()

                watch.start_soon(stop)
                async with trio.open_nursery() as work:
                    for _ in range(jobs):
                        work.start_soon(_keep_busy, turns, tell)
                watch.cancel_scope.cancel()
        return not stopped

    return trio.run(main)


async def _keep_busy(turns: Iterator[Turn], tell: Tell) -> None:
    """Have seeds played in a process, and in another one when that dies under one, until none are left."""
    for turn in turns:
        process = await trio.lowlevel.open_process(COMMAND, stdin=PIPE, stdout=PIPE, start_new_session=True)
        sweeper = _Sweeper(process)
        try:
            left: Turn | None = turn
            while left is not None:
                order, seed = left.order, left.seed
                outcome = await sweeper.play(left)
                tell(order, outcome or crash(seed, order.again(seed), f"its process ended with {await process.wait()}"))
                if outcome is None:
                    break
                left = next(turns, None)
        finally:
            with trio.CancelScope(shield=True):
                await sweeper.end()


class _Sweeper:
    """One process that plays what it is told, a line of JSON each, and answers each by another."""

    def __init__(self, process: trio.Process) -> None:
        assert process.stdin is not None, "started with a pipe"
        assert process.stdout is not None, "started with a pipe"
        self._process = process
        self._orders, self._answers = process.stdin, process.stdout
        self._arrived = b""

    async def play(self, turn: Turn) -> Outcome | None:
        """The outcome of a seed; None when the process has died."""
        await self._say(msgspec.json.encode(turn))
        line = await self._line()
        return msgspec.json.decode(line, type=Outcome) if line else None

    async def end(self) -> None:
        """Kill and reap it; between two seeds it has nothing to lose."""
        self._process.kill()
        await self._process.wait()
        await self._orders.aclose()
        await self._answers.aclose()

    async def _say(self, line: bytes) -> None:
        try:
            await self._orders.send_all(line + b"\n")
        except trio.BrokenResourceError:
            return  # it has died, and will give no answer

    async def _line(self) -> bytes:
        while b"\n" not in self._arrived:
            assert len(self._arrived) <= LINE_MAX_BYTES, "an outcome is short"
            data = await self._answers.receive_some()
            if not data:
                return b""
            self._arrived += data
        line, _, self._arrived = self._arrived.partition(b"\n")
        return line
