"""Reading one TOML table strictly: every key is asked for, what was not asked for is an error that names the entry."""

import difflib
import math
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from dairt.errors import UsageError
from dairt.model.scenario.spans import Between

SECONDS: dict[str, float] = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
BYTES: dict[str, float] = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "kB": 10**3, "MB": 10**6, "GB": 10**9}
RATES = {f"{unit}/s": factor for unit, factor in BYTES.items()}
_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+(?:/s)?)")
_MISSING: Any = object()
SUGGESTED_MAX = 24  # a sentence with more would not be read


def suggestion(word: str, choices: Iterable[str]) -> str:
    """The end of a sentence: the choice most like `word`, or all of them."""
    known = list(choices)
    close = difflib.get_close_matches(word, known, 1, 0.6)
    more = f" and {len(known) - SUGGESTED_MAX} more" if len(known) > SUGGESTED_MAX else ""
    return f"did you mean {close[0]!r}?" if close else f"there is {', '.join(map(repr, known[:SUGGESTED_MAX]))}{more}"


def amount(text: str, units: dict[str, float]) -> float | None:
    """A number with one of `units`, such as 250ms; None when it is not one."""
    match = _AMOUNT.fullmatch(text.strip())
    return float(match[1]) * units[match[2]] if match and match[2] in units else None


