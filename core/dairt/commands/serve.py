"""`dairt serve [SCENARIO]`: play a world for whoever watches it over a control stream, and let them steer it."""

import contextlib
import signal
import socket
import sys
import threading
from typing import Annotated

from cyclopts import Parameter

from dairt.control.frames import Bye, Hello, Role
from dairt.control.server import ControlServer
from dairt.errors import DairtError, UsageError
from dairt.model.address import Address

STOPPED_EXIT = 130  # as a shell reports a program ended by Ctrl-C


def serve(
    scenario: str = "first_look",
    /,
    *,
    world: Annotated[
        str, Parameter(help="tcp (real sockets on loopback), sim (virtual time) or proc (a process a node).")
    ] = "tcp",
    seed: Annotated[int, Parameter(help="Decides every draw and, in sim, the order of everything.")] = 0,
    speed: Annotated[
        float | None, Parameter(help="In sim, virtual seconds a real second: 0 is paused, inf unlimited. [1]")
    ] = None,
    role: Annotated[Role, Parameter(help="What clients may do: view; also operate and heal; also inject faults.")] = "inject",
    control_fd: Annotated[int | None, Parameter(help="An inherited socket to one client; the world ends with it.")] = None,
    listen: Annotated[
        str | None, Parameter(help="HOST:PORT on loopback for any number of clients; port 0 takes a free one.")
    ] = None,
) -> int:
    """Play SCENARIO, a file or the name of one that comes with dairt, for clients of the control stream.

    Ends with the scenario, by SIGINT or SIGTERM, or with the client at --control-fd; the last line on stderr says why.

    Exits as `dairt play` does: 0 when all promises held, 1 when one was broken, 2 for bad input, 3 when a fault never
    fired; and 130 when stopped.
    """
    if (control_fd is None) == (listen is None):
        raise UsageError("serve needs one of --listen HOST:PORT and --control-fd FD")
    if speed is not None and world != "sim":
        raise UsageError(f"--speed {speed:g}: time is real in the world {world!r}; only sim has a speed")
    if speed is not None and not speed >= 0:
        raise UsageError(f"--speed {speed}: a speed is 0 (paused) or more")
    if not -(2**63) <= seed < 2**63:
        raise UsageError(f"--seed {seed}: a seed is a number of at most 63 bits")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until the world is there, which then hears signals itself
    with ControlServer(
        Hello(world, scenario, seed, role),
        parent=_inherited(control_fd) if control_fd is not None else None,
        listen=Address.parse(listen) if listen is not None else None,
        abandoned=_stop_the_world,
    ) as server:
        if listen is not None:
            _say(f"serving {scenario} at {server.address}")
        bye = _play(server, scenario, world, seed, 1.0 if speed is None else speed)
        server.finish(bye)
    _say(bye.reason)
    return bye.exit


def _play(server: ControlServer, scenario: str, world: str, seed: int, speed: float) -> Bye:
    """Play to the end; what is to be said of it."""
    try:
        # Only now: clients hear their hello while this takes its time; and the story first, as it is what is most often wrong.
        from dairt.rehearsal import gallery

        story = gallery.load(scenario)
        from dairt.rehearsal.play import play

        report = play(story, world=world, seed=seed, speed=speed, onlooker=server)
    except UsageError as exc:
        server.finish(Bye(2, str(exc)))
        raise
    except (DairtError, OSError) as exc:
        return Bye(1, f"{scenario} could not be played: {exc}")
    except KeyboardInterrupt:
        return Bye(STOPPED_EXIT, f"{scenario} stopped before it began")
    reason = f"{scenario} {report.verdict}{f': {report.reason}' if report.reason else ''}"
    return Bye(report.exit_code, reason, "" if report.verdict == "stopped" else report.digest)


def _inherited(fd: int) -> socket.socket:
    try:
        end = socket.socket(fileno=fd)
    except OSError as exc:
        raise UsageError(f"--control-fd {fd}: not an inherited socket ({exc.strerror})") from exc
    end.set_inheritable(False)  # nodes in processes of their own must not keep it open
    return end


def _stop_the_world() -> None:
    """From the server's thread: the client that owns this world is gone."""
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, signal.SIGTERM)


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # whoever read our stderr may be gone
        print(line, file=sys.stderr, flush=True)
