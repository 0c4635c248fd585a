"""`dairt run MODEL`: run a graph on a cluster, whatever breaks, and print the digest of its answer."""

import shlex
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import msgspec
import numpy as np
from cyclopts import Parameter

from dairt.commands.progress import RunProgress
from dairt.errors import UsageError
from dairt.model.graph import Graph, check_feeds
from dairt.model.onnx import read_onnx
from dairt.model.scenario import Scenario
from dairt.rehearsal import gallery
from dairt.rehearsal.errand import GraphErrand
from dairt.rehearsal.play import play
from dairt.rehearsal.recipes import make_feeds
from dairt.rehearsal.stage import check_world
from dairt.runtime.execute import outputs_digest

NODES = 3
FAILED_EXIT = 1


def run(
    model: Path,
    /,
    *,
    input: Annotated[  # the flag is called --input
        tuple[str, ...],
        Parameter(
            help="NAME=FILE.npy, once for each; an input not given is drawn from the seed.", negative="", show_default=False
        ),
    ] = (),
    nodes: Annotated[int | None, Parameter(help="How many nodes; 3, or those of the scenario, if not given.")] = None,
    world: Annotated[str, Parameter(help="tcp (sockets on loopback), proc (a process a node) or sim (virtual time).")] = "tcp",
    scenario: Annotated[str, Parameter(help="A story of trouble to run it through, such as kill_socket.")] = "",
    seed: Annotated[int, Parameter(help="Decides inputs that are not given, and all that the scenario draws.")] = 0,
    output: Annotated[Path | None, Parameter(help="Folder to write the outputs to, NAME.npy each.")] = None,
    json: Annotated[bool, Parameter(negative="", help="Print the result as one line of JSON.")] = False,
) -> int:
    """Run an ONNX model op by op over a cluster of nodes, and print its outputs' digest as the last line.

    The digest is the same in every world and on any number of nodes, whatever breaks meanwhile.

    Exits with 0 when there is an answer and the scenario's promises held, 1 when not, 2 for bad input.
    """
    story = _story(scenario, nodes)
    check_world(story, world)
    graph = _read_model(model)
    given = _read_feeds(input)
    drawn = {name: array for name, array in make_feeds(graph, seed).items() if name not in given}
    check_feeds(graph, given | drawn)
    again = _again(model, input, nodes, world, scenario, seed)
    if output is not None:
        _make_folder(output)  # before the work, not after it
    if drawn:
        print(f"drawn from seed {seed}: {', '.join(drawn)}", file=sys.stderr)
    errand = GraphErrand(graph, given | drawn)
    with ExitStack() as stack:
        progress = stack.enter_context(RunProgress(graph.name)) if sys.stderr.isatty() else None
        report = play(story, world=world, seed=seed, errand=errand, listener=progress)
    if errand.outputs is None:
        print(f"dairt: {errand.failure or report.reason or 'stopped'}\nagain: {again}", file=sys.stderr)
        return report.exit_code or FAILED_EXIT
    if output is not None:
        _write(errand.outputs, output)
    _print(graph, errand.outputs, report.verdict, json)
    if report.exit_code:
        print(f"dairt: {report.verdict}: {report.reason}\nagain: {again}", file=sys.stderr)
    return report.exit_code


def _read_model(model: Path) -> Graph:
    try:
        data = model.read_bytes()
    except OSError as exc:
        raise UsageError(f"cannot read the model {model}: {exc.strerror}") from exc
    return read_onnx(data, model.name)


def _read_feeds(given: tuple[str, ...]) -> dict[str, np.ndarray]:
    feeds: dict[str, np.ndarray] = {}
    for text in given:
        name, equals, file = text.partition("=")
        if not equals or not name or not file:
            raise UsageError(f"--input {text!r} is not a name and a file: write --input NAME=FILE.npy")
        feeds[name] = _read_array(f"--input {name}", Path(file))
    return feeds


def _read_array(what: str, file: Path) -> np.ndarray:
    try:
        array = np.load(file, allow_pickle=False)
    except OSError as exc:
        raise UsageError(f"{what}: cannot read {file}: {exc.strerror or exc}") from exc
    except ValueError as exc:
        raise UsageError(f"{what}: {file} is no .npy file of numbers: {exc}") from exc
    if not isinstance(array, np.ndarray):
        raise UsageError(f"{what}: {file} holds several arrays: give a .npy file with one")
    return array


def _story(scenario: str, nodes: int | None) -> Scenario:
    """The scenario given, or one in which nothing happens."""
    if nodes is not None and not 1 <= nodes <= 1000:
        raise UsageError(f"--nodes cannot be {nodes}: give 1 to 1000")
    if not scenario:
        return Scenario("run", tuple(f"n{at}" for at in range(nodes or NODES)))
    story = gallery.load(scenario)
    if nodes not in (None, len(story.nodes)):
        raise UsageError(f"--nodes {nodes} is not what {story.source} has, which is {len(story.nodes)}: leave one of them out")
    return story


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise UsageError(f"--output: cannot make the folder {folder}: {exc.strerror}") from exc


def _write(outputs: Mapping[str, np.ndarray], folder: Path) -> None:
    try:
        for name, array in outputs.items():
            np.save(folder / f"{quote(name, safe='')}.npy", array, allow_pickle=False)
    except OSError as exc:
        raise UsageError(f"--output: cannot write to {folder}: {exc.strerror}") from exc


def _print(graph: Graph, outputs: Mapping[str, np.ndarray], verdict: str, json: bool) -> None:
    digest = outputs_digest(outputs)
    if json:
        shapes = {name: {"dtype": array.dtype.name, "shape": array.shape} for name, array in outputs.items()}
        print(msgspec.json.encode({"model": graph.name, "outputs": shapes, "verdict": verdict, "digest": digest}).decode())
        return
    for name, array in outputs.items():
        print(f"{name}  {array.dtype.name} {list(array.shape)}")
    print(f"digest {digest}")


def _again(model: Path, given: tuple[str, ...], nodes: int | None, world: str, scenario: str, seed: int) -> str:
    """The command line that runs this again."""
    words = ["dairt", "run", str(model), *(word for text in given for word in ("--input", text))]
    words += ["--nodes", str(nodes)] if nodes is not None else []
    words += ["--world", world, *(["--scenario", scenario] if scenario else []), "--seed", str(seed)]
    return shlex.join(words)