class Table:
    """One table of a file. Ask for every key it may have, then `finish`; `locate(*keys)` gives the place of a key in it."""

    def __init__(self, values: Any, what: str, locate: Callable[..., str]) -> None:
        self._values = dict(values) if isinstance(values, dict) else {}
        self._asked: list[str] = []
        self._locate = locate
        self.what = what
        if not isinstance(values, dict):
            raise self.error("", f"must be a table, such as {{ … }}, not {values!r}")

    @property
    def place(self) -> str:
        """Where the table is: file and line."""
        return self._locate()

    def error(self, key: str, sentence: str) -> UsageError:
        """The error about one key, or with "" about the whole table."""
        entry = f"{self.what}: {key}" if key else self.what
        return UsageError(f"{self._locate(key) if key else self.place}: {entry} {sentence}")

    def finish(self) -> None:
        """Refuse the first key that nobody asked for."""
        for key in self._values:
            if key not in self._asked:
                raise UsageError(
                    f"{self._locate(key)}: {self.what} has no key {key!r}; {suggestion(key, dict.fromkeys(self._asked))}"
                )

    def has(self, key: str) -> bool:
        """Say whether a key is given."""
        self._asked.append(key)
        return key in self._values

    def raw(self, key: str, default: Any = _MISSING) -> Any:
        """A key's value as TOML has it."""
        if not self.has(key) and default is _MISSING:
            raise self.error("", f"needs {key!r}")
        return self._values.get(key, default)

    def _typed(self, key: str, default: Any, kind: type, right: str) -> Any:
        value = self.raw(key, default)
        if key in self._values and type(value) is not kind:
            raise self.error(key, f"must be {right}, not {value!r}")
        return value

    def text(self, key: str, default: Any = _MISSING) -> str:
        """A text."""
        return str(self._typed(key, default, str, "a text"))

    def flag(self, key: str, default: Any = _MISSING) -> bool:
        """True or false."""
        return bool(self._typed(key, default, bool, "true or false"))

    def count(self, key: str, default: Any = _MISSING, least: int = 1) -> Any:
        """A whole number of at least `least`."""
        value = self._typed(key, default, int, "a whole number")
        if key in self._values and value < least:
            raise self.error(key, f"must be at least {least}, not {value}")
        return value

    def number(self, key: str, default: Any = _MISSING) -> Any:
        """A number that is not negative."""
        value = self.raw(key, default)
        if key in self._values and (type(value) not in (int, float) or not 0 <= value < math.inf):
            raise self.error(key, f"must be a number, 0 or more, not {value!r}")
        return value

    def choice(self, key: str, choices: Iterable[str], default: Any = _MISSING) -> str:
        """One of a few words."""
        value, known = self.text(key, default), list(choices)
        if key in self._values and value not in known:
            raise self.error(key, f"cannot be {value!r}; {suggestion(value, known)}")
        return value

    def _amount(self, key: str, default: Any, units: dict[str, float], right: str) -> Any:
        value = self.raw(key, default)
        if key not in self._values:
            return value
        number = amount(value, units) if isinstance(value, str) else None
        if number is None:
            raise self.error(key, f"must be {right}, not {value!r}")
        return number

    def seconds(self, key: str, default: Any = _MISSING) -> Any:
        """A duration, as a text with its unit; `default` when it is not given."""
        return self._amount(key, default, SECONDS, 'a time with its unit, such as "250ms" or "2s"')

    def span(self, key: str, default: Any = _MISSING) -> Any:
        """A duration, or `{ between = [A, B] }` of which the seed draws one."""
        if not isinstance(self.raw(key, default), dict):
            return self.seconds(key, default)
        inner = self.table(key)
        ends = inner.texts("between")
        inner.finish()
        bounds = [amount(end, SECONDS) for end in ends]
        if len(bounds) != 2 or None in bounds:
            raise inner.error("between", f'must be two times with their units, such as ["1s", "5s"], not {list(ends)}')
        low_s, high_s = bounds
        assert low_s is not None
        assert high_s is not None
        if low_s > high_s:
            raise inner.error("between", f"must begin with the shorter time, not {ends[0]}")
        return Between(low_s, high_s)

    def size(self, key: str, default: Any = _MISSING) -> Any:
        """A number of bytes, as a text with its unit."""
        return self._amount(key, default, BYTES, 'a size with its unit, such as "64KiB"')

    def rate(self, key: str, default: Any = _MISSING) -> Any:
        """Bytes a second, as a text with its unit."""
        return self._amount(key, default, RATES, 'a rate with its unit, such as "200MiB/s"')

    def table(self, key: str, default: Any = _MISSING) -> "Table":
        """A table inside this one."""
        return self.inner(key, self.raw(key, default))

    def inner(self, key: str, value: Any) -> "Table":
        """A table somewhere in the value of a key."""
        return Table(value, f"{self.what}: {key}", partial(self._locate, key))

    def section(self, key: str) -> "Table":
        """A table with a heading of its own."""
        return Table(self.raw(key), f"[{key}]", partial(self._locate, key))

    def entries(self, key: str) -> list["Table"]:
        """The tables under the headings [[key]], in order; none where there is none."""
        values = self.raw(key, [])
        if not isinstance(values, list):
            raise self.error(key, f"must be written [[{key}]], one for each")
        entries = []
        for number, value in enumerate(values, 1):
            name = value.get("id") or value.get("do") if isinstance(value, dict) else None
            what = f"{key} {name!r}" if isinstance(name, str) else f"{key} number {number}"
            entries.append(Table(value, what, partial(self._locate, key, number)))
        return entries

    def choices(self, key: str, known: Iterable[str], default: Any = _MISSING) -> tuple[str, ...]:
        """A list of some of a few words."""
        values, words = self.texts(key, default), list(known)
        for value in values:
            if value not in words:
                raise self.error(key, f"cannot have {value!r}; {suggestion(value, words)}")
        return values

    def texts(self, key: str, default: Any = _MISSING) -> tuple[str, ...]:
        """A list of texts."""
        value = self.raw(key, default)
        if not isinstance(value, list | tuple) or not all(isinstance(part, str) for part in value):
            raise self.error(key, f"must be a list of texts, not {value!r}")
        return tuple(value)

    def replace(self, key: str, value: Any) -> None:
        """Let a key have another value from now on: what it stands for."""
        self._values[key] = value

    def items(self) -> list[tuple[str, Any]]:
        """Every key with its value, all counting as asked for."""
        self._asked.extend(self._values)
        return list(self._values.items())
