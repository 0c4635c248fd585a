"""The `dairt-console` command: starts a cluster in a process of its own, shows it, and leaves nothing behind."""

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter

from dairt.errors import UsageError
from dairt_console.link import ChildLink

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
        # Imported only now: the child starts up while this loads.
        from dairt_console.app import ConsoleApp
        from dairt_console.collector import Collector

        app = ConsoleApp(link.send, scenario, opening, Collector())
        with _signals(lambda number: app.exit(return_code=128 + number)):
            async with asyncio.TaskGroup() as tasks:
                reading = tasks.create_task(link.run(app.deliver))
                await app.run_async()
                reading.cancel()
    finally:
        await link.close()
    ending = app.seen.link
    if app.return_code == 2 or ending.state == "lost":
        # For a wrong command line the child's own sentence says it all.
        print(link.last_line if app.return_code == 2 else f"dairt-console: {ending.text}", file=sys.stderr)
    return app.return_code or (1 if ending.state == "lost" else 0)


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
