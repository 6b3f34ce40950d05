"""What each command prints, and what it leaves alone: JSON is JSON, a broken plugin is told and not fatal, nothing light loads torch."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer

from tumorbench.cli import app

SELECTION = ("-d", "tiny-shapes", "--protocol", "grouped")
RUN = (*SELECTION, "--no-throughput")
SHAPE = {"dataset", "model", "protocol", "fold", "seed", "budget", "status", "reason", "cell_key"}


def commands() -> list[tuple[str, ...]]:
    """Every command, groups and their members alike."""
    root = typer.main.get_command(app)
    found: list[tuple[str, ...]] = [()]
    for name, command in root.commands.items():
        found += [(name,), *((name, inner) for inner in getattr(command, "commands", {}))]
    return found


def loaded(*arguments: str) -> set[str]:
    """The heavy modules that one call of the command line has imported by its end."""
    program = "import sys\nfrom tumorbench.cli import main\ntry:\n    main(sys.argv[1:])\nexcept SystemExit as leaving:\n    assert not leaving.code\nprint(*sys.modules)"
    finished = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    return {"torch", "numpy", "pandas", "matplotlib", "sklearn"} & set(finished.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [("list",), ("list", "--json"), ("plugins",), ("run", "--help"), ("--help",)], ids=" ".join)
def test_light_commands_load_no_heavy_package(arguments):
    assert loaded(*arguments) == set()


def test_a_data_set_is_described_without_torch(tmp_path, monkeypatch):
    monkeypatch.setenv("TUMORBENCH_CACHE", str(tmp_path))
    assert "torch" not in loaded("info", "figshare3064", "--json")


@pytest.mark.parametrize("command", commands(), ids=lambda command: " ".join(command) or "tumorbench")
def test_every_command_explains_itself(tumorbench, command):
    result = tumorbench(*command, "--help")
    assert (result.code, result.err) == (0, "")
    usage, text = re.fullmatch(r"Usage: (.*?)\n\n(.*)", result.out.lstrip(), re.DOTALL).groups()
    assert usage.startswith(" ".join(("tumorbench", *command)))
    assert re.match(r"  [A-Z`]", text), "a command says in one sentence what it does"


def test_the_commands_are_those_of_the_documentation():
    names = {" ".join(command) for command in commands()} - {"", "data"}
    assert names == {
        "run", "plan", "bench", "list", "info", "plugins", "data fetch", "data verify", "data audit", "data info", "leaderboard", "show", "compare",
        "publish", "verify", "replay", "new-plugin", "doctor",
    }  # fmt: skip


def test_an_unknown_command_suggests_the_nearest(tumorbench):
    result = tumorbench("lst")
    assert (result.code, result.out) == (2, "")
    assert result.err == "tumorbench: No such command 'lst'. Did you mean 'list'?; see tumorbench --help\n"


def test_an_unknown_option_is_one_line_that_names_its_help(tumorbench):
    result = tumorbench("run", "--seed", "3")
    assert result.code == 2
    assert re.fullmatch(r"tumorbench: No such option.*--seeds.*; see tumorbench run --help\n", result.err)


def test_debug_shows_the_traceback_and_the_line(tumorbench):
    quiet, loud = tumorbench("info", "pose-cnnn"), tumorbench("info", "pose-cnnn", "--debug")
    assert "Traceback" not in quiet.err
    assert loud.err.startswith("Traceback (most recent call last):\n")
    assert loud.err.endswith(quiet.err)
    assert (quiet.code, loud.code) == (2, 2)


def test_a_reader_who_has_seen_enough_is_no_fault():
    finished = subprocess.run(f"{sys.executable} -m tumorbench list | head -n 1", shell=True, capture_output=True, text=True, check=False)  # noqa: S602
    assert (finished.stdout, finished.stderr) == ("datasets:\n", "")


def test_a_fault_of_a_plugin_is_one_line_and_its_traceback_is_kept_for_debug(tumorbench, install_plugin, tiny):
    module = (
        "import tumorbench as tb\n"
        "class Odd(tb.Dataset):\n    def samples(self):\n        raise ZeroDivisionError('of the plugin')\n"
        "@tb.hookimpl\ndef tumorbench_datasets():\n"
        "    yield tb.DatasetSpec(id='odd', title='t', version='1', tasks=('classification',), classes=('a', 'b'), licence='MIT', citation='none',\n"
        "        source=tb.Source(homepage='none'), patients_known=False, counts={}, factory='odd_set:Odd')\n"
    )
    install_plugin("odd-set", odd_set=module)
    quiet, loud = tumorbench("info", "odd"), tumorbench("info", "odd", "--debug")
    assert (quiet.code, quiet.err.count("\n")) == (1, 1)
    assert quiet.err.startswith("tumorbench: ZeroDivisionError: of the plugin; this is a fault of tumorbench or of a plugin")
    assert "Traceback" in loud.err


def test_list_is_an_array_of_objects_with_an_id(tumorbench):
    listed = json.loads(tumorbench("list", "--json").out)
    ids = {each["kind"]: [other["id"] for other in listed if other["kind"] == each["kind"]] for each in listed}
    assert set(ids) == {"datasets", "models", "metrics", "extractors", "protocols"}
    assert {"figshare3064", "kaggle7023", "kaggle3264", "yesno253", "phantom"} <= set(ids["datasets"])
    assert {"pose-cnn", "pose-unet", "tumorsynth1"} <= set(ids["models"])
    assert {"accuracy", "dice", "keras_meaniou_bug", "fid", "ks_d"} <= set(ids["metrics"])
    assert ids["protocols"] == ["paper", "official", "grouped"]


def test_one_kind_is_listed_alone_and_an_unknown_kind_is_refused(tumorbench):
    assert {each["kind"] for each in json.loads(tumorbench("list", "models", "--json").out)} == {"models"}
    refused = tumorbench("list", "modles")
    assert (refused.code, refused.err) == (2, "tumorbench: there is no list of 'modles'; give one of datasets, models, metrics, extractors, protocols\n")


@pytest.mark.parametrize(
    ("model", "total", "trainable"),
    [("pose-cnn", 475_779, 475_779), ("pose-unet", 8_643_170, 8_641_186), ("tumorsynth1", 27_848_066, 27_848_066)],
)
def test_info_counts_the_parameters_of_a_model(tumorbench, model, total, trainable):
    parameters = json.loads(tumorbench("info", model, "--json").out)["parameters"]
    assert (parameters["total"], parameters["trainable"]) == (total, trainable)


def test_info_takes_a_model_with_parameters_in_brackets(tumorbench, tiny):
    wide, narrow = (json.loads(tumorbench("info", name, "--json").out) for name in ("tiny-classifier[width=16]", "tiny-classifier"))
    assert wide["id"] == "tiny-classifier[width=16]"
    assert wide["parameters"]["total"] - narrow["parameters"]["total"] == 8 * 9 + 8 + 4 * 8 + 8 * 16 * 9  # conv 1, bias, batch norm, conv 2


def test_info_of_a_data_set_that_is_here_counts_each_class_in_each_split(tumorbench, tiny):
    report = json.loads(tumorbench("info", "phantom", "--json").out)
    assert (report["available"], report["samples"], report["patients"]) == (True, 240, 60)
    assert report["counts"] == {"all": {"glioma": 60, "meningioma": 60, "notumor": 60, "pituitary": 60}}
    assert "nothing to fetch" in report["how_to_get"]


def test_info_of_an_absent_data_set_says_how_to_get_it(tumorbench, tiny):
    report = json.loads(tumorbench("info", "kaggle7023", "--json").out)
    assert (report["available"], report["how_to_get"]) == (False, "tumorbench data fetch kaggle7023")
    assert report["reason"] == f"kaggle7023 is not in {tiny / 'cache/data/kaggle7023'}; fetch it with: tumorbench data fetch kaggle7023"
    assert report["published_counts"]["test"] == {"glioma": 300, "meningioma": 306, "notumor": 405, "pituitary": 300}


def test_info_is_readable_without_json(tumorbench):
    lines = tumorbench("info", "pose-cnn").out.splitlines()
    assert "parameters:" in lines
    assert "  total: 475779" in lines


def test_plan_is_an_array_of_cells(tumorbench, tiny):
    before = json.loads(tumorbench("plan", *SELECTION, "-m", "tiny-classifier", "--fold", "0", "--fold", "1", "--json").out)
    assert all(set(cell) >= SHAPE for cell in before)
    assert [(cell["fold"], cell["status"]) for cell in before] == [(0, "to run"), (1, "to run")]
    assert len({cell["cell_key"] for cell in before if re.fullmatch("[0-9a-f]{64}", cell["cell_key"])}) == 2

    tumorbench("run", *RUN, "-m", "tiny-classifier")
    after = json.loads(tumorbench("plan", *SELECTION, "-m", "tiny-classifier", "--fold", "0", "--fold", "1", "--json").out)
    assert [(cell["cell_key"], cell["status"]) for cell in after] == [(before[0]["cell_key"], "cached"), (before[1]["cell_key"], "to run")]
    assert after[1]["seconds"] > 0
    assert not list(tiny.glob("runs/cells/tiny-shapes/tiny-classifier/grouped-fold1*"))


def test_json_is_all_that_stands_on_stdout(tumorbench, tiny):
    ran = tumorbench("run", *RUN, "-m", "tiny-classifier", "-m", "tiny-slow", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert [record["status"] for record in json.loads(ran.out)] == ["ok", "ok"]
    key = json.loads(ran.out)[0]["cell_key"]
    for arguments in (
        ("plan", *SELECTION, "-m", "tiny-classifier"), ("show", key), ("compare", "tiny-classifier", "tiny-slow"), ("data", "verify", "tiny-shapes"),
        ("data", "audit", "tiny-shapes"), ("data", "info", "tiny-shapes"), ("plugins",),
    ):  # fmt: skip
        result = tumorbench(*arguments, "--json")
        assert (result.code, result.err) == (0, ""), arguments
        assert json.loads(result.out), arguments


def test_a_failed_cell_is_in_the_json_and_in_the_exit_code(tumorbench, tiny):
    result = tumorbench("run", *RUN, "-m", "tiny-crash", "--json")
    assert (result.code, json.loads(result.out)[0]["status"]) == (1, "failed")


def test_show_tells_one_record_by_the_beginning_of_its_key_or_its_path(tumorbench, tiny):
    record = json.loads(tumorbench("run", *RUN, "-m", "tiny-classifier", "--json").out)[0]
    path = next(tiny.glob("runs/cells/**/record.json"))
    text = tumorbench("show", record["cell_key"][:8]).out
    assert text.startswith("tiny-classifier on tiny-shapes, grouped fold 0, seed 0, quick budget: ok")
    assert f"predictions: {path.relative_to(tiny).parent / 'predictions.parquet'}" in text
    for name in (record["cell_key"][:8], path):
        assert json.loads(tumorbench("show", name, "--json").out) == record
    assert tumorbench("show", "nothing").code == 2


def test_plugins_names_a_broken_one_and_is_no_failure(tumorbench, install_plugin):
    install_plugin("broken-plugin", broken_plugin="import a_module_that_is_nowhere")
    result = tumorbench("plugins")
    assert result.code == 0
    assert "broken-plugin (broken-plugin 1.0): provides nothing\n  BROKEN: ModuleNotFoundError: No module named 'a_module_that_is_nowhere'\n" in result.out
    assert "tumorbench-datasets (tumorbench-datasets 0.1.0): datasets: figshare3064" in result.out
    (told,) = [plugin for plugin in json.loads(tumorbench("plugins", "--json").out) if plugin["name"] == "broken-plugin"]
    assert (told["provides"], len(told["faults"])) == ({}, 1)
    assert tumorbench("list").code == 0


def test_doctor_describes_the_machine_and_what_is_missing(tumorbench, tiny, monkeypatch):
    weights = tiny / "torch/hub/checkpoints/weights-inception-2015-12-05-6726825d.pth"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"these are no weights")  # so that none are downloaded
    monkeypatch.setenv("TORCH_HOME", str(tiny / "torch"))
    report = json.loads(tumorbench("doctor", "--json").out)
    assert report["device"] in ("cpu", "cuda")
    assert report["environment"]["packages"]["torch"]
    assert "tumorbench data fetch yesno253" in report["datasets"]["yesno253"]
    assert report["datasets"]["phantom"] == "available"
    assert "is damaged" in report["extractors"]["inception-v3-compat"]
    assert report["broken_plugins"] == {}


@pytest.fixture
def made(tumorbench, tiny, monkeypatch) -> Path:
    """A package that ``new-plugin`` wrote."""
    monkeypatch.delitem(sys.modules, "my_models", raising=False)  # of another test
    result = tumorbench("new-plugin", "my-models")
    assert result.code == 0, result.err
    return tiny / "my-models"


def test_a_new_plugin_is_a_package_with_its_entry_point_and_test(made):
    project = tomllib.loads((made / "pyproject.toml").read_text())
    assert project["project"]["entry-points"]["tumorbench"] == {"my-models": "my_models"}
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"] == ["my_models.py"]
    assert sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()) == [
        "my_models.py",
        "pyproject.toml",
        "tests/test_my_models.py",
    ]


def test_a_new_plugin_s_model_runs_and_its_own_test_passes(made, tumorbench, install_plugin):
    site = install_plugin("my-models", my_models=(made / "my_models.py").read_text())
    ran = tumorbench("run", *RUN, "-m", "my-models-net", "--json")
    assert (ran.code, [record["status"] for record in json.loads(ran.out)]) == (0, ["ok"])
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", made], env=os.environ | {"PYTHONPATH": str(site)}, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert "1 passed" in tested.stdout, tested.stdout + tested.stderr


@pytest.mark.parametrize("name", ["My Models", "my_models", "9lives", "my-", "class", "torch", "tumorbench"])
def test_a_name_that_no_package_can_have_is_refused(tumorbench, tiny, name):
    result = tumorbench("new-plugin", name)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert not (tiny / name).exists()


def test_a_new_plugin_overwrites_nothing(made, tumorbench):
    before = (made / "my_models.py").read_text()
    (made / "my_models.py").write_text(before + "# changed\n")
    assert tumorbench("new-plugin", "my-models").code == 2
    assert (made / "my_models.py").read_text() == before + "# changed\n"
