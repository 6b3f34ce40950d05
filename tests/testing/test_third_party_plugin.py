"""A stranger's package, one file and a pyproject, installed by a real installer: its data set and model run, with no edit in this repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "their-package"
version = "3.2.1"
dependencies = ["tumorbench"]

[project.entry-points.tumorbench]
theirs = "their_module"

[tool.setuptools]
py-modules = ["their_module"]
"""

MODULE = '''\
"""Slices with a bright or a dark stripe, and a model that sees them."""

import tumorbench as tb


@tb.hookimpl
def tumorbench_datasets():
    yield tb.DatasetSpec(
        id="their-set", title="Their stripes", version="1", tasks=("classification",), classes=("dark", "bright"), licence="MIT", citation="none",
        source=tb.Source(homepage="none"), patients_known=True, synthetic=True, counts={"all": {"dark": 40, "bright": 40}}, factory="their_module:Stripes",
    )


@tb.hookimpl
def tumorbench_models():
    yield tb.ModelSpec(
        id="their-net", title="Their network", version="1", task="classification", licence="MIT", paper=tb.Paper(title="none"),
        recipe=tb.Recipe(
            preprocessing=tb.Preprocessing(size=16), epochs=3, batch_size=8, quick=tb.Quick(epochs=3, steps_per_epoch=8, batch_size=8),
            optimizer=tb.Optimizer(learning_rate=0.01),
        ),
        factory="their_module:their_net",
    )


class Stripes(tb.Dataset):
    def samples(self):
        return [tb.Sample(str(number), number % 2, "", patient=str(number // 4)) for number in range(80)]

    def read_image(self, sample):
        import numpy as np

        image = np.random.default_rng(int(sample.id)).integers(100, 140, (16, 16)).astype("uint8")
        image[6:10] = 230 if sample.label else 20
        return image


def their_net(problem):
    from torch import nn

    class TheirNet(tb.Classifier):
        def __init__(self):
            super().__init__(problem)
            self.layer = nn.Linear(problem.channels * problem.size**2, problem.outputs)

        def forward(self, images):
            return self.layer(images.flatten(1))

    return TheirNet()
'''


def installer(folder: Path) -> list[str]:
    """pip or uv, whichever is at hand: of this environment, on the path, or the pip that Python itself carries."""
    if find_spec("pip"):
        return [sys.executable, "-m", "pip", "install"]
    if shutil.which("uv") and subprocess.run(["uv", "--version"], capture_output=True, check=False).returncode == 0:
        return ["uv", "pip", "install", "--python", sys.executable]
    venv.create(folder, with_pip=True)
    return [
        str(folder / ("Scripts" if os.name == "nt" else "bin") / "python"),
        "-m",
        "pip",
        "--python",
        sys.executable,
        "install",
    ]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the package was installed."""
    package, target = tmp_path_factory.mktemp("their-package"), tmp_path_factory.mktemp("site")
    (package / "pyproject.toml").write_text(PYPROJECT)
    (package / "their_module.py").write_text(MODULE)
    here = (
        ["--no-build-isolation"] if find_spec("setuptools") else []
    )  # torch brings setuptools along: nothing needs to be downloaded
    command = [
        *installer(tmp_path_factory.mktemp("pip") / "venv"),
        "--no-deps",
        *here,
        "--target",
        str(target),
        str(package),
    ]
    installed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    shutil.rmtree(package)  # what is installed stands alone
    return target


@pytest.fixture
def theirs(site, tmp_path):
    """``python -m tumorbench`` where their package is installed, in a folder of its own."""

    def call(*arguments: str) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TUMORBENCH_")}
        environment |= {"PYTHONPATH": str(site), "TUMORBENCH_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
        finished = subprocess.run(
            [sys.executable, "-m", "tumorbench", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    return call


def test_their_package_is_listed_with_its_distribution_and_version(theirs):
    (plugin,) = [plugin for plugin in json.loads(theirs("plugins", "--json")) if plugin["name"] == "theirs"]
    assert plugin == {
        "name": "theirs", "module": "their_module", "distribution": "their-package", "version": "3.2.1",
        "provides": {"datasets": ["their-set"], "models": ["their-net"]}, "faults": [], "notes": [],
    }  # fmt: skip
    assert "theirs (their-package 3.2.1): datasets: their-set; models: their-net" in theirs("plugins")


def test_their_model_runs_on_their_data_set_and_the_record_names_their_package(theirs, tmp_path):
    theirs("run", "-d", "their-set", "-m", "their-net", "--protocol", "grouped", "--no-throughput")
    (path,) = tmp_path.glob("runs/cells/their-set/their-net/*/record.json")
    record = json.loads(path.read_text())
    assert (record["status"], record["sizes"]) == ("ok", {"train": 56, "val": 8, "test": 16})
    assert next(metric["value"] for metric in record["metrics"] if metric["name"] == "accuracy") > 0.9
    assert record["environment"]["plugins"]["their-package"] == "3.2.1"
    assert record["environment"]["plugins"]["tumorbench"] == version("tumorbench")
    assert (path.parent / "predictions.parquet").exists()
    assert "their-net" in (tmp_path / "runs/boards/classification.md").read_text()
