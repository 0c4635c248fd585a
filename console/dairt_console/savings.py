"""What was told of checkpoints: written, failed, restored, verified, found damaged, set aside."""

from collections.abc import Iterable

from dairt.model.events import (
    CheckpointDamaged,
    CheckpointDurable,
    CheckpointFailed,
    CheckpointRestored,
    CheckpointSetAside,
    CheckpointVerified,
    Entry,
)

KEPT = 1_000  # entries; more than a timeline shows

SAVING = (
    CheckpointDurable, CheckpointFailed, CheckpointRestored, CheckpointSetAside, CheckpointVerified, CheckpointDamaged,
)  # fmt: skip


def follow_savings(known: tuple[Entry, ...], entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """What is known once `entries` are told, oldest first; the same object when nothing is new."""
    new = tuple(entry for entry in entries if isinstance(entry.event, SAVING))
    return (*known, *new)[-KEPT:] if new else known
