"""Reading one TOML table strictly: every key is asked for, what was not asked for is an error that names the entry."""

import difflib
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from dairt.errors import UsageError

SECONDS: dict[str, float] = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
BYTES: dict[str, float] = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "kB": 10**3, "MB": 10**6, "GB": 10**9}
RATES = {f"{unit}/s": factor for unit, factor in BYTES.items()}
_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+(?:/s)?)")
_MISSING: Any = object()


def suggestion(word: str, choices: Iterable[str]) -> str:
    """The end of a sentence: the choice most like `word`, or all of them."""
    known = list(choices)
    close = difflib.get_close_matches(word, known, 1, 0.6)
    return f"did you mean {close[0]!r}?" if close else f"there is {', '.join(map(repr, known))}"


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
                raise UsageError(f"{self._locate(key)}: {self.what} has no key {key!r}; {suggestion(key, self._asked)}")

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

    def count(self, key: str, default: Any = _MISSING, least: int = 1) -> int:
        """A whole number of at least `least`."""
        value = int(self._typed(key, default, int, "a whole number"))
        if key in self._values and value < least:
            raise self.error(key, f"must be at least {least}, not {value}")
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

    def size(self, key: str, default: Any = _MISSING) -> Any:
        """A number of bytes, as a text with its unit."""
        return self._amount(key, default, BYTES, 'a size with its unit, such as "64KiB"')

    def rate(self, key: str, default: Any = _MISSING) -> Any:
        """Bytes a second, as a text with its unit."""
        return self._amount(key, default, RATES, 'a rate with its unit, such as "200MiB/s"')

    def table(self, key: str, default: Any = _MISSING) -> "Table":
        """A table inside this one."""
        value = self.raw(key, default)
        return Table(value, f"{self.what}: {key}", partial(self._locate, key))

    def texts(self, key: str, default: Any = _MISSING) -> tuple[str, ...]:
        """A list of texts."""
        value = self.raw(key, default)
        if not isinstance(value, list | tuple) or not all(isinstance(part, str) for part in value):
            raise self.error(key, f"must be a list of texts, not {value!r}")
        return tuple(value)

    def items(self) -> list[tuple[str, Any]]:
        """Every key with its value, all counting as asked for."""
        self._asked.extend(self._values)
        return list(self._values.items())
