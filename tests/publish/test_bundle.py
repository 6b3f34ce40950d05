"""Bundles: pictures that leave the repository are in one archive, and only exactly that archive is accepted."""

import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path

import pytest
from published_cells import RESULTS

from tumorbench import registry
from tumorbench.cli.pages import published_store
from tumorbench.errors import BadInput
from tumorbench.publish.bundle import bundle_conflicts, check_bundle, write_bundle
from tumorbench.publish.publish import publish
from tumorbench.publish.republish import republish
from tumorbench.publish.splits import split_ids
from tumorbench.store import Store, read_record
from tumorbench.tables.stored import read_stored

CELL = Path("cells/figshare3064/pose-cnn")
PICTURES = {"learning-curves.png": "learning curves", "calibration.png": "calibration"}
OF_A_PATIENT = {"worst.png": "worst mistakes"}


@pytest.fixture(scope="module")
def installed():
    return registry.find()


def with_pictures(path: Path) -> None:
    """The record has figures beside it, one of patients among them, as in a working store."""
    record, figures = json.loads(path.read_text()), []
    (path.parent / "figures").mkdir()
    for name, title in {**PICTURES, **OF_A_PATIENT}.items():
        content = f"a picture of {title} of {record['cell_key']}".encode()
        (path.parent / "figures" / name).write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        figures.append({"kind": "figure", "path": f"figures/{name}", "sha256": sha256, "title": title})
    tables = [each for each in record["artifacts"] if each["kind"] == "predictions"]
    path.write_text(json.dumps(record | {"artifacts": tables + figures, "bundle": None}))


@pytest.fixture
def store(tmp_path) -> Store:
    """A store with two cells and their pictures."""
    for source in sorted(RESULTS.glob(f"{CELL}/*-quick-*"))[:2]:
        shutil.copytree(source, tmp_path / "runs" / source.relative_to(RESULTS))
        with_pictures(tmp_path / "runs" / source.relative_to(RESULTS) / "record.json")
    shutil.copytree(RESULTS / "splits/figshare3064", tmp_path / "runs/splits/figshare3064")
    return Store(tmp_path / "runs")


@pytest.fixture
def target(tmp_path) -> Store:
    return published_store(tmp_path / "leaderboards")


@pytest.fixture
def bundle(store, target, installed, tmp_path) -> Path:
    """The bundle of what was published of the store."""
    assert publish(store, target, installed, bundle=tmp_path / "all.tar").refused == {}
    return tmp_path / "all.tar"


def records(store: Store) -> list:
    return [record for _, record in store.records()]


def repacked(bundle: Path, change, target: Store | None = None) -> Path:
    """The bundle with other members: ``change({name: content})`` gives (TarInfo, content) or (name, content) pairs.

    target: its records then name the new bundle by its own hash.
    """
    with tarfile.open(bundle) as archive:
        content = {member.name: archive.extractfile(member).read() for member in archive}
    with tarfile.open(bundle, "w") as archive:
        for name, data in change(content):
            about = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            about.size = len(data)
            archive.addfile(about, io.BytesIO(data))
    for path in target.paths() if target else ():
        record = json.loads(path.read_text())
        record["bundle"]["sha256"] = hashlib.sha256(bundle.read_bytes()).hexdigest()
        path.write_text(json.dumps(record))
    return bundle


def test_a_record_says_where_each_of_its_files_is(bundle, target, store):
    record = records(target)[0]
    places = {each.path: each.place for each in record.artifacts}
    assert places == {
        "predictions.parquet": "",
        "figures/learning-curves.png": "bundle",
        "figures/calibration.png": "bundle",
        "figures/worst.png": "left out",
    }
    assert record.bundle.name == "all.tar"
    assert record.bundle.sha256 == hashlib.sha256(bundle.read_bytes()).hexdigest()
    assert not list(target.root.rglob("*.png"))
    assert check_bundle(bundle, records(target)) == (record.bundle.sha256, 4)


def test_equal_records_give_a_bundle_of_equal_bytes(bundle, store):
    before = bundle.read_bytes()
    located = list(store.records())
    again = write_bundle(bundle.with_name("again.tar"), located[::-1], [])
    assert bundle.with_name("again.tar").read_bytes() == before
    assert again.sha256 == hashlib.sha256(before).hexdigest()


