"""``publish`` and ``verify``: what is published, and whether it is true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tumorbench import registry
from tumorbench.cli.boards import LEADERBOARDS, Published, check_not_empty, check_readable
from tumorbench.cli.output import fail, print_json, reporter, say, tell_damaged
from tumorbench.cli.root import AsJson, DataRoot, StoreFolder, app
from tumorbench.cli.running import RUNS
from tumorbench.cli.selecting import context_of

if TYPE_CHECKING:
    from tumorbench.contracts.record import Record
    from tumorbench.publish.checks.facts import Facts
    from tumorbench.publish.marks import Marks
    from tumorbench.publish.signing import Claim
    from tumorbench.publish.verify import Checked

__all__ = ["publish", "verify"]

NO_KEYGEN = "ssh-keygen is not available here"
LEVEL_SAYS = {"verified": "verified, without data", "with data": "verified, with data"}
WithData = Annotated[
    bool,
    typer.Option(
        "--data",
        help="Make labels, splits and leakage anew from the data sets on this machine, and score generated images again.",
    ),
]
SamplesStore = Annotated[
    Path,
    typer.Option(
        "--store", help="With --data: the working store that has the generated images, which are not published."
    ),
]
SetMarks = Annotated[
    bool,
    typer.Option("--mark", help="Note in results/checks.json what was checked, and render the boards, which show it."),
]
Key = Annotated[
    Path | None,
    typer.Option(
        "--sign", metavar="KEY", help="Sign each record with this SSH key, by ssh-keygen: a claim with a name."
    ),
]
WriteBundle = Annotated[
    Path | None,
    typer.Option(
        "--bundle",
        metavar="FILE",
        help="Write an archive, NAME.tar, of what may be shown and does not lie beside the records: "
        "pictures, generated images.",
    ),
]
Bundles = Annotated[
    list[Path] | None,
    typer.Option(
        "--bundle", metavar="FILE", help="Check this bundle too: that it is one which the records name, and whole."
    ),
]


@app.command()
def publish(
    store: StoreFolder = RUNS, published: Published = LEADERBOARDS, sign: Key = None, bundle: WriteBundle = None
) -> None:
    """Copy a store's finished records, with what may be shown of their artifacts, and render the published boards.

    Each is checked before, as by verify. One that is not what its files say is named and not published.
    """
    from tumorbench.cli.pages import published_store, write_boards
    from tumorbench.publish.marks import Marks
    from tumorbench.publish.publish import publish as publish_store
    from tumorbench.store import Store

    source, target, found = Store(store), published_store(published), registry.find()
    check_not_empty(source, "tumorbench run")
    marks = Marks.read(target)
    result = publish_store(source, target, found, marks, sign, bundle)
    check_readable(source)
    for path, reasons in result.refused.items():
        for reason in reasons:
            fail(f"{path} is not published: {reason}")
    marks.write(record for _, record in target.records())
    write_boards(target, published, found)
    say(f"{len(result.paths)} records published in {target.root}{f', signed with {sign}' if sign else ''}")
    if result.bundle:
        say(f"{bundle} has their pictures; its SHA-256 is {result.bundle.sha256}")
    if tell_damaged(source) + tell_damaged(target) or result.refused:
        raise typer.Exit(1)


@app.command()
def verify(
    published: Published = LEADERBOARDS,
    data: WithData = False,
    data_root: DataRoot = None,
    store: SamplesStore = RUNS,
    bundle: Bundles = None,
    mark: SetMarks = False,
    as_json: AsJson = False,
) -> None:
    """Check the published records: splits, labels, every number that predictions give, copies, signatures, boards, cards.

    What this check leaves open is named, and is no problem: the page "What verify proves" says what settles it.
    """
    from tumorbench.cli.pages import check_boards, published_store, write_boards
    from tumorbench.publish.marks import CHECKS, Marks
    from tumorbench.publish.verify import MISSING, check_records

    found, place = registry.find(), published_store(published)
    check_not_empty(place, "tumorbench publish")
    records = list(place.records())
    with TemporaryDirectory() as unpacked, _facts(data, data_root, (store, Path(unpacked)), silent=as_json) as facts:
        bundles = _check_bundles(bundle or (), [record for _, record in records], Path(unpacked))
        checked = check_records(records, found, MISSING, facts)
    claims = _claims(records, published)
    marks = Marks.read(place)
    problems = {str(path): each.problems for path, each in checked.items() if each.problems}
    for path, claim in claims.items():
        if claim.fault:
            problems.setdefault(str(path), []).append(claim.fault)
    if mark:
        _update(marks, records, checked, problems)
        marks.write(record for _, record in records)
        write_boards(place, published, found)
    elif not data and (false := _false_marks(marks, records, checked)):
        problems[str(place.root / CHECKS)] = false
    for name in check_boards(place, published, found):
        problems[str(published / name)] = [
            f"it differs from its records; run: tumorbench leaderboard --published {published}"
        ]
    problems |= {str(path): [reason] for path, reason in place.damaged.items()}
    if as_json:
        print_json({"records": len(records), "problems": problems, **_report(checked, claims), "bundles": bundles})
    else:
        _say_bundles(bundles)
        _say(len(records), problems, checked, claims)
    if problems:
        raise typer.Exit(1)


@contextmanager
def _facts(data: bool, data_root: Path | None, stores: Sequence[Path], *, silent: bool) -> Iterator[Facts | None]:
    """Who knows the splits: the data sets on this machine; None for the cards. No stored split is believed."""
    if not data:
        yield None
        return
    from tumorbench.publish.checks.anew import FromData
    from tumorbench.store import Store

    with reporter(silent=silent) as report, TemporaryDirectory() as empty:
        context = context_of(Path(empty), data_root, "auto", report, writes=False)
        yield FromData(context, tuple(map(Store, stores)))


def _check_bundles(files: Sequence[Path], records: Sequence[Record], unpacked: Path) -> dict[str, dict[str, Any]]:
    """Each bundle that the records name -> its hash, how many files they say that it has, and whether it was checked.

    The tables of those that are checked lie in ``unpacked``, as in a store. Raises: BadInput for a bundle that is not
    sound.
    """
    from tumorbench.publish.bundle import check_bundle

    def keep(name: str, content: bytes) -> None:
        (unpacked / name).parent.mkdir(parents=True, exist_ok=True)
        (unpacked / name).write_bytes(content)

    checked = {check_bundle(file, records, keep)[0] for file in files}
    found: dict[str, dict[str, Any]] = {}
    for record in (record for record in records if record.bundle):
        assert record.bundle is not None
        about = {"sha256": record.bundle.sha256, "files": 0, "checked": record.bundle.sha256 in checked}
        said = found.setdefault(record.bundle.name, about)
        said["files"] += sum(each.place == "bundle" for each in record.artifacts)
    return found


def _say_bundles(bundles: Mapping[str, Mapping[str, Any]]) -> None:
    for name, said in bundles.items():
        how = "checked" if said["checked"] else f"not checked: get it, and run verify --bundle {name}"
        say(f"{said['files']} files of the records are in {name}, SHA-256 {said['sha256']}: {how}")


def _claims(records: Sequence[tuple[Path, Record]], published: Path) -> dict[Path, Claim]:
    """The signatures of the records that have one."""
    from tumorbench.publish.signing import ALLOWED, claim_of

    found = ((path, claim_of(path, published / ALLOWED)) for path, _ in records)
    return {path: claim for path, claim in found if claim is not None}


def _update(
    marks: Marks, records: Sequence[tuple[Path, Record]], checked: Mapping[Path, Checked], problems: Mapping[str, Any]
) -> None:
    """Each record has the mark that this check gives it; one with a problem has none."""
    for path, record in records:
        if str(path) in problems:
            marks.forget(record)
        elif level := checked[path].level:
            marks.add(record, level)


def _false_marks(marks: Marks, records: Sequence[tuple[Path, Record]], checked: Mapping[Path, Checked]) -> list[str]:
    """The marks that say ``verified`` of records of which a check without data leaves something open."""
    return [
        f"it says that {record.cell_key[:12]} was verified without data, and that leaves open {checked[path].left_open[0]}"
        for path, record in records
        if checked[path].left_open and "verified" in marks.levels(record)
    ]


def _report(checked: Mapping[Path, Checked], claims: Mapping[Path, Claim]) -> dict[str, Any]:
    """What else ``--json`` says: the level of each record, what is left open, and who signed."""
    return {
        "unchecked": {str(path): each.unchecked for path, each in checked.items() if each.unchecked},
        "left_open": {str(path): each.left_open for path, each in checked.items() if each.left_open},
        "levels": {str(path): each.level for path, each in checked.items() if each.level},
        "signers": {str(path): claim.signer for path, claim in claims.items() if not claim.fault},
    }


def _say(
    count: int, problems: Mapping[str, list[str]], checked: Mapping[Path, Checked], claims: Mapping[Path, Claim]
) -> None:
    for path, faults in problems.items():
        for fault in faults:
            fail(fault if fault.startswith(path) else f"{path}: {fault}")
    for where, each in checked.items():
        if each.unchecked:
            names = ", ".join(each.unchecked)
            say(f"{where}: not checked, because no installed plugin has it in that version: {names}")
    for reason, number in Counter(reason for each in checked.values() for reason in each.left_open).items():
        say(f"left open in {number} records: {reason}")
    for signer, number in Counter(claim.signer for claim in claims.values() if not claim.fault).items():
        say(
            f"{number} records are signed by {signer}"
            if signer
            else f"{number} signatures are not checked: {NO_KEYGEN}"
        )
    for level, number in Counter(each.level for each in checked.values() if each.level).items():
        say(f"{number} records are {LEVEL_SAYS[level]}")
    say(f"{count} records checked, {len(problems)} files with problems")
