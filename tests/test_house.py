"""The tree keeps the rules of the house, and each rule is seen to fail on a bad snippet."""

from functools import cache

import pytest

from house import (
    LAYERS,
    ROOT,
    RULES,
    Rule,
    Source,
    arrows,
    finished,
    keyed_dice,
    narrow_excepts,
    no_ambient_calls,
    no_set_iteration,
    no_words_of_worlds,
    one_private_door,
    places,
    sizes,
    unworldly,
    waits_for_events,
)

SKIPPED = (".git", ".venv", "__pycache__", "build", "dist", "runs", ".mypy_cache", ".ruff_cache", ".hypothesis")


@cache
def sources() -> tuple[Source, ...]:
    files = sorted(file for top in ("core", "console", "tests") for file in (ROOT / top).rglob("*.py"))
    return tuple(Source(file.relative_to(ROOT).as_posix(), file.read_text("utf-8")) for file in files)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Rule) -> None:
    complaints = [f"{source.name}:{line}: {what}" for source in sources() for line, what in rule(source)]
    assert not complaints, "\n".join([rule.__doc__ or "", *complaints])


def test_no_file_names_a_place_of_one_machine() -> None:
    complaints = []
    for file in sorted(ROOT.rglob("*")):
        name = file.relative_to(ROOT)
        if file.is_file() and not any(part in SKIPPED or part.endswith(".egg-info") for part in name.parts):
            text = file.read_text("utf-8", errors="ignore")
            complaints += [f"{name}:{line}: {what}" for line, what in places(str(name), text)]
    assert not complaints, "\n".join(complaints)


def test_every_layer_is_in_the_table() -> None:
    found = {source.layer for source in sources()} - {"tests"}
    assert found <= set(LAYERS)


MODEL, PROTOCOL, RUNTIME, WORLDS = (f"core/dairt/{layer}/x.py" for layer in ("model", "protocol", "runtime", "worlds"))
CONTROL, REHEARSAL, CONSOLE, TEST = (
    "core/dairt/control/x.py",
    "core/dairt/rehearsal/x.py",
    "console/dairt_console/x.py",
    "tests/x.py",
)
LONG_FUNCTION = "def f():\n" + "    g()\n" * 60
SLEEP, LATER = "import time\ntime.sleep" + "(1)", "# TO" + "DO later"

BAD: list[tuple[Rule, str, str]] = [
    (arrows, MODEL, "from dairt.protocol import wire"),
    (arrows, MODEL, "from dairt import protocol"),
    (arrows, MODEL, "from ..protocol import messages"),
    (arrows, MODEL, "import trio"),
    (arrows, MODEL, "import onnx"),
    (arrows, PROTOCOL, "import trio"),
    (arrows, PROTOCOL, "from dairt.runtime.host import Host"),
    (arrows, RUNTIME, "def f():\n    from dairt.worlds import real"),
    (arrows, RUNTIME, "import dairt.rehearsal.play"),
    (arrows, WORLDS, "from dairt.runtime.node import run_node"),
    (arrows, WORLDS, "from dairt.protocol.messages import Hello"),
    (arrows, CONTROL, "from dairt.runtime.cluster import Cluster"),
    (arrows, "core/dairt/control/frames.py", "import trio"),
    (arrows, REHEARSAL, "import dairt_console"),
    (arrows, CONSOLE, "from dairt.runtime.cluster import Cluster"),
    (arrows, CONSOLE, "import trio"),
    (arrows, CONSOLE, "import dairt.worlds.faults"),
    (arrows, "core/dairt/novelties/x.py", "import this"),
    (unworldly, MODEL, "import time"),
    (unworldly, PROTOCOL, "import os.path"),
    (unworldly, RUNTIME, "from threading import Lock"),
    (unworldly, RUNTIME, "def f():\n    import asyncio"),
    (unworldly, RUNTIME, "from uuid import uuid4"),
    (unworldly, RUNTIME, "import socket as s"),
    (no_ambient_calls, MODEL, "data = open('x').read()"),
    (no_ambient_calls, RUNTIME, "order = hash(name)"),
    (no_ambient_calls, PROTOCOL, "rows.sort(key=id)"),
    (no_ambient_calls, RUNTIME, "stamp = datetime.datetime.now()"),
    (keyed_dice, RUNTIME, "import random\nx = random.random()"),
    (keyed_dice, WORLDS, "from random import choice"),
    (keyed_dice, MODEL, "x = np.random.rand(3)"),
    (no_words_of_worlds, RUNTIME, "# faster when Simulated"),
    (no_words_of_worlds, RUNTIME, "if host.is_real: pass"),
    (no_words_of_worlds, RUNTIME, "mocked = True"),
    (no_set_iteration, MODEL, "for x in {1, 2}: f(x)"),
    (no_set_iteration, MODEL, "rows = [x for x in set(names)]"),
    (no_set_iteration, MODEL, "rows = list(frozenset(names))"),
    (no_set_iteration, RUNTIME, "alive = set()\nfirst = next(iter(alive))"),
    (no_set_iteration, RUNTIME, "def f(self):\n    self.up = {a for a in b}\ndef g(self):\n    for x in self.up: h(x)"),
    (no_set_iteration, RUNTIME, "def f(names: set[str]):\n    return ','.join(names)"),
    (no_set_iteration, WORLDS, "for x in old.keys() - new.keys(): f(x)"),
    (no_set_iteration, WORLDS, "a: frozenset[str] = f()\nb = [*a]"),
    (one_private_door, WORLDS, "import trio._core._run"),
    (one_private_door, REHEARSAL, "from trio._core import x"),
    (sizes, MODEL, "x = 1\n" * 401),
    (sizes, MODEL, LONG_FUNCTION),
    (sizes, MODEL, "async " + LONG_FUNCTION),
    (finished, MODEL, LATER),
    (finished, CONSOLE, "raise NotImpl" + "ementedError"),
    (narrow_excepts, MODEL, "try:\n    f()\nexcept:\n    pass"),
    (narrow_excepts, CONSOLE, "try:\n    f()\nexcept Exception as exc:\n    log(exc)"),
    (narrow_excepts, RUNTIME, "try:\n    f()\nexcept (OSError, BaseException):\n    pass"),
    (narrow_excepts, RUNTIME, "try:\n    f()\nexcept Exception:  # noqa: dairt\n    pass"),
    (narrow_excepts, RUNTIME, "with contextlib.suppress(Exception):\n    f()"),
    (waits_for_events, WORLDS, SLEEP),
    (waits_for_events, TEST, "@pytest.mark." + "skip\ndef test_x(): pass"),
]

