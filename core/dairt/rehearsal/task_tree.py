"""What the tasks of a node are doing: a tree with names and places, without addresses, line by line the same every time."""

import re
from collections.abc import Iterator
from itertools import islice
from types import FrameType

import trio

from dairt.model.views import TaskView

TASKS_MAX = 256  # described at once, some 10 µs each: more than anyone reads, and little for the world's thread
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_WAITS = {"Nursery": "its children", "NurseryManager": "its children"}  # trio's own names for it say less


def task_tree(root: trio.lowlevel.Task) -> tuple[tuple[TaskView, ...], int]:
    """The tasks from `root` down, depth first and in the order of their names, at most TASKS_MAX; and how many there are.

    Called between two steps of the loop, it only reads.
    """
    return tuple(islice(_described(root, _view(root, 0)), TASKS_MAX)), sum(1 for _ in _under(root))


def _described(task: trio.lowlevel.Task, view: TaskView) -> Iterator[TaskView]:
    yield view
    for nursery in task.child_nurseries:
        # A nursery keeps its tasks in a set. By what is seen of them: where two are alike, nobody can tell which is which.
        children = sorted(nursery.child_tasks, key=lambda child: child.name)[:TASKS_MAX]
        views = [(_view(child, view.depth + 1), child) for child in children]
        for seen, child in sorted(views, key=lambda pair: pair[0]):
            yield from _described(child, seen)


def _under(task: trio.lowlevel.Task) -> Iterator[trio.lowlevel.Task]:
    yield task
    for nursery in task.child_nurseries:
        for child in nursery.child_tasks:
            yield from _under(child)


def _view(task: trio.lowlevel.Task, depth: int) -> TaskView:
    place, waits_for = "", ""
    for frame, line in task.iter_await_frames():
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] != "trio":
            place, waits_for = f"{frame.f_code.co_qualname} ({module}:{line})", ""
        else:
            waits_for = waits_for or _waits_for(frame)
    return TaskView(depth, _short(task.name), place.replace("<locals>.", ""), waits_for)


def _waits_for(frame: FrameType) -> str:
    """What trio was asked for: the outermost of its functions."""
    name = frame.f_code.co_qualname
    return _WAITS.get(name.partition(".")[0], name)


def _short(name: str) -> str:
    """A task's name without the package, and without the address that nameless things carry."""
    return _ADDRESS.sub("", name).removeprefix("dairt.").replace("<locals>.", "")
