"""The `netwiz` command line: what is asked for, and who answers it.

Nothing heavy may be imported here: `netwiz --help` is answered by this file alone, and
each command loads what it needs when it is called.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from netwiz import __version__
from netwiz.tui.exits import Exit

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

SYMPTOMS = ("refused", "timeout", "dns", "tls", "reset", "unreachable", "slow")
_EPILOG = """\
exit status:
  0 healthy   1 root cause found   2 usage   3 undetermined
  4 cannot look (no rights, no engine)   130 interrupted

Without a command the screen opens. `netwiz diagnose --help` says how FROM and TO
are written.
"""
_DIAGNOSE = """\
Walk one case without the screen: who cannot connect (FROM) to what (TO).
"""
_DIAGNOSE_EPILOG = """\
FROM   a container's name or id prefix, host, outside (a client beyond this
       machine) or a named network namespace
TO     host:port, [v6]:port, tcp://h:p, udp://h:p, http(s)://..., dns://name, or a
       name alone (whether it resolves)

examples:
  netwiz diagnose order pg:3000
  netwiz diagnose order --error 'connect ECONNREFUSED 172.18.0.2:3000'
  netwiz diagnose --error 'order-1  | curl: (6) Could not resolve host: pg'
  netwiz diagnose outside tcp://192.0.2.10:8080 --json

exit status:
  0 healthy   1 root cause found   2 usage   3 undetermined
  4 cannot look (no rights, no engine): what is missing and how to get it is said
