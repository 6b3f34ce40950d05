"""A store of schema 2 becomes the store that the same run writes today."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tumorbench import registry
from tumorbench.contracts.cell import canonical_json
from tumorbench.contracts.recipe import Recipe
from tumorbench.contracts.record import SCHEMA_VERSION, Throughput

pytestmark = pytest.mark.usefixtures("tiny")
NEW_TIMES = ("sessions", "steady_s", "validate_s", "checkpoint_s")


def old_suite(identity: dict, found: registry.Registry) -> str:
    """``metric_suite`` as it was made for schema 2."""
    if identity["protocol"] == "tstr":
        judge = found.model("tiny-classifier")
        recipe = judge.recipe.for_budget(identity["budget"]).model_dump(mode="json")
        content = [1, judge.id, judge.version, recipe]
    else:
        task = identity["task"]
        metrics = sorted((spec.id, spec.version) for spec in found.metrics.values() if spec.task == task)
        extractors = sorted((spec.id, spec.version) for spec in found.extractors.values())
        content = [metrics, extractors if task == "generation" else []]
    return hashlib.sha256(canonical_json(content)).hexdigest()[:16]


def old_key(identity: dict) -> str:
    recipe = Recipe.model_validate(identity["recipe"]).model_dump(mode="json", exclude_defaults=True)
    return hashlib.sha256(canonical_json(identity | {"recipe": recipe})).hexdigest()


def aged(record: dict, found: registry.Registry, checkpoints: dict[str, str]) -> dict:
    """The record as a run in the time of schema 2 wrote it. checkpoints: cell key -> SHA-256."""
    identity = dict(record["identity"])
    starts_from = identity.pop("starts_from")
    for later in ("judge", "trained_on", "leaves_out", "origin"):
        identity.pop(later)
    identity["recipe"] = identity["recipe"] | {"precision": record["precision"]}
    if starts_from:
        identity["recipe"]["pretrained"] = f"sha256:{checkpoints[starts_from]}"
    identity |= {"metric_suite": old_suite(identity, found), "key_version": 2}
    reasons = [each for each in record["instruments"] if each["reason"]]
    absent = {
        each["extractor"]: each["reason"].removeprefix("extractor not available: ")
        for each in reasons
        if each["extractor"]
    }
    old = {name: value for name, value in record.items() if name not in ("precision", "instruments", "memory")}
    return old | {
        "schema_version": 2,
        "cell_key": old_key(identity),
        "identity": identity,
        "timing": {name: value for name, value in record["timing"].items() if name not in NEW_TIMES},
        "environment": record["environment"] | {"extractors_unavailable": absent, "metrics_without_value": {}},
        "command": f"{record['command'].partition(' --seed ')[0]} --seeds 1",
    }


@pytest.fixture
def today(published) -> dict[Path, dict]:
    """The records of the working store, by their paths, as a run writes them today."""
    return {path: json.loads(path.read_text()) for path in sorted(Path("runs").glob("cells/**/record.json"))}


@pytest.fixture
def old_store(today) -> list[Path]:
    """The working store is of schema 2. Returns its records' places."""
    found, places = registry.find(), []
    checkpoints = {
        record["cell_key"]: each["sha256"]
        for record in today.values()
        for each in record["artifacts"]
        if each["kind"] == "checkpoint"
    }
    for path, record in today.items():
        old = aged(record, found, checkpoints)
        path.write_text(json.dumps(old))
        folder = path.parent.rename(path.parent.with_name(f"{path.parent.name[:-12]}{old['cell_key'][:12]}"))
        places.append(folder / path.name)
    return places


def asked_then(today: dict[Path, dict]) -> dict[Path, dict]:
    """Those that ask for what schema 2 could ask for: judges learned by another procedure then."""
    return {path: record for path, record in today.items() if not record["identity"]["judge"]}


def comparable(record: dict) -> dict:
    """Without what schema 2 did not measure, and with its instruments, of whatever version, in one order."""
    instruments = sorted((each | {"version": ""} for each in record["instruments"]), key=json.dumps)
    timing = {name: value for name, value in record["timing"].items() if name not in NEW_TIMES}
    return record | {"timing": timing, "memory": None, "instruments": instruments}


