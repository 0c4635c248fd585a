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

from dairt.errors import UsageError
from dairt_console.link import ChildLink
from dairt_console.overture import Overture
from dairt_console.reducer import Seen

FIRST_LOOK = "first_look"
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

HELP = """Watch, break and repair a cluster of tensor nodes, live in this terminal.

Starts the cluster of SCENARIO (a name from the gallery, or a TOML file) in a process of its own and shows it. What you do on \
it is one key each: b broadcasts a tensor, g runs a graph, k kills a socket, K kills a node, r restarts it, H heals all. \
? shows all keys; q leaves, and the cluster ends with it.
"""
EXAMPLES = """Examples:

  dairt-console                       three nodes on sockets of this machine
  dairt-console --world sim --seed 7  the same in virtual time: p . < > steer it
  dairt-console kill_socket           a story of trouble that comes with dairt
  dairt-console story.toml            a story of your own
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
        Literal["tcp", "sim", "proc"],
        Parameter(help="tcp: real loopback sockets. sim: virtual time, replayable. proc: one OS process a node."),
    ] = "tcp",
    seed: Annotated[int, Parameter(help="Every die of the story is keyed by it.")] = 0,
    speed: Annotated[
        float | None, Parameter(help="In sim, virtual seconds a real second to begin with: 0 is paused, inf unlimited. [1]")
    ] = None,
    read_only: Annotated[bool, Parameter(negative=(), help="Look only: the cluster refuses every action.")] = False,
) -> int:
    """Show the cluster of SCENARIO until q."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("this is a screen to look at: run it in a terminal, without redirecting it (`dairt play` prints)")
    arguments = [scenario, "--world", world, "--seed", str(seed), "--role", "view" if read_only else "inject"]
    if speed is not None:
        arguments += ["--speed", str(speed)]
    opening = "starting a 3-node cluster" if scenario == FIRST_LOOK else f"starting {scenario}"
    return asyncio.run(show(ChildLink(arguments), Path(scenario).stem, opening))


async def show(link: ChildLink, scenario: str, opening: str) -> int:
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
                app = ConsoleApp(link.send, scenario, opening, Collector())
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
