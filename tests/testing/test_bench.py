"""``pytest --tumorbench-bench MODEL`` in a stranger's folder: green where nothing changed, red on each regression."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tumorbench.errors import BadInput
from tumorbench.testing.bench_asked import name_and_pixels
from tumorbench.testing.bench_baseline import Baseline, changed, judged_bound, judged_ratio, torch_release

MODELS = ("sound", "waits", "lists", "decodes", "doubles")
PLUGIN = """\
import os
from pathlib import Path

import tumorbench as tb

FAULTY = bool(os.environ.get("THEIR_FAULTS"))
PICTURE = Path(__file__).with_name("slice.png")


@tb.hookimpl
def tumorbench_models():
    for name in ("sound", "waits", "lists", "decodes", "doubles"):
        yield tb.ModelSpec(
            id=name, title=name, version="1", task="classification", licence="MIT", paper=tb.Paper(title="none"),
            recipe=tb.Recipe(
                preprocessing=tb.Preprocessing(size=16), epochs=1, batch_size=4,
                quick=tb.Quick(epochs=1, steps_per_epoch=1, batch_size=4),
            ),
            factory=f"their_models:{name}",
        )


def made(problem, fault):
    from PIL import Image
    from torch import nn

    class Net(tb.Classifier):
        def __init__(self):
            super().__init__(problem)
            self.layers = nn.Sequential(nn.Conv2d(problem.channels, 4, 3, 4), nn.Flatten(), nn.LazyLinear(problem.outputs))
            self.layers[2] = nn.Linear(4 * (problem.size // 4) ** 2, problem.outputs)

        def forward(self, images):
            return self.layers(images)

        def losses(self, batch):
            if FAULTY and fault == "decodes":
                Image.open(PICTURE).convert("L")
            if FAULTY and fault == "doubles":
                self(batch.images)
            for name, loss in super().losses(batch):
                if FAULTY and fault == "waits":
                    loss.item()
                if FAULTY and fault == "lists":
                    batch.labels.tolist()
                yield name, loss

    return Net()


def sound(problem):
    return made(problem, "")


def waits(problem):
    return made(problem, "waits")


def lists(problem):
    return made(problem, "lists")


def decodes(problem):
    return made(problem, "decodes")


def doubles(problem):
    return made(problem, "doubles")
"""


class Theirs:
    """A stranger's repository without a test file, where their plugin is installed."""

    def __init__(self, site: Path, folder: Path) -> None:
        self.site, self.folder, self.baseline = site, folder, folder / "tumorbench-bench.json"

    def pytest(self, *arguments: str, **environment: str) -> tuple[int, str]:
        given = os.environ | {"PYTHONPATH": str(self.site), "OMP_NUM_THREADS": "1"} | environment
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", *arguments]
        done = subprocess.run(command, cwd=self.folder, env=given, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def named(self, *models: str) -> list[str]:
        return [argument for model in models for argument in ("--tumorbench-bench", f"{model}@16")]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    from PIL import Image

    site, folder = tmp_path_factory.mktemp("their-site"), tmp_path_factory.mktemp("their-repository")
    (site / "their_models.py").write_text(PLUGIN)
    (metadata := site / "their_models-1.0.dist-info").mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: their-models\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[tumorbench]\ntheirs = their_models\n")
    Image.new("L", (8, 8)).save(site / "slice.png")
    (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (folder / "test_never.py").write_text("def test_of_theirs():\n    raise ZeroDivisionError\n")
    repository = Theirs(site, folder)
    code, out = repository.pytest("--tumorbench-bench-update", "-k", "not time", *repository.named(*MODELS))
    assert code == 0, out
    return repository


def test_the_unchanged_models_are_green_and_nothing_else_was_collected(theirs):
    code, out = theirs.pytest("-k", "counts or epoch", *theirs.named(*MODELS))
    assert code == 0, out
    assert "10 passed" in out
    assert "sound@16: counts hold" in out


def test_each_regression_and_a_missing_baseline_are_red_and_the_sound_model_stays_green(theirs):
    unknown = ("--tumorbench-bench", "sound@17")
    code, out = theirs.pytest("-k", "counts or epoch", *theirs.named(*MODELS), *unknown, THEIR_FAULTS="1")
    assert code == 1, out
    failed = sorted(line.split()[1] for line in out.splitlines() if line.startswith("FAILED"))
    assert failed == [
        "tumorbench-bench::test_counts[doubles@16]",
        "tumorbench-bench::test_counts[lists@16]",
        "tumorbench-bench::test_counts[sound@17]",
        "tumorbench-bench::test_counts[waits@16]",
        "tumorbench-bench::test_epoch_reads_nothing[decodes@16]",
    ]
    waits, lists, decodes, doubles = (
        next(
            line
            for line in out.splitlines()
            if line.startswith(f"{name}@16: ") and "hold" not in line and ": 0 " not in line
        )
        for name in ("waits", "lists", "decodes", "doubles")
    )
    assert "training.synchronisations 0 -> 1" in waits
    assert "_local_scalar_dense at their_models.py:43" in waits
    assert lists.startswith("lists@16: counts changed: training.synchronisations 0 -> 1;")
    assert "tolist at their_models.py:45" in lists
    assert decodes.startswith("decodes@16: 4 decodes and opened files in an epoch after the first: open slice.png at")
    assert "decode slice.png at their_models.py:38" in decodes
    assert "training.flops" in doubles
    assert "synchronisations" not in doubles
    assert f"sound@17: no baseline of its counts in {theirs.baseline}; write it with: pytest " in out


def test_a_baseline_of_another_torch_is_refused_in_one_line(theirs, tmp_path):
    other = tmp_path / "other.json"
    other.write_text(json.dumps(json.loads(theirs.baseline.read_text()) | {"torch": "1.0.0"}))
    code, out = theirs.pytest(*theirs.named("sound"), "--tumorbench-bench-baseline", str(other))
    assert code == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in out.splitlines() if line.startswith("ERROR")]
    assert f"is of torch 1.0.0 and this is torch {torch_release()}: their counts do not compare" in line
    assert "Traceback" not in out


def test_on_another_kind_of_cpu_counts_are_checked_and_times_and_memory_are_skipped(theirs, tmp_path):
    other, stored = tmp_path / "other.json", json.loads(theirs.baseline.read_text())
    stored["models"]["sound@16"]["ratio"] = 1.0
    other.write_text(json.dumps(stored | {"cpu": "another CPU"}))
    code, out = theirs.pytest("-W", "error", *theirs.named("sound"), "--tumorbench-bench-baseline", str(other))
    assert code == 0, out
    assert "2 passed, 2 skipped" in out
    assert "ratio does not compare: the baseline is of 'another CPU'" in out


def test_an_unknown_model_is_one_line_with_the_nearest_name(theirs):
    code, out = theirs.pytest("--tumorbench-bench", "soundd")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: no model is called 'soundd'; did you mean sound?" in out


def test_collecting_the_checks_imports_no_torch(theirs):
    (theirs.folder / "conftest.py").write_text(
        "import sys\n\ndef pytest_collection_finish():\n    print('torch' in sys.modules)\n"
    )
    code, out = theirs.pytest("--collect-only", "-q", "-s", *theirs.named("sound"))
    (theirs.folder / "conftest.py").unlink()
    assert code == 0, out
    assert "False" in out
    assert "test_time[sound@16]" in out


def test_without_the_option_nothing_of_tumorbench_is_imported(tmp_path):
    (tmp_path / "test_light.py").write_text(
        "import sys\n\ndef test_light():\n    assert 'pytest_tumorbench' in sys.modules\n    assert 'tumorbench' not in sys.modules\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_light.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_time_fails_only_where_two_measurements_in_a_row_are_25_percent_slower():
    assert judged_ratio(1.0, 1.3, lambda: 1.3) == (
        False,
        "time 1.3, baseline 1 (+30%): more than 25 % slower, measured twice",
    )
    assert judged_ratio(1.0, 1.3, lambda: 1.05) == (True, "time 1.05, baseline 1 (+5%)")
    assert judged_ratio(1.0, 1.15, pytest.fail) == (
        True,
        "time 1.15, baseline 1 (+15%)  WARNING: more than 10 % slower",
    )


def test_a_bound_leaves_room_and_holds_what_is_beyond_it():
    assert judged_bound("page_faults", 100, 456)[0]
    assert not judged_bound("page_faults", 100, 457)[0]
    assert judged_bound("peak_memory_mib", 100, 142) == (False, "peak_memory_mib 142, baseline 100, at most 141")


def test_changed_counts_are_named_with_their_share():
    assert (
        changed({"flops": 100, "same": 1}, {"flops": 200, "same": 1, "new": 3})
        == "flops 100 -> 200 (+100%), new none -> 3"
    )


def test_an_update_on_another_cpu_keeps_counts_alone(tmp_path):
    baseline = Baseline(
        tmp_path / "b.json", "c", torch_release(), "Kind A", {"a@1": {"counts": {"flops": 1}, "ratio": 2.0}}
    )
    baseline.update("b@1", "Kind B", {"ratio": 1.0})
    assert Baseline.read(tmp_path / "b.json", "c").models == {"a@1": {"counts": {"flops": 1}}, "b@1": {"ratio": 1.0}}


@pytest.mark.parametrize("pixels", ["", "0", "wide", "-3"])
def test_pixels_that_are_no_number_are_refused(pixels):
    with pytest.raises(BadInput, match=r"is no number of pixels a side; write MODEL@128$"):
        name_and_pixels(f"m@{pixels}")
