"""Going from match to match, the way `/` then n and N do."""

from collections.abc import Sequence


def next_match(texts: Sequence[str], here: str, pattern: str, step: int) -> int | None:
    """Where the next (1) or previous (-1) text with the pattern in it is, in any case and round the end; None for none."""
    at = texts.index(here) if here in texts else -1 if step > 0 else 0
    order = [(at + step * (1 + offset)) % len(texts) for offset in range(len(texts))]
    return next((found for found in order if pattern.lower() in texts[found].lower()), None)


def place_of(texts: Sequence[str], at: int, pattern: str) -> str:
    """Which of the matches this is, such as `3 of 12 for tanh`."""
    places = [place for place, text in enumerate(texts) if pattern.lower() in text.lower()]
    return f"{places.index(at) + 1} of {len(places)} for {pattern}"