@pytest.mark.usefixtures("old_store")
def test_a_migrated_store_is_the_one_that_a_run_writes_today(today, tumorbench):
    result = tumorbench("migrate")
    assert (result.code, result.out) == (0, "5 records moved, 0 not moved\n"), result.err
    for path, record in asked_then(today).items():
        assert comparable(json.loads(path.read_text())) == comparable(record)
    assert len(list(Path("runs").glob("cells/*/*/*"))) == len(today)
    assert not list(Path("runs").glob(".migrate-*"))


@pytest.mark.usefixtures("old_store")
def test_a_migrated_store_can_be_published_and_verified(tumorbench, published, sound):
    shutil.rmtree(published)
    assert tumorbench("migrate").code == 0
    assert tumorbench("publish").code == 0
    assert sound(5)


@pytest.mark.parametrize("command", ["show", "leaderboard", "publish"])
def test_an_older_record_is_refused_with_the_command_that_moves_it(old_store, tumorbench, command):
    key = old_store[0].parent.name.rpartition("-")[2]
    result = tumorbench("show", key) if command == "show" else tumorbench(command)
    assert result.code == 2
    before = "" if command == "show" else "no record in runs can be read: "
    line = f"{before}{old_store[0]} is of record schema 2; run: tumorbench migrate --store runs"
    assert result.err == f"tumorbench: {line}\n"


def test_a_killed_migration_goes_on_with_the_same_command(old_store, today, tumorbench):
    first = old_store[0].parent
    shutil.copytree(first, "before")
    assert tumorbench("migrate").code == 0
    shutil.copytree("before", first)  # it was killed when the new folder stood and the old one still did
    (Path("runs") / ".migrate-left").mkdir()
    result = tumorbench("migrate")
    assert (result.code, result.out) == (0, "0 records moved, 0 not moved\n")
    assert not first.exists()
    assert not list(Path("runs").glob(".migrate-*"))
    assert all(path.exists() for path in asked_then(today))


def test_of_two_records_of_one_cell_the_later_stays(old_store, today, tumorbench, change):
    """As one model on one data set was, on two machines that resolved its precision differently."""
    path = next(place for place in old_store if "tiny-classifier" in place.parts)
    other = shutil.copytree(path.parent, path.parent.with_name("computed-elsewhere")) / path.name
    identity = json.loads(path.read_text())["identity"]
    elsewhere = {"fp32": "bf16", "bf16": "fp32"}[identity["recipe"]["precision"]]
    identity["recipe"] |= {"precision": elsewhere}
    change(other, identity=identity, cell_key=old_key(identity), started_at="2000-01-01T00:00:00+00:00")
    result = tumorbench("migrate")
    assert (result.code, result.out.splitlines()[-1]) == (0, "5 records moved, 0 not moved")
    assert f"{other}: its cell has a later record, which replaces it" in result.out
    (new,) = Path("runs/cells/tiny-shapes/tiny-classifier").glob("*/record.json")
    assert json.loads(new.read_text())["precision"] != elsewhere


def moved(old_store: list[Path], tumorbench, model: str, protocol: str = "grouped") -> dict:
    """The model's record after the migration."""
    assert tumorbench("migrate").code == 0
    (path,) = Path("runs").glob(f"cells/tiny-shapes/{model}/{protocol}-*/record.json")
    return json.loads(path.read_text())


def rewritten(path: Path, **identity) -> None:
    """The old record's identity has these fields, and the key that belongs to it."""
    record = json.loads(path.read_text())
    asked = record["identity"] | identity
    path.write_text(json.dumps(record | {"identity": asked, "cell_key": old_key(asked)}))


def place(old_store: list[Path], model: str, protocol: str = "grouped") -> Path:
    return next(path for path in old_store if path.parts[-3] == model and path.parts[-2].partition("-")[0] == protocol)


def test_without_the_proof_of_the_fingerprint_a_record_was_scored_by_what_gave_a_value(old_store, tumorbench):
    rewritten(place(old_store, "tiny-classifier"), metric_suite="0" * 16)
    record = moved(old_store, tumorbench, "tiny-classifier")
    scored_by = {each["metric"]: each["version"] for each in record["instruments"]}
    assert scored_by == {each["name"].partition("/")[0]: "1" for each in record["metrics"]}


