"""Conditions over counters and gauges, such as `nodes.up < 3 and not (queue.n1.io >= 8 or time > 20)`: read, never run.

The grammar:

    condition   = disjunction
    disjunction = conjunction { "or" conjunction }
    conjunction = negation { "and" negation }
    negation    = "not" negation | "(" disjunction ")" | comparison
    comparison  = operand ( "<" | "<=" | ">" | ">=" | "==" | "!=" ) operand
    operand     = a number | a name
"""

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

ValueOf = Callable[[str], float]  # what a name stands for now

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
DEPTH_MAX = 32  # of parentheses and nots; nobody reads more
_TOKEN = re.compile(r"\s*(?:(<=|>=|==|!=|<|>|\(|\))|([0-9]+(?:\.[0-9]+)?)|([A-Za-z_][A-Za-z0-9_.-]*))")
_WORDS = ("and", "or", "not")


@dataclass(frozen=True)
class Comparison:
    """Two operands and how they are to compare; each is a number or a name."""

    left: str | float
    sign: str
    right: str | float

    def holds(self, value_of: ValueOf) -> bool:
        """Say whether it is so now."""
        left, right = (side if isinstance(side, float) else value_of(side) for side in (self.left, self.right))
        return COMPARISONS[self.sign](left, right)

    def names(self) -> Iterator[str]:
        """The names it asks for."""
        return (side for side in (self.left, self.right) if isinstance(side, str))


@dataclass(frozen=True)
class Joined:
    """Conditions of which all must hold, or any, or (there is just one) none."""

    word: str
    parts: "tuple[Condition, ...]"

    def holds(self, value_of: ValueOf) -> bool:
        """Say whether it is so now."""
        match self.word:
            case "and":
                return all(part.holds(value_of) for part in self.parts)
            case "or":
                return any(part.holds(value_of) for part in self.parts)
            case _:
                return not self.parts[0].holds(value_of)

    def names(self) -> Iterator[str]:
        """The names it asks for."""
        return (name for part in self.parts for name in part.names())


Condition = Comparison | Joined


def parse_condition(text: str) -> Condition:
    """Read a condition; raises ValueError with the end of a sentence that begins with the text."""
    return _Parser(text).condition()


class _Parser:
    """Recursive descent over the tokens of one condition."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._depth = 0

    def condition(self) -> Condition:
        condition = self._joined("or", lambda: self._joined("and", self._negation))
        if self._next:
            raise ValueError(f"goes on with {self._next!r}; join conditions by and, or, and parentheses")
        return condition

    @property
    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _joined(self, word: str, part: Callable[[], Condition]) -> Condition:
        parts = [part()]
        while self._next == word:
            self._take()
            parts.append(part())
        return parts[0] if len(parts) == 1 else Joined(word, tuple(parts))

    def _negation(self) -> Condition:
        if self._next not in ("not", "("):
            return self._comparison()
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise ValueError(f"is more than {DEPTH_MAX} levels deep")
        if self._take() == "not":
            inner: Condition = Joined("not", (self._negation(),))
        else:
            inner = self._joined("or", lambda: self._joined("and", self._negation))
            if self._next != ")":
                raise ValueError(f"needs a ) before {self._next!r}" if self._next else "needs a ) at its end")
            self._take()
        self._depth -= 1
        return inner

    def _comparison(self) -> Comparison:
        left = self._operand()
        if self._next not in COMPARISONS:
            raise ValueError(f"must compare {left} with something: one of {' '.join(COMPARISONS)} comes next")
        return Comparison(left, self._take(), self._operand())

    def _operand(self) -> str | float:
        token = self._next
        if not token:
            raise ValueError("ends too early: a name or a number is missing")
        if token in (*COMPARISONS, *_WORDS, "(", ")"):
            raise ValueError(f"has {token!r} where a name or a number is needed")
        self._take()
        return float(token) if token[0].isdigit() else token


def _tokens(text: str) -> Iterator[str]:
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"has {text[at:].split()[0]!r}, which is no name, number or comparison")
        yield match[0].strip()
        at = match.end()