"""


class _StopError(Exception):
    """Parsing ended the run, with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and never ends the interpreter."""

    def error(self, message: str) -> NoReturn:
        from netwiz.probes.text import plain
        from netwiz.tui.terminal import complain

        complain(f"{plain(message, 300)} (see {self.prog} --help)")
        raise _StopError(Exit.USAGE)

    def _print_message(
        self, message: str, file: SupportsWrite[str] | None = None
    ) -> None:
        # argparse's own one keeps silent about a disk that is full.
        from netwiz.tui.terminal import writing

        with writing():
            (file or sys.stderr).write(message)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        if message:
            self._print_message(message)
        raise _StopError(status)


def main(argv: Sequence[str] | None = None) -> int:
    """Run netwiz with these arguments and return its exit status."""
    if sys.stdout is None:
        # Closed by whoever called us: what we say goes nowhere, our status does.
        nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - to stay
        sys.stdout = nowhere
    try:
        status = _run(sys.argv[1:] if argv is None else argv)
        _flush()
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return Exit.NO_READER
    except Exception as error:  # noqa: BLE001 - the last one to catch it tells of it
        return _confess(error)
    return status


def _run(argv: Sequence[str]) -> int:
    try:
        asked = _understood(argv)
    except _StopError as stop:
        return stop.status
    if asked.command == "diagnose":
        from netwiz.tui.diagnose_command import Asked, run_diagnose

        return run_diagnose(
            Asked(
                client=asked.FROM,
                target=asked.TO,
                symptom=asked.symptom,
                error=asked.error,
                json=asked.json,
                repeat=asked.repeat,
                watch_s=asked.watch,
                wait_s=asked.wait,
                tried=asked.tried,
            )
        )
    if asked.command == "causes":
        from netwiz.tui.causes_command import run_causes

        return run_causes(asked.ID, as_json=asked.json)
    if asked.command == "capture":
        return _capture(asked)
    return _screen()


def _capture(asked: argparse.Namespace) -> int:
    from netwiz.tui.capture_command import Asked, run_capture

    given = {name: value for name, value in vars(asked).items() if value is not None}
    del given["command"]
    return run_capture(Asked(**given | {"words": tuple(asked.words)}))


def _understood(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments, read. Raises _StopError."""
    if list(argv[:1]) != ["capture"]:
        return _parser().parse_args(argv)
    # Words of a filter may stand before and after options; argparse can do that only
    # where there are no commands.
    own = _Parser(
        prog="netwiz capture",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _describe_capture(own)
    asked = own.parse_intermixed_args(argv[1:])
    asked.command = "capture"
    return asked


def _describe_capture(parser: argparse.ArgumentParser) -> None:
    from netwiz.tui import cli_capture

    parser.description, parser.epilog = cli_capture.ABOUT, cli_capture.EPILOG
    parser.usage = (
        "netwiz capture NAME [FILTER] [-w FILE] [--json] [options]\n"
        "       netwiz capture --all [FILTER] [options]\n"
        "       netwiz capture -r FILE [FILTER] [--json] [options]"
    )
    cli_capture.add_arguments(parser)


def _parser() -> _Parser:
    parser = _Parser(
        prog="netwiz",
        description="Find the root cause of a broken Docker connection.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"netwiz {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    diagnose = commands.add_parser(
        "diagnose",
        help="walk a case without the screen",
        description=_DIAGNOSE,
        epilog=_DIAGNOSE_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    diagnose.add_argument(
        "FROM", nargs="?", help="who cannot connect; may be left to --error"
    )
    diagnose.add_argument(
        "TO", nargs="?", help="what it wants to reach; may be left to --error"
    )
    diagnose.add_argument(
        "--symptom",
        metavar="S",
        type=_symptom,
        help=f"{'|'.join(SYMPTOMS)} (found out by probing where not given)",
    )
    diagnose.add_argument(
        "--error",
        metavar="TEXT",
        help="the error line as printed: symptom and target are read from it",
    )
    diagnose.add_argument(
        "--json", action="store_true", help="one JSON object on stdout, nothing else"
    )
    diagnose.add_argument(
        "--repeat",
        metavar="N",
        type=_repeat,
        default=0,
        help="probe each address N times: for a fault that comes and goes (2 to 1000)",
    )
    diagnose.add_argument(
        "--watch",
        metavar="SECONDS",
        nargs="?",
        type=_every,
        const=10.0,
        default=0.0,
        help="diagnose again every SECONDS (10) until Ctrl-C; with --json a line each",
    )
    diagnose.add_argument(
        "--wait",
        metavar="SECONDS",
        type=_wait,
        default=None,
        help="FROM outside: wait for the client's own packet (0: until Ctrl-C)",
    )
    diagnose.add_argument(
        "--tried",
        action="store_true",
        help="with --wait: your word that the client tries meanwhile",
    )
    commands.add_parser("capture", help="show packets without the screen")
    causes = commands.add_parser(
        "causes",
        help="the catalogue of root causes",
        description="List every root cause that netwiz knows, or tell about one.",
        allow_abbrev=False,
    )
    causes.add_argument("ID", nargs="?", help="tell about this one")
    causes.add_argument("--json", action="store_true", help="as JSON on stdout")
    return parser


def _symptom(text: str) -> str:
    if text in SYMPTOMS:
        return text
    from netwiz.probes.text import plain

    known = ", ".join(SYMPTOMS)
    raise argparse.ArgumentTypeError(f"'{plain(text, 80)}' is none of {known}")


def _repeat(text: str) -> int:
    if text.isascii() and text.isdigit() and 2 <= int(text[:5]) <= 1000:
        return int(text)
    from netwiz.probes.text import plain

    raise argparse.ArgumentTypeError(f"'{plain(text, 80)}' is no number from 2 to 1000")


def _every(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if 1.0 <= seconds <= 86400.0:
        return seconds
    from netwiz.probes.text import plain

    shown = plain(text, 80)
    raise argparse.ArgumentTypeError(f"'{shown}' is no time from 1 to 86400 seconds")


def _wait(text: str) -> float:
    if text.isascii() and text.isdigit() and int(text[:6]) <= 86400:
        return float(text)
    from netwiz.probes.text import plain

    shown = plain(text, 80)
    raise argparse.ArgumentTypeError(f"'{shown}' is no time from 0 to 86400 seconds")


def _screen() -> int:
    from netwiz.tui.terminal import complain

    if not (sys.stdin and sys.stdin.isatty() and sys.stdout and sys.stdout.isatty()):
        complain("the screen needs a terminal; without one: netwiz diagnose FROM TO")
        return Exit.USAGE
    from netwiz.tui import collector, frames

    # Before all that is loaded: the collector would look at it again and again.
    collector.hold()
    frames.quicken()
    from netwiz.tui.app import run

    return run()


def _flush() -> None:
    from netwiz.tui.terminal import writing

    with writing():
        sys.stdout.flush()


def _forget_output() -> None:
    """Let the interpreter's own last flush go nowhere instead of failing again."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _confess(error: Exception) -> int:
    """One line about what should not have happened; all of it with NETWIZ_DEBUG."""
    from netwiz.tui.terminal import CannotWriteError, complain

    if os.environ.get("NETWIZ_DEBUG"):
        import traceback

        traceback.print_exception(error)
    if isinstance(error, CannotWriteError):
        _forget_output()
        complain(f"cannot write the result: {error}")
    else:
        what = f"{type(error).__name__}: {error}"
        complain(f"a defect of netwiz: {what} (NETWIZ_DEBUG=1 shows where)")
    return Exit.UNDETERMINED
