"""The command line. Each module here registers its commands on the root; only the module of the command that is called is imported."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer

from tumorbench.cli import root
from tumorbench.cli.output import fail
from tumorbench.errors import TumorbenchError

if TYPE_CHECKING:
    from tumorbench.cli.root import app

# typer carries its own copy of click from 0.26 on; the base of every usage error is reached through what typer exports
UsageError: type[Exception] = typer.BadParameter.__mro__[1]

__all__ = ["COMMANDS", "app", "main"]

COMMANDS = {
    "running": ("run", "plan", "rescore"),
    "working": ("status", "worker"),
    "measuring": ("bench",),
    "boards": ("leaderboard", "show", "compare", "publish", "verify", "migrate"),
    "replaying": ("replay",),
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
    """Run the command of ``arguments`` (default: the process') and exit: 0 done, 1 some cell failed, 2 bad usage or bad input, 130 interrupted."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    try:
        _register(given[0] if given else "")
        code = root.app(given, standalone_mode=False, prog_name="tumorbench")
    except TumorbenchError as error:
        if debug:
            _print_traceback()
        code = fail(str(error))
    except UsageError as error:
        code = _usage(error)
    except (typer.Abort, KeyboardInterrupt):
        code = fail("interrupted; the same command continues where it was", code=130)
    except typer.Exit as leaving:
        code = leaving.exit_code
    except BrokenPipeError:  # the reader of stdout has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except Exception as error:  # noqa: BLE001 - no traceback without --debug, whatever happens
        if debug:
            _print_traceback()
        code = _unforeseen(error)
    sys.exit(code or 0)


def _print_traceback() -> None:
    import traceback

    traceback.print_exc()


def _unforeseen(error: Exception) -> int:
    """One line: the file system's refusals are the user's to mend, everything else is a fault of tumorbench or of a plugin."""
    if isinstance(error, OSError):
        return fail(
            f"{error.filename or 'a file'} cannot be used ({error.strerror or error}); make room, or mend its permissions or the path given"
        )
    return fail(
        f"{type(error).__name__}: {error}; this is a fault of tumorbench or of a plugin: report what the same command prints with --debug",
        code=1,
    )


def _usage(error: Any) -> int:
    """The help of a command that was called with nothing; else one line that says what was wrong with the call."""
    command = error.ctx.command_path if error.ctx else "tumorbench"
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stdout.write(error.ctx.get_help() + "\n")
        return 2
    return fail(f"{error.format_message()}; see {command} --help")
