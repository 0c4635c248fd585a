"""Keyed dice: every draw depends on its names and the seed, and on nothing that was drawn before."""

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from dairt.worlds.sim.dice import Dice


@given(st.integers(), st.text(), st.text(), st.integers(0, 2**64 - 1))
def test_a_draw_does_not_depend_on_what_was_drawn_before(seed: int, stream: str, key: str, n: int) -> None:
    dice = Dice(seed)
    first = dice.draw(stream, key, n)
    dice.stream(stream, key).random()
    dice.draw(stream, key, n // 2)
    assert 0.0 <= first < 1.0
    assert dice.draw(stream, key, n) == first == Dice(seed).draws(stream, key)(n)


def test_seeds_names_and_numbers_all_count() -> None:
    draws = [
        Dice(seed).draw(stream, key, n)
        for seed in (0, 1)
        for stream, key in (("ab", "c"), ("a", "bc"), ("c", "ab"))
        for n in (0, 1)
    ]
    assert len(set(draws)) == len(draws)
    assert Dice(0).stream("a").random() != Dice(0).stream("b").random() != Dice(1).stream("b").random()


def test_draws_are_spread_evenly() -> None:
    draw = Dice(7).draws("latency", "a>b")
    tenths = [int(10 * draw(n)) for n in range(5000)]
    assert all(400 < tenths.count(tenth) < 600 for tenth in range(10))


def test_draws_are_the_same_in_every_process() -> None:
    code = "from dairt.worlds.sim.dice import Dice; print(Dice(3).draw('a', 'b', 1), Dice(3).stream('x').random())"
    runs = [
        subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True)
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout == f"{Dice(3).draw('a', 'b', 1)} {Dice(3).stream('x').random()}\n"