GOOD: list[tuple[Rule, str, str]] = [
    (arrows, MODEL, "import json, msgspec, numpy\nfrom dairt.errors import UsageError"),
    (arrows, "core/dairt/model/onnx.py", "import onnx"),
    (arrows, "core/dairt/control/server.py", "import trio"),
    (arrows, RUNTIME, "import trio\nfrom dairt.protocol import messages, wire"),
    (
        arrows,
        WORLDS,
        "from dairt.runtime.host import Host\nfrom dairt.protocol.wire import Decoder\nfrom dairt.worlds.faults import F",
    ),
    (arrows, WORLDS, "from dairt.protocol import wire\nfrom dairt.runtime import host"),
    (
        arrows,
        CONSOLE,
        "from dairt.control.frames import Hello\nfrom dairt import play\nimport textual\nimport dairt_console.app",
    ),
    (unworldly, WORLDS, "import os, time"),
    (no_ambient_calls, RUNTIME, "file = await disk.open(name)\nfault.id = 3\nnow = trio.current_time()\nx = self.now()"),
    (keyed_dice, RUNTIME, "import random\ndice = random.Random(seed)\nx = dice.random()\ny = host.random.random()"),
    (keyed_dice, MODEL, "x = np.random.default_rng(seed).standard_normal(3)"),
    (no_words_of_worlds, WORLDS, "# simulated"),
    (
        no_set_iteration,
        RUNTIME,
        "a = set()\nb = sorted(a)\nc = 3 in a\nd = {}\nfor x in d: f(x)\nfor y in sorted({1, 2}): f(y)",
    ),
    (no_set_iteration, RUNTIME, "def f():\n    a = {1}\n    return len(a)\ndef g(a: list[int]):\n    for x in a: h(x)"),
    (one_private_door, "core/dairt/worlds/sim/scheduler.py", "import trio._core._run"),
    (
        narrow_excepts,
        CONSOLE,
        "try:\n    f()\nexcept Exception as exc:  # a plugin may raise anything; noqa: dairt\n    log(exc)",
    ),
    (narrow_excepts, RUNTIME, "try:\n    f()\nexcept BaseException:\n    undo()\n    raise"),
]


def identify(value: object) -> str | None:
    return getattr(value, "__name__", None)


@pytest.mark.parametrize("rule, name, text", BAD, ids=identify)
def test_the_rule_catches(rule: Rule, name: str, text: str) -> None:
    assert list(rule(Source(name, text)))


@pytest.mark.parametrize("rule, name, text", GOOD, ids=identify)
def test_the_rule_lets_pass(rule: Rule, name: str, text: str) -> None:
    assert list(rule(Source(name, text))) == []


@pytest.mark.parametrize("text", ["/ro" + "ot/x", "see /wo" + "rk/main", "https://py" + "pi.org/simple", "/opt/whe" + "els/"])
def test_a_place_of_one_machine_is_caught(text: str) -> None:
    assert list(places("README.md", text))


@pytest.mark.parametrize("text", ["core/wo" + "rk/x", "homework/", "~/work", "a framework/library", "/tmp/dairt"])
def test_a_harmless_path_is_let_pass(text: str) -> None:
    assert list(places("README.md", text)) == []


def test_every_rule_is_seen_to_fail() -> None:
    assert [rule.__name__ for rule in RULES] == list(dict.fromkeys(rule.__name__ for rule, _, _ in BAD))
