"""``data fetch|verify|audit|patients|info``."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tumorbench import registry
from tumorbench.cli.output import fail, print_json, print_table, reporter, say
from tumorbench.cli.root import AsJson, DataRoot, app
from tumorbench.errors import BadInput

if TYPE_CHECKING:
    from tumorbench.data.decode import Decoded

__all__ = ["audit", "data", "fetch", "info", "patients", "splits", "verify"]

data = typer.Typer(
    help="Fetch, verify, audit and describe data sets.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(data, name="data")
Name = Annotated[str, typer.Argument(metavar="DATASET", help="The data set's id.")]
SHEET_IMAGES = 8  # of each class on a contact sheet


@data.command()
def fetch(dataset: Name, data_root: DataRoot = None) -> None:
    """Download a data set: resumable, hash-checked, complete or not there."""
    from tumorbench.data import fetch as fetching
    from tumorbench.data.locations import cache_root

    spec = registry.find().dataset(dataset)
    root = data_root or cache_root() / "data"
    root.mkdir(parents=True, exist_ok=True)
    folder = fetching.fetch(spec, root, progress=sys.stderr.isatty())
    say(f"{dataset} is in {folder}; check it with: tumorbench data verify {dataset}")


@data.command()
def verify(dataset: Name, data_root: DataRoot = None, as_json: AsJson = False) -> None:
    """Check counts and hashes, that every image and mask decodes, and that no image is blank or saturated; exit with 1 on any problem."""
    from tumorbench.data import fetch as fetching
    from tumorbench.data.locations import data_root as locate

    spec = registry.find().dataset(dataset)
    outcome = fetching.verify(spec, locate(data_root))
    if as_json:
        print_json(
            {
                "dataset": dataset,
                "ok": outcome.ok,
                "problems": list(outcome.problems),
                "counts": outcome.counts,
                "expected": spec.counts,
            }
        )
    else:
        for problem in outcome.problems:
            fail(problem)
        say(f"{dataset}: {'complete and sound' if outcome.ok else f'{len(outcome.problems)} problem(s)'}")
        print_table([{"split": split, **counts} for split, counts in outcome.counts.items()])
    if not outcome.ok:
        raise typer.Exit(1)


@data.command()
def audit(
    datasets: Annotated[
        list[str] | None, typer.Argument(metavar="[DATASET]...", help="Data sets, by id.", show_default="all on disk")
    ] = None,
    data_root: DataRoot = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with what was found, pictures side by side; for local use only.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Write a PNG of 50 near-identical pairs, drawn at random, to be looked at.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find copies, labels in conflict, leaks of every split, blank pictures, and labels that sizes or borders give away.

    Data sets are also compared with each other. Exit with 1 where a picture cannot be read.
    """
    from tumorbench.cli.auditing import audit_datasets

    if code := audit_datasets(datasets or (), data_root, html, sheet, as_json=as_json):
        raise typer.Exit(code)


@data.command()
def patients(
    dataset: Name,
    known: Annotated[str, typer.Option("--from", metavar="DATASET", help="A data set whose patients are known.")],
    out: Annotated[Path, typer.Option(help="The table: sample_id, patient, confidence, as CSV.")],
    data_root: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """Find out whose the slices of a data set are by matching them with another set; a plugin ships the table."""
    from tumorbench.data.patients import recover, write_patients

    unknown, other = (_decoded(name, data_root, silent=as_json) for name in (dataset, known))
    if not any(sample.patient or sample.group for sample in other.samples):
        raise BadInput(f"{known} does not know its patients; name a set that does, such as figshare3064")
    found = recover(unknown, other)
    write_patients(found, out)
    told = {
        "dataset": dataset,
        "from": known,
        "samples": len(unknown.samples),
        "recovered": len(found),
        "patients": len({each.patient for each in found}),
        "table": str(out),
    }
    if as_json:
        print_json(told)
        return
    say(f"{len(found)} of {len(unknown.samples)} slices are of {told['patients']} patients of {known}: {out}")


@data.command()
def splits(
    dataset: Name,
    out: Annotated[Path, typer.Option(help="The list, as JSON; other copies of the data set that it lists stay.")],
    data_root: DataRoot = None,
    as_json: AsJson = False,
) -> None:
    """List the splits of the copy that is here, by fingerprints; a plugin ships the list, and verify checks records by it."""
    from tumorbench.cli.selecting import context_of
    from tumorbench.publish.checks.listing import known_copy, write_copies

    with reporter(silent=as_json) as report, TemporaryDirectory() as empty:
        context = context_of(Path(empty), data_root, "cpu", report, writes=False)
        copy, impossible = known_copy(context.registry.dataset(dataset), context)
    write_copies(out, copy)
    told = {
        "dataset": dataset,
        "fingerprint": copy.fingerprint,
        "splits": list(copy.splits),
        "not_possible": impossible,
    }
    if as_json:
        print_json(told | {"list": str(out)})
        return
    for name, reason in impossible.items():
        say(f"not possible: {name}: {reason}")
    say(f"{len(copy.splits)} splits of {dataset} {copy.fingerprint[:12]}: {out}")


@data.command()
def info(
    dataset: Name,
    data_root: DataRoot = None,
    sheet: Annotated[
        Path | None,
        typer.Option(help="Where the contact sheet goes.", show_default="DATASET-contact-sheet.png in the store runs"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Licence, citation, counts, and a contact sheet with several slices of each class."""
    from tumorbench.cli.catalogue import dataset_report

    spec = registry.find().dataset(dataset)
    report = dataset_report(spec, data_root)
    if report["available"]:
        path = sheet or Path("runs") / f"{dataset}-contact-sheet.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        _draw_sheet(_decoded(dataset, data_root, silent=as_json), path)
        report["contact_sheet"] = str(path)
    if as_json:
        print_json(report)
        return
    shown = (
        "id",
        "title",
        "version",
        "synthetic",
        "licence",
        "citation",
        "available",
        "reason",
        "how_to_get",
        "folder",
        "samples",
        "patients",
        "contact_sheet",
    )
    for name in shown:
        if report.get(name) is not None:
            say(f"{name.replace('_', ' ')}: {report[name]}")
    print_table([{"split": split, **counts} for split, counts in report["counts"].items()])
    for note in spec.notes:
        say(f"note: {note}")


def _decoded(dataset: str, root: Path | None, *, silent: bool) -> Decoded:
    from tumorbench.data.decode import decode
    from tumorbench.data.locations import cache_root, data_root

    with reporter(silent=silent) as report:
        return decode(registry.find().dataset(dataset), data_root(root), cache_root() / "decoded", report.progress)


def _draw_sheet(decoded: Decoded, path: Path) -> None:
    from tumorbench.figures import contact_sheet

    chosen: list[int] = []
    for label in range(len(decoded.spec.classes)):
        own = [index for index, sample in enumerate(decoded.samples) if sample.label == label]
        chosen += own[:: max(1, len(own) // SHEET_IMAGES)][:SHEET_IMAGES]
    images: list[Any] = [decoded.image(index) for index in chosen]
    contact_sheet(images, [decoded.samples[index].label for index in chosen], decoded.spec.classes, path)
