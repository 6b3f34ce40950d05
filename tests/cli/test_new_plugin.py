"""What `new-plugin` writes: a package that installs, runs and passes its own test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

RUN = ("-d", "tiny-shapes", "--protocol", "grouped", "--no-throughput")


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
