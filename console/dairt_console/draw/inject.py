"""What stands under the form that breaks something: what it would do and hit, and the lines that do the same."""

from collections.abc import Sequence

from dairt.errors import UsageError
from dairt.model.action import Action
from dairt_console.blast import dry_run
from dairt_console.draw.columns import Column
from dairt_console.draw.scenario_line import command_of, scenario_line
from dairt_console.draw.spans import Span, clean
from dairt_console.plans_inject import KindRow
from dairt_console.reducer import Seen


def _does(row: KindRow) -> Span:
    return (f"not in this world: {row.why_not}", "warn") if row.why_not else (row.does, "plain")


KIND_COLUMNS: tuple[Column[KindRow], ...] = (
    Column("KIND", 18, lambda row, _: (row.key, "dim" if row.why_not else "strong"), keep=10),
    Column("WHAT IT DOES", 20, lambda row, _: _does(row), keep=9, grow=1),
)


def outlook(seen: Seen, action: Action | UsageError) -> Sequence[str]:
    """What the form as it stands would do; where it cannot be read, why, in one line."""
    if isinstance(action, UsageError):
        return (f"✕ {clean(str(action))}",)
    return tuple(f"· {clean(line)}" for line in dry_run(seen, action))


def same_as(seen: Seen, action: Action | UsageError) -> Sequence[str]:
    """The command and the scenario line that do the same."""
    if isinstance(action, UsageError):
        return ()
    return (
        f"as a command:        {clean(command_of(action))}",
        f"as a scenario line:  {clean(scenario_line(action, seen.now_s))}",
    )
