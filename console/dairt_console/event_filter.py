"""What a filter on events means: `level>=warn kind:peer_* node:n1 !node:n2 /text/`. Pure; every term must hold."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import translate
from typing import get_args

from dairt.model.events import Level
from dairt_console.event_log import Told

LEVELS: tuple[Level, ...] = get_args(Level)
FIELDS = ("level", "kind", "node")
GRAMMAR = "write level>=warn, kind:peer_*, node:n1,n2, !node:n2, /pattern/ or words of the message"
_TERM = re.compile(r"(?P<no>!?)(?:/(?P<pattern>(?:\\/|[^/])*)/|\"(?P<quoted>[^\"]*)\"|(?P<word>\S+))(?=\s|$)")
_LEVEL = re.compile(r"level(?P<how>>=|<=|>|<|:|=)(?P<value>.*)")
_ORDER: dict[str, Callable[[int, int], bool]] = {
    ">=": lambda is_, wanted: is_ >= wanted,
    "<=": lambda is_, wanted: is_ <= wanted,
    ">": lambda is_, wanted: is_ > wanted,
    "<": lambda is_, wanted: is_ < wanted,
}


class FilterError(ValueError):
    """The filter is none; its text is one sentence that says what would be right."""


@dataclass(frozen=True)
class _Term:
    """One term: of a field, which values hold; or of the text, what it must match."""

    field: str
    holds: Callable[[str], bool]
    negated: bool


@dataclass(frozen=True)
class Filter:
    """A filter as it was written, and what of it concerns a field and the text. `Filter()` lets everything through."""

    source: str = ""
    _fields: tuple[_Term, ...] = ()
    _texts: tuple[_Term, ...] = ()
    _verdicts: dict[tuple[str, str, str], bool] = field(default_factory=dict, repr=False, compare=False)

    def lets(self, told: Told) -> bool:
        """True when every term holds. Terms of one field are alternatives, unless negated."""
        about = (told.level, told.kind, told.node)
        verdict = self._verdicts.get(about)
        if verdict is None:
            # There are few levels, kinds and nodes, and many entries.
            verdict = self._verdicts[about] = all(self._holds(name, value) for name, value in zip(FIELDS, about, strict=True))
        return verdict and all(term.holds(told.text) != term.negated for term in self._texts)

    def _holds(self, name: str, value: str) -> bool:
        terms = [term for term in self._fields if term.field == name]
        wanted = [term.holds(value) for term in terms if not term.negated]
        return (not wanted or any(wanted)) and not any(term.holds(value) for term in terms if term.negated)


def parse(source: str) -> Filter:
    """The filter `source` means; raises FilterError."""
    terms, at = [], 0
    while at < len(source):
        if source[at].isspace():
            at += 1
            continue
        match = _TERM.match(source, at)
        if match is None:
            raise FilterError(f"cannot read {source[at:]!r}: {GRAMMAR}")
        terms.append(_term(match))
        at = match.end()
    texts = tuple(term for term in terms if term.field == "text")
    return Filter(source.strip(), tuple(term for term in terms if term.field != "text"), texts)


def _term(match: re.Match[str]) -> _Term:
    negated = bool(match["no"])
    if match["pattern"] is not None:
        return _Term("text", _pattern(match["pattern"].replace(r"\/", "/")), negated)
    if match["quoted"] is not None:
        return _Term("text", _contains(match["quoted"]), negated)
    word = match["word"]
    if level := _LEVEL.fullmatch(word):
        return _Term("level", _level(level["how"], level["value"]), negated)
    name, colon, value = word.partition(":")
    if colon and name in FIELDS:
        return _Term(name, _globs(value), negated)
    return _Term("text", _contains(word), negated)


def _contains(text: str) -> Callable[[str], bool]:
    small = text.casefold()
    return lambda value: small in value.casefold()


def _pattern(pattern: str) -> Callable[[str], bool]:
    try:
        search = re.compile(pattern, re.IGNORECASE).search
    except re.error as exc:
        raise FilterError(f"/{pattern}/ is no pattern: {exc}") from exc
    return lambda value: search(value) is not None


def _level(how: str, value: str) -> Callable[[str], bool]:
    names = value.split(",")
    if unknown := [name for name in names if name not in LEVELS] or (names[1:] if how in _ORDER else []):
        raise FilterError(f"level{how}{value}: {unknown[0]!r} is no level here; write one of {', '.join(LEVELS)}")
    if how not in _ORDER:
        return lambda is_: is_ in names
    wanted, compare = LEVELS.index(names[0]), _ORDER[how]
    return lambda is_: compare(LEVELS.index(is_), wanted)


def _globs(value: str) -> Callable[[str], bool]:
    patterns = [re.compile(translate(glob)).match for glob in value.split(",") if glob]
    if not patterns:
        raise FilterError(f"nothing after the colon: {GRAMMAR}")
    return lambda is_: any(match(is_) is not None for match in patterns)


def narrowed(filter: Filter, pattern: str) -> Filter:
    """The filter, and `pattern` in the text besides: between slashes it is a regular expression; raises FilterError."""
    term = _Term("text", _pattern(inner) if (inner := pattern_in(pattern)) else _contains(pattern), negated=False)
    return Filter(filter.source, filter._fields, (*filter._texts, term))


def pattern_in(text: str) -> str:
    """What stands between the slashes; "" where there are none."""
    return text[1:-1] if len(text) > 2 and text[0] == text[-1] == "/" else ""


def toggled(source: str, term: str) -> str:
    """The filter with `term` added, or taken away where it stands there already."""
    words = source.split()
    return " ".join(word for word in words if word != term) if term in words else f"{source} {term}".strip()
