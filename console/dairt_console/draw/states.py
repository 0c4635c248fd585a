"""A state is a glyph and a word, never a colour alone."""

from dairt_console.draw.spans import Span, Tone

_STATES: dict[str, tuple[str, Tone]] = {
    # nodes
    "starting": ("◌", "accent"),
    "up": ("●", "good"),
    "draining": ("◐", "warn"),
    "down": ("✕", "bad"),
    "paused": ("‖", "warn"),
    # peers
    "alive": ("●", "good"),
    "suspect": ("◐", "warn"),
    "dead": ("✕", "bad"),
    # queues
    "full": ("▲", "warn"),
    # checkpoints
    "writing": ("◌", "accent"),
    "durable": ("✓", "good"),
    "failed": ("✕", "bad"),
    "damaged": ("✕", "bad"),
    "memory": ("○", "warn"),
    "older": ("◐", "warn"),
    # runs
    "running": ("▶", "accent"),
    "done": ("✓", "good"),
    # faults
    "planned": ("◌", "dim"),
    "active": ("▲", "warn"),
    "healing": ("◐", "warn"),
    "healed": ("✓", "good"),
    "skipped": ("–", "dim"),
    "refused": ("✕", "bad"),
    # promises
    "holds": ("✓", "good"),
    "pending": ("◌", "accent"),
    "broken": ("✕", "bad"),
    # the link to the cluster
    "connecting": ("◌", "accent"),
    "live": ("●", "good"),
    "frozen": ("❄", "accent"),
    "past": ("◀", "warn"),
    "replay": ("▷", "accent"),
    "lost": ("✕", "bad"),
    "finished": ("■", "strong"),
}
_LEVELS: dict[str, tuple[str, Tone]] = {
    "info": ("·", "plain"),
    "good": ("✓", "good"),
    "warn": ("▲", "warn"),
    "bad": ("✕", "bad"),
}


def state(word: str) -> Span:
    """The state's glyph, its word, and its tone; an unknown one is shown as it is."""
    glyph, tone = _STATES.get(word, ("?", "plain"))
    return f"{glyph} {word}", tone


def level(word: str) -> Span:
    """An event's level as one glyph."""
    return _LEVELS.get(word, ("?", "plain"))