def test_publishing_without_a_bundle_keeps_the_one_that_has_the_same_files(bundle, store, target, installed):
    before = [path.read_bytes() for path in target.paths()]
    publish(store, target, installed)
    assert [path.read_bytes() for path in target.paths()] == before
    path = store.paths()[0]
    (path.parent / "figures/calibration.png").write_bytes(b"another")
    record = json.loads(path.read_text())
    for each in record["artifacts"]:
        each["sha256"] = hashlib.sha256((path.parent / each["path"]).read_bytes()).hexdigest()
    path.write_text(json.dumps(record))
    publish(store, target, installed)
    places = {each.title: each.place for each in records(target)[0].artifacts}
    assert (places["calibration"], places["learning curves"]) == ("left out", "bundle")
    assert check_bundle(bundle, records(target))[1] == 3  # the fourth is of a record of before


def test_a_bundle_takes_no_name_that_remaining_records_need(bundle, store, target, installed):
    before = bundle.read_bytes()
    shutil.rmtree(store.paths()[0].parent)
    with pytest.raises(BadInput, match=r"published records need the earlier all\.tar; give this bundle another name"):
        publish(store, target, installed, bundle=bundle)
    assert bundle.read_bytes() == before
    assert publish(store, target, installed, bundle=bundle.with_name("more.tar")).refused == {}
    assert {record.bundle.name for record in records(target)} == {"all.tar", "more.tar"}
    assert bundle_conflicts(list(target.records())) == {}


@pytest.mark.parametrize("name", ["all.zip", ".tar", "a b.tar", "..tar"])
def test_a_name_that_no_record_can_give_is_refused(store, target, installed, tmp_path, name):
    with pytest.raises(BadInput, match="is no name of a bundle"):
        publish(store, target, installed, bundle=tmp_path / name)
    assert not target.root.exists()


ATTACKS = {
    "changed": (lambda files: [(name, b"?" + data[1:]) for name, data in files.items()], "has another cells/"),
    "missing": (lambda files: list(files.items())[1:], "lacks 1 files, cells/"),
    "further": (lambda files: [*files.items(), ("more.png", b"")], "holds 'more.png', which is no file of a cell"),
    "twice": (lambda files: [*files.items(), next(iter(files.items()))], "holds 'cells/figshare3064/"),
    "upwards": (lambda files: [("../up.png", b"x"), *files.items()], "holds '../up.png', which is no file of a cell"),
    "inside": (lambda files: [("cells/../../up.png", b"x"), *files.items()], "holds 'cells/../../up.png', which is no"),
    "absolute": (lambda files: [("/cells/up.png", b"x"), *files.items()], "holds '/cells/up.png', which is no file"),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_bundle_that_does_not_hold_what_its_records_name_is_refused_in_one_line(bundle, target, attack):
    """Even where the records name its hash."""
    change, said = ATTACKS[attack]
    repacked(bundle, change, target)
    with pytest.raises(BadInput) as refused:
        check_bundle(bundle, records(target))
    assert said in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_member_that_is_a_link_is_refused(bundle, target):
    def linked(files):
        name = next(iter(files))
        about = tarfile.TarInfo(name)
        about.type, about.linkname = tarfile.SYMTYPE, "/etc/passwd"
        return [(about, b""), *list(files.items())[1:]]

    with pytest.raises(BadInput, match="which is no file of a cell"):
        check_bundle(repacked(bundle, linked, target), records(target))


@pytest.mark.parametrize("keep", [0, 100, 700, 2100])
def test_a_bundle_that_was_cut_short_is_refused(bundle, target, keep):
    bundle.write_bytes(bundle.read_bytes()[:keep])
    for path in target.paths():
        record = json.loads(path.read_text())
        record["bundle"]["sha256"] = hashlib.sha256(bundle.read_bytes()).hexdigest()
        path.write_text(json.dumps(record))
    with pytest.raises(BadInput, match=r"is damaged|lacks"):
        check_bundle(bundle, records(target))


def test_another_bundle_of_the_name_is_refused(bundle, target):
    repacked(bundle, lambda files: list(files.items())[:-1])
    with pytest.raises(
        BadInput, match=r"has the SHA-256 \w{12}, and records give all.tar the SHA-256 \w{12}; get it again"
    ):
        check_bundle(bundle, records(target))
    with pytest.raises(BadInput, match="no record names such a bundle"):
        check_bundle(bundle.rename(bundle.with_name("other.tar")), records(target))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda record: record["bundle"].update(sha256="0" * 64),
            "other records give its bundle all.tar another SHA-256",
        ),
        (lambda record: record.update(bundle=None), "it names no bundle, and says that 2 of its files are in one"),
        (
            lambda record: [each.update(place="left out") for each in record["artifacts"] if each["place"] == "bundle"],
            "it names a bundle, and says that 0 of its files are in one",
        ),
        (
            lambda record: [each.update(place="bundle") for each in record["artifacts"]],
            "'figures/worst.png' is said to be in a bundle, which may not have it",
        ),
        (
            lambda record: [each.update(place="bundle") for each in record["artifacts"]],
            "'predictions.parquet' is said to be in a bundle, which may not have it",
        ),
    ],
)
def test_what_a_record_says_of_its_bundle_and_cannot_be_is_found_out(bundle, target, change, said):
    path = target.paths()[0]
    record = json.loads(path.read_text())
    for each in record["artifacts"]:
        each.setdefault("place", "")
    change(record)
    path.write_text(json.dumps(record))
    assert said in bundle_conflicts(list(target.records()))[path]


