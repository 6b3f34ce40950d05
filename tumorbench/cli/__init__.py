"""The command line. Each module here registers its commands on the root; only the module of the command that is called is imported."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer

from tumorbench.cli import ending, root, streams
from tumorbench.cli.ending import UsageError

if TYPE_CHECKING:
    from tumorbench.cli.root import app

__all__ = ["COMMANDS", "app", "main"]

COMMANDS = {
    "running": ("run", "plan", "rescore"),
    "tuning": ("tune",),
    "measuring": ("bench",),
    "evaluating": ("evaluate",),
    "boards": ("leaderboard", "show", "compare"),
    "migrating": ("migrate",),
    "reporting": ("report",),
    "publishing": ("publish", "verify"),
    "submitting": ("submit",),
    "replaying": ("replay",),
    "exporting": ("export",),
    "catalogue": ("list", "info", "plugins"),
    "dataset": ("data",),
    "working": ("worker", "status"),
    "making": ("new-plugin", "doctor"),
}
"""Module of this package -> the commands that it registers, in the order of the help."""


def __getattr__(name: str) -> Any:
    if name == "app":
        _register()
        return root.app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _register(called: str = "") -> None:
    """The command ``called`` is on the root; every command is, where none is called so."""
    owner = [module for module, commands in COMMANDS.items() if called in commands]
    for module in owner or COMMANDS:
        import_module(f"tumorbench.cli.{module}")


def main(arguments: list[str] | None = None) -> None:
    """Run the command of ``arguments`` (default: the process') and exit.

    0: done. 1: some cell failed. 2: bad usage or bad input. 130, 143: interrupted by Ctrl-C or SIGTERM. Only results go to
    stdout, whatever a plugin prints.
    """
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    streams.forgiving()
    if "--help" in given or given[:1] == [
        "worker"
    ]:  # typer prints the help; a worker has streams and signals of its own
        sys.exit(_run(given, debug=debug))
    with streams.results_apart(restored=arguments is not None), ending.on_sigterm():
        code = _run(given, debug=debug)
    sys.exit(code)


def _run(given: list[str], *, debug: bool) -> int:
    """The command of ``given`` has run; what it raised is told in one line. Returns the exit code."""
    try:
        _register(given[0] if given else "")
        return int(root.app(given, standalone_mode=False, prog_name="tumorbench") or 0)
    except BaseException as error:  # noqa: BLE001 - no traceback without --debug, whatever happens
        raised = error.__cause__ if isinstance(error, root.Raised) and error.__cause__ else error
        if debug and not isinstance(raised, UsageError | typer.Exit | streams.ReaderGone):
            _print_traceback(raised)
        return ending.code_of(raised)


def _print_traceback(error: BaseException) -> None:
    import traceback

    streams.write_note("".join(traceback.format_exception(error)))
