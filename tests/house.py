"""The rules of the house: who may import whom, what the pure layers may not touch, how long things are.

A rule is a function from one source file to its complaints: (line, what is wrong). `test_house.py` applies them.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from house_sets import SetLoops, dotted

ROOT = Path(__file__).parent.parent
PURE = ("model", "protocol", "runtime")
LINES_MAX = 400
FUNCTION_LINES_MAX = 60


@dataclass(frozen=True)
class Layer:
    """What a layer may import: parts of dairt ("" is the bare package, "*" all of it) and packages of other people."""

    dairt: tuple[str, ...]
    others: tuple[str, ...] = ()


VALUES = ("numpy", "msgspec", "xxhash")
LAYERS = {
    "errors": Layer(()),
    "model": Layer(("errors", "model"), VALUES),
    "protocol": Layer(("errors", "model", "protocol"), VALUES),
    "runtime": Layer(("errors", "model", "protocol", "runtime"), ("trio", *VALUES)),
    "worlds": Layer(("errors", "model", "protocol.wire", "runtime.host", "worlds"), ("trio", "onnx", "onnxruntime", *VALUES)),
    "control": Layer(("errors", "model", "control"), ("trio", "msgspec")),
    "rehearsal": Layer(("*",), ("trio", "cyclopts", "pytest", *VALUES)),
    "bench": Layer(("*",), ("trio", *VALUES)),
    "commands": Layer(("*",), ("trio", "cyclopts", "rich", "onnx", *VALUES)),
    "engines": Layer(("*",), ("trio", "dask", *VALUES)),
    "__main__": Layer(("*",), ("trio", "cyclopts")),
    "__init__": Layer(("*",)),
    "console": Layer(("", "errors", "model", "control"), ("textual", "rich", "msgspec", "cyclopts", "numpy")),
}
# Single files that may import more than their layer, or less.
MORE = {"core/dairt/model/onnx.py": ("onnx",), "core/dairt/model/tensor.py": ("ml_dtypes",)}
LESS = {"core/dairt/control/frames.py": ("trio",)}  # sans-io: the console's asyncio client shares it
# Modules through which the world would leak into what must replay bit for bit.
WORLDLY = (
    "time", "threading", "asyncio", "socket", "os", "uuid", "select", "selectors", "subprocess", "signal", "multiprocessing",
    "concurrent", "secrets", "tempfile", "shutil", "pathlib",
)  # fmt: skip
RANDOM_ALLOWED = ("Random",)
NUMPY_RANDOM_ALLOWED = ("default_rng", "Generator", "PCG64", "PCG64DXSM", "Philox", "SeedSequence")
WORDS_OF_OTHER_WORLDS = re.compile(r"simulat|is_real|mock", re.IGNORECASE)
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|NotImpl" + r"ementedError)\b")
# A folder of the machine this was built on, or a host that packages come from: both mean nothing anywhere else.
PLACES = re.compile(
    r"(?<![\w.>)\]}])/(?:work|root|opt/(?:pypi|wheels)[\w-]*|tmp/brief|home/\w+|Users/\w+)/|\.lib" + r"rary/"
    r"|\b(?:pypi\.org|pythonhosted\.|anaconda\.org|npmjs\.|crates\.io|proxy\.golang)"
)


@dataclass(frozen=True)
class Source:
    """One Python file; `name` is its path from the root, with slashes."""

    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.name)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def layer(self) -> str:
        """Which layer the file belongs to; "tests" outside the packages."""
        top, *rest = self.name.split("/")
        if top == "console":
            return "console"
        return rest[1].removesuffix(".py") if top == "core" and rest[0] == "dairt" else "tests"

    @property
    def pure(self) -> bool:
        return self.layer in PURE


Rule = Callable[[Source], Iterator[tuple[int, str]]]


def imports(source: Source) -> Iterator[tuple[int, str]]:
    """Every module a file imports, with its line; `from dairt.model import graph` counts as dairt.model.graph."""
    for node in source.nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = source.name.removesuffix(".py").split("/")[1 : -node.level] if node.level else []
            base = ".".join([*package, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{alias.name}" if is_module(base, alias.name) else base) for alias in node.names)


@cache
def is_module(package: str, name: str) -> bool:
    """Say whether `name` of `package` is a module rather than something defined in it; layers hold only modules."""
    folders = [ROOT / top / package.replace(".", "/") for top in ("core", "console")]
    if package == "dairt":
        return any((folder / f"{name}.py").is_file() or (folder / name).is_dir() for folder in folders)
    return any(folder.is_dir() for folder in folders)


def arrows(source: Source) -> Iterator[tuple[int, str]]:
    """Imports go only along the arrows of docs/architecture.md."""
    if source.layer == "tests":
        return
    layer = LAYERS.get(source.layer)
    if layer is None:
        yield 1, f"the layer {source.layer!r} is not in the table"
        return
    others = [name for name in layer.others + MORE.get(source.name, ()) if name not in LESS.get(source.name, ())]
    own = "dairt_console" if source.layer == "console" else "dairt"
    for line, module in imports(source):
        top, _, part = module.partition(".")
        if top == "dairt":
            fine = any(a == "*" or part == a or (a and part.startswith(f"{a}.")) for a in layer.dairt)
        else:
            fine = top == own or top in sys.stdlib_module_names or top in others
        if not fine:
            yield line, f"{source.layer} may not import {module}"


def unworldly(source: Source) -> Iterator[tuple[int, str]]:
    """The pure layers import nothing that touches the world."""
    if source.pure:
        for line, module in imports(source):
            if module.split(".")[0] in WORLDLY:
                yield line, f"imports {module}: only Host touches the world"


def no_ambient_calls(source: Source) -> Iterator[tuple[int, str]]:
    """The pure layers call no open, no clock of the wall and nothing of `hash` or `id`, which differ from run to run."""
    if not source.pure:
        return
    for node in source.nodes:
        match node:
            case ast.Call(func=ast.Name(id="open" | "hash" | "id" | "input" | "print" as name)):
                yield node.lineno, f"calls {name}()"
            case ast.keyword(arg="key", value=ast.Name(id="hash" | "id" as name)):
                yield node.value.lineno, f"orders by {name}"
            case ast.Attribute(attr="now" | "utcnow" | "today") if dotted(node).split(".")[-2:-1] in (["datetime"], ["date"]):
                yield node.lineno, f"reads the wall clock by {dotted(node)}: use Host.wall"


def keyed_dice(source: Source) -> Iterator[tuple[int, str]]:
    """Nothing in core uses dice without a seed of its own: the functions of the random modules share a hidden one."""
    if source.layer in ("tests", "console"):
        return
    for node in source.nodes:
        if isinstance(node, ast.ImportFrom) and node.module in ("random", "numpy.random"):
            allowed = RANDOM_ALLOWED if node.module == "random" else NUMPY_RANDOM_ALLOWED
            yield from ((node.lineno, f"imports {a.name} from {node.module}") for a in node.names if a.name not in allowed)
        elif isinstance(node, ast.Attribute):
            name = dotted(node)
            shared = name.startswith("random.") and name.count(".") == 1 and node.attr not in RANDOM_ALLOWED
            numpy = name.startswith(("np.random.", "numpy.random.")) and node.attr not in NUMPY_RANDOM_ALLOWED
            if shared or numpy:
                yield node.lineno, f"{name} draws from dice everybody shares"


def no_words_of_worlds(source: Source) -> Iterator[tuple[int, str]]:
    """The runtime has no word for which world it is in."""
    if source.layer == "runtime":
        for number, line in enumerate(source.lines, 1):
            if found := WORDS_OF_OTHER_WORLDS.search(line):
                yield number, f"says {found[0]!r}"


def no_set_iteration(source: Source) -> Iterator[tuple[int, str]]:
    """Nothing iterates a set: its order differs from run to run."""
    if source.layer != "tests":
        visitor = SetLoops()
        visitor.visit(source.tree)
        yield from ((line, "iterates a set: sort it, or keep a dict") for line in visitor.found)


def one_private_door(source: Source) -> Iterator[tuple[int, str]]:
    """Private names of trio are touched in one place."""
    if source.name == "core/dairt/worlds/sim/scheduler.py":
        return
    attributes = [(node.lineno, dotted(node)) for node in source.nodes if isinstance(node, ast.Attribute)]
    for line, name in [*imports(source), *attributes]:
        if re.match(r"trio\.(?:\w+\.)*_", name):
            yield line, f"touches {name}, a private name of trio"


def sizes(source: Source) -> Iterator[tuple[int, str]]:
    """A file is one idea and a function fits a screen."""
    if len(source.lines) > LINES_MAX:
        yield LINES_MAX, f"{len(source.lines)} lines, at most {LINES_MAX}: split it by idea"
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES_MAX:
                yield node.lineno, f"{node.name} has {length} lines, at most {FUNCTION_LINES_MAX}"


def finished(source: Source) -> Iterator[tuple[int, str]]:
    """Nothing is left for later."""
    for number, line in enumerate(source.lines, 1):
        if found := UNFINISHED.search(line):
            yield number, f"{found[0]} in what ships"


def narrow_excepts(source: Source) -> Iterator[tuple[int, str]]:
    """A broad except either raises again or says why it may be broad."""
    for node in source.nodes:
        match node:
            case ast.ExceptHandler(type=kind, body=body):
                kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
                raises_again = isinstance(body[-1], ast.Raise) and body[-1].exc is None
            case ast.Call(func=func, args=kinds) if dotted(func).split(".")[-1] == "suppress":
                raises_again = False
            case _:
                continue
        broad = any(kind is None or dotted(kind) in ("Exception", "BaseException") for kind in kinds)
        excused = re.search(r"#\s*\S.*; noqa: dairt$", source.lines[node.lineno - 1])
        if broad and not raises_again and not excused:
            yield node.lineno, "catches everything and does not say why"


def waits_for_events(source: Source) -> Iterator[tuple[int, str]]:
    """Nothing sleeps a thread, and no test is left out."""
    for node in source.nodes:
        name = dotted(node) if isinstance(node, ast.Attribute) else ""
        if name == "time.sleep":
            yield getattr(node, "lineno", 1), "sleeps: wait for an event"
        if source.layer == "tests" and re.fullmatch(r"pytest\.(?:mark\.)?(?:skip|skipif|xfail|importorskip)", name):
            yield getattr(node, "lineno", 1), f"{name}: every test runs everywhere"


RULES: list[Rule] = [
    arrows, unworldly, no_ambient_calls, keyed_dice, no_words_of_worlds, no_set_iteration, one_private_door, sizes, finished,
    narrow_excepts, waits_for_events,
]  # fmt: skip


def places(name: str, text: str) -> Iterator[tuple[int, str]]:
    """No file names a folder of one machine or a package registry's host."""
    for number, line in enumerate(text.splitlines(), 1):
        if found := PLACES.search(line):
            yield number, f"names a place of one machine: {found[0]!r}"