def test_verify_tells_of_a_bundle_and_checks_it(bundle, tumorbench, target, store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert tumorbench("leaderboard", "--published", "leaderboards").code == 0
    told = tumorbench("verify")
    sha256 = hashlib.sha256(bundle.read_bytes()).hexdigest()
    assert (told.code, told.err) == (0, "")
    assert f"4 files of the records are in all.tar, SHA-256 {sha256}: not checked: get it" in told.out
    shown = tumorbench("show", str(target.paths()[0])).out
    assert f"figure: figures/calibration.png, in the bundle all.tar, SHA-256 {sha256}" in shown
    assert "figure: figures/worst.png, not published" in shown
    checked = tumorbench("verify", "--bundle", "all.tar", "--json")
    assert (checked.code, json.loads(checked.out)["bundles"]["all.tar"]) == (
        0,
        {"sha256": sha256, "files": 4, "checked": True},
    )
    bundle.write_bytes(bundle.read_bytes() + b"more")
    refused = tumorbench("verify", "--bundle", "all.tar")
    assert (refused.code, len(refused.err.splitlines())) == (2, 1)
    assert "has the SHA-256" in refused.err


def test_published_records_of_the_earlier_form_move_with_their_marks(store, target, installed, tmp_path):
    """The earlier form: splits by ids, whole tables, pictures beside the records."""
    earlier = published_store(tmp_path / "boards")
    shutil.copytree(store.root, earlier.root)
    before = {}
    for path, record in list(earlier.records()):
        table = read_stored(path.parent / "predictions.parquet")
        ids = split_ids(earlier, record.identity)
        before[record.cell_key] = (record.metrics, ids, table)
        table.to_parquet(path.parent / "predictions.parquet", index=False)
        (path.parent / "figures/worst.png").unlink()
        changed = json.loads(path.read_text())
        for each in changed["artifacts"]:
            if each["kind"] == "predictions":
                each["sha256"] = hashlib.sha256((path.parent / each["path"]).read_bytes()).hexdigest()
        path.write_text(json.dumps(changed))
        split = {"fingerprint": record.identity.split_fingerprint, **ids}
        name = f"{record.identity.protocol}-fold0-{record.cell_key[:12]}"
        earlier.split_path("figshare3064", name).write_text(json.dumps(split))
    for place in [*earlier.root.glob("splits/*/tested-*"), *earlier.root.glob("splits/*/samples-*")]:
        place.unlink()
    from tumorbench.publish.marks import Marks

    marks = Marks.read(earlier)
    for _, record in earlier.records():
        marks.add(record, "replayed", "2026-01-01T00:00:00+00:00")
    marks.write(records(earlier))
    size = sum(path.stat().st_size for path in earlier.root.rglob("*") if path.is_file())

    result, signed = republish(earlier, installed, tmp_path / "moved.tar")

    assert (len(result.paths), result.refused, signed) == (2, {}, 0)
    assert all(path.is_file() for path in result.paths)
    for path, record in earlier.records():
        metrics, ids, table = before[record.cell_key]
        assert record.metrics == metrics
        assert split_ids(earlier, record.identity) == ids
        assert read_stored(path.parent / "predictions.parquet").equals(table)
        assert Marks.read(earlier).levels(record) == ["replayed"]
        assert {mark.at for mark in Marks.read(earlier).marks[record.cell_key].values()} == {
            "2026-01-01T00:00:00+00:00"
        }
    assert sum(path.stat().st_size for path in earlier.root.rglob("*") if path.is_file()) < 0.6 * size
    assert check_bundle(tmp_path / "moved.tar", records(earlier))[1] == 4


def test_where_one_record_is_not_sound_nothing_moves(store, installed, tmp_path):
    path = store.paths()[0]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"synthetic": True}))
    before = {place: place.read_bytes() for place in store.root.rglob("*") if place.is_file()}
    result, _ = republish(store, installed)
    assert list(result.refused) == [path]
    assert {place: place.read_bytes() for place in store.root.rglob("*") if place.is_file()} == before
    assert read_record(store.paths()[1])
