"""The `dairt` command. Its commands are imported only when called, so that `dairt --help` is quick."""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from cyclopts import App, CycloptsError

from dairt.errors import UsageError

HELP = """A fault-tolerant distributed tensor runtime: the same answer, bit for bit, whatever broke.

Begin with `dairt check kill_socket` and `dairt play kill_socket`, then `dairt-console`.
"""
COMMANDS = {
    "play": "Tell a story of trouble, and say whether its promises held.",
    "check": "Read a scenario without playing it, and say what it means.",
    "shrink": "Make a failing story small, as a scenario file.",
    "guillotine": "Cut a broadcast or a checkpoint off at every point where it can be.",
    "doctor": "Play a story under other hashes, allocators and garbage collections: is it the same?",
    "bench": "Measure how fast this machine simulates, and how soon the console answers.",
    "run": "Run a graph on a cluster, and print the digest of its answer.",
    "node": "Be one node of a cluster.",
    "serve": "Play a world for a console, over a control stream.",
    "send": "Send an array as a bare TENS frame.",
}
# Numpy's BLAS, whichever it is, reads these when it is imported, which no module has done by now. How a product is cut
# among threads changes its last bits; processes started from here inherit it. (The kernels see to OpenBLAS themselves.)
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "BLIS_NUM_THREADS")
USAGE_EXIT = 2
INTERRUPTED_EXIT = 130
BROKEN_PIPE_EXIT = 141


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; what the user did wrong is one sentence on stderr."""
    for variable in ONE_THREAD:
        os.environ.setdefault(variable, "1")
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = make_app(*arguments[:1])(arguments, exit_on_error=False, print_error=False)
    except (UsageError, CycloptsError) as exc:
        print(f"dairt: {' '.join(str(exc).split())}", file=sys.stderr)
        return USAGE_EXIT
    except KeyboardInterrupt:
        return INTERRUPTED_EXIT
    except BrokenPipeError:
        # Whoever read our output has seen enough, as `head` does. What is left must not fail once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE_EXIT
    return code if isinstance(code, int) else 0


def make_app(asked: str = "") -> App:
    """The command line. The command that is `asked` for shows its own docstring as help, the others one line each."""
    app = App(name="dairt", help=HELP, version=lambda: f"dairt {version('dairt')}", result_action="return_value")
    for name, line in COMMANDS.items():
        app.command(f"dairt.commands.{name}:{name}", name=name, help=None if name == asked else line)
    return app


def main() -> None:
    """The entry point of the installed command."""
    sys.exit(run())


if __name__ == "__main__":
    main()
