"""The root of the command line, and the options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

from tumorbench.cli.streams import write_result

__all__ = [
    "Address",
    "AsJson",
    "Budgets",
    "DataRoot",
    "Datasets",
    "Device",
    "Everything",
    "ExecutorName",
    "Folds",
    "Jobs",
    "Judge",
    "Models",
    "Observers",
    "Protocols",
    "Raised",
    "Seed",
    "Seeds",
    "StoreFolder",
    "Threads",
    "WeightsFile",
    "app",
]


class Raised(Exception):
    """A command raised its ``__cause__``, which typer would have ended without a word."""


class Commands(typer.core.TyperGroup):
    """The commands, of which each error reaches ``main``."""

    def invoke(self, ctx: Any) -> Any:
        """What the command returns. Raises: Raised for what typer takes as a reason to exit silently."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, EOFError, OSError) as error:
            raise Raised from error


app = typer.Typer(
    cls=Commands,
    help="Train and score every model on every brain-tumour MRI data set under one protocol, and render leaderboards.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog="Every command takes --debug: a traceback instead of one line.",
)


def _tell_version(asked: bool) -> None:
    if asked:
        from tumorbench import __version__

        write_result(f"tumorbench {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


Judge = Annotated[
    str | None,
    typer.Option(
        "--judge",
        help="The classifier that the protocol tstr trains on generated images.",
        show_default="robles-baseline",
    ),
]
WeightsFile = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        help="Weights for the one pretrained model that is selected, instead of those that its recipe names.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout, and nothing else there.")]
DataRoot = Annotated[
    Path | None,
    typer.Option(
        envvar="TUMORBENCH_DATA", help="Folder with one folder per data set.", show_default="the user's cache"
    ),
]
Datasets = Annotated[list[str] | None, typer.Option("--dataset", "-d", help="A data set, by id; may be repeated.")]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", "-m", help="A model, by id, with parameters in brackets; may be repeated."),
]
Protocols = Annotated[
    list[str] | None,
    typer.Option(
        "--protocol",
        help="paper, official, grouped or external; may be repeated. Default: the first three, where they fit.",
    ),
]
TrainOn = Annotated[
    str | None,
    typer.Option(
        "--train-on",
        help="With --protocol external: the data set to train on, without whatever matches a test slice of --dataset.",
        show_default=False,
    ),
]
LeaveOut = Annotated[
    str | None,
    typer.Option(
        "--leave-out",
        help="With --protocol paper: train without whatever matches the test part of this data set's grouped fold.",
        show_default=False,
    ),
]
Budgets = Annotated[
    str | None,
    typer.Option(
        "--budget",
        help="full, quick, or a share of the full recipe's epochs, as 1of20. Default: full on CUDA, quick elsewhere.",
    ),
]
Seeds = Annotated[
    int | None,
    typer.Option(
        "--seeds",
        help="How many seeds each cell is run with: 0 to N-1.",
        show_default="1, and 3 for grouped with the full budget",
    ),
]
Seed = Annotated[list[int] | None, typer.Option("--seed", help="One seed, instead of --seeds; may be repeated.")]
Everything = Annotated[
    bool,
    typer.Option(
        "--all",
        help="Every model that does not say otherwise on every data set that is here; the synthetic phantom only "
        "where no real one is.",
    ),
]
ExecutorName = Annotated[
    str, typer.Option("--executor", help="Where cells run: local, ray, submitit, or a plugin's (list executors).")
]
Observers = Annotated[
    list[str] | None,
    typer.Option(
        "--observe",
        help="Who else is told as it goes on, as ID or ID=WHERE (list observers); may be repeated.",
        show_default=False,
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        help="Cells at once; a CPU's threads are divided among them.",
        show_default="1; on CUDA one a GPU",
    ),
]
Threads = Annotated[int | None, typer.Option("--threads", help="Threads of each cell.", show_default="cores / jobs")]
Address = Annotated[
    str | None, typer.Option("--address", help="Of a running Ray cluster.", show_default="one is started here")
]
Folds = Annotated[
    list[int] | None,
    typer.Option(
        "--fold",
        help="A fold of the protocols grouped and external, 0 to 4; may be repeated. Default: all; with the quick budget 0.",
    ),
]
Device = Annotated[str, typer.Option("--device", help="auto, cuda or cpu.")]
StoreFolder = Annotated[Path, typer.Option("--store", help="The working store: one record a cell.")]
