"""The `dairt-console` command: starts a cluster in a process of its own, shows it, and leaves nothing behind."""

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter

from dairt.control.frames import Role
from dairt.errors import UsageError
from dairt_console.config import Config, PageName, load, written
from dairt_console.link import ChildLink, Link
from dairt_console.overture import Overture
from dairt_console.reducer import Seen
from dairt_console.replay import ReplayLink, Times, begin_times, open_recording

FIRST_LOOK = "first_look"
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

HELP = """Watch, break and repair a cluster of tensor nodes, live in this terminal.

Starts the cluster of SCENARIO (a name from the gallery, or a TOML file) in a process of its own and shows it. What you do on \
it is one key each: b broadcasts a tensor, w runs a graph, x kills a socket, K kills a node, r restarts it, H heals all. \
? shows all keys; q leaves, and the cluster ends with it.
"""
EXAMPLES = """Examples:

  dairt-console                       three nodes on sockets of this machine
  dairt-console --world sim --seed 7  the same in virtual time: p . < > steer it
  dairt-console kill_socket           a story of trouble that comes with dairt
  dairt-console story.toml            a story of your own
  dairt-console --replay trouble.rec  a recording, at any moment of it
"""
USAGE_EXIT = 2
PATIENCE_S = 0.1  # and as long again as the screen took to load, it waits for a cluster to show; then it shows that it waits

cli = App(
    name="dairt-console",
    help=HELP,
    help_epilogue=EXAMPLES,
    help_format="plaintext",
    version=lambda: f"dairt-console {version('dairt')}",
    result_action="return_value",
)


@cli.default
def console(
    scenario: str = FIRST_LOOK,
    /,
    *,
    world: Annotated[
        Literal["tcp", "sim", "proc"] | None,
        Parameter(help="tcp: real loopback sockets. sim: virtual time, replayable. proc: one OS process a node. [tcp]"),
    ] = None,
    seed: Annotated[int, Parameter(help="Every die of the story is keyed by it.")] = 0,
    speed: Annotated[
        float | None, Parameter(help="In sim, virtual seconds a real second to begin with: 0 is paused, inf unlimited. [1]")
    ] = None,
    role: Annotated[Role, Parameter(help="What the cluster grants: view, operate (and heal), inject (faults too).")] = "inject",
    read_only: Annotated[bool, Parameter(negative=(), help="Look only, as --role view: every action is refused.")] = False,
    record: Annotated[
        Path | None, Parameter(help="Keep the recording in this new file; without, it is gone when the console is.")
    ] = None,
    no_record: Annotated[bool, Parameter(negative=(), help="Record nothing: there is no going back in time.")] = False,
    replay: Annotated[Path | None, Parameter(help="Show a recording in place of a cluster.")] = None,
    page: Annotated[PageName | None, Parameter(help="The page to begin with. [overview]")] = None,
    theme: Annotated[str | None, Parameter(help="Colours, such as nord; T tries the next. [textual-dark]")] = None,
    looks: Annotated[int | None, Parameter(help="At most so many a second. [10]")] = None,
    config: Annotated[Path | None, Parameter(help="Settings and keys, in place of the usual file.")] = None,
    print_config: Annotated[bool, Parameter(negative=(), help="Print the settings as a file, and leave.")] = False,
) -> int:
    """Show the cluster of SCENARIO until q."""
    settings = load(config).with_options(theme=theme, start=page, looks=looks, world=world)
    if print_config:
        print(written(settings), end="")
        return 0
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):  # the screen is written to stderr
        raise UsageError("this is a screen to look at: run it in a terminal, without redirecting it (`dairt play` prints)")
    if record is not None and (no_record or replay is not None):
        raise UsageError(f"--record {record} goes without {'--no-record' if no_record else f'--replay {replay}'}")
    if replay is not None:
        return _show_recording(replay, settings)
    times = begin_times(record) if record or (settings.record and not no_record) else Times(None)
    arguments = [scenario, "--world", settings.world, "--seed", str(seed), "--role", "view" if read_only else role]
    if speed is not None:
        arguments += ["--speed", str(speed)]
    opening = "starting a 3-node cluster" if scenario == FIRST_LOOK else f"starting {scenario}"
    return _run(ChildLink(arguments), Path(scenario).stem, opening, times, settings)


def _show_recording(path: Path, settings: Config) -> int:
    recording = open_recording(path)
    hello = recording.at(recording.last_s).hello
    scenario = Path(hello.scenario).stem if hello is not None else path.stem
    return _run(ReplayLink(), scenario, f"opening {path}", Times(recording, is_replay=True), settings)


def _run(link: Link, scenario: str, opening: str, times: Times, settings: Config) -> int:
    try:
        return asyncio.run(show(link, scenario, opening, times, settings))
    finally:
        times.close()


async def show(link: Link, scenario: str, opening: str, times: Times | None = None, settings: Config | None = None) -> int:
    """Show what comes over the link until a person or a signal ends it; the link is closed whatever happens."""
    await link.open()
    try:
        overture = Overture()
        with _signals(overture.end):
            async with asyncio.TaskGroup() as tasks:
                reading = tasks.create_task(link.run(overture.deliver))
                begun = monotonic()
                # Imported only now: the child starts up while this loads.
                from dairt_console.app import ConsoleApp
                from dairt_console.collector import Collector

                await overture.wait(monotonic() - begun + PATIENCE_S)
                app = ConsoleApp(link.send, scenario, opening, Collector(), times=times, config=settings)
                overture.hand_over(app.deliver, lambda number: app.exit(return_code=128 + number))
                if not (overture.signal or app.seen.never_was):
                    await app.run_async()
                reading.cancel()
    finally:
        await link.close()
    if overture.signal or app.return_code:
        return app.return_code or 128 + overture.signal
    return _farewell(app.seen, link.last_line)


def _farewell(seen: Seen, last_line: str) -> int:
    """Say on the terminal what went wrong, if anything did; returns the exit code."""
    ending = seen.link
    if ending.state == "finished":
        code, reason = ending.exit or 0, ending.text
    elif ending.state == "lost":
        # For a wrong command line the child's own sentence says it all.
        wrong = seen.never_was and ending.exit == USAGE_EXIT
        code, reason = (USAGE_EXIT, last_line.removeprefix("dairt: ")) if wrong else (1, ending.text)
    else:
        return 0
    if code:
        print(f"dairt-console: {reason}", file=sys.stderr)
    return code


@contextmanager
def _signals(end: Callable[[int], None]) -> Iterator[None]:
    """Leave in order on every signal that means so: Textual by itself would leave the alternate screen on."""
    loop = asyncio.get_running_loop()
    for number in ENDING:
        loop.add_signal_handler(number, end, int(number))
    try:
        yield
    finally:
        for number in ENDING:
            loop.remove_signal_handler(number)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; what the user did wrong is one sentence on stderr."""
    try:
        code = cli(sys.argv[1:] if arguments is None else arguments, exit_on_error=False, print_error=False)
    except (UsageError, CycloptsError) as exc:
        print(f"dairt-console: {' '.join(str(exc).split())}", file=sys.stderr)
        return USAGE_EXIT
    return code if isinstance(code, int) else 0


def main() -> None:
    """The entry point of the installed command."""
    sys.exit(run())


if __name__ == "__main__":
    main()
