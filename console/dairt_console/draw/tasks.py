"""The tasks of a node as a tree: what each is, and where it waits."""

from textwrap import wrap

from dairt.model.views import NodeDetail
from dairt_console.draw.spans import Line, clean, cut, fit
from dairt_console.draw.units import count


def task_lines(detail: NodeDetail | None, width: int, *, live: bool) -> list[Line]:
    """A line a task; its place and what it waits for beside it."""
    if detail is None:
        return [((" asking the cluster…" if live else " nobody looked at it closely at this moment", "dim"),)]
    if not detail.tasks:
        return [((f" {line}", "dim"),) for line in wrap(clean(detail.hidden) or "no tasks", max(width - 2, 1))]
    wide = min(max(2 * task.depth + len(task.name) for task in detail.tasks) + 2, max(width // 2, 20))
    lines: list[Line] = []
    for task in detail.tasks:
        branch = "  " * (task.depth - 1) + "└ " * (task.depth > 0)
        waits = f" ⋯ {clean(task.waits_for)}" if task.waits_for else ""
        place = cut(clean(task.place), max(width - wide - len(waits) - 2, 8))
        lines.append((
            (f" {branch}", "dim"), (fit(clean(task.name), max(wide - len(branch) - 1, 8)) + " ", "strong"),
            (place, "plain"), (waits, "dim"),
        ))  # fmt: skip
    left_out = detail.tasks_total - len(detail.tasks)
    return [*lines, ((f" … and {count(left_out)} more", "dim"),)] if left_out > 0 else lines