def test_why_a_metric_has_no_value_moves_from_the_environment_to_its_instrument(old_store, tumorbench, change):
    path = place(old_store, "tiny-classifier")
    old = json.loads(path.read_text())
    change(
        path,
        metrics=[each for each in old["metrics"] if each["name"] != "accuracy"],
        environment=old["environment"] | {"metrics_without_value": {"accuracy": "ValueError: no"}},
    )
    record = moved(old_store, tumorbench, "tiny-classifier")
    assert {each["metric"]: each["reason"] for each in record["instruments"] if each["reason"]} == {
        "accuracy": "ValueError: no"
    }
    assert {"extractors_unavailable", "metrics_without_value"}.isdisjoint(record["environment"])


def test_a_cell_that_was_continued_took_two_sessions(old_store, tumorbench, change):
    path = place(old_store, "tiny-classifier")
    change(path, timing=json.loads(path.read_text())["timing"] | {"resumed_from_epoch": 2})
    timing = moved(old_store, tumorbench, "tiny-classifier")["timing"]
    assert (timing["sessions"], timing["resumed_from_epoch"], timing["steady_s"]) == (2, 2, None)


def test_weights_that_no_cell_of_the_store_trained_stay_a_file(old_store, tumorbench):
    path = place(old_store, "tiny-heir")
    recipe = json.loads(path.read_text())["identity"]["recipe"]
    rewritten(path, recipe=recipe | {"pretrained": f"sha256:{'e' * 64}"})
    record = moved(old_store, tumorbench, "tiny-heir")
    assert record["identity"]["starts_from"] is None
    assert record["identity"]["recipe"]["pretrained"] == f"sha256:{'e' * 64}"
    assert record["command"].endswith("--seed 0 --weights FILE")


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ({"cell_key": "0" * 64}, "its cell key is not that of its identity"),
        ({"schema_version": 1}, "it is of record schema 1; delete it to run its cell again"),
        ({"status": "fine"}, "it is no valid record (status:"),
    ],
)
def test_a_record_that_cannot_be_moved_is_named_and_hinders_no_other(old_store, tumorbench, change, damage, why):
    path = place(old_store, "tiny-segmenter")
    change(path, **damage)
    result = tumorbench("migrate")
    assert (result.code, result.out) == (1, "4 records moved, 1 not moved\n")
    assert f"{path} was not moved: {why}" in result.err
    assert path.exists()


def test_images_whose_judge_is_not_installed_are_named(old_store, tumorbench):
    path = place(old_store, "tiny-artist", "tstr")
    rewritten(path, metric_suite="0" * 16)
    result = tumorbench("migrate")
    assert result.code == 1
    assert f"{path} was not moved: the classifier that judged its images is not installed" in result.err


def test_a_failed_record_moves_without_instruments(old_store, tumorbench, change):
    change(place(old_store, "tiny-classifier"), status="failed", reason="no", metrics=[])
    record = moved(old_store, tumorbench, "tiny-classifier")
    assert (record["status"], record["instruments"], record["schema_version"]) == ("failed", [], SCHEMA_VERSION)


def speed_record() -> dict:
    """A throughput record as this version writes it, every field that schema 2 has among them."""
    fields = {name: field for name, field in Throughput.model_fields.items() if field.is_required()}
    values = {str: "text", int: 1, float: 2.5, dict[str, int]: {"total": 3}, dict[str, Any]: {"name": "cpu"}}
    known = {name: values.get(field.annotation, 0.5) for name, field in fields.items()}
    return json.loads(Throughput(**known | {"device": "cpu"}).model_dump_json())


def test_a_throughput_record_changes_its_schema_only(tumorbench, published):
    content = speed_record()
    path = Path("runs/throughput/text-text-text.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content | {"schema_version": 2}))
    assert tumorbench("migrate").out == "1 records moved, 0 not moved\n"
    assert json.loads(path.read_text()) == content


def test_a_store_that_is_not_there_is_one_line(tumorbench):
    result = tumorbench("migrate", "--store", "nowhere")
    assert (result.code, result.err) == (
        2,
        "tumorbench: the store nowhere is not a folder; name one with --store DIR\n",
    )
